//! What does an answer mean for a check? Pure. A failure names what it is about: the same thing is checked in many
//! places, and is reported once.

use std::collections::BTreeSet;

use aws_model::arn::Arn;
use deploy_core::entry::{self, Way};
use deploy_core::lint::target::{self, Target};
use deploy_core::lint::{self, Severity, trust};

use super::report::CheckOutcome;
use super::topic::{Fact, Topic, secret_name, short_image};

/// What a check wants of its topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Want {
    /// That it is there.
    Present,
    /// The account that the manifest insists on.
    Account(Option<String>),
    /// An image that this container can run.
    Image {
        /// In the words of images.
        architecture: String,
        /// What it gets as its command, if nothing but the image's ENTRYPOINT stands in front of it.
        command: Vec<String>,
    },
    /// A secret that can be read.
    Secret {
        /// Key that must be in it.
        key: Option<String>,
        /// Whether the newest version is meant.
        is_current: bool,
    },
    /// A role that this service may take on.
    Trust(&'static str),
    /// A target group for this container.
    Target {
        /// The container.
        target: Target,
        /// Whether the deploy puts a listener or rule before it.
        will_be_attached: bool,
    },
}

/// Returns what an answer means; `expected` says that the deploy makes the thing, or adds the key.
pub(super) fn judge(topic: &Topic, want: &Want, fact: &Fact, expected: bool) -> Vec<CheckOutcome> {
    let one = match (fact, want) {
        (Fact::Unknown { reason }, _) => CheckOutcome::skipped(reason.clone()),
        (Fact::Unusable { reason, hint }, _) => CheckOutcome::Failed { reason: reason.clone(), hint: hint.clone() },
        // On the platform no role is needed: it looks at none before a task starts.
        (Fact::Absent { reason }, Want::Trust(_)) if expected => {
            CheckOutcome::skipped(format!("{reason}; the platform runs tasks without it"))
        }
        (Fact::Absent { reason }, _) if expected => CheckOutcome::skipped(format!("{reason}; this deploy makes it")),
        (Fact::Absent { reason }, _) => CheckOutcome::failed(reason.clone(), remedy(topic)),
        (Fact::Misnamed(error), _) => CheckOutcome::failed(error.to_string(), remedy(topic)),
        (Fact::Account(account), Want::Account(Some(wanted))) if account != wanted => CheckOutcome::failed(
            format!("these are credentials of account {account}, and the manifest is for {wanted}"),
            "use other credentials (AWS_PROFILE), or change `account` under the stage",
        ),
        (Fact::Cluster(status), _) if status != "ACTIVE" => {
            CheckOutcome::failed(format!("the cluster is {status}"), "wait until it is ACTIVE")
        }
        (Fact::Image { architectures, entrypoint }, Want::Image { architecture, command }) => {
            let fits = image(topic, architectures, architecture);
            return match entrypoint.as_ref().and_then(|entrypoint| lost(entrypoint, command)) {
                Some(warning) if fits == CheckOutcome::Ok => vec![warning],
                Some(warning) => vec![fits, warning],
                None => vec![fits],
            };
        }
        (Fact::Secret { is_doomed, keys }, Want::Secret { key, is_current }) => {
            let Topic::Secret { arn, .. } = topic else { return vec![CheckOutcome::Ok] };
            match key {
                _ if *is_doomed => CheckOutcome::failed(
                    format!("secret `{}` is scheduled for deletion", secret_name(arn)),
                    format!("restore it: `aws secretsmanager restore-secret --secret-id {arn}`"),
                ),
                _ if !is_current => CheckOutcome::skipped("it is there; the version asked for is not looked at"),
                Some(key) => has_key(secret_name(arn), keys, key, expected),
                None => CheckOutcome::Ok,
            }
        }
        (Fact::Alarm(state), _) => alarm(topic, state.as_deref()),
        (Fact::Role { arn, trust }, Want::Trust(service)) => role(topic, arn, trust, service),
        (Fact::TargetGroup(group), Want::Target { target, will_be_attached }) => {
            let findings = target::check(group, target, *will_be_attached);
            return if findings.is_empty() {
                vec![CheckOutcome::Ok]
            } else {
                findings.into_iter().map(outcome).collect()
            };
        }
        _ => CheckOutcome::Ok,
    };
    vec![one]
}

/// ECS takes names of alarms that are not there, and watches nothing under them (docs/decisions/0018).
fn alarm(topic: &Topic, state: Option<&str>) -> CheckOutcome {
    let Topic::Alarm(name) = topic else { return CheckOutcome::Ok };
    let (reason, hint) = match state {
        None => (
            format!("there is no alarm `{name}`: nothing ends a deployment under this name"),
            "make it (`aws cloudwatch put-metric-alarm`), or correct `alarms` of the [deployment]".to_owned(),
        ),
        Some("ALARM") => (
            format!("alarm `{name}` is in ALARM: ECS watches no alarms during a deployment that begins so"),
            "wait until it is OK, or see what it says".to_owned(),
        ),
        Some(_) => return CheckOutcome::Ok,
    };
    CheckOutcome::Warning { reason, hint: Some(hint) }
}

fn image(topic: &Topic, architectures: &Result<BTreeSet<String>, String>, wanted: &str) -> CheckOutcome {
    let Topic::Image(reference) = topic else { return CheckOutcome::Ok };
    match architectures {
        Err(reason) => CheckOutcome::skipped(format!("it is there; for which processors is not known: {reason}")),
        Ok(found) if found.contains(wanted) => CheckOutcome::Ok,
        Ok(found) => {
            let found: Vec<&str> = found.iter().map(String::as_str).collect();
            let found = if found.is_empty() { "nothing that Linux runs".to_owned() } else { found.join(", ") };
            let image = short_image(reference);
            let reason = format!("`{image}` is for {found}, and the task definition asks for {wanted}");
            CheckOutcome::failed(reason, "build it for the right `platform`, or change the `platform` of the service")
        }
    }
}

/// A command that would never run. What only may ignore its arguments is left to the author of both.
fn lost(entrypoint: &[String], command: &[String]) -> Option<CheckOutcome> {
    if command.is_empty() || entry::way(entrypoint) != Way::Lost {
        return None;
    }
    let reason = format!(
        "its `command` never runs: the image's ENTRYPOINT is `{}`, which does not look at arguments",
        entrypoint.join(" ")
    );
    let hint = "take the command out, or set `entrypoint` of the container".to_owned();
    Some(CheckOutcome::Warning { reason, hint: Some(hint) })
}

fn has_key(secret: &str, keys: &Result<BTreeSet<String>, String>, key: &str, expected: bool) -> CheckOutcome {
    match keys {
        Ok(keys) if keys.contains(key) => CheckOutcome::Ok,
        Ok(_) if expected => {
            CheckOutcome::skipped(format!("secret `{secret}` has no key `{key}` yet; this deploy writes it"))
        }
        Ok(_) => {
            CheckOutcome::failed(format!("secret `{secret}` has no key `{key}`"), "add the key to its JSON object")
        }
        Err(reason) => CheckOutcome::skipped(reason.clone()),
    }
}

fn role(topic: &Topic, found: &str, policy: &str, service: &str) -> CheckOutcome {
    let Topic::Role(named) = topic else { return CheckOutcome::Ok };
    if !found.is_empty() && found != named {
        let hint = "name the role by its whole ARN: the path is a part of it";
        return CheckOutcome::failed(format!("there is no role `{named}`, but `{found}`"), hint);
    }
    match trust::trusts(policy, service) {
        Ok(true) => CheckOutcome::Ok,
        Ok(false) => CheckOutcome::failed(
            format!("role `{}` does not trust {service}: no task could start with it", role_name(named)),
            format!("add {{\"Service\": \"{service}\"}} as a Principal of its trust policy"),
        ),
        Err(reason) => CheckOutcome::skipped(format!("its trust policy could not be read: {reason}")),
    }
}

fn role_name(arn: &str) -> &str {
    Arn::parse(arn).map_or(arn, |arn| arn.resource.trim_start_matches("role/"))
}

/// Returns what can be done about something that is not there.
fn remedy(topic: &Topic) -> String {
    match topic {
        Topic::Account => "check the credentials".to_owned(),
        Topic::Cluster(name) => {
            format!("create it (`aws ecs create-cluster --cluster-name {name}`), or set `cluster` under the stage")
        }
        Topic::Image(_) => "push it, or correct the reference".to_owned(),
        Topic::Secret { .. } => "create it, or correct its name (`secret` under the stage, or `from`)".to_owned(),
        Topic::Parameter { name, .. } => {
            format!("create it: `aws ssm put-parameter --type SecureString --name {name}`")
        }
        Topic::Role(arn) => {
            format!("create `{}`, or name another under the stage", role_name(arn))
        }
        Topic::LogGroup { name, .. } => format!(
            "create it (`aws logs create-log-group --log-group-name {name}`), or set awslogs-create-group to \"true\""
        ),
        Topic::TargetGroup(_) => "create it, or set `target-group` under the stage's service".to_owned(),
        Topic::Name(_) => "choose another `discover`; put `{stage}` into it, if it is another stage's".to_owned(),
        Topic::Alarm(_) => "make it, or correct `alarms` of the [deployment]".to_owned(),
        Topic::Listener(_) => "correct `listener-arn` under the stage".to_owned(),
    }
}

/// Returns a lint's finding as what came of a check.
pub(super) fn outcome(finding: lint::Finding) -> CheckOutcome {
    let lint::Finding { severity, reason, hint, .. } = finding;
    match severity {
        Severity::Warning => CheckOutcome::Warning { reason, hint },
        Severity::Failed => CheckOutcome::Failed { reason, hint },
    }
}
