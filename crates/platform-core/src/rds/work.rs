//! What the world asks of whoever runs databases, and what it is told: the seam between documents and PostgreSQL.
//!
//! An operation stores what it wants as work in the record's queue. [`due`] gives the first of the queue as an
//! [`Order`]; its end is a [`Told`], which takes it out of the queue and moves the record's `turn` on, so that a report
//! of an earlier turn changes nothing. An order may be given again after a crash: every work is idempotent.

use std::collections::BTreeMap;

use aws_model::Millis;
use serde::{Deserialize, Serialize};

use super::instance::Instance;
use super::snapshot::Snapshot;
use super::{ended, settings};
use crate::world::Record;
use crate::{Change, Cx, RecordKey, World};

/// Where the data of a new instance comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Origin {
    /// Nowhere: `initdb`.
    Empty,
    /// A snapshot, by its resource id.
    Snapshot(String),
    /// Another instance as it was at a time.
    Time {
        /// The resource id of the source.
        resource: String,
        /// When.
        at: Millis,
    },
}

/// What is to be done with an instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// Make it, and start it.
    Create {
        /// With which data.
        origin: Origin,
        /// A database to make in an empty one, owned by the master user.
        database: Option<String>,
    },
    /// Start what was stopped.
    Start,
    /// Stop it; the data stays.
    Stop,
    /// Stop it and start it.
    Reboot,
    /// Stop it and remove its data. Snapshots stay.
    Delete,
    /// Take a snapshot of it.
    Snapshot {
        /// The resource id of the snapshot.
        snapshot: String,
    },
    /// Make the [`Settings`] so: parameters, password, port, name, retention. Parameters that need a restart wait for one,
    /// but for `restart`.
    Apply {
        /// Whether it is restarted for that (a port, more memory).
        restart: bool,
    },
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Work {
    /// With an instance.
    Instance {
        /// What.
        kind: Kind,
    },
    /// Copy a snapshot, both by resource id.
    CopySnapshot {
        /// What is copied.
        from: String,
        /// The new one.
        to: String,
    },
    /// Remove a snapshot's files.
    DropSnapshot {
        /// Its resource id.
        snapshot: String,
    },
}

/// One work to be begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// The record that it belongs to: an instance's or a snapshot's.
    pub record: RecordKey,
    /// Its number among the record's works; goes back with what is told of it.
    pub turn: u64,
    /// What to do.
    pub work: Work,
    /// Of the instance; none where the work is a snapshot's own.
    pub settings: Option<Settings>,
}

/// All that whoever runs an instance needs to know of it. No `Debug` of the verifier: it lets one guess passwords.
#[derive(Clone, PartialEq, Eq)]
pub struct Settings {
    /// Its region.
    pub region: String,
    /// DBInstanceIdentifier; may be changed.
    pub id: String,
    /// DbiResourceId, `db-` and 26 capitals and digits; never changes, and is the runtime's name of its task.
    pub resource: String,
    /// PostgreSQL's major version.
    pub major: u32,
    /// The port that it listens at.
    pub port: u16,
    /// Its name in the DNS.
    pub endpoint: String,
    /// The master user.
    pub user: String,
    /// Its password, as PostgreSQL keeps it (`SCRAM-SHA-256$...`).
    pub verifier: String,
    /// Parameters of its group that were set, as RDS writes them (numbers in the parameter's own unit).
    pub parameters: BTreeMap<String, String>,
    /// How long backups are kept; 0: none, and no archive.
    pub retention_days: u32,
    /// The class's memory.
    pub memory_bytes: u64,
    /// The storage asked for.
    pub storage_bytes: u64,
    /// Whether IAM's tokens are taken as passwords.
    pub iam: bool,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { region, id, resource, major, port, .. } = self;
        f.debug_struct("Settings")
            .field("region", region)
            .field("id", id)
            .field("resource", resource)
            .field("major", major)
            .field("port", port)
            .finish_non_exhaustive()
    }
}

/// How a work ended, or what happened by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// The work is done.
    Done(Facts),
    /// It failed.
    Failed {
        /// What that means for the instance.
        code: FailureKind,
        /// Why, in words for an event.
        why: String,
    },
    /// It goes on.
    Progress {
        /// How far it is.
        percent: u8,
    },
    /// PostgreSQL ended by itself; it is started again.
    Died {
        /// Why.
        why: String,
    },
    /// It runs again after it died.
    Restarted,
    /// Where its address is now, and its port on the machine: after an adoption.
    Reached(Facts),
    /// The times that can be restored.
    Restorable {
        /// The first.
        from: Millis,
        /// The last.
        to: Millis,
    },
    /// What its data takes.
    Used {
        /// Of the disk.
        bytes: u64,
    },
    /// The disk is full, and no more is written.
    Full {
        /// In words.
        why: String,
    },
    /// An RDS event.
    Note {
        /// Its message.
        words: String,
    },
}

/// What a failed work means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureKind {
    /// All is as it was before the work.
    Unchanged,
    /// The instance does not work any more.
    Failed,
    /// No room is left on the disk.
    StorageFull,
    /// PostgreSQL does not start with the parameters.
    IncompatibleParameters,
    /// The snapshot, or the data directory, is not of this version, or cannot be restored.
    IncompatibleRestore,
}

/// What is known once a work is done.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// The version that runs (`15.18`); empty where that is not known.
    pub version: String,
    /// The private address; none where it does not run.
    pub address: Option<String>,
    /// The port on 127.0.0.1 of the machine.
    pub local_port: Option<u16>,
    /// What the data, or the snapshot, takes.
    pub bytes: u64,
    /// How it was done, in words (`reflinks`, `copied 1.0 GB in 1.2 s`); empty if there is nothing to say.
    pub how: String,
}

/// An instance that there is when the platform starts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its record.
    pub record: RecordKey,
    /// As it should be.
    pub settings: Settings,
    /// Whether it should run. Where a work is under way its order comes beside this and decides.
    pub runs: bool,
}

/// All that there is when the platform starts: what belongs to none of it may be removed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Standing {
    /// Instances.
    pub instances: Vec<Known>,
    /// Resource ids of snapshots.
    pub snapshots: Vec<String>,
}

/// Returns what is to be done for a record now; none if nothing is.
pub fn due(world: &World, record: &RecordKey) -> Option<Order> {
    if record.table == Instance::TABLE {
        let instance: Instance = world.records.get(&record.region, &record.id)?;
        let kind = instance.queue.first()?.clone();
        let settings = Some(settings::of(world, &instance));
        let work = Work::Instance { kind };
        return Some(Order { record: record.clone(), turn: instance.turn, work, settings });
    }
    if record.table == Snapshot::TABLE {
        let snapshot: Snapshot = world.records.get(&record.region, &record.id)?;
        let work = snapshot.work.clone()?;
        return Some(Order { record: record.clone(), turn: snapshot.turn, work, settings: None });
    }
    None
}

/// Returns what follows from what is told. A `turn` that is over changes nothing.
pub fn told(world: &World, cx: &mut Cx<'_>, record: &RecordKey, turn: Option<u64>, told: Told) -> Vec<Change> {
    if record.table == Instance::TABLE
        && let Some(instance) = world.records.get::<Instance>(&record.region, &record.id)
        && turn.is_none_or(|turn| turn == instance.turn)
    {
        return ended::instance(world, cx, instance, turn.is_some(), told);
    }
    if record.table == Snapshot::TABLE
        && let Some(snapshot) = world.records.get::<Snapshot>(&record.region, &record.id)
        && turn == Some(snapshot.turn)
    {
        return ended::snapshot(world, cx, snapshot, told);
    }
    Vec::new()
}

/// Returns all that there is.
pub fn standing(world: &World) -> Standing {
    let known = |instance: Instance| Known {
        record: RecordKey::of::<Instance>(&instance.region, &instance.resource),
        settings: settings::of(world, &instance),
        runs: instance.should_run(),
    };
    Standing {
        instances: world.records.everywhere::<Instance>().map(known).collect(),
        snapshots: world.records.everywhere::<Snapshot>().map(|snapshot| snapshot.resource).collect(),
    }
}

/// Returns whether a kind of record has works.
pub fn is_worked_on(table: &str) -> bool {
    table == Instance::TABLE || table == Snapshot::TABLE
}

/// Nothing is decided over again and again: that a record has work is enough for the loop to look at [`due`].
pub fn decide(_: &World, _: &mut Cx<'_>, _: &RecordKey) -> crate::service::Decision {
    crate::service::Decision::default()
}
