//! What leaves the world: an event for a log group, which is the logs' to keep.

use aws_model::{AwsError, Millis};

use super::delivery::Delivery;
use crate::world::{Record, RecordKey};
use crate::{Change, World};

/// One event to be written. Its delivery stays in the world until it is: a letter that is sent twice is in the log
/// twice, as EventBridge delivers at least once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// The delivery that it is of.
    pub delivery: RecordKey,
    /// Name of the log group.
    pub group: String,
    /// Name of the log stream.
    pub stream: String,
    /// When the event happened.
    pub at: Millis,
    /// What is written.
    pub text: String,
}

/// Returns the letter that a record is, if it is one and it is time.
pub fn due(world: &World, key: &RecordKey, now: Millis) -> Option<Letter> {
    if key.table != Delivery::TABLE {
        return None;
    }
    world.records.get::<Delivery>(&key.region, &key.id)?.letter(now)
}

/// Returns what follows from a letter's end: it was written, or refused.
pub fn posted(world: &World, key: &RecordKey, refused: Option<&AwsError>, now: Millis) -> Vec<Change> {
    match world.records.get::<Delivery>(&key.region, &key.id) {
        Some(delivery) => delivery.ended(world, refused, now),
        None => Vec::new(),
    }
}
