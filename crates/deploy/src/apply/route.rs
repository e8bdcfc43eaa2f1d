//! How requests reach services: load balancer, target groups, listeners, rules.
//!
//! Documents are compared as text: the Query protocol knows no numbers.

use aws::{CallError, Client, ELB, items};
use deploy_core::desired::{Desired, IngressSpec};
use deploy_core::plan::ingress::{DELAY, checks, conditions, default_actions, forwards_to, same_conditions};
use ecs_model::Document;
use serde_json::{Value, json};

use crate::error::UpError;
use crate::event::{Events, Outcome};
use crate::observe::{self, object, text};

/// Brings everything between a listener and a service's targets to what it should be; returns the
/// target group's ARN.
pub(super) async fn ensure(
    client: &Client,
    ingress: &IngressSpec,
    network: Option<&Value>,
    events: &Events,
) -> Result<String, UpError> {
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
pub(crate) async fn check(client: &Client, desired: &Desired) -> Result<(), UpError> {
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
    network: Option<&Value>,
    ingress: &IngressSpec,
    events: &Events,
) -> Result<Document, UpError> {
    let name = &ingress.load_balancer;
    if let Some(found) = observe::load_balancer(client, name).await? {
        events.resource(Outcome::Unchanged, "load balancer", name);
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
    events.resource(Outcome::Created, "load balancer", name);
    created(&answer, "LoadBalancers", "CreateLoadBalancer")
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

async fn ensure_rule(
    client: &Client,
    listener: &str,
    ingress: &IngressSpec,
    group: &str,
    events: &Events,
) -> Result<(), UpError> {
    let wanted = conditions(ingress);
    let rules = observe::rules(client, listener).await?;
    let sends_all = ingress.is_default() && rules.iter().any(|rule| forwards_to(rule, "Actions", group));
    let ours = rules.iter().find(|rule| text(rule, "IsDefault") != "true" && forwards_to(rule, "Actions", group));
    let outcome = match ours {
        Some(rule) if same_conditions(rule, &wanted) => Outcome::Unchanged,
        Some(rule) => {
            let input = object(json!({ "RuleArn": text(rule, "RuleArn"), "Conditions": wanted }));
            client.call(&ELB, "ModifyRule", input).await?;
            Outcome::Updated
        }
        // Whoever made the listener sends everything here.
        None if sends_all => Outcome::Unchanged,
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

fn next_priority(rules: &[Document]) -> u32 {
    let taken = rules.iter().filter_map(|rule| text(rule, "Priority").parse::<u32>().ok());
    taken.max().unwrap_or(0) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priorities_follow_the_highest_one() {
        let rules = [object(json!({"Priority": "default"})), object(json!({"Priority": "7"}))];
        assert_eq!((next_priority(&rules), next_priority(&[])), (8, 1));
    }
}
