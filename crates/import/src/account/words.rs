//! Which word of a manifest says a member of a document? The first place that is really in it.

use std::collections::BTreeMap;

use deploy_core::Manifest;
use deploy_core::desired::explain;
use deploy_core::gate::{GATE, WATCH};
use serde_json::Value;

/// Words of a service, by the members that they become.
const SERVICE: [(&str, &str); 13] = [
    ("desiredCount", "count"),
    ("enableExecuteCommand", "exec"),
    ("serviceName", "name"),
    ("taskDefinition", "family"),
    ("deploymentConfiguration.minimumHealthyPercent", "deployment.min-healthy"),
    ("deploymentConfiguration.maximumPercent", "deployment.max"),
    ("deploymentConfiguration.deploymentCircuitBreaker", "deployment.circuit-breaker"),
    ("deploymentConfiguration.alarms", "deployment.alarms"),
    ("healthCheckGracePeriodSeconds", "ingress.grace-period"),
    ("loadBalancers.0.containerName", "ingress.container"),
    ("loadBalancers.0.containerPort", "ingress.port"),
    ("loadBalancers.0.targetGroupArn", "target-group"),
    ("serviceRegistries.0.registryArn", "discover"),
];

/// Words of a stage.
const STAGE: [(&str, &str); 7] = [
    ("cluster", "cluster"),
    ("networkConfiguration.awsvpcConfiguration.subnets", "subnets"),
    ("networkConfiguration.awsvpcConfiguration.securityGroups", "security-groups"),
    ("networkConfiguration.awsvpcConfiguration.assignPublicIp", "public-ip"),
    ("executionRoleArn", "execution-role"),
    ("taskRoleArn", "task-role"),
    ("containerDefinitions.logConfiguration", "log-group"),
];

/// Words of a task definition.
const TASK: [(&str, &str); 7] = [
    ("family", "family"),
    ("cpu", "cpu"),
    ("memory", "memory"),
    ("runtimePlatform", "platform"),
    ("ephemeralStorage", "ephemeral-storage"),
    ("volumes", "volumes"),
    ("containerDefinitions.logConfiguration", "log"),
];

/// Words of a container.
const CONTAINER: [(&str, &str); 24] = [
    ("image", "image"),
    ("command", "command"),
    ("entryPoint", "entrypoint"),
    ("portMappings", "ports"),
    ("dependsOn", "depends-on"),
    ("healthCheck", "health-check"),
    ("essential", "essential"),
    ("mountPoints", "volumes"),
    ("user", "user"),
    ("workingDirectory", "working-directory"),
    ("cpu", "cpu"),
    ("memory", "memory"),
    ("memoryReservation", "memory-reservation"),
    ("stopTimeout", "stop-timeout"),
    ("startTimeout", "start-timeout"),
    ("ulimits", "ulimits"),
    ("linuxParameters.initProcessEnabled", "init"),
    ("linuxParameters.capabilities", "capabilities"),
    ("linuxParameters.tmpfs", "tmpfs"),
    ("readonlyRootFilesystem", "readonly-root"),
    ("dockerLabels", "labels"),
    ("logConfiguration", "log"),
    ("restartPolicy", "restart"),
    ("systemControls", "sysctls"),
];

/// A manifest as a document, for looking a place up in it.
pub(super) struct Words<'a> {
    stage: &'a str,
    document: Value,
    /// Where variables and secrets were said, by service or schedule, container and name.
    variables: BTreeMap<(String, String, String), String>,
}

impl<'a> Words<'a> {
    pub(super) fn of(manifest: &Manifest, stage: &'a str) -> Self {
        let explained = explain(manifest, stage).unwrap_or_default();
        let variables = explained.into_iter().map(|one| ((one.owner, one.container, one.name), one.from.0)).collect();
        Self { stage, document: serde_json::to_value(manifest).unwrap_or_default(), variables }
    }

    /// Returns a place if the manifest has it.
    fn place(&self, path: &[&str]) -> Option<String> {
        let mut value = &self.document;
        for name in path {
            value = value.get(*name)?;
        }
        (!value.is_null()).then(|| path.join("."))
    }

    /// Returns a table of AWS's own words if it says a member; a list in it says all of its items.
    fn raw(&self, table: &[&str], member: &[&str]) -> Option<String> {
        let mut value = &self.document;
        for name in table {
            value = value.get(*name)?;
        }
        for name in member {
            value = match value {
                Value::Array(_) => break,
                other => other.get(*name)?,
            };
        }
        Some(table.join("."))
    }

    /// Returns a word of the stage's own.
    pub(super) fn stage(&self, word: &str) -> Option<String> {
        self.place(&["stages", self.stage, word])
    }

    /// Returns a word of a service, with dots between its parts: the stage's own before the common one.
    pub(super) fn in_service(&self, service: &str, word: &str) -> Option<String> {
        self.either("services", service, word)
    }

    /// Returns a word of a schedule.
    pub(super) fn schedule(&self, schedule: &str, word: &str) -> Option<String> {
        self.either("schedules", schedule, word)
    }

    fn either(&self, kind: &str, key: &str, word: &str) -> Option<String> {
        let parts: Vec<&str> = word.split('.').collect();
        let in_stage = [&["stages", self.stage, kind, key], parts.as_slice()].concat();
        self.place(&in_stage).or_else(|| self.place(&[&[kind, key], parts.as_slice()].concat()))
    }

    /// Returns a log group that some container, service or schedule names.
    pub(super) fn log_group(&self) -> Option<String> {
        let has_log = |kind: &str| {
            let all = self.document.get(kind)?.as_object()?;
            all.keys().find_map(|key| self.either(kind, key, "log"))
        };
        has_log("services").or_else(|| has_log("schedules"))
    }

    /// Returns which image says a repository.
    pub(super) fn repository(&self, name: &str) -> Option<String> {
        let images = self.document.get("images")?.as_object()?;
        let (image, _) = images.iter().find(|(_, image)| image.get("repository").is_some_and(|own| own == name))?;
        Some(format!("images.{image}.repository"))
    }

    /// Returns the word for a member of a service's request.
    pub(super) fn service(&self, service: &str, member: &[&str]) -> Option<String> {
        let in_stage = self.raw(&["stages", self.stage, "services", service, "aws-service"], member);
        let raw = in_stage.or_else(|| self.raw(&["services", service, "aws-service"], member));
        let word = || self.in_service(service, word(&SERVICE, member)?);
        raw.or_else(word).or_else(|| self.stage(self::word(&STAGE, member)?))
    }

    /// Returns the word for a member of a task definition; containers and variables stand in it by their names.
    pub(super) fn task(&self, is_schedule: bool, key: &str, member: &[&str]) -> Option<String> {
        let kind = if is_schedule { "schedules" } else { "services" };
        let base = [vec!["stages", self.stage, kind, key], vec![kind, key]];
        let found = match member {
            ["containerDefinitions", name, rest @ ..] => self.container(is_schedule, key, name, rest, &base),
            _ => {
                let raw = base.iter().find_map(|base| self.raw(&[base.as_slice(), &["aws"]].concat(), member));
                raw.or_else(|| self.either(kind, key, word(&TASK, member)?))
            }
        };
        let without_name = match member {
            ["containerDefinitions", _, rest @ ..] => [&["containerDefinitions"], rest].concat(),
            other => other.to_vec(),
        };
        let shared = || self.either(kind, key, word(&TASK, &without_name)?);
        let of_stage = || self.stage(word(&STAGE, &without_name)?);
        // What managr puts into a schedule's task is said by two words, and so is who waits for it.
        let of_gate = || match member {
            ["containerDefinitions", GATE, ..] => self.schedule(key, "overlap"),
            ["containerDefinitions", WATCH, ..] => self.schedule(key, "timeout"),
            ["containerDefinitions", _, "dependsOn", ..] => {
                self.schedule(key, "overlap").or_else(|| self.schedule(key, "timeout"))
            }
            _ => None,
        };
        let is_own = matches!(member, ["containerDefinitions", GATE | WATCH, ..]);
        let own = if is_own && is_schedule && found.is_none() { of_gate() } else { None };
        let waits = || if is_schedule { of_gate() } else { None };
        own.or(found).or_else(shared).or_else(of_stage).or_else(|| self.mounted(kind, key, member)).or_else(waits)
    }

    fn container(
        &self,
        is_schedule: bool,
        key: &str,
        name: &str,
        rest: &[&str],
        base: &[Vec<&str>; 2],
    ) -> Option<String> {
        if let ["environment" | "secrets", variable, ..] = rest {
            let known = (key.to_owned(), name.to_owned(), (*variable).to_owned());
            if let Some(place) = self.variables.get(&known) {
                return Some(place.clone());
            }
        }
        let mut places: Vec<Vec<&str>> =
            base.iter().map(|base| [base.as_slice(), &["containers", name]].concat()).collect();
        if is_schedule {
            // A schedule says its own container itself.
            places.extend(base.iter().cloned());
        }
        if let [] | ["name"] = rest {
            return places.iter().find_map(|place| self.place(place));
        }
        let raw = places.iter().find_map(|place| self.raw(&[place.as_slice(), &["aws"]].concat(), rest));
        raw.or_else(|| {
            let parts: Vec<&str> = word(&CONTAINER, rest)?.split('.').collect();
            places.iter().find_map(|place| self.place(&[place.as_slice(), parts.as_slice()].concat()))
        })
    }

    /// A volume that is more than nothing may be named by its mounts alone.
    fn mounted(&self, kind: &str, key: &str, member: &[&str]) -> Option<String> {
        let ["volumes", volume, ..] = member else { return None };
        let containers = self.document.get(kind)?.get(key)?.get("containers")?.as_object()?;
        let mounts =
            |(_, container): &(&String, &Value)| container.get("volumes").is_some_and(|v| v.get(*volume).is_some());
        let (name, _) = containers.iter().find(mounts)?;
        Some(format!("{kind}.{key}.containers.{name}.volumes.{volume}"))
    }
}

/// Returns the word whose member is the nearest above.
fn word(table: &[(&'static str, &'static str)], member: &[&str]) -> Option<&'static str> {
    let member = member.join(".");
    let above = table.iter().filter(|(aws, _)| super::is_beneath(&member, aws));
    above.max_by_key(|(aws, _)| aws.len()).map(|(_, word)| *word)
}
