//! Instances: who is found under a service's name. They are registered, change their health, and go.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, Ipv6Addr};

use aws_model::AwsError;
use serde::Deserialize;
use serde_json::{Value, json};

use super::find::{Paging, instance, invalid, service, told};
use super::operations::{Done, of_request};
use super::thing::{Instance, Service, deregister as without, instances, register as with};
use crate::operation::read;
use crate::{Cx, Input, Outcome, World};

/// Most custom attributes of an instance, and how long all may be together (API reference, RegisterInstance).
const MOST: usize = 30;
const LONGEST: usize = 5_000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Register {
    service_id: String,
    instance_id: String,
    creator_request_id: Option<String>,
    attributes: BTreeMap<String, String>,
}

pub(super) fn register(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    const REGISTER: &str = "REGISTER_INSTANCE";
    let asked: Register = read(input)?;
    let service = service(world, cx, &asked.service_id)?;
    if let Some(done) = of_request(world, cx, REGISTER, asked.creator_request_id.as_deref())
        && done.targets.get("INSTANCE") == Some(&asked.instance_id)
        && done.targets.get("SERVICE") == Some(&service.id)
        && instance(world, &service, &asked.instance_id).is_ok_and(|known| known.attributes == asked.attributes)
    {
        return Ok(Outcome { reply: done.reply(), changes: Vec::new() });
    }
    fits(&service, &asked.attributes)?;
    let mut made = Instance::new(&service, &asked.instance_id, asked.attributes);
    made.creator_request = asked.creator_request_id.clone();
    let done = done(cx, REGISTER, &service, &made.id).asked_as(asked.creator_request_id);
    let changes = [with(world, &service, &made, cx.now), done.kept(world)].concat();
    Ok(Outcome { reply: done.reply(), changes })
}

fn done(cx: &mut Cx<'_>, kind: &str, service: &Service, instance: &str) -> Done {
    Done::new(cx, kind, &[("INSTANCE", instance), ("SERVICE", &service.id), ("NAMESPACE", &service.namespace)])
}

/// Whether an instance's attributes are enough for what its service has (API reference, RegisterInstance).
fn fits(service: &Service, attributes: &BTreeMap<String, String>) -> Result<(), AwsError> {
    let get = |name: &str| attributes.get(name).map(String::as_str);
    let refuse = |words: String| Err(invalid(words));
    if attributes.keys().filter(|name| !name.starts_with("AWS_")).count() > MOST {
        return refuse(format!("An instance cannot have more than {MOST} custom attributes"));
    }
    if attributes.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>() > LONGEST {
        return refuse(format!("The attributes of an instance cannot be longer than {LONGEST} characters"));
    }
    if get("AWS_EC2_INSTANCE_ID").is_some() {
        return refuse("AWS_EC2_INSTANCE_ID is not supported by managr's platform: it has no EC2 instances".into());
    }
    if let Some(status) = get("AWS_INIT_HEALTH_STATUS") {
        if service.told_health.is_none() {
            return refuse("AWS_INIT_HEALTH_STATUS needs a service with HealthCheckCustomConfig".into());
        }
        if !["HEALTHY", "UNHEALTHY"].contains(&status) {
            return refuse(format!("AWS_INIT_HEALTH_STATUS must be HEALTHY or UNHEALTHY, not {status}"));
        }
    }
    if get("AWS_INSTANCE_IPV4").is_some_and(|text| text.parse::<Ipv4Addr>().is_err()) {
        return refuse("AWS_INSTANCE_IPV4 is no IPv4 address".into());
    }
    if get("AWS_INSTANCE_IPV6").is_some_and(|text| text.parse::<Ipv6Addr>().is_err()) {
        return refuse("AWS_INSTANCE_IPV6 is no IPv6 address".into());
    }
    if get("AWS_INSTANCE_PORT").is_some_and(|text| text.parse::<u16>().is_err()) {
        return refuse("AWS_INSTANCE_PORT is no port".into());
    }
    let Some(dns) = &service.dns else {
        return match get("AWS_ALIAS_DNS_NAME") {
            Some(_) => refuse("AWS_ALIAS_DNS_NAME needs a service that is found by DNS".into()),
            None => Ok(()),
        };
    };
    let has = |kind: &str| dns.records.iter().any(|(own, _)| own == kind);
    if get("AWS_ALIAS_DNS_NAME").is_some() {
        if !dns.is_weighted || has("SRV") || has("CNAME") {
            return refuse("AWS_ALIAS_DNS_NAME needs a service with A or AAAA records, weighted".into());
        }
        if let Some(other) = attributes.keys().find(|name| name.starts_with("AWS_INSTANCE_")) {
            return refuse(format!("AWS_ALIAS_DNS_NAME and {other} cannot be specified together"));
        }
        return Ok(());
    }
    for (kind, needed) in [
        ("A", "AWS_INSTANCE_IPV4"),
        ("AAAA", "AWS_INSTANCE_IPV6"),
        ("CNAME", "AWS_INSTANCE_CNAME"),
        ("SRV", "AWS_INSTANCE_PORT"),
    ] {
        if has(kind) && get(needed).is_none() {
            return refuse(format!("{needed} must be specified: the service {} has {kind} records", service.id));
        }
    }
    if has("SRV") && get("AWS_INSTANCE_IPV4").is_none() && get("AWS_INSTANCE_IPV6").is_none() {
        return refuse("AWS_INSTANCE_IPV4, AWS_INSTANCE_IPV6 or both must be specified beside SRV records".into());
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Which {
    service_id: String,
    instance_id: String,
    status: Option<String>,
}

pub(super) fn deregister(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let which: Which = read(input)?;
    let service = service(world, cx, &which.service_id)?;
    let gone = instance(world, &service, &which.instance_id)?;
    let done = done(cx, "DEREGISTER_INSTANCE", &service, &gone.id);
    let changes = [without(world, &service, &gone.id, cx.now), done.kept(world)].concat();
    Ok(Outcome { reply: done.reply(), changes })
}

pub(super) fn get(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let which: Which = read(input.clone())?;
    let service = service(world, cx, &which.service_id)?;
    let found = instance(world, &service, &which.instance_id)?;
    let mut told = json!({"Id": found.id, "Attributes": found.attributes, "CreatedByAccount": cx.account});
    if let Some(request) = &found.creator_request {
        told["CreatorRequestId"] = json!(request);
    }
    Ok(json!({"Instance": told, "ResourceOwner": cx.account}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    service_id: String,
    #[serde(default)]
    instances: Vec<String>,
    #[serde(flatten)]
    paging: Paging,
}

pub(super) fn list(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let List { service_id, paging, .. } = read(input.clone())?;
    let service = service(world, cx, &service_id)?;
    let summary = |one: Instance| json!({"Id": one.id, "Attributes": one.attributes, "CreatedByAccount": cx.account});
    let mut answer = paging.page("Instances", instances(world, &service).map(|one| (one.id.clone(), summary(one))));
    answer["ResourceOwner"] = json!(cx.account);
    Ok(answer)
}

/// Returns the word for an instance's health.
pub(super) fn health(instance: &Instance) -> &'static str {
    match instance.is_healthy {
        Some(true) => "HEALTHY",
        Some(false) => "UNHEALTHY",
        None => "UNKNOWN",
    }
}

pub(super) fn health_status(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let List { service_id, instances: asked, paging } = read(input.clone())?;
    let service = service(world, cx, &service_id)?;
    let found: Vec<Instance> = match asked.as_slice() {
        [] => instances(world, &service).collect(),
        asked => asked.iter().map(|id| instance(world, &service, id)).collect::<Result<_, _>>()?,
    };
    let page = paging.cut(found.into_iter().map(|one| (one.id.clone(), (one.id.clone(), json!(health(&one))))));
    Ok(told("Status", page.items.into_iter().collect(), page.next))
}

/// AWS waits about thirty seconds before it accepts a reported health (API reference, HealthCheckCustomConfig); here
/// it counts at once.
pub(super) fn update_health(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let which: Which = read(input)?;
    let service = service(world, cx, &which.service_id)?;
    let mut changed = instance(world, &service, &which.instance_id)?;
    if service.told_health.is_none() {
        let words = format!("The service {} has no HealthCheckCustomConfig", service.id);
        return Err(AwsError::new("CustomHealthNotFound", words).with_status(404));
    }
    changed.is_healthy = Some(which.status.as_deref() == Some("HEALTHY"));
    Ok(Outcome { reply: Value::Null, changes: with(world, &service, &changed, cx.now) })
}
