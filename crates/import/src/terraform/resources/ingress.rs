//! `aws_lb_target_group`, `aws_lb_listener`, `aws_lb_listener_rule`: how do requests reach a service?

use std::collections::BTreeMap;

use aws_model::Document;
use serde_json::Value as Json;

use super::super::scope::Instance;
use super::super::value::Value;
use super::Estate;
use super::document::Notes;
use crate::found::referred;
use crate::{FoundIngress, FoundObject, FoundService, Kind};

const TARGET_GROUPS: [&str; 2] = ["aws_lb_target_group", "aws_alb_target_group"];
const LISTENERS: [&str; 2] = ["aws_lb_listener", "aws_alb_listener"];
const RULES: [&str; 2] = ["aws_lb_listener_rule", "aws_alb_listener_rule"];

/// Members of CreateTargetGroup.
const HEALTH: [&str; 9] = [
    "HealthCheckEnabled",
    "HealthCheckPath",
    "HealthCheckPort",
    "HealthCheckProtocol",
    "HealthCheckIntervalSeconds",
    "HealthCheckTimeoutSeconds",
    "HealthyThresholdCount",
    "UnhealthyThresholdCount",
    "Matcher",
];

/// Returns the load balancer's side of a service.
pub(super) fn ingress(
    estate: &Estate<'_>,
    service: &Instance<'_>,
    objects: &[FoundObject],
    notes: &mut Notes,
) -> Option<FoundIngress> {
    let balancers = service.blocks("load_balancer");
    let block = balancers.first()?;
    let address = service.address();
    for _ in balancers.iter().skip(1) {
        let why =
            "a service of a manifest has one ingress: the first is carried, and a deploy leaves the others as they are";
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
    let object = objects.iter().find(|one| one.id == group.address())?;
    found.target_group = object.document.get("Name").and_then(Json::as_str).map(str::to_owned);
    found.health = health(&object.document);
    found.deregistration_delay = delay(&object.document);
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

fn health(group: &Document) -> Document {
    HEALTH.iter().filter_map(|name| Some(((*name).to_owned(), group.get(*name)?.clone()))).collect()
}

fn delay(group: &Document) -> Option<u32> {
    let all = group.get("Attributes")?.as_array()?;
    let one = all.iter().find(|one| one["Key"] == deploy_core::plan::ingress::DELAY)?;
    one["Value"].as_str()?.parse().ok()
}

/// Returns the load balancer that the stage's services are behind, or the only one.
pub(super) fn load_balancer(objects: &[FoundObject], services: &[FoundService]) -> Option<String> {
    let by_id = |id: &str| objects.iter().find(|one| one.id == id);
    let named = |object: &FoundObject| object.document.get("Name")?.as_str().map(str::to_owned);
    let groups: Vec<&str> = services
        .iter()
        .filter_map(|one| one.service.as_ref()?.get("loadBalancers")?.get(0)?.get("targetGroupArn")?.as_str())
        .collect();
    let leads = |object: &&FoundObject| {
        let text = Json::Object(object.document.clone()).to_string();
        groups.iter().any(|group| text.contains(&format!("\"{}\"", group.replace('"', "\\\""))))
    };
    let listeners = objects.iter().filter(|one| matches!(one.kind, Kind::Listener | Kind::Rule)).filter(leads);
    let of = |object: &FoundObject| -> Option<String> {
        let listener = match object.kind {
            Kind::Rule => by_id(referred(object.document.get("ListenerArn")?.as_str()?)?)?,
            _ => object,
        };
        named(by_id(referred(listener.document.get("LoadBalancerArn")?.as_str()?)?)?)
    };
    let mut behind = listeners.filter_map(of);
    let mut all = objects.iter().filter(|one| one.kind == Kind::LoadBalancer);
    behind.next().or_else(|| all.next().filter(|_| all.next().is_none()).and_then(named))
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
