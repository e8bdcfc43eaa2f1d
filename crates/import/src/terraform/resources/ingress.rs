//! `aws_lb_target_group`, `aws_lb_listener`, `aws_lb_listener_rule`: how do requests reach a service?

use std::collections::BTreeMap;

use super::super::scope::Instance;
use super::super::value::Value;
use super::document::{Notes, Spot, document};
use super::{Estate, renamed};
use crate::FoundIngress;

const TARGET_GROUPS: [&str; 2] = ["aws_lb_target_group", "aws_alb_target_group"];
const LISTENERS: [&str; 2] = ["aws_lb_listener", "aws_alb_listener"];
const RULES: [&str; 2] = ["aws_lb_listener_rule", "aws_alb_listener_rule"];

/// Members of CreateTargetGroup.
const HEALTH: [(&str, &str); 8] = [
    ("enabled", "HealthCheckEnabled"),
    ("path", "HealthCheckPath"),
    ("port", "HealthCheckPort"),
    ("protocol", "HealthCheckProtocol"),
    ("interval", "HealthCheckIntervalSeconds"),
    ("timeout", "HealthCheckTimeoutSeconds"),
    ("healthy_threshold", "HealthyThresholdCount"),
    ("unhealthy_threshold", "UnhealthyThresholdCount"),
];

/// Returns the load balancer's side of a service.
pub(super) fn ingress(estate: &Estate<'_>, service: &Instance<'_>, notes: &mut Notes) -> Option<FoundIngress> {
    let balancers = service.blocks("load_balancer");
    let block = balancers.first()?;
    let address = service.address();
    for _ in balancers.iter().skip(1) {
        let why = "a service of a manifest has one ingress: the first is carried";
        notes.push(format!("a further load_balancer of {address}"), &service.item.place, why);
    }
    let container = block.get("container_name").and_then(Value::shown)?;
    let port = block.get("container_port").and_then(Value::as_number)? as u16;
    let mut found = FoundIngress { container, port, ..FoundIngress::default() };
    let arn = block.get("target_group_arn")?;
    let Some(group) = estate.referred(arn, &TARGET_GROUPS) else {
        found.target_group_arn = arn.shown();
        if found.target_group_arn.is_none() {
            let why = format!("cannot be evaluated: {}", arn.is_unknown().unwrap_or("its ARN"));
            notes.push(format!("target group of {address} in stage {}", estate.stage), &service.item.place, why);
        }
        return Some(found);
    };
    found.target_group = group.attribute("name").shown();
    found.deregistration_delay =
        group.given("deregistration_delay").and_then(|value| value.as_number()).map(|n| n as u32);
    for check in group.blocks("health_check") {
        let what = group.address();
        let spot = Spot { what: &what, place: &group.item.place, stage: &estate.stage };
        found.health = document(&health(&check), &spot, notes);
    }
    for rule in estate.of(&RULES) {
        let forwards = rule.blocks("action").iter().any(|action| leads_to(estate, action, group));
        if !forwards {
            continue;
        }
        for condition in rule.blocks("condition") {
            found.hosts.extend(values(&condition, "host_header", "host-header", rule, estate, notes));
            found.paths.extend(values(&condition, "path_pattern", "path-pattern", rule, estate, notes));
        }
        let listener = estate.referred(&rule.attribute("listener_arn"), &LISTENERS);
        found.listener_port = found.listener_port.max(listener.and_then(port_of));
    }
    for listener in estate.of(&LISTENERS) {
        if listener.blocks("default_action").iter().any(|action| leads_to(estate, action, group)) {
            // Where both forward, 443 is the one that people use.
            found.listener_port = found.listener_port.max(port_of(listener));
        }
    }
    Some(found)
}

/// Returns the ARN of the listener that the stage's rules are of, where it is written down.
pub(super) fn listener_arn(estate: &Estate<'_>) -> Option<String> {
    estate.of(&RULES).find_map(|rule| rule.attribute("listener_arn").shown())
}

fn port_of(listener: &Instance<'_>) -> Option<u16> {
    listener.given("port").and_then(|port| port.as_number()).map(|port| port as u16)
}

fn health(check: &BTreeMap<String, Value>) -> BTreeMap<String, Value> {
    let mut made = renamed(check, &HEALTH);
    if let Some(port) = made.get("HealthCheckPort").and_then(Value::as_text) {
        made.insert("HealthCheckPort".to_owned(), Value::Text(port));
    }
    for name in
        ["HealthCheckIntervalSeconds", "HealthCheckTimeoutSeconds", "HealthyThresholdCount", "UnhealthyThresholdCount"]
    {
        if let Some(number) = made.get(name).and_then(Value::as_number) {
            made.insert(name.to_owned(), Value::number(number));
        }
    }
    if let Some(codes) = check.get("matcher").and_then(Value::as_text) {
        made.insert("Matcher".to_owned(), Value::Map(BTreeMap::from([("HttpCode".to_owned(), Value::Text(codes))])));
    }
    made
}

/// Returns whether an action forwards to a target group, in the short form or in the long one.
fn leads_to(estate: &Estate<'_>, action: &BTreeMap<String, Value>, group: &Instance<'_>) -> bool {
    let is =
        |value: &Value| estate.referred(value, &TARGET_GROUPS).is_some_and(|found| found.address() == group.address());
    if action.get("target_group_arn").is_some_and(is) {
        return true;
    }
    let Some(Value::List(forwards)) = action.get("forward") else { return false };
    forwards.iter().any(|forward| {
        let Value::Map(forward) = forward else { return false };
        let Some(Value::List(groups)) = forward.get("target_group") else { return false };
        groups.iter().any(|one| matches!(one, Value::Map(one) if one.get("arn").is_some_and(is)))
    })
}

/// Returns a condition's values: `host_header { values = [...] }`, or the older `field` and `values`.
fn values(
    condition: &BTreeMap<String, Value>,
    block: &str,
    field: &str,
    rule: &Instance<'_>,
    estate: &Estate<'_>,
    notes: &mut Notes,
) -> Vec<String> {
    let values = match condition.get(block) {
        Some(Value::List(blocks)) => match blocks.first() {
            Some(Value::Map(inner)) => inner.get("values"),
            _ => None,
        },
        _ if condition.get("field").and_then(Value::shown).as_deref() == Some(field) => condition.get("values"),
        _ => None,
    };
    let Some(Value::List(values)) = values else { return Vec::new() };
    let mut shown = Vec::new();
    for value in values {
        match value.shown() {
            Some(value) => shown.push(value),
            None => {
                let why = format!("cannot be evaluated: {}", value.any_unknown().unwrap_or("a sensitive value"));
                notes.push(format!("a {field} of {} in stage {}", rule.address(), estate.stage), &rule.item.place, why);
            }
        }
    }
    shown
}
