//! Records are changed: a batch is done as a whole, or not at all.
//!
//! Words as seen from AWS: external-dns #732 and #3007, boto #2887, terraform-aws-open-next #24, aws-sdk-java #1996,
//! zinc #178, boto3 #1462.

use std::collections::BTreeMap;

use aws_model::{AwsError, Document};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answers::{Made, invalid, may_change, zone};
use super::{RecordSet, Zone, name, set, values};
use crate::operation::read;
use crate::world::Record;
use crate::{Change, Cx, Input, Outcome, World};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Batch {
    hosted_zone_id: String,
    change_batch: Content,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    comment: Option<String>,
    changes: Vec<Asked>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Asked {
    action: Action,
    resource_record_set: Document,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Action {
    Create,
    Delete,
    Upsert,
}

impl Action {
    fn as_str(self) -> &'static str {
        match self {
            Self::Create => "CREATE",
            Self::Delete => "DELETE",
            Self::Upsert => "UPSERT",
        }
    }
}

pub(super) fn change(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let batch: Batch = read(input)?;
    let zone = zone(world, &batch.hosted_zone_id)?;
    may_change(&zone)?;
    let mut draft = Draft { world, zone: &zone, touched: BTreeMap::new() };
    let mut faults = Vec::new();
    for Asked { action, mut resource_record_set } in batch.change_batch.changes {
        form(action, &resource_record_set)?;
        spell(&mut resource_record_set);
        let set = RecordSet::new(&zone.id, resource_record_set);
        if let Err(fault) = draft.make(action, set) {
            faults.push(fault);
        }
    }
    if !faults.is_empty() {
        return Err(AwsError::new("InvalidChangeBatch", format!("[{}]", faults.join(", "))));
    }
    let made = Made::new(cx, batch.change_batch.comment);
    let reply = json!({"ChangeInfo": made.describe()});
    let sets = draft.touched.into_iter().map(|(key, set)| match set {
        Some(set) => Change::put(&set),
        None => Change::remove::<RecordSet>("", &key),
    });
    Ok(Outcome { reply, changes: sets.chain(made.kept(world)).collect() })
}

/// What says how one of several sets of a name and type is chosen.
const POLICIES: [&str; 8] = [
    "Weight",
    "Region",
    "Failover",
    "GeoLocation",
    "MultiValueAnswer",
    "CidrRoutingConfig",
    "GeoProximityLocation",
    "AZAffinity",
];

/// Refuses a change that is none, whatever there is.
fn form(action: Action, set: &Document) -> Result<(), AwsError> {
    let text = |member: &str| set.get(member).and_then(Value::as_str);
    let place = || {
        format!(
            "[Action={}, Name={}, Type={}, SetIdentifier={}]",
            action.as_str(),
            name::canonical(text("Name").unwrap_or_default()),
            text("Type").unwrap_or_default(),
            text("SetIdentifier").unwrap_or("null")
        )
    };
    let refuse = |words: String| Err(invalid(format!("Invalid request: {words} in Change with {}", place())));
    for member in ["TrafficPolicyInstanceId", "CidrRoutingConfig"] {
        if set.contains_key(member) {
            return refuse(format!("'{member}' is not supported by managr's platform"));
        }
    }
    if let Some(check) = text("HealthCheckId") {
        let words = format!("No health check exists with the specified ID {check}");
        return Err(AwsError::new("NoSuchHealthCheck", words).with_status(404));
    }
    let has = |member: &str| set.contains_key(member);
    let kinds = usize::from(has("AliasTarget")) + usize::from(has("TTL") || has("ResourceRecords"));
    if kinds != 1 || has("TTL") != has("ResourceRecords") {
        let found = if kinds > 1 { "more than one" } else { "none" };
        return refuse(format!(
            "Expected exactly one of [AliasTarget, all of [TTL, and ResourceRecords], or TrafficPolicyInstanceId], but \
             found {found}"
        ));
    }
    // A multivalue answer that is not wanted says nothing.
    let is_said = |member: &&&str| set.get(**member).is_some_and(|value| *value != json!(false));
    let policies = POLICIES.iter().filter(is_said).count();
    match (policies, has("SetIdentifier")) {
        (0, false) | (1, true) => Ok(()),
        (0, true) => refuse(format!("Expected exactly one of [{}], but found none", POLICIES.join(", "))),
        (1, false) => refuse("Missing field 'SetIdentifier'".into()),
        (..) => refuse(format!("Expected exactly one of [{}], but found more than one", POLICIES.join(", "))),
    }
}

/// Writes the name of an alias's target as Route 53 answers it, and leaves out what is as good as absent.
fn spell(set: &mut Document) {
    if let Some(target) = set.get_mut("AliasTarget").and_then(|target| target.get_mut("DNSName")) {
        *target = json!(name::canonical(target.as_str().unwrap_or_default()));
    }
    if set.get("MultiValueAnswer") == Some(&json!(false)) {
        set.shift_remove("MultiValueAnswer");
    }
}

/// A zone as it would be after the changes so far.
struct Draft<'a> {
    world: &'a World,
    zone: &'a Zone,
    touched: BTreeMap<String, Option<RecordSet>>,
}

impl Draft<'_> {
    fn get(&self, key: &str) -> Option<RecordSet> {
        match self.touched.get(key) {
            Some(set) => set.clone(),
            None => self.world.records.get("", key),
        }
    }

    /// Returns the sets of a name.
    fn at(&self, name: &str) -> Vec<RecordSet> {
        let stored = set::at(self.world, &self.zone.id, name).filter(|set| !self.touched.contains_key(set.id()));
        let touched = self.touched.values().flatten().filter(|set| set.name() == name).cloned();
        stored.chain(touched).collect()
    }

    /// Makes one change, or says why not.
    fn make(&mut self, action: Action, set: RecordSet) -> Result<(), String> {
        let (name, kind, zone) = (set.name().to_owned(), set.kind().to_owned(), self.zone.name.clone());
        if let Some(fault) = name::fault(&name) {
            return Err(format!("FATAL problem: {fault} (Domain label is not valid) encountered with '{name}'"));
        }
        if !name::is_within(&name, &zone) {
            return Err(format!("RRSet with DNS name {name} is not permitted in zone {zone}"));
        }
        let known = self.get(set.id());
        let told = match set.identifier() {
            "" => format!("[name='{name}', type='{kind}']"),
            identifier => format!("[name='{name}', type='{kind}', set identifier='{identifier}']"),
        };
        if action == Action::Delete {
            let known =
                known.ok_or_else(|| format!("Tried to delete resource record set {told} but it was not found"))?;
            if !is_same(&known.body, &set.body) {
                let words = "but the values provided do not match the current values";
                return Err(format!("Tried to delete resource record set {told} {words}"));
            }
            if name == zone && kind == "SOA" {
                return Err("A HostedZone must contain exactly one SOA record.".into());
            }
            if name == zone && kind == "NS" {
                return Err("A HostedZone must contain at least one NS record for the zone itself.".into());
            }
            self.touched.insert(set.id().to_owned(), None);
            return Ok(());
        }
        if action == Action::Create && known.is_some() {
            return Err(format!("Tried to create resource record set {told} but it already exists"));
        }
        self.fits(&set)?;
        self.touched.insert(set.id().to_owned(), Some(set));
        Ok(())
    }

    /// Whether a set may be beside the others.
    fn fits(&self, set: &RecordSet) -> Result<(), String> {
        let (name, kind, zone) = (set.name(), set.kind(), &self.zone.name);
        if kind == "CNAME" && name == zone {
            return Err(format!("RRSet of type CNAME with DNS name {name} is not permitted at apex in zone {zone}"));
        }
        if kind == "SOA" && name != zone {
            return Err(format!("RRSet of type SOA with DNS name {name} is not permitted in zone {zone}"));
        }
        if let Some(fault) = values::fault(kind, set.values()) {
            return Err(format!("Invalid Resource Record: FATAL problem: {fault}"));
        }
        self.has_target(set)?;
        let others: Vec<RecordSet> = self.at(name).into_iter().filter(|other| other.id() != set.id()).collect();
        if kind == "CNAME" && others.iter().any(|other| other.kind() != "CNAME") {
            return Err(format!(
                "RRSet of type CNAME with DNS name {name} is not permitted as it conflicts with other records with the \
                 same DNS name in zone {zone}"
            ));
        }
        if kind != "CNAME" && others.iter().any(|other| other.kind() == "CNAME") {
            return Err(format!(
                "RRSet of type {kind} with DNS name {name} is not permitted because a conflicting RRSet of type CNAME \
                 with the same DNS name already exists in zone {zone}"
            ));
        }
        let policy = |set: &RecordSet| POLICIES.into_iter().find(|member| set.body.contains_key(*member));
        let mut same = others.iter().filter(|other| other.kind() == kind);
        match same.find(|other| policy(other) != policy(set)) {
            Some(other) => {
                let identifier = Some(set.identifier()).filter(|text| !text.is_empty()).unwrap_or("null");
                let has = policy(other).unwrap_or("no routing policy");
                Err(format!(
                    "RRSet with DNS name {name}, type {kind}, SetIdentifier {identifier} cannot be created because a \
                     RRSet with {has} exists with the same name and type"
                ))
            }
            None => Ok(()),
        }
    }

    /// An alias of a name in its own zone needs records there of its type.
    fn has_target(&self, set: &RecordSet) -> Result<(), String> {
        let Some((zone, target)) = set.alias() else { return Ok(()) };
        if zone != self.zone.id {
            return Ok(());
        }
        let tried = format!("Tried to create an alias that targets {target}, type {} in zone {zone}", set.kind());
        if !name::is_within(target, &self.zone.name) {
            return Err(format!("{tried}, but the alias target name does not lie within the target zone"));
        }
        if target == set.name() || !self.at(target).iter().any(|other| other.kind() == set.kind()) {
            return Err(format!("{tried}, but that target was not found"));
        }
        Ok(())
    }
}

/// Whether a set is the one that is to be deleted: all its members, and its values in any order.
fn is_same(known: &Document, asked: &Document) -> bool {
    let values = |set: &Document| {
        let mut values: Vec<String> =
            set.get("ResourceRecords").and_then(Value::as_array).into_iter().flatten().map(Value::to_string).collect();
        values.sort();
        values
    };
    let rest = |set: &Document| {
        let mut rest = set.clone();
        rest.shift_remove("ResourceRecords");
        rest
    };
    values(known) == values(asked) && rest(known) == rest(asked)
}
