//! How requests reach services: load balancer, target groups, listeners, rules.
//!
//! What is done is decided by `deploy_core::plan::ingress`, by the same functions that made the plan; what a live
//! object has and the manifest has no word for stays.

use aws::{CallError, Client, ELB, items};
use aws_model::Document;
use deploy_core::desired::{Desired, IngressSpec};
use deploy_core::plan::ingress::{DELAY, RuleTurn, changed_checks, checks, default_actions, default_turn, rule_turn};
use serde_json::{Value, json};

use crate::error::StageError;
use crate::event::{Events, ResourceChange};
use crate::observe::{self, object, text};

/// Brings everything between a listener and a service's targets to what it should be; returns the
/// target group's ARN.
pub(super) async fn ensure(
    client: &Client,
    ingress: &IngressSpec,
    network: Option<&Value>,
    events: &Events,
) -> Result<String, StageError> {
    let balancer = match &ingress.listener_arn {
        Some(_) => Document::new(),
        None => ensure_balancer(client, network, ingress, events).await?,
    };
    let group = match &ingress.target_group_arn {
        Some(arn) => arn.clone(),
        None => ensure_group(client, ingress, text(&balancer, "VpcId"), events).await?,
    };
    match &ingress.listener_arn {
        Some(listener) => ensure_rule(client, listener, ingress, &group, events).await?,
        None => ensure_listener(client, text(&balancer, "LoadBalancerArn"), ingress, &group, events).await?,
    }
    Ok(group)
}

/// Refuses load balancers that say of themselves that they cannot take requests.
pub(crate) async fn check(client: &Client, desired: &Desired) -> Result<(), StageError> {
    let own = desired.services.iter().filter_map(|s| s.ingress.as_ref()).filter(|i| i.listener_arn.is_none());
    let names: std::collections::BTreeSet<&String> = own.map(|ingress| &ingress.load_balancer).collect();
    for name in names {
        let found = observe::load_balancer(client, name).await?.unwrap_or_default();
        let state = found.get("State").and_then(Value::as_object).cloned().unwrap_or_default();
        if matches!(text(&state, "Code"), "active_impaired" | "failed") {
            return Err(StageError::Impaired { name: name.clone(), reason: text(&state, "Reason").to_owned() });
        }
    }
    Ok(())
}

/// Returns the one resource that a create call answers with.
fn created(answer: &Document, list: &'static str, operation: &'static str) -> Result<Document, StageError> {
    let found = items(answer, list).first().and_then(Value::as_object).cloned();
    found.ok_or(StageError::Incomplete { operation, member: list })
}

async fn ensure_balancer(
    client: &Client,
    network: Option<&Value>,
    ingress: &IngressSpec,
    events: &Events,
) -> Result<Document, StageError> {
    let name = &ingress.load_balancer;
    if let Some(found) = observe::load_balancer(client, name).await? {
        events.resource(ResourceChange::Unchanged, "load balancer", name);
        return Ok(found);
    }
    let network = network.and_then(|network| network.get("awsvpcConfiguration"));
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
    events.resource(ResourceChange::Created, "load balancer", name);
    created(&answer, "LoadBalancers", "CreateLoadBalancer")
}

async fn ensure_group(
    client: &Client,
    ingress: &IngressSpec,
    vpc: &str,
    events: &Events,
) -> Result<String, StageError> {
    let name = &ingress.target_group;
    let (arn, mut outcome) = match observe::target_group(client, name).await? {
        Some(found) => {
            let arn = text(&found, "TargetGroupArn").to_owned();
            let mut input = changed_checks(ingress, &found);
            if input.is_empty() {
                (arn, ResourceChange::Unchanged)
            } else {
                input.insert("TargetGroupArn".to_owned(), arn.clone().into());
                client.call(&ELB, "ModifyTargetGroup", input).await?;
                (arn, ResourceChange::Updated)
            }
        }
        None => {
            let mut input = object(json!({
                "Name": name, "Protocol": "HTTP", "Port": ingress.port, "TargetType": "ip",
                "HealthCheckProtocol": "HTTP",
            }));
            if !vpc.is_empty() {
                input.insert("VpcId".to_owned(), vpc.into());
            }
            input.extend(checks(ingress));
            let answer = client.call(&ELB, "CreateTargetGroup", input).await?;
            let group = created(&answer, "TargetGroups", "CreateTargetGroup")?;
            (text(&group, "TargetGroupArn").to_owned(), ResourceChange::Created)
        }
    };
    if set_delay(client, &arn, ingress.deregistration_delay).await? && outcome == ResourceChange::Unchanged {
        outcome = ResourceChange::Updated;
    }
    events.resource(outcome, "target group", name);
    Ok(arn)
}

/// Returns whether the delay had to be changed.
async fn set_delay(client: &Client, arn: &str, seconds: u32) -> Result<bool, CallError> {
    let wanted = seconds.to_string();
    if observe::target_group_attribute(client, arn, DELAY).await?.as_ref() == Some(&wanted) {
        return Ok(false);
    }
    let input = object(json!({ "TargetGroupArn": arn, "Attributes": [{ "Key": DELAY, "Value": wanted }] }));
    client.call(&ELB, "ModifyTargetGroupAttributes", input).await?;
    Ok(true)
}

async fn ensure_listener(
    client: &Client,
    balancer: &str,
    ingress: &IngressSpec,
    group: &str,
    events: &Events,
) -> Result<(), StageError> {
    let port = ingress.listener_port.to_string();
    let found = observe::listeners(client, balancer).await?.into_iter().find(|l| text(l, "Port") == port);
    let (listener, outcome) = match found {
        Some(listener) => {
            let arn = text(&listener, "ListenerArn").to_owned();
            match default_turn(ingress, &listener, group) {
                None => (arn, ResourceChange::Unchanged),
                Some(actions) => {
                    let input = object(json!({ "ListenerArn": arn, "DefaultActions": actions }));
                    client.call(&ELB, "ModifyListener", input).await?;
                    (arn, ResourceChange::Updated)
                }
            }
        }
        None => {
            let input = object(json!({
                "LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": ingress.listener_port,
                "DefaultActions": default_actions(ingress, group),
            }));
            let answer = client.call(&ELB, "CreateListener", input).await?;
            let listener = created(&answer, "Listeners", "CreateListener")?;
            (text(&listener, "ListenerArn").to_owned(), ResourceChange::Created)
        }
    };
    events.resource(outcome, "listener", &format!("{}:{port}", ingress.load_balancer));
    if ingress.is_default() { Ok(()) } else { ensure_rule(client, &listener, ingress, group, events).await }
}

async fn ensure_rule(
    client: &Client,
    listener: &str,
    ingress: &IngressSpec,
    group: &str,
    events: &Events,
) -> Result<(), StageError> {
    let outcome = match rule_turn(ingress, &observe::rules(client, listener).await?, group) {
        RuleTurn::Keep => ResourceChange::Unchanged,
        RuleTurn::Modify { arn, conditions } => {
            let input = object(json!({ "RuleArn": arn, "Conditions": conditions }));
            client.call(&ELB, "ModifyRule", input).await?;
            ResourceChange::Updated
        }
        RuleTurn::Create { priority, conditions } => {
            let input = object(json!({
                "ListenerArn": listener, "Priority": priority, "Conditions": conditions,
                "Actions": [{ "Type": "forward", "TargetGroupArn": group }],
            }));
            client.call(&ELB, "CreateRule", input).await?;
            ResourceChange::Created
        }
    };
    events.resource(outcome, "rule", &ingress.target_group);
    Ok(())
}
