//! How do requests reach a service that runs? Its target group, the rule that sends there, and the listener.

use aws::{CallError, Client, ELB, items};
use aws_model::Document;
use import::{FoundIngress, Left, Place};
use serde_json::{Value, json};

use crate::observe::{self, object, text};

/// Members of DescribeTargetGroups that say how health is checked, as CreateTargetGroup takes them.
const HEALTH: [&str; 7] = [
    "HealthCheckPath",
    "HealthCheckIntervalSeconds",
    "HealthCheckTimeoutSeconds",
    "HealthyThresholdCount",
    "UnhealthyThresholdCount",
    "HealthCheckProtocol",
    "Matcher",
];

/// A way to a service, and what other services of its stage may share.
pub(super) struct Route {
    pub(super) ingress: FoundIngress,
    pub(super) load_balancer: Option<String>,
    pub(super) listener_arn: Option<String>,
}

/// Returns the way that the manifest has a word for: the first of the service's load balancers.
pub(super) async fn route(
    client: &Client,
    service: &Document,
    left: &mut Vec<Left>,
) -> Result<Option<Route>, CallError> {
    let ways: Vec<&Document> = items(service, "loadBalancers").iter().filter_map(Value::as_object).collect();
    let Some((first, others)) = ways.split_first() else { return Ok(None) };
    let place = || Place { source: text(service, "serviceArn").to_owned(), line: None };
    for other in others {
        let why = "a service of the manifest has one ingress; a deploy leaves this one as it is";
        left.push(Left::new(format!("load balancer of {}", text(other, "containerName")), place(), why));
    }
    let arn = text(first, "targetGroupArn");
    let port = first.get("containerPort").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
    let mut ingress = FoundIngress {
        container: text(first, "containerName").to_owned(),
        port: port.unwrap_or_default(),
        target_group_arn: (!arn.is_empty()).then(|| arn.to_owned()),
        ..FoundIngress::default()
    };
    let input = object(json!({ "TargetGroupArns": [arn] }));
    let group = match client.call(&ELB, "DescribeTargetGroups", input).await {
        Err(error) if error.is_unserved() || error.is_denied() || error.is("TargetGroupNotFound") => {
            let why = "its target group could not be looked at; say its health check and host yourself";
            left.push(Left::new(format!("ingress of {}", text(service, "serviceName")), place(), why));
            return Ok(Some(Route { ingress, load_balancer: None, listener_arn: None }));
        }
        answer => items(&answer?, "TargetGroups").first().and_then(Value::as_object).cloned().unwrap_or_default(),
    };
    ingress.target_group = Some(text(&group, "TargetGroupName").to_owned());
    ingress.health = HEALTH.iter().filter_map(|key| Some(((*key).to_owned(), as_number(group.get(*key)?)))).collect();
    let delay = observe::target_group_attribute(client, arn, deploy_core::plan::ingress::DELAY).await?;
    ingress.deregistration_delay = delay.and_then(|delay| delay.parse().ok());
    let Some(balancer) = items(&group, "LoadBalancerArns").first().and_then(Value::as_str) else {
        return Ok(Some(Route { ingress, load_balancer: None, listener_arn: None }));
    };
    // arn:...:loadbalancer/app/NAME/ID
    let load_balancer = balancer.split('/').nth(2).map(str::to_owned);
    for listener in observe::listeners(client, balancer).await? {
        let listener_arn = text(&listener, "ListenerArn");
        for rule in observe::rules(client, listener_arn).await? {
            if !sends_to(&rule, arn) {
                continue;
            }
            ingress.listener_port = listener.get("Port").and_then(number_of);
            ingress.hosts = condition(&rule, "host-header", "HostHeaderConfig");
            ingress.paths = condition(&rule, "path-pattern", "PathPatternConfig");
            for other in items(&rule, "Conditions").iter().filter_map(Value::as_object) {
                let field = text(other, "Field");
                if !matches!(field, "host-header" | "path-pattern") {
                    let why = format!("the manifest has no word for a rule's `{field}`; the rule stays as it is");
                    left.push(Left::new(text(&rule, "RuleArn"), place(), why));
                }
            }
            return Ok(Some(Route { ingress, load_balancer, listener_arn: Some(listener_arn.to_owned()) }));
        }
    }
    Ok(Some(Route { ingress, load_balancer, listener_arn: None }))
}

/// ELBv2 answers in XML, where a number is text like all else.
fn as_number(value: &Value) -> Value {
    let whole = value.as_str().and_then(|text| text.parse::<u64>().ok());
    whole.map_or_else(|| value.clone(), Value::from)
}

fn number_of(value: &Value) -> Option<u16> {
    let number = value.as_u64().or_else(|| value.as_str()?.parse().ok())?;
    u16::try_from(number).ok()
}

fn sends_to(rule: &Document, group: &str) -> bool {
    items(rule, "Actions").iter().any(|action| {
        let weighted = action.pointer("/ForwardConfig/TargetGroups").and_then(Value::as_array);
        let mut weighted = weighted.into_iter().flatten().filter_map(|target| target.get("TargetGroupArn"));
        action.get("TargetGroupArn").is_some_and(|arn| arn == group) || weighted.any(|arn| arn == group)
    })
}

/// Returns the values of a rule's condition, which stand in `Values` or in a table of their own.
fn condition(rule: &Document, field: &str, config: &str) -> Vec<String> {
    let conditions = items(rule, "Conditions").iter().filter(|condition| condition["Field"] == field);
    let values = conditions.flat_map(|condition| {
        let own = condition.get(config).and_then(|config| config.get("Values")?.as_array());
        let plain = condition.get("Values").and_then(Value::as_array);
        own.filter(|values| !values.is_empty()).or(plain).into_iter().flatten()
    });
    values.filter_map(Value::as_str).map(str::to_owned).collect()
}
