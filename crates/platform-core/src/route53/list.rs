//! Zones and their records, as they are read and listed, page by page.

use aws_model::{AwsError, Document};
use serde_json::{Value, json};

use super::answers::{describe, invalid, limit, text, zone};
use super::{Zone, name, set, zones};
use crate::servicediscovery::records;
use crate::{Cx, Input, World};

/// The most zones of a page (API reference, ListHostedZones).
const ZONES: usize = 100;
/// The most sets of a page (API reference, ListResourceRecordSets).
const SETS: usize = 300;

pub(super) fn get(world: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let zone = zone(world, text(input, "Id").unwrap_or_default())?;
    let mut answer = json!({"HostedZone": describe(world, &zone)});
    match zone.is_private {
        true => answer["VPCs"] = json!(zone.vpcs),
        false => answer["DelegationSet"] = json!({"NameServers": zone.servers}),
    }
    Ok(answer)
}

pub(super) fn count(world: &World, _: &Cx<'_>, _: &Input) -> Result<Value, AwsError> {
    Ok(json!({"HostedZoneCount": zones(world).count()}))
}

/// Nothing here is signed. A private zone never is; the words are those that terraform-provider-aws waits for.
pub(super) fn dnssec(world: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let zone = zone(world, text(input, "HostedZoneId").unwrap_or_default())?;
    if zone.is_private {
        return Err(AwsError::new("InvalidArgument", "Operation is unsupported for private hosted zones."));
    }
    Ok(json!({"Status": {"ServeSignature": "NOT_SIGNING"}, "KeySigningKeys": []}))
}

pub(super) fn list(world: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    no_delegation_set(input)?;
    let limit = limit(input, ZONES)?;
    let marker = text(input, "Marker").unwrap_or_default();
    let is_wanted = |zone: &Zone| text(input, "HostedZoneType").is_none() || zone.is_private;
    let mut found = zones(world).filter(|zone| is_wanted(zone) && zone.id.as_str() >= marker);
    let page: Vec<Value> = found.by_ref().take(limit).map(|zone| describe(world, &zone)).collect();
    let next = found.next();
    let mut answer = json!({
        "HostedZones": page, "Marker": marker, "IsTruncated": next.is_some(), "MaxItems": limit.to_string(),
    });
    if let Some(next) = next {
        answer["NextMarker"] = json!(next.id);
    }
    Ok(answer)
}

fn no_delegation_set(input: &Document) -> Result<(), AwsError> {
    match text(input, "DelegationSetId") {
        Some(set) => Err(AwsError::new("NoSuchDelegationSet", format!("No delegation set found with ID: {set}"))),
        None => Ok(()),
    }
}

/// In the order of the names with their labels reversed (API reference, ListHostedZonesByName).
pub(super) fn list_by_name(world: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let limit = limit(input, ZONES)?;
    let (from, id) = (text(input, "DNSName"), text(input, "HostedZoneId"));
    if id.is_some() && from.is_none() {
        return Err(invalid("HostedZoneId is given without DNSName"));
    }
    let place = |zone: &Zone| (name::reversed(&zone.name), zone.id.clone());
    let start = from.map(|from| (name::reversed(&name::canonical(from)), id.unwrap_or_default().to_owned()));
    let mut found: Vec<Zone> =
        zones(world).filter(|zone| start.as_ref().is_none_or(|start| place(zone) >= *start)).collect();
    found.sort_by_key(place);
    let next = found.get(limit).map(|zone| (zone.name.clone(), zone.id.clone()));
    let page: Vec<Value> = found.iter().take(limit).map(|zone| describe(world, zone)).collect();
    let mut answer = json!({"HostedZones": page, "IsTruncated": next.is_some(), "MaxItems": limit.to_string()});
    for (member, value) in [("DNSName", from), ("HostedZoneId", id)] {
        if let Some(value) = value {
            answer[member] = json!(value);
        }
    }
    if let Some((name, id)) = next {
        (answer["NextDNSName"], answer["NextHostedZoneId"]) = (json!(name), json!(id));
    }
    Ok(answer)
}

pub(super) fn list_by_vpc(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let limit = limit(input, ZONES)?;
    let (id, region) = (text(input, "VPCId").unwrap_or_default(), text(input, "VPCRegion").unwrap_or_default());
    let token = text(input, "NextToken").unwrap_or_default();
    if !token.is_empty() && world.records.get::<Zone>("", token).is_none() {
        return Err(AwsError::new(
            "InvalidPaginationToken",
            "The value that you specified for NextToken is not valid.",
        ));
    }
    let is_its = |zone: &Zone| zone.vpcs.iter().any(|vpc| vpc.id == id && vpc.region == region);
    let mut found = zones(world).filter(|zone| is_its(zone) && zone.id.as_str() >= token);
    let summary =
        |zone: Zone| json!({"HostedZoneId": zone.id, "Name": zone.name, "Owner": {"OwningAccount": cx.account}});
    let page: Vec<Value> = found.by_ref().take(limit).map(summary).collect();
    let mut answer = json!({"HostedZoneSummaries": page, "MaxItems": limit.to_string()});
    if let Some(next) = found.next() {
        answer["NextToken"] = json!(next.id);
    }
    Ok(answer)
}

pub(super) fn list_sets(world: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let zone = zone(world, text(input, "HostedZoneId").unwrap_or_default())?;
    let limit = limit(input, SETS)?;
    let start = ["StartRecordName", "StartRecordType", "StartRecordIdentifier"].map(|member| text(input, member));
    let from = match start {
        [None, None, None] => String::new(),
        [Some(name), None, None] => name::reversed(&name::canonical(name)),
        [Some(name), Some(kind), identifier] => {
            set::order(&name::canonical(name), kind, identifier.unwrap_or_default())
        }
        _ => return Err(invalid("A record's type is given without its name, or its identifier without its type")),
    };
    let derived = records::within(world, &zone, &zone.name).into_iter().map(|derived| derived.set);
    let mut found: Vec<_> =
        set::all(world, &zone.id).chain(derived).filter(|set| set.order() >= from.as_str()).collect();
    found.sort_by(|one, other| one.order().cmp(other.order()));
    let mut answer = json!({"IsTruncated": found.len() > limit, "MaxItems": limit.to_string()});
    if let Some(next) = found.get(limit) {
        (answer["NextRecordName"], answer["NextRecordType"]) = (json!(next.name()), json!(next.kind()));
        if !next.identifier().is_empty() {
            answer["NextRecordIdentifier"] = json!(next.identifier());
        }
    }
    answer["ResourceRecordSets"] = found.into_iter().take(limit).map(|set| Value::Object(set.body)).collect();
    Ok(answer)
}

pub(super) fn list_tags(world: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let id = text(input, "ResourceId").unwrap_or_default();
    Ok(json!({"ResourceTagSet": tags_of(world, input, id)?}))
}

pub(super) fn list_tags_of_several(world: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let ids = input.get("ResourceIds").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    let sets = ids.map(|id| tags_of(world, input, id)).collect::<Result<Vec<_>, _>>()?;
    Ok(json!({"ResourceTagSets": sets}))
}

fn tags_of(world: &World, input: &Document, id: &str) -> Result<Value, AwsError> {
    let zone = tagged(world, input, id)?;
    let tags: Value = zone.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
    Ok(json!({"ResourceType": "hostedzone", "ResourceId": zone.id, "Tags": tags}))
}

/// Returns what has tags: zones alone, since there are no health checks here.
pub(super) fn tagged(world: &World, input: &Document, id: &str) -> Result<Zone, AwsError> {
    let missing = |code: &'static str, what: &str| {
        AwsError::new(code, format!("No {what} exists with the specified ID {id}")).with_status(404)
    };
    match text(input, "ResourceType") {
        Some("healthcheck") => Err(missing("NoSuchHealthCheck", "health check")),
        Some("healthchecksource") => Err(missing("NoSuchHealthCheckSource", "health check source")),
        _ => zone(world, id),
    }
}
