//! What stands in a rehearsal for things that a folder names and does not describe, and for what the simulated platform has
//! no word for? Only where no deploy touches it, and never in silence.

use std::collections::BTreeSet;

use aws::{CallError, Client};
use aws_model::Document;
use deploy_core::desired::{Desired, IngressSpec};
use deploy_core::manifest::Manifest;
use deploy_core::plan::ingress::{DELAY, checks};
use import::found::referred;
use import::{FoundStage, Kind};
use serde_json::{Value, json};

use super::objects::created;
use crate::observe::object;

/// ARNs that a stage names, and that none of its objects has.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Missing {
    pub(super) listeners: BTreeSet<String>,
    /// Of target groups.
    pub(super) groups: BTreeSet<String>,
}

/// Returns what a stage names and does not describe.
pub(super) fn missing(found: &FoundStage) -> Missing {
    let mut all = Vec::new();
    let documents = found.objects.iter().map(|one| &one.document);
    let services = found.services.iter().filter_map(|one| one.service.as_ref());
    documents.chain(services).flat_map(Document::values).for_each(|value| arns(value, &mut all));
    all.extend(found.listener_arn.clone());
    let is_object = |arn: &String| found.objects.iter().any(|one| one.id == *arn);
    let of = |kind: &str| all.iter().filter(|arn| arn.contains(kind) && !is_object(arn)).cloned().collect();
    Missing { listeners: of(":listener/"), groups: of(":targetgroup/") }
}

fn arns(value: &Value, all: &mut Vec<String>) {
    match value {
        Value::String(text) => all.extend(referred(text).filter(|id| id.starts_with("arn:")).map(str::to_owned)),
        Value::Array(items) => items.iter().for_each(|item| arns(item, all)),
        Value::Object(members) => members.values().for_each(|member| arns(member, all)),
        _ => {}
    }
}

/// Two subnets, as an application load balancer has at least, and a VPC, as a target group has: none of them exists.
const SUBNETS: [&str; 2] = ["subnet-nobody-knows-a", "subnet-nobody-knows-b"];
const VPC: &str = "vpc-nobody-knows";

/// Gives a load balancer and a target group the network that ELB asks of them where the source does not tell it: no deploy
/// compares or changes it.
pub(super) fn in_a_network(kind: Kind, input: &mut Document) {
    match kind {
        Kind::LoadBalancer => {
            let list = |member: &str| input.get(member).and_then(Value::as_array).into_iter().flatten();
            let mapped = list("SubnetMappings").filter_map(|one| one.get("SubnetId")?.as_str());
            let known: BTreeSet<&str> = list("Subnets").filter_map(Value::as_str).chain(mapped).collect();
            if known.len() < SUBNETS.len() {
                let subnets: Vec<&str> = known.into_iter().chain(SUBNETS).take(SUBNETS.len()).collect();
                let subnets = json!(subnets);
                input.shift_remove("SubnetMappings");
                input.insert("Subnets".to_owned(), subnets);
            }
        }
        Kind::TargetGroup if input.get("TargetType").and_then(Value::as_str) != Some("lambda") => {
            input.entry("VpcId").or_insert_with(|| VPC.into());
        }
        _ => {}
    }
}

/// Makes a listener of a load balancer of its own: what the real one is like is not known.
///
/// # Errors
/// See [`CallError`].
pub(super) async fn listener(client: &Client, number: usize) -> Result<String, CallError> {
    let balancer = object(json!({ "Name": format!("nobody-knows-{number}"), "Subnets": SUBNETS }));
    let balancer = created(client, "CreateLoadBalancer", balancer, "LoadBalancers", "LoadBalancerArn").await?;
    let answer = json!({ "Type": "fixed-response", "FixedResponseConfig": { "StatusCode": "404" } });
    let input =
        object(json!({ "LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": 80, "DefaultActions": [answer] }));
    Ok(created(client, "CreateListener", input, "Listeners", "ListenerArn").await?.unwrap_or_default())
}

/// Makes a target group that is as the manifest wants it, and that a listener of its own leads to.
///
/// # Errors
/// See [`CallError`].
pub(super) async fn group(
    client: &Client,
    number: usize,
    arn: &str,
    spec: Option<&IngressSpec>,
) -> Result<String, CallError> {
    // arn:...:targetgroup/NAME/ID
    let name = arn.split('/').nth(1).unwrap_or("nobody-knows");
    let mut input = object(json!({ "Name": name, "Protocol": "HTTP", "Port": 80, "TargetType": "ip", "VpcId": VPC }));
    input.extend(spec.map(checks).unwrap_or_default());
    let made = created(client, "CreateTargetGroup", input, "TargetGroups", "TargetGroupArn").await?.unwrap_or_default();
    if let Some(spec) = spec {
        let delay = json!([{ "Key": DELAY, "Value": spec.deregistration_delay.to_string() }]);
        let input = object(json!({ "TargetGroupArn": made, "Attributes": delay }));
        client.call(&aws::ELB, "ModifyTargetGroupAttributes", input).await?;
    }
    // A service takes only a group that requests can reach.
    let listener = listener(client, number).await?;
    let input = object(json!({
        "ListenerArn": listener, "Priority": 1,
        "Conditions": [{ "Field": "path-pattern", "Values": ["/nobody-knows"] }],
        "Actions": [{ "Type": "forward", "TargetGroupArn": made }],
    }));
    created(client, "CreateRule", input, "Rules", "RuleArn").await?;
    Ok(made)
}

/// Returns the manifest with what stands for an ARN in its place.
pub(super) fn placed(manifest: &Manifest, desired: &Desired, arn: impl Fn(&str) -> Option<String>) -> Manifest {
    let mut placed = manifest.clone();
    for service in &desired.services {
        let Some(spec) = &service.ingress else { continue };
        if let Some(made) = spec.listener_arn.as_deref().and_then(&arn) {
            placed.stages.entry(&desired.stage).listener_arn = Some(made);
        }
        if let Some(made) = spec.target_group_arn.as_deref().and_then(&arn) {
            placed.stages.entry(&desired.stage).services.entry(&service.service).target_group = Some(made);
        }
    }
    placed
}

/// Takes out of a request what the simulated platform has no word for and no deploy touches; returns what, by its member.
pub(super) fn without_unserved(kind: Kind, input: &mut Document, spec: Option<&IngressSpec>) -> Vec<String> {
    let mut taken = Vec::new();
    let mut take = |input: &mut Document, member: &str| {
        input.shift_remove(member);
        taken.push(member.to_owned());
    };
    let text = |input: &Document, member: &str| input.get(member).and_then(Value::as_str).map(str::to_owned);
    match kind {
        Kind::TargetGroup => {
            for (member, served) in
                [("ProtocolVersion", "HTTP1"), ("Protocol", "HTTP"), ("HealthCheckProtocol", "HTTP")]
            {
                let is_other = text(input, member).is_some_and(|value| value != served);
                // A group of a network load balancer is another thing altogether.
                let is_web = matches!(text(input, member).as_deref(), Some("HTTP2" | "GRPC" | "HTTPS"));
                if is_other && is_web {
                    take(input, member);
                }
            }
            input.entry("Protocol").or_insert_with(|| "HTTP".into());
            // A deploy leaves codes of gRPC as they are; here the manifest's own stand for them.
            if input.get("Matcher").is_some_and(|matcher| matcher.get("GrpcCode").is_some()) {
                take(input, "Matcher");
                if let Some(own) = spec.and_then(|spec| checks(spec).shift_remove("Matcher")) {
                    input.insert("Matcher".to_owned(), own);
                }
            }
        }
        Kind::Rule if input.contains_key("Transforms") => take(input, "Transforms"),
        _ => {}
    }
    taken.extend(["Actions", "DefaultActions"].into_iter().flat_map(|member| without_stickiness(input, member)));
    taken
}

/// Whether a client stays with one of several groups: the simulated balancer has that of groups alone.
fn without_stickiness(input: &mut Document, member: &str) -> Vec<String> {
    const OF_ACTION: &str = "TargetGroupStickinessConfig";
    let actions = input.get_mut(member).and_then(Value::as_array_mut).into_iter().flatten().enumerate();
    let taken = actions.filter_map(|(number, action)| {
        action.get_mut("ForwardConfig")?.as_object_mut()?.shift_remove(OF_ACTION)?;
        Some(format!("{member}.{number}.ForwardConfig.{OF_ACTION}"))
    });
    taken.collect()
}

#[cfg(test)]
mod tests {
    use import::{FoundObject, Place};

    use super::*;

    fn rule(listener: &str, group: &str) -> FoundObject {
        FoundObject {
            kind: Kind::Rule,
            id: "aws_lb_listener_rule.web".to_owned(),
            document: object(json!({ "ListenerArn": listener, "Actions": [{ "TargetGroupArn": group }] })),
            unknown: Vec::new(),
            place: Place::default(),
        }
    }

    #[test]
    fn what_is_named_and_not_described_is_found_wherever_it_stands() {
        let listener = "arn:aws:elasticloadbalancing:eu-west-1:1:listener/app/edge/1/2";
        let group = "arn:aws:elasticloadbalancing:eu-west-1:1:targetgroup/web/3";
        let stage = FoundStage { objects: vec![rule(listener, group)], ..FoundStage::default() };
        let expected = Missing { listeners: [listener.to_owned()].into(), groups: [group.to_owned()].into() };
        assert_eq!(missing(&stage), expected);
        let ours =
            FoundStage { objects: vec![rule("found:aws_lb_listener.a", "found:aws_lb_target_group.b")], ..stage };
        assert_eq!(missing(&ours), Missing::default());
    }

    #[test]
    fn only_what_no_deploy_touches_is_taken_out() {
        let mut http2 =
            object(json!({ "Name": "a", "Protocol": "HTTPS", "ProtocolVersion": "HTTP2", "HealthCheckPath": "/x" }));
        assert_eq!(without_unserved(Kind::TargetGroup, &mut http2, None), ["ProtocolVersion", "Protocol"]);
        assert_eq!(http2, object(json!({ "Name": "a", "HealthCheckPath": "/x", "Protocol": "HTTP" })));
        let mut tcp = object(json!({ "Name": "a", "Protocol": "TCP" }));
        assert_eq!(without_unserved(Kind::TargetGroup, &mut tcp, None), Vec::<String>::new());
        assert_eq!(tcp["Protocol"], "TCP");
        let forward =
            json!({ "Type": "forward", "ForwardConfig": { "TargetGroups": [], "TargetGroupStickinessConfig": {} } });
        let mut rule = object(json!({ "Actions": [{ "Type": "authenticate-oidc" }, forward] }));
        let taken = without_unserved(Kind::Rule, &mut rule, None);
        assert_eq!(taken, ["Actions.1.ForwardConfig.TargetGroupStickinessConfig"]);
        assert_eq!(rule["Actions"][1]["ForwardConfig"], json!({ "TargetGroups": [] }));
    }

    #[test]
    fn a_network_that_nobody_tells_is_nobodys_and_one_that_is_told_stays() {
        let made = |kind: Kind, input: Value| {
            let mut input = object(input);
            in_a_network(kind, &mut input);
            Value::Object(input)
        };
        assert_eq!(made(Kind::LoadBalancer, json!({}))["Subnets"], json!(SUBNETS));
        let one = made(Kind::LoadBalancer, json!({ "SubnetMappings": [{ "SubnetId": "subnet-1" }] }));
        assert_eq!(one, json!({ "Subnets": ["subnet-1", SUBNETS[0]] }));
        let two = json!({ "Subnets": ["subnet-1", "subnet-2"] });
        assert_eq!(made(Kind::LoadBalancer, two.clone()), two);
        assert_eq!(made(Kind::TargetGroup, json!({}))["VpcId"], VPC);
        assert_eq!(made(Kind::TargetGroup, json!({ "VpcId": "vpc-1" }))["VpcId"], "vpc-1");
        let lambda = json!({ "TargetType": "lambda" });
        assert_eq!(made(Kind::TargetGroup, lambda.clone()), lambda);
    }
}
