//! How requests reach services: load balancer, target groups, listeners, rules.
//!
//! Documents are compared as text: the Query protocol knows no numbers.

use std::collections::BTreeMap;

use aws::{CallError, Client, ELB, items};
use deploy_core::desired::{Desired, IngressSpec, ServiceDoc};
use ecs_model::Document;
use serde_json::{Value, json};

use crate::error::UpError;
use crate::event::{Events, Outcome};
use crate::observe::{self, object, text};

const DELAY: &str = "deregistration_delay.timeout_seconds";

/// Brings everything between the listener and the targets to what it should be; returns the
/// target groups' ARNs by service.
pub(super) async fn ensure(
    client: &Client,
    desired: &Desired,
    events: &Events,
) -> Result<BTreeMap<String, String>, UpError> {
    let mut groups = BTreeMap::new();
    for service in &desired.services {
        let Some(ingress) = &service.ingress else { continue };
        let listener_given = ingress.listener_arn.clone();
        let balancer = match &listener_given {
            Some(_) => Document::new(),
            None => ensure_balancer(client, service, ingress, events).await?,
        };
        let group = match &ingress.target_group_arn {
            Some(arn) => arn.clone(),
            None => ensure_group(client, ingress, text(&balancer, "VpcId"), events).await?,
        };
        match listener_given {
            Some(listener) => ensure_rule(client, &listener, ingress, &group, events).await?,
            None => ensure_listener(client, text(&balancer, "LoadBalancerArn"), ingress, &group, events).await?,
        }
        groups.insert(service.service.clone(), group);
    }
    Ok(groups)
}

/// Refuses load balancers that say of themselves that they cannot take requests.
pub(super) async fn check(client: &Client, desired: &Desired) -> Result<(), UpError> {
    let own = desired.services.iter().filter_map(|s| s.ingress.as_ref()).filter(|i| i.listener_arn.is_none());
    let names: std::collections::BTreeSet<&String> = own.map(|ingress| &ingress.load_balancer).collect();
    for name in names {
        let found = observe::load_balancer(client, name).await?.unwrap_or_default();
        let state = found.get("State").and_then(Value::as_object).cloned().unwrap_or_default();
        if matches!(text(&state, "Code"), "active_impaired" | "failed") {
            return Err(UpError::Impaired { name: name.clone(), reason: text(&state, "Reason").to_owned() });
        }
    }
    Ok(())
}

/// Returns the one resource that a create call answers with.
fn created(answer: &Document, list: &'static str, operation: &'static str) -> Result<Document, UpError> {
    let found = items(answer, list).first().and_then(Value::as_object).cloned();
    found.ok_or(UpError::Incomplete { operation, member: list })
}

async fn ensure_balancer(
    client: &Client,
    service: &ServiceDoc,
    ingress: &IngressSpec,
    events: &Events,
) -> Result<Document, UpError> {
    let name = &ingress.load_balancer;
    if let Some(found) = observe::load_balancer(client, name).await? {
        events.resource(Outcome::Unchanged, "load balancer", name);
        return Ok(found);
    }
    let network = service.document.get("networkConfiguration").and_then(|network| network.get("awsvpcConfiguration"));
    let list = |member: &str| network.and_then(|network| network.get(member)).cloned().unwrap_or_else(|| json!([]));
    let mut input = object(json!({
        "Name": name, "Type": "application", "Scheme": "internet-facing", "Subnets": list("subnets"),
    }));
    if let Value::Array(security_groups) = list("securityGroups")
        && !security_groups.is_empty()
    {
        input.insert("SecurityGroups".to_owned(), security_groups.into());
    }
    let answer = client.call(&ELB, "CreateLoadBalancer", input).await?;
    events.resource(Outcome::Created, "load balancer", name);
    created(&answer, "LoadBalancers", "CreateLoadBalancer")
}

/// Returns the members of a target group that may change, as texts.
fn checks(ingress: &IngressSpec) -> Document {
    let health = &ingress.health;
    object(json!({
        "HealthCheckProtocol": "HTTP",
        "HealthCheckPath": health.path,
        "HealthCheckIntervalSeconds": health.interval.to_string(),
        "HealthCheckTimeoutSeconds": health.timeout.to_string(),
        "HealthyThresholdCount": health.healthy_threshold.to_string(),
        "UnhealthyThresholdCount": health.unhealthy_threshold.to_string(),
        "Matcher": { "HttpCode": health.matcher },
    }))
}

/// Returns whether a description has every member of `wanted`.
fn has_all(found: &Document, wanted: &Document) -> bool {
    wanted.iter().all(|(name, value)| found.get(name) == Some(value))
}

async fn ensure_group(client: &Client, ingress: &IngressSpec, vpc: &str, events: &Events) -> Result<String, UpError> {
    let name = &ingress.target_group;
    let wanted = checks(ingress);
    let (arn, mut outcome) = match observe::target_group(client, name).await? {
        Some(found) => {
            let arn = text(&found, "TargetGroupArn").to_owned();
            if has_all(&found, &wanted) {
                (arn, Outcome::Unchanged)
            } else {
                let mut input = wanted;
                input.insert("TargetGroupArn".to_owned(), arn.clone().into());
                client.call(&ELB, "ModifyTargetGroup", input).await?;
                (arn, Outcome::Updated)
            }
        }
        None => {
            let mut input = object(json!({
                "Name": name, "Protocol": "HTTP", "Port": ingress.port, "TargetType": "ip",
            }));
            if !vpc.is_empty() {
                input.insert("VpcId".to_owned(), vpc.into());
            }
            input.extend(wanted);
            let answer = client.call(&ELB, "CreateTargetGroup", input).await?;
            let group = created(&answer, "TargetGroups", "CreateTargetGroup")?;
            (text(&group, "TargetGroupArn").to_owned(), Outcome::Created)
        }
    };
    if set_delay(client, &arn, ingress.deregistration_delay).await? && outcome == Outcome::Unchanged {
        outcome = Outcome::Updated;
    }
    events.resource(outcome, "target group", name);
    Ok(arn)
}

/// Returns whether the delay had to be changed.
async fn set_delay(client: &Client, arn: &str, seconds: u32) -> Result<bool, CallError> {
    let input = object(json!({ "TargetGroupArn": arn }));
    let answer = client.call(&ELB, "DescribeTargetGroupAttributes", input).await?;
    let mut attributes = items(&answer, "Attributes").iter().filter_map(Value::as_object);
    let wanted = seconds.to_string();
    if attributes.any(|attribute| text(attribute, "Key") == DELAY && text(attribute, "Value") == wanted) {
        return Ok(false);
    }
    let input = object(json!({ "TargetGroupArn": arn, "Attributes": [{ "Key": DELAY, "Value": wanted }] }));
    client.call(&ELB, "ModifyTargetGroupAttributes", input).await?;
    Ok(true)
}

/// Returns what a listener does with requests that no rule takes.
fn default_actions(ingress: &IngressSpec, group: &str) -> Value {
    if ingress.is_default() {
        return json!([{ "Type": "forward", "TargetGroupArn": group }]);
    }
    let response = json!({ "StatusCode": "404", "ContentType": "text/plain", "MessageBody": "no such application" });
    json!([{ "Type": "fixed-response", "FixedResponseConfig": response }])
}

async fn ensure_listener(
    client: &Client,
    balancer: &str,
    ingress: &IngressSpec,
    group: &str,
    events: &Events,
) -> Result<(), UpError> {
    let port = ingress.listener_port.to_string();
    let found = observe::listeners(client, balancer).await?.into_iter().find(|l| text(l, "Port") == port);
    let (listener, outcome) = match found {
        Some(listener) if !ingress.is_default() || forwards_to(&listener, "DefaultActions", group) => {
            (text(&listener, "ListenerArn").to_owned(), Outcome::Unchanged)
        }
        Some(listener) => {
            let arn = text(&listener, "ListenerArn").to_owned();
            let input = object(json!({ "ListenerArn": arn, "DefaultActions": default_actions(ingress, group) }));
            client.call(&ELB, "ModifyListener", input).await?;
            (arn, Outcome::Updated)
        }
        None => {
            let input = object(json!({
                "LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": ingress.listener_port,
                "DefaultActions": default_actions(ingress, group),
            }));
            let answer = client.call(&ELB, "CreateListener", input).await?;
            let listener = created(&answer, "Listeners", "CreateListener")?;
            (text(&listener, "ListenerArn").to_owned(), Outcome::Created)
        }
    };
    events.resource(outcome, "listener", &format!("{}:{port}", ingress.load_balancer));
    if ingress.is_default() { Ok(()) } else { ensure_rule(client, &listener, ingress, group, events).await }
}

fn forwards_to(document: &Document, actions: &str, group: &str) -> bool {
    let mut actions = items(document, actions).iter().filter_map(Value::as_object);
    actions.any(|action| text(action, "Type") == "forward" && text(action, "TargetGroupArn") == group)
}

/// Returns what requests must look like to be routed to a service.
fn conditions(ingress: &IngressSpec) -> Vec<Value> {
    let condition = |field: &str, values: &[String]| json!({ "Field": field, "Values": values });
    let mut conditions = Vec::new();
    if !ingress.hosts.is_empty() {
        conditions.push(condition("host-header", &ingress.hosts));
    }
    if !ingress.paths.is_empty() {
        conditions.push(condition("path-pattern", &ingress.paths));
    }
    if conditions.is_empty() {
        // A listener that is not ours keeps its default action; a rule needs a condition.
        conditions.push(condition("path-pattern", &["/*".to_owned()]));
    }
    conditions
}

async fn ensure_rule(
    client: &Client,
    listener: &str,
    ingress: &IngressSpec,
    group: &str,
    events: &Events,
) -> Result<(), UpError> {
    let wanted = conditions(ingress);
    let rules = observe::rules(client, listener).await?;
    let ours = rules.iter().find(|rule| text(rule, "IsDefault") != "true" && forwards_to(rule, "Actions", group));
    let outcome = match ours {
        Some(rule) if same_conditions(rule, &wanted) => Outcome::Unchanged,
        Some(rule) => {
            let input = object(json!({ "RuleArn": text(rule, "RuleArn"), "Conditions": wanted }));
            client.call(&ELB, "ModifyRule", input).await?;
            Outcome::Updated
        }
        None => {
            let input = object(json!({
                "ListenerArn": listener, "Priority": next_priority(&rules), "Conditions": wanted,
                "Actions": [{ "Type": "forward", "TargetGroupArn": group }],
            }));
            client.call(&ELB, "CreateRule", input).await?;
            Outcome::Created
        }
    };
    events.resource(outcome, "rule", &ingress.target_group);
    Ok(())
}

/// Compares fields and values; a description repeats the values in a `...Config` member.
fn same_conditions(rule: &Document, wanted: &[Value]) -> bool {
    let found = items(rule, "Conditions");
    let same = |a: &Value, b: &Value| {
        let values = |c: &Value| c.get("Values").cloned().unwrap_or_default();
        a.get("Field") == b.get("Field") && values(a) == values(b)
    };
    found.len() == wanted.len() && wanted.iter().all(|w| found.iter().any(|f| same(f, w)))
}

fn next_priority(rules: &[Document]) -> u32 {
    let taken = rules.iter().filter_map(|rule| text(rule, "Priority").parse::<u32>().ok());
    taken.max().unwrap_or(0) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_the_same_when_its_conditions_are() {
        let wanted = [json!({"Field": "host-header", "Values": ["a"]})];
        let rule = |conditions: Value| object(json!({ "Conditions": conditions }));
        let described = json!([{"Field": "host-header", "Values": ["a"], "HostHeaderConfig": {"Values": ["a"]}}]);
        assert!(same_conditions(&rule(described), &wanted));
        assert!(!same_conditions(&rule(json!([{"Field": "host-header", "Values": ["b"]}])), &wanted));
        assert!(!same_conditions(&rule(json!([])), &wanted));
    }

    #[test]
    fn priorities_follow_the_highest_one() {
        let rules = [object(json!({"Priority": "default"})), object(json!({"Priority": "7"}))];
        assert_eq!((next_priority(&rules), next_priority(&[])), (8, 1));
    }
}
