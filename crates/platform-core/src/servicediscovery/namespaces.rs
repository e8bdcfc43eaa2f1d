//! Namespaces: made with their zone in Route 53, and deleted with it.

use aws_model::{AwsError, seconds};
use serde::Deserialize;
use serde_json::{Value, json};

use super::find::{List, in_use, invalid, namespace};
use super::operations::{Done, letters, of_request};
use super::tags::{Tag, checked};
use super::thing::{Discovery, Namespace, services};
use crate::operation::read;
use crate::route53::{self, Owner, Vpc, Zone, name, set};
use crate::{Change, Cx, Input, Outcome, World};

/// Seconds of a zone's SOA if the caller does not say.
const SOA_TTL: u32 = 15;
const CREATE: &str = "CREATE_NAMESPACE";

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    name: String,
    creator_request_id: Option<String>,
    description: Option<String>,
    vpc: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
    properties: Option<Value>,
}

/// Returns the TTL that properties of a namespace say.
fn soa_ttl(properties: Option<&Value>) -> Option<u32> {
    properties?.pointer("/DnsProperties/SOA/TTL")?.as_u64().and_then(|ttl| u32::try_from(ttl).ok())
}

pub(super) fn create_http(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    create(world, cx, input, Discovery::Http)
}

pub(super) fn create_private(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    create(world, cx, input, Discovery::Private)
}

pub(super) fn create_public(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    create(world, cx, input, Discovery::Public)
}

fn create(world: &World, cx: &mut Cx<'_>, input: Input, discovery: Discovery) -> Result<Outcome, AwsError> {
    let create: Create = read(input)?;
    if let Some(done) = of_request(world, cx, CREATE, create.creator_request_id.as_deref()) {
        return Ok(Outcome { reply: done.reply(), changes: Vec::new() });
    }
    let id = format!("ns-{}", letters(cx, 16));
    let mut made = Namespace {
        region: cx.region.to_owned(),
        arn: cx.arn("servicediscovery", &format!("namespace/{id}")),
        id,
        name: create.name,
        discovery,
        description: create.description,
        zone: None,
        soa_ttl: None,
        creator_request: create.creator_request_id.clone(),
        created_at: cx.now,
        tags: checked(create.tags)?,
    };
    let done = Done::new(cx, CREATE, &[("NAMESPACE", &made.id)]).asked_as(create.creator_request_id);
    let mut changes = Vec::new();
    if discovery == Discovery::Http {
        let others = world.records.all::<Namespace>(cx.region);
        if others.into_iter().any(|other| other.discovery == Discovery::Http && other.name == made.name) {
            let words = format!("The namespace {} already exists", made.name);
            return Err(AwsError::new("NamespaceAlreadyExists", words));
        }
    } else {
        let ttl = soa_ttl(create.properties.as_ref()).unwrap_or(SOA_TTL);
        match zone(world, cx, &made, create.vpc, &done.id)? {
            Ok(zone) => {
                (made.zone, made.soa_ttl) = (Some(zone.id.clone()), Some(ttl));
                changes = route53::put_zone(&zone, ttl);
            }
            Err(refusal) => {
                // As seen from Terraform: the operation fails, not the call.
                let done = done.failed("CANNOT_CREATE_HOSTED_ZONE", refusal.message);
                return Ok(Outcome { reply: done.reply(), changes: done.kept(world) });
            }
        }
    }
    changes.push(Change::put(&made));
    changes.extend(done.kept(world));
    Ok(Outcome { reply: done.reply(), changes })
}

/// Returns the zone of a new namespace; or, inside, why Route 53 has no room for it.
fn zone(
    world: &World,
    cx: &mut Cx<'_>,
    namespace: &Namespace,
    vpc: Option<String>,
    reference: &str,
) -> Result<Result<Zone, AwsError>, AwsError> {
    let name = name::canonical(&namespace.name);
    if let Some(fault) = name::fault(&name) {
        return Err(invalid(format!("The namespace name {} is not valid: {fault}", namespace.name)));
    }
    let vpc = vpc.map(|id| Vpc { region: cx.region.to_owned(), id });
    if let Some(vpc) = &vpc
        && let Err(refusal) = route53::zone_must_be_free(world, &name, vpc)
    {
        return Ok(Err(refusal));
    }
    let mut zone = route53::new_zone(cx, name, reference.to_owned(), vpc);
    zone.comment = namespace.description.clone();
    zone.owner =
        Some(Owner { region: cx.region.to_owned(), namespace: namespace.id.clone(), arn: namespace.arn.clone() });
    Ok(Ok(zone))
}

fn describe(world: &World, cx: &Cx<'_>, namespace: &Namespace) -> Value {
    let mut properties = json!({"HttpProperties": {"HttpName": namespace.name}});
    if let Some(zone) = &namespace.zone {
        properties["DnsProperties"] =
            json!({"HostedZoneId": zone, "SOA": {"TTL": namespace.soa_ttl.unwrap_or(SOA_TTL)}});
    }
    let mut told = json!({
        "Id": namespace.id, "Arn": namespace.arn, "ResourceOwner": cx.account, "Name": namespace.name,
        "Type": namespace.discovery,
        "ServiceCount": services(world, &namespace.region, &namespace.id).len(),
        "Properties": properties, "CreateDate": seconds(namespace.created_at),
    });
    if let Some(description) = &namespace.description {
        told["Description"] = json!(description);
    }
    told
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Which {
    id: String,
}

pub(super) fn get(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let namespace = namespace(world, cx, &read::<Which>(input.clone())?.id)?;
    let mut told = describe(world, cx, &namespace);
    if let Some(request) = &namespace.creator_request {
        told["CreatorRequestId"] = json!(request);
    }
    Ok(json!({"Namespace": told}))
}

pub(super) fn list(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let List { filters, paging } = read(input.clone())?;
    for filter in &filters {
        filter.may_be(match filter.name.as_str() {
            "TYPE" => &["EQ", "IN"],
            "RESOURCE_OWNER" => &["EQ"],
            _ => &["EQ", "BEGINS_WITH"],
        })?;
    }
    let kind = |namespace: &Namespace| json!(namespace.discovery).as_str().unwrap_or_default().to_owned();
    let is_wanted = |namespace: &Namespace| {
        filters.iter().all(|filter| match filter.name.as_str() {
            "TYPE" => filter.takes(&kind(namespace)),
            // All namespaces here are this account's.
            "RESOURCE_OWNER" => filter.takes("SELF"),
            _ => filter.takes(&namespace.name),
        })
    };
    let found = world.records.all::<Namespace>(cx.region).filter(is_wanted);
    Ok(paging.page("Namespaces", found.map(|namespace| (namespace.id.clone(), describe(world, cx, &namespace)))))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Update {
    id: String,
    updater_request_id: Option<String>,
    namespace: Changed,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Changed {
    description: Option<String>,
    properties: Option<Value>,
}

pub(super) fn update_http(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    update(world, cx, input, Discovery::Http)
}

pub(super) fn update_private(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    update(world, cx, input, Discovery::Private)
}

pub(super) fn update_public(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    update(world, cx, input, Discovery::Public)
}

fn update(world: &World, cx: &mut Cx<'_>, input: Input, discovery: Discovery) -> Result<Outcome, AwsError> {
    const UPDATE: &str = "UPDATE_NAMESPACE";
    let update: Update = read(input)?;
    if let Some(done) = of_request(world, cx, UPDATE, update.updater_request_id.as_deref()) {
        return Ok(Outcome { reply: done.reply(), changes: Vec::new() });
    }
    let mut changed = namespace(world, cx, &update.id)?;
    if changed.discovery != discovery {
        let (is, asked) = (json!(changed.discovery), json!(discovery));
        return Err(invalid(format!("The namespace {} is of type {is}, not {asked}", changed.id)));
    }
    let mut changes = Vec::new();
    if let Some(description) = update.namespace.description {
        changed.description = Some(description).filter(|text| !text.is_empty());
    }
    if let Some(ttl) = soa_ttl(update.namespace.properties.as_ref())
        && let Some(zone) = changed.zone.as_ref().and_then(|id| world.records.get::<Zone>("", id))
    {
        changed.soa_ttl = Some(ttl);
        let soa = set::at(world, &zone.id, &zone.name).find(|set| set.kind() == "SOA");
        changes.extend(soa.map(|mut set| {
            set.body.insert("TTL".into(), json!(ttl));
            Change::put(&set)
        }));
    }
    let done = Done::new(cx, UPDATE, &[("NAMESPACE", &changed.id)]).asked_as(update.updater_request_id);
    changes.push(Change::put(&changed));
    changes.extend(done.kept(world));
    Ok(Outcome { reply: done.reply(), changes })
}

pub(super) fn delete(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let gone = namespace(world, cx, &read::<Which>(input)?.id)?;
    if !services(world, &gone.region, &gone.id).is_empty() {
        return Err(in_use("Namespace contains services; delete the services before deleting the namespace"));
    }
    let done = Done::new(cx, "DELETE_NAMESPACE", &[("NAMESPACE", &gone.id)]);
    let zone = gone.zone.as_ref().and_then(|id| world.records.get::<Zone>("", id));
    let mut changes = zone.map(|zone| route53::remove_zone(world, &zone)).unwrap_or_default();
    changes.push(Change::remove::<Namespace>(&gone.region, &gone.id));
    changes.extend(done.kept(world));
    Ok(Outcome { reply: done.reply(), changes })
}
