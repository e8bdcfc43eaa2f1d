//! What could hurt in a change, so that it is seen before the plan is approved.

use aws_model::Document;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Observed;
use crate::diff::Difference;

/// What could hurt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Risk {
    /// What kind it is of.
    pub kind: RiskKind,
    /// What exactly, in words.
    pub words: String,
    /// Where, when that is not the step itself: a listener, a rule.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub place: String,
    /// What can be done about it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub remedy: String,
}

/// What kind a risk is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RiskKind {
    /// There may be no answer for a while.
    Downtime,
    /// ECS cannot change it in place: the deploy is refused.
    Replacement,
    /// A container loses a secret that it has now.
    SecretRemoved,
    /// The new image is older than the one that runs.
    ImageMovedBack,
    /// A container goes away.
    ContainerRemoved,
    /// Requests go on to a group that the service's tasks leave for another, or move to one that has no target yet.
    TrafficMoves,
    /// Requests go on to a group that has no targets, or would have none.
    GroupEmpty,
    /// Requests that reach a service now would not any more.
    RequestsLost,
    /// A rule takes no request, because one before it takes them all.
    RuleShadowed,
    /// What is asked of requests now (an authentication, a header, an address, HTTPS) would not be any more.
    ProtectionLost,
    /// All requests of a rule, or of a default action, that go to another owner's service would be taken.
    RouteTaken,
    /// Requests would go to another service of the same manifest, or some of another's.
    RouteMoved,
    /// Nothing leads to the targets of a service that has an ingress.
    Unreached,
}

impl RiskKind {
    /// Those that lose traffic or protection: a deploy that cannot ask goes on only if they were named.
    pub const NAMED: [Self; 6] = [
        Self::TrafficMoves,
        Self::GroupEmpty,
        Self::RequestsLost,
        Self::RuleShadowed,
        Self::ProtectionLost,
        Self::RouteTaken,
    ];

    /// Returns its name, as plans and the command line have it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Downtime => "downtime",
            Self::Replacement => "replacement",
            Self::SecretRemoved => "secret-removed",
            Self::ImageMovedBack => "image-moved-back",
            Self::ContainerRemoved => "container-removed",
            Self::TrafficMoves => "traffic-moves",
            Self::GroupEmpty => "group-empty",
            Self::RequestsLost => "requests-lost",
            Self::RuleShadowed => "rule-shadowed",
            Self::ProtectionLost => "protection-lost",
            Self::RouteTaken => "route-taken",
            Self::RouteMoved => "route-moved",
            Self::Unreached => "unreached",
        }
    }

    /// Returns the kind of [`Self::NAMED`] with a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::NAMED.into_iter().find(|kind| kind.name() == name)
    }

    /// Returns whether a deploy that cannot ask goes on only if it was named.
    pub fn must_be_named(self) -> bool {
        Self::NAMED.contains(&self)
    }
}

fn risk(kind: RiskKind, words: impl Into<String>) -> Risk {
    Risk { kind, words: words.into(), place: String::new(), remedy: String::new() }
}

/// Returns what could hurt when a task definition changes.
pub(super) fn of_task_definition(difference: &Difference, observed: &Observed) -> Vec<Risk> {
    let mut found = Vec::new();
    for change in &difference.changes {
        let path: Vec<&str> = change.path.iter().map(String::as_str).collect();
        match (&path[..], &change.before, &change.after) {
            (["containers", container, "secrets", name], Some(_), None) => {
                found.push(risk(RiskKind::SecretRemoved, format!("{container} loses the secret {name}")));
            }
            (["containers", container, "secrets"], Some(Value::Object(names)), None) => {
                let names: Vec<&str> = names.keys().map(String::as_str).collect();
                found
                    .push(risk(RiskKind::SecretRemoved, format!("{container} loses the secrets {}", names.join(", "))));
            }
            (["containers", container], Some(_), None) => {
                found.push(risk(RiskKind::ContainerRemoved, format!("the container {container} goes away")));
            }
            (["containers", container, "image"], Some(Value::String(old)), Some(Value::String(new))) => {
                let pushed = |reference: &str| observed.pushed.get(reference);
                if let (Some(old), Some(new)) = (pushed(old), pushed(new))
                    && new < old
                {
                    let words = format!("{container} gets an image that was pushed before the one that runs");
                    found.push(risk(RiskKind::ImageMovedBack, words));
                }
            }
            _ => {}
        }
    }
    found
}

/// Members that UpdateService cannot change (API reference, UpdateService).
const FIXED: [&str; 3] = ["launchType", "schedulingStrategy", "role"];

/// Returns what could hurt when a service changes; `wanted` is the request, `live` what there is.
pub(super) fn of_service(
    wanted: &Document,
    live: &Document,
    difference: &Difference,
    replaces_tasks: bool,
) -> Vec<Risk> {
    let mut found = Vec::new();
    for change in &difference.changes {
        if let Some(name) = change.path.first().filter(|name| FIXED.contains(&name.as_str())) {
            let words = format!("{name} of a service cannot be changed: delete the service first");
            found.push(risk(RiskKind::Replacement, words));
        }
    }
    let count = |name: &str| wanted.get(name).or_else(|| live.get(name)).and_then(Value::as_u64).unwrap_or_default();
    let desired = count("desiredCount");
    let percent = |name: &str, default| {
        let own = |document: &Document| document.get("deploymentConfiguration")?.get(name)?.as_u64();
        own(wanted).or_else(|| own(live)).unwrap_or(default)
    };
    let floor = (desired * percent("minimumHealthyPercent", 100)).div_ceil(100);
    if replaces_tasks && desired > 0 && floor == 0 {
        let words = "no task need be healthy while tasks are replaced (minimumHealthyPercent)";
        found.push(risk(RiskKind::Downtime, words));
    }
    if desired == 0 && live.get("desiredCount").and_then(Value::as_u64).unwrap_or_default() > 0 {
        found.push(risk(RiskKind::Downtime, "no task is wanted any more"));
    }
    found
}
