//! Reads what calls say, and refuses it in RDS's words.

use std::collections::BTreeMap;

use aws_model::page::{Order, cut};
use aws_model::{AwsError, Document, Service};
use serde_json::{Value, json};

use super::instance::Instance;
use super::snapshot::Snapshot;
use crate::{Change, Cx, Input, Outcome, World};

pub(super) fn text<'i>(input: &'i Document, name: &str) -> Option<&'i str> {
    input.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

pub(super) fn texts<'i>(input: &'i Document, name: &str) -> Vec<&'i str> {
    input.get(name).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect()
}

pub(super) fn flag(input: &Document, name: &str) -> Option<bool> {
    input.get(name).and_then(Value::as_bool)
}

pub(super) fn number(input: &Document, name: &str) -> Option<i64> {
    input.get(name).and_then(Value::as_i64)
}

/// Returns a number of days, gigabytes, a port: what does not fit is refused.
pub(super) fn sized<T: TryFrom<i64>>(input: &Document, name: &str) -> Result<Option<T>, AwsError> {
    let Some(number) = number(input, name) else { return Ok(None) };
    T::try_from(number).map(Some).map_err(|_| value(format!("Invalid value {number} for parameter {name}")))
}

pub(super) fn value(message: impl Into<String>) -> AwsError {
    AwsError::new("InvalidParameterValue", message)
}

pub(super) fn combination(message: impl Into<String>) -> AwsError {
    AwsError::new("InvalidParameterCombination", message)
}

pub(super) fn state(message: impl Into<String>) -> AwsError {
    AwsError::new("InvalidDBInstanceState", message)
}

/// Refuses, by name, what nothing here has a meaning for.
pub(super) fn refuse(input: &Input, members: &[&str]) -> Result<(), AwsError> {
    match members.iter().find(|name| input.get(**name).is_some_and(|value| *value != json!(false))) {
        Some(name) => Err(combination(format!("{name} is not available on this platform"))),
        None => Ok(()),
    }
}

/// Returns an identifier in small letters ("stored as a lowercase string", API reference, CreateDBInstance).
pub(super) fn identifier(input: &Document, name: &str, longest: usize) -> Result<String, AwsError> {
    let given = text(input, name).unwrap_or_default();
    let is_fit = given.len() <= longest
        && given.starts_with(|c: char| c.is_ascii_alphabetic())
        && given.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
        && !given.ends_with('-')
        && !given.contains("--");
    if !is_fit {
        return Err(value(format!(
            "The parameter {name} is not a valid identifier. Identifiers must begin with a letter; must contain only ASCII \
             letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive hyphens."
        )));
    }
    Ok(given.to_ascii_lowercase())
}

pub(super) fn tags(input: &Document) -> Result<BTreeMap<String, String>, AwsError> {
    let mut tags = BTreeMap::new();
    for tag in input.get("Tags").and_then(Value::as_array).into_iter().flatten() {
        let member = |name: &str| tag.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (key, value) = (member("Key"), member("Value"));
        aws_model::tags::refuse(Service::Rds, [(key.as_str(), value.as_str())])?;
        tags.insert(key, value);
    }
    aws_model::tags::refuse_many(Service::Rds, tags.len())?;
    Ok(tags)
}

pub(super) fn tag_list(tags: &BTreeMap<String, String>) -> Value {
    tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
}

/// Returns an instance by its identifier, or its ARN.
pub(super) fn instance_named(world: &World, cx: &Cx<'_>, name: &str) -> Result<Instance, AwsError> {
    let id = name.rsplit(':').next().unwrap_or(name).to_ascii_lowercase();
    let mut all = world.records.all::<Instance>(cx.region);
    all.find(|instance| instance.id == id)
        .ok_or_else(|| AwsError::new("DBInstanceNotFound", format!("DBInstance {id} not found.")))
}

pub(super) fn instance(world: &World, cx: &Cx<'_>, input: &Document) -> Result<Instance, AwsError> {
    instance_named(world, cx, text(input, "DBInstanceIdentifier").unwrap_or_default())
}

/// Returns a snapshot by its identifier (automated ones begin with `rds:`), or its ARN.
pub(super) fn snapshot_named(world: &World, cx: &Cx<'_>, name: &str) -> Result<Snapshot, AwsError> {
    let id = if name.starts_with("arn:") { name.splitn(7, ':').nth(6).unwrap_or(name) } else { name };
    let id = id.to_ascii_lowercase();
    let mut all = world.records.all::<Snapshot>(cx.region);
    all.find(|snapshot| snapshot.id == id)
        .ok_or_else(|| AwsError::new("DBSnapshotNotFound", format!("DBSnapshot {id} not found.")))
}

/// Cuts a page ("MaxRecords ... Default: 100").
pub(super) fn page(input: &Document, list: &str, rows: impl IntoIterator<Item = (String, Value)>) -> Value {
    let most = number(input, "MaxRecords").map_or(100, |most| usize::try_from(most.clamp(1, 1000)).unwrap_or(100));
    let page = cut(rows, Order::Rising, text(input, "Marker"), most);
    let mut reply = json!({list: page.items});
    if let Some(next) = page.next {
        reply["Marker"] = next.into();
    }
    reply
}

/// Returns the filters of a call, name and values; a name that the operation does not have is refused.
pub(super) fn filters<'i>(input: &'i Document, known: &[&str]) -> Result<Vec<(&'i str, Vec<&'i str>)>, AwsError> {
    let mut all = Vec::new();
    for filter in input.get("Filters").and_then(Value::as_array).into_iter().flatten() {
        let Some(filter) = filter.as_object() else { continue };
        let name = text(filter, "Name").unwrap_or_default();
        if !known.contains(&name) {
            return Err(value(format!("Unrecognized filter name: {name}")));
        }
        all.push((name, texts(filter, "Values")));
    }
    Ok(all)
}

pub(super) fn done(reply: Value, changes: Vec<Change>) -> Outcome {
    Outcome { reply, changes }
}
