//! The way from a listener to a service's targets: what is there, and what of it must change.
//!
//! Documents are compared as text: the Query protocol knows no numbers.

use ecs_model::Document;
use serde_json::{Value, json};

use super::{Action, Mark, Step};
use crate::desired::{IngressSpec, ServiceDoc};
use crate::diff::{Change, Difference};

/// Attribute of a target group: seconds that a target may take to finish its requests.
pub const DELAY: &str = "deregistration_delay.timeout_seconds";

/// What there is of the way to one service.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ObservedIngress {
    /// The load balancer that the manifest names.
    pub balancer: Option<Document>,
    /// The target group.
    pub group: Option<Document>,
    /// Its [`DELAY`].
    pub delay: Option<String>,
    /// The listener.
    pub listener: Option<Document>,
    /// The listener's rules, the default one too.
    pub rules: Vec<Document>,
}

impl ObservedIngress {
    /// Returns the ARN of the target group.
    pub fn group_arn(&self) -> Option<&str> {
        self.group.as_ref()?.get("TargetGroupArn")?.as_str()
    }
}

/// Returns whether somebody else made the way to the targets: a target group given by its ARN is
/// routed by whoever made it, unless the manifest also names the listener.
pub fn is_given(spec: &IngressSpec) -> bool {
    spec.target_group_arn.is_some() && spec.listener_arn.is_none()
}

/// Returns the members of a target group that may change, as texts.
pub fn checks(spec: &IngressSpec) -> Document {
    let health = &spec.health;
    let checks = json!({
        "HealthCheckProtocol": "HTTP",
        "HealthCheckPath": health.path,
        "HealthCheckIntervalSeconds": health.interval.to_string(),
        "HealthCheckTimeoutSeconds": health.timeout.to_string(),
        "HealthyThresholdCount": health.healthy_threshold.to_string(),
        "UnhealthyThresholdCount": health.unhealthy_threshold.to_string(),
        "Matcher": { "HttpCode": health.matcher },
    });
    checks.as_object().cloned().unwrap_or_default()
}

/// Returns what a listener does with requests that no rule takes.
pub fn default_actions(spec: &IngressSpec, group: &str) -> Value {
    if spec.is_default() {
        return json!([{ "Type": "forward", "TargetGroupArn": group }]);
    }
    let response = json!({ "StatusCode": "404", "ContentType": "text/plain", "MessageBody": "no such application" });
    json!([{ "Type": "fixed-response", "FixedResponseConfig": response }])
}

/// Returns what requests must look like to be routed to a service.
pub fn conditions(spec: &IngressSpec) -> Vec<Value> {
    let condition = |field: &str, values: &[String]| json!({ "Field": field, "Values": values });
    let mut conditions = Vec::new();
    if !spec.hosts.is_empty() {
        conditions.push(condition("host-header", &spec.hosts));
    }
    if !spec.paths.is_empty() {
        conditions.push(condition("path-pattern", &spec.paths));
    }
    if conditions.is_empty() {
        // A listener that is not ours keeps its default action; a rule needs a condition.
        conditions.push(condition("path-pattern", &["/*".to_owned()]));
    }
    conditions
}

/// Returns whether one of a document's actions forwards to a target group.
pub fn forwards_to(document: &Document, actions: &str, group: &str) -> bool {
    let actions = document.get(actions).and_then(Value::as_array).into_iter().flatten();
    actions.into_iter().any(|action| action["Type"] == "forward" && action["TargetGroupArn"] == group)
}

/// Returns whether a rule has these conditions; a description repeats the values in a `...Config` member.
pub fn same_conditions(rule: &Document, wanted: &[Value]) -> bool {
    let found = rule.get("Conditions").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let same = |a: &Value, b: &Value| {
        let values = |c: &Value| c.get("Values").cloned().unwrap_or_default();
        a.get("Field") == b.get("Field") && values(a) == values(b)
    };
    found.len() == wanted.len() && wanted.iter().all(|w| found.iter().any(|f| same(f, w)))
}

/// Returns the steps that bring the way to a service to what the manifest says.
///
/// Every step of one service is the same action, which is safe to repeat: they are told apart
/// so that people see each thing that changes.
pub(super) fn steps(service: &ServiceDoc, spec: &IngressSpec, seen: &ObservedIngress) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut step = |mark, kind: &str, name: &str, changes: Vec<Change>| {
        steps.push(Step {
            mark,
            kind: kind.to_owned(),
            name: name.to_owned(),
            detail: String::new(),
            difference: Difference { changes, unchanged: Vec::new() },
            risks: Vec::new(),
            action: Action::Route {
                service: service.service.clone(),
                spec: Box::new(spec.clone()),
                network: service.document.get("networkConfiguration").cloned(),
            },
        });
    };
    if is_given(spec) {
        return steps;
    }
    let owns_balancer = spec.listener_arn.is_none();
    if owns_balancer && seen.balancer.is_none() {
        step(Mark::Create, "load balancer", &spec.load_balancer, Vec::new());
    }
    if spec.target_group_arn.is_none() {
        match &seen.group {
            None => step(Mark::Create, "target group", &spec.target_group, Vec::new()),
            Some(group) => {
                let mut changes = changed(group, &checks(spec));
                let delay = spec.deregistration_delay.to_string();
                if seen.delay.as_deref() != Some(delay.as_str()) {
                    let before = seen.delay.clone().map(Value::from);
                    changes.push(Change { path: vec![DELAY.to_owned()], before, after: Some(delay.into()) });
                }
                if !changes.is_empty() {
                    step(Mark::Update, "target group", &spec.target_group, changes);
                }
            }
        }
    }
    let group = spec.target_group_arn.as_deref().or(seen.group_arn()).unwrap_or_default();
    if owns_balancer {
        let name = format!("{}:{}", spec.load_balancer, spec.listener_port);
        match &seen.listener {
            None => step(Mark::Create, "listener", &name, Vec::new()),
            Some(listener) if spec.is_default() && !forwards_to(listener, "DefaultActions", group) => {
                let before = listener.get("DefaultActions").cloned();
                let after = Some(default_actions(spec, group));
                step(
                    Mark::Update,
                    "listener",
                    &name,
                    vec![Change { path: vec!["DefaultActions".into()], before, after }],
                );
            }
            Some(_) => {}
        }
        if spec.is_default() {
            return steps;
        }
    }
    let wanted = conditions(spec);
    let is_default = |rule: &Document| rule.get("IsDefault").is_some_and(|is| is == "true");
    let to_us = |rule: &&Document| forwards_to(rule, "Actions", group);
    match seen.rules.iter().filter(|rule| !is_default(rule)).find(to_us) {
        Some(rule) if same_conditions(rule, &wanted) => {}
        Some(rule) => {
            let before = rule.get("Conditions").cloned();
            let changes = vec![Change { path: vec!["Conditions".into()], before, after: Some(wanted.into()) }];
            step(Mark::Update, "rule", &spec.target_group, changes);
        }
        // Whoever made the listener sends everything here.
        None if !owns_balancer && spec.is_default() && seen.rules.iter().any(|rule| to_us(&rule)) => {}
        None => step(Mark::Create, "rule", &spec.target_group, Vec::new()),
    }
    steps
}

fn changed(found: &Document, wanted: &Document) -> Vec<Change> {
    let different = wanted.iter().filter(|(name, value)| found.get(*name) != Some(value));
    let change = |(name, value): (&String, &Value)| Change {
        path: vec![name.clone()],
        before: found.get(name).cloned(),
        after: Some(value.clone()),
    };
    different.map(change).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_the_same_when_its_conditions_are() {
        let wanted = [json!({"Field": "host-header", "Values": ["a"]})];
        let rule = |conditions: Value| json!({ "Conditions": conditions }).as_object().cloned().unwrap();
        let described = json!([{"Field": "host-header", "Values": ["a"], "HostHeaderConfig": {"Values": ["a"]}}]);
        assert!(same_conditions(&rule(described), &wanted));
        assert!(!same_conditions(&rule(json!([{"Field": "host-header", "Values": ["b"]}])), &wanted));
        assert!(!same_conditions(&rule(json!([])), &wanted));
    }
}
