//! Does a running service already have what a request asks for?

use aws_model::Document;
use serde_json::Value;

/// Members of a request that a description does not show under the same name, or that only say
/// where to look.
pub(super) const NOT_SHOWN: [&str; 4] = ["cluster", "clientToken", "role", "tags"];

/// Members that ECS shows of every service. An endpoint that shows one of none does not keep it:
/// asking again would change nothing, and no plan would ever be empty.
const ALWAYS_SHOWN: [&str; 7] = [
    "deploymentConfiguration",
    "enableECSManagedTags",
    "enableExecuteCommand",
    "placementConstraints",
    "placementStrategy",
    "propagateTags",
    "schedulingStrategy",
];

/// Lists whose order means nothing.
const SETS: [&str; 5] = ["alarmNames", "subnets", "securityGroups", "loadBalancers", "capacityProviderStrategy"];

/// Returns whether `observed`, a service of DescribeServices, has everything that `wanted`, a
/// request of CreateService, asks for. What the request does not say is not looked at, but for load
/// balancers: a service that names none is to have none.
///
/// A `taskDefinition` given as a family is met by any revision of it; given as an ARN or as
/// `family:revision`, by that one alone.
pub fn same_service(wanted: &Document, observed: &Document) -> bool {
    let is_active = observed.get("status").is_none_or(|status| status == "ACTIVE");
    is_active
        && !leaves_balancers(wanted, observed)
        && wanted.iter().filter(|(key, _)| !NOT_SHOWN.contains(&key.as_str())).all(|(key, value)| match key.as_str() {
            "taskDefinition" => is_revision_of(value, shown(observed, key).unwrap_or(&Value::Null)),
            _ => is_met(key, value, observed),
        })
}

/// Returns whether a service has a member that is asked for, or keeps none such.
pub(super) fn is_met(key: &str, wanted: &Value, observed: &Document) -> bool {
    match shown(observed, key) {
        Some(seen) => is_within(key, wanted, seen),
        None => is_kept_by_nobody(key, observed) || is_within(key, wanted, &Value::Null),
    }
}

fn is_kept_by_nobody(key: &str, observed: &Document) -> bool {
    // Shown wherever there is a load balancer.
    let is_balanced = || observed.get("loadBalancers").is_some_and(|list| !is_nothing(list));
    ALWAYS_SHOWN.contains(&key) || key == "healthCheckGracePeriodSeconds" && is_balanced()
}

/// A service that names no load balancer is to have none.
pub(super) fn leaves_balancers(wanted: &Document, observed: &Document) -> bool {
    !wanted.contains_key("loadBalancers") && observed.get("loadBalancers").is_some_and(|list| !is_nothing(list))
}

/// Returns what a service shows under a name.
pub(super) fn shown<'a>(observed: &'a Document, key: &str) -> Option<&'a Value> {
    observed.get(key).or_else(|| primary(observed)?.get(key))
}

/// Some members are shown by the primary deployment alone, such as `serviceConnectConfiguration`.
fn primary(observed: &Document) -> Option<&Value> {
    observed
        .get("deployments")?
        .as_array()?
        .iter()
        .find(|deployment| deployment.get("status").is_some_and(|s| s == "PRIMARY"))
}

fn is_revision_of(wanted: &Value, seen: &Value) -> bool {
    let (Some(wanted), Some(seen)) = (wanted.as_str(), seen.as_str()) else { return false };
    let short = |text: &str| text.rsplit_once("task-definition/").map_or(text, |(_, name)| name).to_owned();
    let (wanted, seen) = (short(wanted), short(seen));
    match wanted.contains(':') {
        true => wanted == seen,
        false => seen.split(':').next() == Some(wanted.as_str()),
    }
}

/// Objects are compared by the members asked for; what ECS fills in beside them is no difference.
pub(super) fn is_within(key: &str, wanted: &Value, seen: &Value) -> bool {
    match (wanted, seen) {
        (Value::Object(wanted), Value::Object(seen)) => {
            wanted.iter().all(|(key, value)| is_within(key, value, seen.get(key).unwrap_or(&Value::Null)))
        }
        (Value::Array(wanted), Value::Array(seen)) if SETS.contains(&key) => {
            wanted.len() == seen.len()
                && wanted.iter().all(|item| seen.iter().any(|other| is_within("", item, other)))
                && seen.iter().all(|other| wanted.iter().any(|item| is_within("", item, other)))
        }
        (Value::Array(wanted), Value::Array(seen)) => {
            wanted.len() == seen.len() && wanted.iter().zip(seen).all(|(a, b)| is_within("", a, b))
        }
        // Not shown and nothing are the same: no grace period is a grace period of none.
        (wanted, Value::Null) => is_nothing(wanted),
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (wanted, seen) => wanted == seen,
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => true,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.values().all(is_nothing),
        Value::String(_) | Value::Bool(true) => false,
    }
}
