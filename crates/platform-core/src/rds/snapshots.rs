//! Snapshots: taken, copied, shared on paper, deleted, described.

use std::collections::BTreeMap;

use aws_model::AwsError;
use serde_json::{Value, json};

use super::create::event_of;
use super::input::{self, done, filters, flag, identifier, page, snapshot_named, state, text, texts, value};
use super::instance::{Instance, Rest};
use super::show;
use super::snapshot::Snapshot;
use super::work::{Facts, Kind, Work};
use crate::{Change, Cx, Input, Outcome, World};

/// Returns a new snapshot of an instance, that is being taken. `named` says which member has its name.
pub(super) fn new(
    world: &World,
    cx: &mut Cx<'_>,
    input: &Input,
    named: &str,
    instance: &Instance,
) -> Result<Snapshot, AwsError> {
    let id = identifier(input, named, 255)?;
    taken(world, cx, &id)?;
    let mut tags = input::tags(input)?;
    if instance.shape.flags.copy_tags {
        for (key, value) in &instance.tags {
            tags.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
    let mut shape = instance.shape.clone();
    // A secret belongs to its instance.
    (shape.secret, shape.secret_key) = (None, None);
    Ok(Snapshot {
        region: cx.region.to_owned(),
        resource: format!("snap-{}", cx.ids.hex32()),
        id,
        instance: instance.id.clone(),
        instance_resource: instance.resource.clone(),
        instance_created_at: instance.created_at,
        shape,
        automated: false,
        status: "creating".to_owned(),
        percent: 0,
        created_at: cx.now,
        original_at: cx.now,
        source: None,
        work: None,
        turn: 0,
        facts: Facts::default(),
        shared_with: Vec::new(),
        tags,
    })
}

fn taken(world: &World, cx: &Cx<'_>, id: &str) -> Result<(), AwsError> {
    if world.records.all::<Snapshot>(cx.region).any(|known| known.id == id) {
        let words = format!("Cannot create the snapshot because a snapshot with the identifier {id} already exists.");
        return Err(AwsError::new("DBSnapshotAlreadyExists", words));
    }
    Ok(())
}

/// CreateDBSnapshot.
pub(super) fn create(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let mut instance = input::instance(world, cx, &input)?;
    let can = instance.queue.is_empty() && matches!(instance.rest, Rest::Available | Rest::Stopped | Rest::StorageFull);
    if !can {
        return Err(state(format!(
            "Cannot create a snapshot because the database instance {} is not currently in the available state: it is {}.",
            instance.id,
            instance.status()
        )));
    }
    let snapshot = new(world, cx, &input, "DBSnapshotIdentifier", &instance)?;
    instance.queue.push(Kind::Snapshot { snapshot: snapshot.resource.clone() });
    let mut changes = event_of(world, cx, &instance, "backup", "Backing up DB instance");
    changes.extend([Change::put(&snapshot), Change::put(&instance)]);
    Ok(done(json!({"DBSnapshot": show::snapshot(world, cx, &snapshot)}), changes))
}

/// CopyDBSnapshot, within a region.
pub(super) fn copy(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let from = text(&input, "SourceDBSnapshotIdentifier").unwrap_or_default();
    if aws_model::arn::Arn::parse(from).is_some_and(|arn| arn.region != cx.region) {
        return Err(value(format!("The snapshot {from} is in another region, and is not copied from there here.")));
    }
    let source = snapshot_named(world, cx, from)?;
    if source.status != "available" {
        return Err(not_available(&source));
    }
    let id = identifier(&input, "TargetDBSnapshotIdentifier", 255)?;
    taken(world, cx, &id)?;
    let mut tags = input::tags(&input)?;
    if tags.is_empty() && flag(&input, "CopyTags") == Some(true) {
        tags.clone_from(&source.tags);
    }
    let resource = format!("snap-{}", cx.ids.hex32());
    let mut shape = source.shape.clone();
    if let Some(key) = input.get("KmsKeyId") {
        shape.flags.encrypted = true;
        shape.described.insert("KmsKeyId".to_owned(), key.clone());
    }
    let copy = Snapshot {
        id,
        automated: false,
        shape,
        status: "copying".to_owned(),
        percent: 0,
        created_at: cx.now,
        source: Some(cx.arn("rds", &format!("snapshot:{}", source.id))),
        work: Some(Work::CopySnapshot { from: source.resource.clone(), to: resource.clone() }),
        resource,
        turn: 0,
        facts: Facts::default(),
        shared_with: Vec::new(),
        tags,
        ..source
    };
    Ok(done(json!({"DBSnapshot": show::snapshot(world, cx, &copy)}), vec![Change::put(&copy)]))
}

fn not_available(snapshot: &Snapshot) -> AwsError {
    let words = format!("The snapshot {} is not in the available state: it is {}.", snapshot.id, snapshot.status);
    AwsError::new("InvalidDBSnapshotState", words)
}

/// DeleteDBSnapshot.
pub(super) fn delete(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let mut snapshot = snapshot_named(world, cx, text(&input, "DBSnapshotIdentifier").unwrap_or_default())?;
    if snapshot.automated {
        let words = format!("Automated snapshots cannot be deleted: {}", snapshot.id);
        return Err(AwsError::new("InvalidDBSnapshotState", words));
    }
    // "The DB snapshot must be in the available state to be deleted" (API reference); one that failed can go too.
    if !["available", "failed"].contains(&snapshot.status.as_str()) {
        return Err(not_available(&snapshot));
    }
    if let Some(user) = users(world, cx, &snapshot.resource).first() {
        let words = format!("The snapshot {} is being restored or copied: {user}.", snapshot.id);
        return Err(AwsError::new("InvalidDBSnapshotState", words));
    }
    "deleting".clone_into(&mut snapshot.status);
    snapshot.work = Some(Work::DropSnapshot { snapshot: snapshot.resource.clone() });
    // The answer says what it becomes: `deleted`.
    let mut shown = show::snapshot(world, cx, &snapshot);
    shown["Status"] = "deleted".into();
    Ok(done(json!({"DBSnapshot": shown}), vec![Change::put(&snapshot)]))
}

/// Returns who reads a snapshot's files at this time.
fn users(world: &World, cx: &Cx<'_>, resource: &str) -> Vec<String> {
    let restores = |instance: &Instance| matches!(instance.queue.first(), Some(Kind::Create { origin: super::work::Origin::Snapshot(of), .. }) if of == resource);
    let copies =
        |snapshot: &Snapshot| matches!(&snapshot.work, Some(Work::CopySnapshot { from, .. }) if from == resource);
    let instances = world.records.all::<Instance>(cx.region).filter(restores).map(|instance| instance.id);
    let snapshots = world.records.all::<Snapshot>(cx.region).filter(copies).map(|snapshot| snapshot.id);
    instances.chain(snapshots).collect()
}

/// DescribeDBSnapshots.
pub(super) fn describe(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    // API reference, DescribeDBSnapshots, Filters.
    let known = ["db-instance-id", "db-snapshot-id", "dbi-resource-id", "snapshot-type", "engine"];
    let filters = filters(input, &known)?;
    let kind = |snapshot: &Snapshot| if snapshot.automated { "automated" } else { "manual" };
    let (instance, resource) = (text(input, "DBInstanceIdentifier"), text(input, "DbiResourceId"));
    let wanted = text(input, "SnapshotType");
    let has = |snapshot: &Snapshot| {
        instance.is_none_or(|id| id.rsplit(':').next().is_some_and(|id| id.eq_ignore_ascii_case(&snapshot.instance)))
            && resource.is_none_or(|resource| resource == snapshot.instance_resource)
            && wanted.is_none_or(|wanted| wanted == kind(snapshot))
            && filters.iter().all(|(name, values)| {
                values.iter().any(|value| match *name {
                    "db-instance-id" => {
                        value.rsplit(':').next().is_some_and(|id| id.eq_ignore_ascii_case(&snapshot.instance))
                    }
                    "db-snapshot-id" => value.eq_ignore_ascii_case(&snapshot.id),
                    "dbi-resource-id" => *value == snapshot.instance_resource,
                    "snapshot-type" => *value == kind(snapshot),
                    _ => *value == "postgres",
                })
            })
    };
    let mut found: Vec<Snapshot> = match text(input, "DBSnapshotIdentifier") {
        Some(name) => vec![snapshot_named(world, cx, name)?],
        None => world.records.all(cx.region).collect(),
    };
    found.retain(has);
    found.sort_by(|a, b| a.id.cmp(&b.id));
    Ok(page(input, "DBSnapshots", found.iter().map(|s| (s.id.clone(), show::snapshot(world, cx, s)))))
}

fn attributes(snapshot: &Snapshot) -> Value {
    json!({"DBSnapshotAttributesResult": {
        "DBSnapshotIdentifier": snapshot.id,
        "DBSnapshotAttributes": [{"AttributeName": "restore", "AttributeValues": snapshot.shared_with}],
    }})
}

/// DescribeDBSnapshotAttributes.
pub(super) fn describe_attributes(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let snapshot = snapshot_named(world, cx, text(input, "DBSnapshotIdentifier").unwrap_or_default())?;
    Ok(attributes(&snapshot))
}

/// ModifyDBSnapshotAttribute. There is one account here: what is shared is written down.
pub(super) fn modify_attribute(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let mut snapshot = snapshot_named(world, cx, text(&input, "DBSnapshotIdentifier").unwrap_or_default())?;
    let name = text(&input, "AttributeName").unwrap_or_default();
    if name != "restore" {
        return Err(value(format!("Invalid attribute name: {name}. It must be restore.")));
    }
    if snapshot.automated {
        return Err(not_available(&snapshot));
    }
    let out = texts(&input, "ValuesToRemove");
    snapshot.shared_with.retain(|account| !out.contains(&account.as_str()));
    for account in texts(&input, "ValuesToAdd") {
        let is_account = account.len() == 12 && account.bytes().all(|digit| digit.is_ascii_digit());
        if account != "all" && !is_account {
            return Err(value(format!("Invalid account id: {account}")));
        }
        if !snapshot.shared_with.iter().any(|known| known == account) {
            snapshot.shared_with.push(account.to_owned());
        }
    }
    Ok(done(attributes(&snapshot), vec![Change::put(&snapshot)]))
}

/// The kinds of what has tags, by the part of the ARN that names the kind.
pub(super) fn retag(
    world: &World,
    cx: &Cx<'_>,
    name: &str,
    change: impl FnOnce(&mut BTreeMap<String, String>),
) -> Result<Change, AwsError> {
    let mut snapshot = snapshot_named(world, cx, name)?;
    change(&mut snapshot.tags);
    Ok(Change::put(&snapshot))
}
