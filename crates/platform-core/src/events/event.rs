//! What an event looks like.

use aws_model::{Document, Millis};
use serde_json::{Value, json};
use timetable::Zone;

use crate::Cx;

/// Most of an event (EventBridge's quotas; PutEvents counts a whole request).
pub(crate) const LARGEST: usize = 256 * 1024;

/// What is said in an event; the envelope is the bus's (user guide, "Event structure reference").
pub(crate) struct Said<'a> {
    /// Who says it, e.g. `aws.ecs`.
    pub(crate) source: &'a str,
    /// What kind of thing it is.
    pub(crate) kind: &'a str,
    /// When it happened.
    pub(crate) at: Millis,
    /// ARNs of what it is about.
    pub(crate) resources: Vec<String>,
    /// What happened.
    pub(crate) detail: Value,
}

/// Returns an event as rules see it.
pub(crate) fn event(cx: &mut Cx<'_>, said: Said<'_>) -> Document {
    let event = json!({
        "version": "0",
        "id": cx.ids.uuid(),
        "detail-type": said.kind,
        "source": said.source,
        "account": cx.account,
        "time": seconds(said.at),
        "region": cx.region,
        "resources": said.resources,
        "detail": said.detail,
    });
    let Value::Object(event) = event else { unreachable!("it was built as an object") };
    event
}

/// Returns `2026-11-30T06:00:00Z`.
pub(crate) fn seconds(at: Millis) -> String {
    let wall = Zone::UTC.wall(at.div_euclid(1000) * 1000);
    wall.map_or_else(String::new, |wall| format!("{wall}Z"))
}

/// Returns `2026-11-30T06:00:00.123Z`.
pub(crate) fn millis(at: Millis) -> String {
    let whole = seconds(at);
    format!("{}.{:03}Z", whole.trim_end_matches('Z'), at.rem_euclid(1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_aws_does() {
        assert_eq!(seconds(1_700_000_000_999), "2023-11-14T22:13:20Z");
        assert_eq!(millis(1_700_000_000_007), "2023-11-14T22:13:20.007Z");
    }
}
