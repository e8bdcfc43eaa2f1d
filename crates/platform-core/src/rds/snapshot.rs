//! What is kept of a snapshot.

use std::collections::BTreeMap;

use aws_model::Millis;
use serde::{Deserialize, Serialize};

use super::instance::Shape;
use super::work::Work;
use crate::world::Record;

/// A DB snapshot.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Its region.
    pub region: String,
    /// The name of its files; never changes.
    pub resource: String,
    /// DBSnapshotIdentifier.
    pub id: String,
    /// DBInstanceIdentifier of what it was taken of, as it was then.
    pub instance: String,
    /// DbiResourceId of that.
    pub instance_resource: String,
    /// When that was made.
    pub instance_created_at: Millis,
    /// As that was.
    pub shape: Shape,
    /// `manual` or `automated`.
    pub automated: bool,
    /// `creating`, `copying`, `available`, `failed`, `deleting`.
    pub status: String,
    /// How far it is.
    pub percent: u8,
    /// When it was asked for.
    pub created_at: Millis,
    /// When the first of its copies was.
    pub original_at: Millis,
    /// The ARN of what it was copied from.
    #[serde(default)]
    pub source: Option<String>,
    /// What is to be done with it: a copy, a removal. Taking it is the instance's work.
    #[serde(default)]
    pub work: Option<Work>,
    /// The number of that.
    pub turn: u64,
    /// What it takes, and how it was taken.
    #[serde(default)]
    pub facts: super::work::Facts,
    /// Accounts that may restore it: attribute `restore`.
    #[serde(default)]
    pub shared_with: Vec<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

impl Record for Snapshot {
    const TABLE: &'static str = "rds.snapshots";

    fn region(&self) -> &str {
        &self.region
    }

    #[expect(clippy::misnamed_getters, reason = "a record is found by its resource id, and `id` is RDS's identifier")]
    fn id(&self) -> &str {
        &self.resource
    }
}
