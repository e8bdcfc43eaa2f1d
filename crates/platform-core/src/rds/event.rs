//! What happened to an instance or a snapshot, in RDS's words: DescribeEvents.

use aws_model::{AwsError, Millis};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::input::{combination, number, page, text, texts};
use crate::world::Record;
use crate::{Change, Cx, Input, World};

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

/// DescribeEvents: those of the last hour unless it says otherwise.
pub(super) fn describe(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let instant = |name: &str| input.get(name).and_then(Value::as_f64).map(|seconds| (seconds * 1000.0) as Millis);
    let (kind, source) = (text(input, "SourceType"), text(input, "SourceIdentifier"));
    if source.is_some() && kind.is_none() {
        return Err(combination("SourceType must be provided if SourceIdentifier is"));
    }
    let duration = number(input, "Duration");
    if duration.is_some() && input.contains_key("StartTime") {
        return Err(combination("Duration and StartTime cannot be given together"));
    }
    let to = instant("EndTime").unwrap_or(cx.now);
    let from = instant("StartTime").unwrap_or(to - duration.unwrap_or(60) * 60_000);
    let categories = texts(input, "EventCategories");
    let has = |event: &Event| {
        (from..=to).contains(&event.at)
            && kind.is_none_or(|kind| kind == event.kind)
            && source.is_none_or(|source| source.eq_ignore_ascii_case(&event.source))
            && (categories.is_empty() || event.categories.iter().any(|own| categories.contains(&own.as_str())))
    };
    let shown = |event: Event| {
        let body = json!({
            "SourceIdentifier": event.source, "SourceType": event.kind, "Message": event.message,
            "EventCategories": event.categories, "Date": aws_model::seconds(event.at), "SourceArn": event.arn,
        });
        (event.id, body)
    };
    Ok(page(input, "Events", world.records.all::<Event>(cx.region).filter(has).map(shown)))
}
