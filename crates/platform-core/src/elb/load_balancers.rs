//! Load balancers: active as soon as they are created.

use std::collections::BTreeSet;

use aws_model::AwsError;
use serde_json::{Value, json};

use super::input::{self, invalid, is_in, required, text, texts, unsupported};
use super::{attributes, describe as write, page, usage};
use crate::world::{Change, LoadBalancer};
use crate::{Cx, Input, Outcome, World};

/// Settings that make two creations the same one.
const SETTINGS: [&str; 7] =
    ["Subnets", "SubnetMappings", "SecurityGroups", "Scheme", "Type", "IpAddressType", "CustomerOwnedIpv4Pool"];

pub(super) fn create(world: &World, cx: &mut Cx<'_>, mut input: Input) -> Result<Outcome, AwsError> {
    let name = input::name(&input, "load balancer")?;
    if name.starts_with("internal-") {
        return Err(invalid(format!("The load balancer name '{name}' cannot begin with 'internal-'")));
    }
    let tags = input::take_tags(&mut input)?;
    input::drop_empty(&mut input);
    match text(&input, "Type").as_deref() {
        None | Some("application") => {}
        Some(other) => return Err(unsupported(format!("Type '{other}'"))),
    }
    let scheme = text(&input, "Scheme").unwrap_or_else(|| "internet-facing".into());
    if !texts(&input, "Subnets").is_empty() && !input::list(&input, "SubnetMappings").is_empty() {
        return Err(invalid("You cannot specify both 'Subnets' and 'SubnetMappings'"));
    }
    check_subnets(&input)?;
    if let Some(known) = world.load_balancers.values().find(|lb| lb.name == name && is_in(&lb.arn, cx.region)) {
        if SETTINGS.iter().any(|s| input.get(*s) != known.document.get(*s)) {
            return Err(AwsError::new(
                "DuplicateLoadBalancerName",
                format!("A load balancer with the same name '{name}' exists, but with different settings"),
            ));
        }
        return Ok(Outcome { reply: one(world, known), changes: Vec::new() });
    }
    let resource = format!("loadbalancer/app/{name}/{}", cx.ids.hex16());
    let arn = cx.arn("elasticloadbalancing", &resource);
    let inner = if scheme == "internal" { "internal-" } else { "" };
    let lb = LoadBalancer {
        // Names under `localhost` lead to this machine in every resolver that follows RFC 6761.
        dns_name: format!(
            "{inner}{name}-{}.{}.elb.localhost",
            cx.ids.next() % 9_000_000_000 + 1_000_000_000,
            cx.region
        ),
        arn,
        name,
        document: input,
        attributes: attributes::of_load_balancer(),
        tags,
        created_at: cx.now,
    };
    Ok(Outcome { reply: one(world, &lb), changes: vec![Change::LoadBalancer(lb)] })
}

fn one(world: &World, lb: &LoadBalancer) -> Value {
    json!({"LoadBalancers": [write::load_balancer(world, lb)]})
}

/// An Application Load Balancer spans two zones (API reference, CreateLoadBalancer). One on an Outpost, or in a local
/// zone, needs one subnet; neither is here.
fn check_subnets(input: &Input) -> Result<(), AwsError> {
    let subnets: BTreeSet<String> = write::subnets(input).into_iter().collect();
    match subnets.len() {
        0 | 1 => Err(invalid("At least two subnets in two different Availability Zones must be specified")),
        _ => Ok(()),
    }
}

pub(super) fn describe(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (arns, names) = (texts(input, "LoadBalancerArns"), texts(input, "Names"));
    if !arns.is_empty() && !names.is_empty() {
        return Err(invalid("Load balancer names and load balancer ARNs cannot be specified at the same time"));
    }
    let mut missing: BTreeSet<&String> = arns.iter().chain(&names).collect();
    let mut found = Vec::new();
    for lb in world.load_balancers.values().filter(|lb| is_in(&lb.arn, cx.region)) {
        let asked = missing.remove(&lb.arn) | missing.remove(&lb.name);
        if asked || (arns.is_empty() && names.is_empty()) {
            found.push(lb);
        }
    }
    if !missing.is_empty() {
        let message = format!("Load balancers '[{}]' not found", write::quoted(&missing));
        return Err(AwsError::new("LoadBalancerNotFound", message));
    }
    page::answer(input, "LoadBalancers", found.into_iter().map(|lb| (lb.arn.clone(), write::load_balancer(world, lb))))
}

/// Deletes with listeners and rules; a load balancer that is gone already is no error.
pub(super) fn delete(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let arn = required(&input, "LoadBalancerArn")?;
    let lb = match input::load_balancer(world, &arn) {
        Ok(lb) => lb,
        Err(error) if error.code == "LoadBalancerNotFound" => return Ok(done(Vec::new())),
        Err(error) => return Err(error),
    };
    if lb.attributes.get("deletion_protection.enabled").is_some_and(|v| v == "true") {
        return Err(AwsError::new(
            "OperationNotPermitted",
            format!("Load balancer '{arn}' cannot be deleted because deletion protection is enabled"),
        ));
    }
    let mut changes = Vec::new();
    for listener in world.listeners.values().filter(|l| l.load_balancer_arn == arn) {
        let rules = world.rules.values().filter(|r| r.listener_arn == listener.arn);
        changes.extend(rules.map(|r| Change::DeleteRule(r.arn.clone())));
        changes.push(Change::DeleteListener(listener.arn.clone()));
    }
    changes.push(Change::DeleteLoadBalancer(arn));
    Ok(done(usage::settle(world, changes)))
}

/// Returns an outcome whose answer has no members.
pub(super) fn done(changes: Vec<Change>) -> Outcome {
    Outcome { reply: json!({}), changes }
}

/// Puts members of the request into the load balancer's document.
fn set(world: &World, input: &Input, members: &[&str]) -> Result<LoadBalancer, AwsError> {
    let mut lb = LoadBalancer::clone(input::load_balancer(world, &required(input, "LoadBalancerArn")?)?);
    for member in members {
        match input.get(*member) {
            Some(value) => drop(lb.document.insert((*member).to_owned(), value.clone())),
            None => drop(lb.document.shift_remove(*member)),
        }
    }
    Ok(lb)
}

pub(super) fn set_security_groups(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let groups = texts(&input, "SecurityGroups");
    if groups.is_empty() {
        return Err(invalid("At least one security group must be specified"));
    }
    let lb = set(world, &input, &["SecurityGroups"])?;
    Ok(Outcome { reply: json!({"SecurityGroupIds": groups}), changes: vec![Change::LoadBalancer(lb)] })
}

pub(super) fn set_subnets(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    check_subnets(&input)?;
    let mut lb = set(world, &input, &["Subnets", "SubnetMappings"])?;
    if let Some(kind) = input.get("IpAddressType") {
        lb.document.insert("IpAddressType".into(), kind.clone());
    }
    let described = write::load_balancer(world, &lb);
    let reply =
        json!({"AvailabilityZones": described["AvailabilityZones"], "IpAddressType": described["IpAddressType"]});
    Ok(Outcome { reply, changes: vec![Change::LoadBalancer(lb)] })
}

pub(super) fn set_ip_address_type(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let kind = required(&input, "IpAddressType")?;
    let lb = set(world, &input, &["IpAddressType"])?;
    Ok(Outcome { reply: json!({"IpAddressType": kind}), changes: vec![Change::LoadBalancer(lb)] })
}
