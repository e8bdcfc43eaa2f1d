//! What happened to an instance or a snapshot, in RDS's words: DescribeEvents.

use aws_model::Millis;
use serde::{Deserialize, Serialize};

use crate::world::Record;
use crate::{Change, Cx, World};

/// "You can retrieve events ... for the past 14 days" (RDS API reference, DescribeEvents).
pub(super) const KEPT: Millis = 14 * 86_400_000;

/// An event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// Its region.
    pub region: String,
    /// By time, then by chance.
    pub id: String,
    /// SourceIdentifier.
    pub source: String,
    /// SourceType: `db-instance`, `db-snapshot`, ...
    pub kind: String,
    /// SourceArn.
    pub arn: String,
    /// Message.
    pub message: String,
    /// EventCategories.
    pub categories: Vec<String>,
    /// When.
    pub at: Millis,
}

impl Record for Event {
    const TABLE: &'static str = "rds.events";

    fn region(&self) -> &str {
        &self.region
    }

    fn id(&self) -> &str {
        &self.id
    }
}

/// Whose event it is.
pub(super) struct Of<'a> {
    pub(super) kind: &'a str,
    pub(super) id: &'a str,
    pub(super) arn: String,
}

/// Returns what puts an event, and forgets what is too old.
pub(super) fn put(
    world: &World,
    cx: &mut Cx<'_>,
    of: &Of<'_>,
    category: &str,
    message: impl Into<String>,
) -> Vec<Change> {
    let event = Event {
        region: cx.region.to_owned(),
        id: format!("{:016}-{}", cx.now, cx.ids.hex16()),
        source: of.id.to_owned(),
        kind: of.kind.to_owned(),
        arn: of.arn.clone(),
        message: message.into(),
        categories: vec![category.to_owned()],
        at: cx.now,
    };
    let old = world.records.all::<Event>(cx.region).take_while(|event| event.at < cx.now - KEPT);
    let old = old.map(|event| Change::remove::<Event>(&event.region, &event.id));
    old.chain([Change::put(&event)]).collect()
}
