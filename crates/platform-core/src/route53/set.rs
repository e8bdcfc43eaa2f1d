//! What a resource record set is, and in which order sets are kept: that of Route 53's listings.

use aws_model::Document;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::name;
use crate::World;
use crate::world::Record;

/// Records of one name and type; where several sets have both, each has an identifier.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RecordSet {
    key: String,
    /// As it was sent, with its name canonical.
    pub body: Document,
}

impl Record for RecordSet {
    const TABLE: &'static str = "route53.sets";

    fn region(&self) -> &str {
        ""
    }

    fn id(&self) -> &str {
        &self.key
    }
}

impl RecordSet {
    /// Takes a set into a zone.
    pub fn new(zone: &str, mut body: Document) -> Self {
        let canonical = name::canonical(text(&body, "Name"));
        body.insert("Name".to_owned(), Value::String(canonical));
        let key = key(zone, text(&body, "Name"), text(&body, "Type"), text(&body, "SetIdentifier"));
        Self { key, body }
    }

    /// Returns its name, canonical.
    pub fn name(&self) -> &str {
        text(&self.body, "Name")
    }

    /// Returns its type: `A`, `CNAME`, ...
    pub fn kind(&self) -> &str {
        text(&self.body, "Type")
    }

    /// Returns its identifier; empty for a simple one.
    pub fn identifier(&self) -> &str {
        text(&self.body, "SetIdentifier")
    }

    /// Returns what it sorts by in its zone.
    pub fn order(&self) -> &str {
        self.key.split_once(' ').map_or("", |(_, order)| order)
    }

    /// Returns its time to live; none of an alias.
    pub fn ttl(&self) -> Option<u32> {
        self.body.get("TTL").and_then(Value::as_u64).and_then(|ttl| u32::try_from(ttl).ok())
    }

    /// Returns its weight; none if it is not a weighted one.
    pub fn weight(&self) -> Option<u64> {
        self.body.get("Weight").and_then(Value::as_u64)
    }

    /// Returns the values of its records; none for an alias.
    pub fn values(&self) -> impl Iterator<Item = &str> {
        let records = self.body.get("ResourceRecords").and_then(Value::as_array);
        records.into_iter().flatten().filter_map(|record| record.get("Value")?.as_str())
    }

    /// Returns the zone and the name that an alias is for.
    pub fn alias(&self) -> Option<(&str, &str)> {
        let target = self.body.get("AliasTarget")?;
        Some((target.get("HostedZoneId")?.as_str()?, target.get("DNSName")?.as_str()?))
    }
}

fn text<'d>(body: &'d Document, member: &str) -> &'d str {
    body.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// No part but the last has a space in it.
fn key(zone: &str, name: &str, kind: &str, identifier: &str) -> String {
    format!("{zone} {}", order(name, kind, identifier))
}

/// Returns what a set sorts by: by its name with the labels reversed, then by type, then by identifier (API reference,
/// ListResourceRecordSets).
pub(crate) fn order(name: &str, kind: &str, identifier: &str) -> String {
    format!("{} {kind} {identifier}", name::reversed(name))
}

/// Returns all stored sets of a zone, in order.
pub(crate) fn all(world: &World, zone: &str) -> impl Iterator<Item = RecordSet> {
    world.records.under::<RecordSet>("", &format!("{zone} "))
}

/// Returns the stored sets of a zone that have a name.
pub(crate) fn at(world: &World, zone: &str, name: &str) -> impl Iterator<Item = RecordSet> {
    world.records.under::<RecordSet>("", &format!("{zone} {} ", name::reversed(name)))
}

/// Returns whether a zone has stored sets with a name or below it.
pub(crate) fn is_any_within(world: &World, zone: &str, name: &str) -> bool {
    world.records.under::<RecordSet>("", &format!("{zone} {}", name::reversed(name))).next().is_some()
}
