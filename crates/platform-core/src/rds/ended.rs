//! What follows from the end of a work, and from what an instance does by itself.

use super::event::{self, Of};
use super::instance::{Instance, Rest};
use super::snapshot::Snapshot;
use super::work::{Facts, FailureKind, Kind, Told, Work};
use crate::{Change, Cx, World};

/// Of an instance; `ends` if it is the work under way that it is told of.
pub(super) fn instance(world: &World, cx: &mut Cx<'_>, mut instance: Instance, ends: bool, told: Told) -> Vec<Change> {
    let arn = cx.arn("rds", &format!("db:{}", instance.id));
    let id = instance.id.clone();
    let of = Of { kind: "db-instance", id: &id, arn };
    match told {
        Told::Done(facts) if ends && !instance.queue.is_empty() => done(world, cx, instance, &of, facts),
        Told::Failed { code, why } if ends && !instance.queue.is_empty() => failed(world, cx, instance, &of, code, why),
        Told::Done(_) | Told::Failed { .. } => Vec::new(),
        Told::Progress { percent } => {
            let percent = percent.min(99);
            let mut changes = Vec::new();
            if let Some(Kind::Snapshot { snapshot }) = instance.queue.first()
                && let Some(mut snapshot) = world.records.get::<Snapshot>(&instance.region, snapshot)
            {
                snapshot.percent = percent;
                changes.push(Change::put(&snapshot));
            }
            instance.percent = Some(percent);
            changes.push(Change::put(&instance));
            changes
        }
        Told::Died { why } => {
            if instance.rest == Rest::Available {
                instance.rest = Rest::Recovering;
            }
            instance.why = Some(why.clone());
            let mut changes = event::put(world, cx, &of, "failure", format!("The database process ended: {why}"));
            changes.push(Change::put(&instance));
            changes
        }
        Told::Restarted => {
            if matches!(instance.rest, Rest::Recovering | Rest::StorageFull) {
                instance.rest = Rest::Available;
            }
            instance.why = None;
            instance.reboot_pending = false;
            let mut changes = event::put(world, cx, &of, "availability", "DB instance restarted");
            changes.push(Change::put(&instance));
            changes
        }
        Told::Reached(facts) => {
            learn(&mut instance, facts);
            vec![Change::put(&instance)]
        }
        Told::Restorable { from, to } => {
            instance.restorable = Some((from, to));
            vec![Change::put(&instance)]
        }
        Told::Used { bytes } => {
            instance.facts.bytes = bytes;
            vec![Change::put(&instance)]
        }
        Told::Full { why } => {
            instance.rest = Rest::StorageFull;
            instance.why = Some(why.clone());
            // RDS-EVENT-0007 (RDS user guide, "Amazon RDS event categories").
            let words = format!("The allocated storage for the DB instance has been exhausted: {why}");
            let mut changes = event::put(world, cx, &of, "low storage", words);
            changes.push(Change::put(&instance));
            changes
        }
        Told::Note { words } => event::put(world, cx, &of, "notification", words),
    }
}

/// Takes over what is known, and keeps what is not told.
fn learn(instance: &mut Instance, facts: Facts) {
    if !facts.version.is_empty() {
        instance.shape.version.clone_from(&facts.version);
    }
    let bytes = if facts.bytes == 0 { instance.facts.bytes } else { facts.bytes };
    instance.facts = Facts { bytes, ..facts };
}

fn done(world: &World, cx: &mut Cx<'_>, mut instance: Instance, of: &Of<'_>, facts: Facts) -> Vec<Change> {
    let kind = instance.queue.remove(0);
    instance.turn += 1;
    instance.percent = None;
    let how = if facts.how.is_empty() { String::new() } else { format!(" ({})", facts.how) };
    // The words of RDS-EVENT-0005, 0088, 0087, 0006, 0003, 0002 and 0012 (RDS user guide, "Amazon RDS event categories
    // and event messages").
    let (category, words) = match &kind {
        Kind::Create { .. } => ("creation", "DB instance created".to_owned()),
        Kind::Start => ("notification", "DB instance started".to_owned()),
        Kind::Stop => ("notification", "DB instance stopped".to_owned()),
        Kind::Reboot => ("availability", "DB instance restarted".to_owned()),
        Kind::Delete => ("deletion", "DB instance deleted".to_owned()),
        Kind::Snapshot { .. } => ("backup", "Finished DB Instance backup".to_owned()),
        Kind::Apply { .. } => ("configuration change", "Finished applying modification to DB instance".to_owned()),
    };
    let mut changes = event::put(world, cx, of, category, words + &how);
    match &kind {
        Kind::Delete => {
            changes.push(Change::remove::<Instance>(&instance.region, &instance.resource));
            changes.extend(automated_of(world, &instance));
            return changes;
        }
        Kind::Stop => {
            instance.rest = Rest::Stopped;
            instance.stopped_at = Some(cx.now);
            learn(&mut instance, Facts { address: None, local_port: None, ..facts });
        }
        Kind::Snapshot { snapshot } => {
            if let Some(mut snapshot) = world.records.get::<Snapshot>(&instance.region, snapshot) {
                "available".clone_into(&mut snapshot.status);
                snapshot.percent = 100;
                snapshot.facts = facts;
                changes.push(Change::put(&snapshot));
            }
        }
        Kind::Create { .. } | Kind::Start | Kind::Reboot => {
            instance.rest = Rest::Available;
            instance.why = None;
            instance.stopped_at = None;
            instance.reboot_pending = false;
            learn(&mut instance, facts);
        }
        Kind::Apply { restart } => {
            if *restart {
                instance.reboot_pending = false;
            }
            let runs = instance.rest != Rest::Stopped;
            if runs {
                instance.rest = Rest::Available;
                instance.why = None;
                learn(&mut instance, facts);
            }
        }
    }
    changes.push(Change::put(&instance));
    changes
}

fn failed(
    world: &World,
    cx: &mut Cx<'_>,
    mut instance: Instance,
    of: &Of<'_>,
    code: FailureKind,
    why: String,
) -> Vec<Change> {
    let kind = instance.queue.remove(0);
    instance.turn += 1;
    instance.percent = None;
    let category = if matches!(kind, Kind::Snapshot { .. }) { "backup" } else { "failure" };
    let words = match &kind {
        Kind::Create { .. } => "The DB instance could not be created",
        Kind::Start => "The DB instance could not be started",
        Kind::Stop => "The DB instance could not be stopped",
        Kind::Reboot => "The DB instance could not be restarted",
        Kind::Delete => "The DB instance could not be deleted",
        Kind::Snapshot { .. } => "The snapshot could not be taken",
        Kind::Apply { .. } => "The modification could not be applied",
    };
    let mut changes = event::put(world, cx, of, category, format!("{words}: {why}"));
    if let Kind::Snapshot { snapshot } = &kind {
        if let Some(mut snapshot) = world.records.get::<Snapshot>(&instance.region, snapshot) {
            "failed".clone_into(&mut snapshot.status);
            changes.push(Change::put(&snapshot));
        }
        // What was to be saved by this snapshot is not thrown away without it.
        instance.queue.retain(|kind| *kind != Kind::Delete);
    }
    match code {
        FailureKind::Unchanged => {
            if matches!(kind, Kind::Create { .. }) {
                instance.rest = Rest::Failed;
            }
        }
        FailureKind::Failed => instance.rest = Rest::Failed,
        FailureKind::StorageFull => instance.rest = Rest::StorageFull,
        FailureKind::IncompatibleParameters => instance.rest = Rest::IncompatibleParameters,
        FailureKind::IncompatibleRestore => instance.rest = Rest::IncompatibleRestore,
    }
    instance.why = Some(why);
    changes.push(Change::put(&instance));
    changes
}

/// Automated snapshots go with their instance.
fn automated_of(world: &World, instance: &Instance) -> Vec<Change> {
    let all = world.records.all::<Snapshot>(&instance.region);
    let own = all.filter(|s| s.automated && s.instance_resource == instance.resource);
    own.map(|mut snapshot| {
        "deleting".clone_into(&mut snapshot.status);
        snapshot.work = Some(Work::DropSnapshot { snapshot: snapshot.resource.clone() });
        Change::put(&snapshot)
    })
    .collect()
}

/// Of a snapshot's own work.
pub(super) fn snapshot(world: &World, cx: &mut Cx<'_>, mut snapshot: Snapshot, told: Told) -> Vec<Change> {
    let Some(work) = snapshot.work.clone() else { return Vec::new() };
    let arn = cx.arn("rds", &format!("snapshot:{}", snapshot.id));
    let id = snapshot.id.clone();
    let of = Of { kind: "db-snapshot", id: &id, arn };
    match told {
        Told::Progress { percent } => {
            snapshot.percent = percent.min(99);
            vec![Change::put(&snapshot)]
        }
        Told::Done(facts) => {
            let is_copy = matches!(work, Work::CopySnapshot { .. });
            if !is_copy {
                let mut changes = event::put(world, cx, &of, "deletion", "Deleted manual snapshot");
                changes.push(Change::remove::<Snapshot>(&snapshot.region, &snapshot.resource));
                return changes;
            }
            let how = if facts.how.is_empty() { String::new() } else { format!(" ({})", facts.how) };
            let mut changes = event::put(world, cx, &of, "creation", format!("Finished copy of snapshot{how}"));
            snapshot.work = None;
            snapshot.turn += 1;
            snapshot.percent = 100;
            snapshot.facts = facts;
            "available".clone_into(&mut snapshot.status);
            changes.push(Change::put(&snapshot));
            changes
        }
        Told::Failed { why, .. } => {
            let mut changes = event::put(world, cx, &of, "failure", why);
            snapshot.work = None;
            snapshot.turn += 1;
            "failed".clone_into(&mut snapshot.status);
            changes.push(Change::put(&snapshot));
            changes
        }
        Told::Note { words } => event::put(world, cx, &of, "notification", words),
        _ => Vec::new(),
    }
}
