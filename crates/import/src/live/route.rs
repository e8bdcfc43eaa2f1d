//! How do requests reach a service that runs? Its target group, the rule that sends there, and the listener.

use aws_model::Document;
use serde_json::Value;

use super::{Seen, items, text};
use crate::{FoundIngress, Kind, Left, Place};

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

const DELAY: &str = deploy_core::plan::ingress::DELAY;

/// A way to a service, and what other services of its stage may share.
pub(super) struct Route {
    pub(super) ingress: FoundIngress,
    pub(super) load_balancer: Option<String>,
    pub(super) listener_arn: Option<String>,
}

/// Returns the way that the manifest has a word for: the first of the service's load balancers.
pub(super) fn route(seen: &Seen, service: &Document, left: &mut Vec<Left>) -> Option<Route> {
    let mut ways = items(service, "loadBalancers");
    let first = ways.next()?;
    let place = || Place { source: text(service, "serviceArn").to_owned(), line: None };
    for other in ways {
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
    let no_further = |ingress| Some(Route { ingress, load_balancer: None, listener_arn: None });
    let Some(group) = seen.groups.iter().find(|group| text(group, "TargetGroupArn") == arn) else {
        let why = "its target group could not be looked at; say its health check and host yourself";
        left.push(Left::new(format!("ingress of {}", text(service, "serviceName")), place(), why));
        return no_further(ingress);
    };
    ingress.target_group = Some(text(group, "TargetGroupName").to_owned());
    ingress.health = HEALTH.iter().filter_map(|key| Some(((*key).to_owned(), as_number(group.get(*key)?)))).collect();
    let delay = items(group, "Attributes").find(|one| text(one, "Key") == DELAY);
    ingress.deregistration_delay = delay.and_then(|delay| text(delay, "Value").parse().ok());
    let balancers = group.get("LoadBalancerArns").and_then(Value::as_array);
    let Some(balancer) = balancers.and_then(|list| list.first()?.as_str()) else { return no_further(ingress) };
    // arn:...:loadbalancer/app/NAME/ID
    let load_balancer = balancer.split('/').nth(2).map(str::to_owned);
    let listeners = || seen.listeners.iter().filter(|one| text(one, "LoadBalancerArn") == balancer);
    let of = |listener: &Document, rule: &&Document| text(rule, "ListenerArn") == text(listener, "ListenerArn");
    let found = |sends: fn(&Document, &str) -> bool| {
        listeners()
            .find_map(|one| Some((one, seen.rules.iter().filter(|rule| of(one, rule)).find(|rule| sends(rule, arn))?)))
    };
    // A group that has no share of a rule's requests now may have had them all before.
    if let Some((listener, rule)) = found(sends_to).or_else(|| found(names)) {
        let listener_arn = text(listener, "ListenerArn");
        ingress.listener_port = listener.get("Port").and_then(number_of);
        ingress.hosts = condition(rule, "host-header", "HostHeaderConfig");
        ingress.paths = condition(rule, "path-pattern", "PathPatternConfig");
        for other in items(rule, "Conditions") {
            let field = text(other, "Field");
            if !matches!(field, "host-header" | "path-pattern") {
                let why = format!("the manifest has no word for a rule's `{field}`; the rule stays as it is");
                left.push(Left::new(text(rule, "RuleArn"), place(), why));
            }
        }
        return Some(Route { ingress, load_balancer, listener_arn: Some(listener_arn.to_owned()) });
    }
    if !seen.unseen.contains(&Kind::Rule) {
        let why =
            "no rule and no default action of its load balancer sends requests to its target group: none reach it";
        left.push(Left::new(format!("ingress of {}", text(service, "serviceName")), place(), why));
    }
    Some(Route { ingress, load_balancer, listener_arn: None })
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
    deploy_core::plan::ingress::forwards_to(rule, "Actions", group)
}

fn names(rule: &Document, group: &str) -> bool {
    items(rule, "Actions").any(|action| {
        let weighted = action.get("ForwardConfig").and_then(|config| config.get("TargetGroups")?.as_array());
        weighted.into_iter().flatten().any(|target| target.get("TargetGroupArn").is_some_and(|arn| arn == group))
    })
}

/// Returns the values of a rule's condition, which stand in `Values` or in a table of their own.
fn condition(rule: &Document, field: &str, config: &str) -> Vec<String> {
    let conditions = items(rule, "Conditions").filter(|condition| text(condition, "Field") == field);
    let values = conditions.flat_map(|condition| {
        let own = condition.get(config).and_then(|config| config.get("Values")?.as_array());
        let plain = condition.get("Values").and_then(Value::as_array);
        own.filter(|values| !values.is_empty()).or(plain).into_iter().flatten()
    });
    values.filter_map(Value::as_str).map(str::to_owned).collect()
}
