//! How do CloudWatch's alarms stand, as the rest of the world sees them, and what follows when one changes?
//!
//! CloudWatch's own truth is elsewhere (crate `metrics`), which tells of each change once it is durable there. Here is
//! what ECS would see when it polls DescribeAlarms during a deployment, and what EventBridge hears.

use aws_model::Millis;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::Cx;
use crate::events::bus::DEFAULT;
use crate::events::event::{Said, event};
use crate::events::published::Published;
use crate::service::alarmed;
use crate::world::{Change, Record, World};

/// An alarm, as far as others act upon it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmSeen {
    /// Region.
    pub region: String,
    /// Name.
    pub name: String,
    /// Whether it is in ALARM.
    pub is_raised: bool,
    /// How long its metric must be watched until all that it is judged by was measured after the beginning, in
    /// milliseconds; 0 for one that watches other alarms.
    pub window: Millis,
    /// The alarms that it watches.
    pub watches: Vec<String>,
}

impl Record for AlarmSeen {
    const TABLE: &'static str = "cloudwatch.alarms";

    fn region(&self) -> &str {
        &self.region
    }

    fn id(&self) -> &str {
        &self.name
    }
}

/// What CloudWatch tells of one change of an alarm.
#[derive(Debug, Clone, PartialEq)]
pub struct Told<'a> {
    /// The alarm's name.
    pub name: &'a str,
    /// Its ARN.
    pub arn: &'a str,
    /// When it changed.
    pub at: Millis,
    /// How it stands now; none if it is gone.
    pub seen: Option<AlarmSeen>,
    /// The event for EventBridge: its `detail-type` and `detail`.
    pub event: Option<(&'a str, &'a Value)>,
}

/// Decides what follows from a change of an alarm: told twice, only the event is published twice.
pub fn told(world: &World, cx: &mut Cx<'_>, told: &Told<'_>) -> Vec<Change> {
    let before = world.records.get::<AlarmSeen>(cx.region, told.name);
    let mut changes = Vec::new();
    match &told.seen {
        Some(seen) if before.as_ref() != Some(seen) => changes.push(Change::put(seen)),
        None if before.is_some() => changes.push(Change::remove::<AlarmSeen>(cx.region, told.name)),
        _ => {}
    }
    if told.seen.as_ref().is_some_and(|seen| seen.is_raised) {
        changes.extend(alarmed(world, cx.region, told.name));
    }
    if let Some((kind, detail)) = told.event {
        let said = Said {
            source: "aws.cloudwatch",
            kind,
            at: told.at,
            resources: vec![told.arn.to_owned()],
            detail: detail.clone(),
        };
        let event = event(cx, said);
        changes.extend(Published::new(cx, DEFAULT, event, 0).wanted(world));
    }
    changes
}

/// Returns whether an alarm is in ALARM; one that is not there is not.
pub(crate) fn is_raised(world: &World, region: &str, name: &str) -> bool {
    world.records.get::<AlarmSeen>(region, name).is_some_and(|seen| seen.is_raised)
}

/// Returns how long an alarm must be watched until it has judged only what was measured since: its own window, or the
/// longest of those that it watches.
pub(crate) fn window(world: &World, region: &str, name: &str) -> Millis {
    // Alarms may watch each other in a circle; each is asked once.
    let (mut longest, mut asked, mut next) = (0, Vec::new(), vec![name.to_owned()]);
    while let Some(name) = next.pop() {
        if asked.contains(&name) {
            continue;
        }
        if let Some(seen) = world.records.get::<AlarmSeen>(region, &name) {
            longest = longest.max(seen.window);
            next.extend(seen.watches);
        }
        asked.push(name);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_of_alarms_is_watched_for_as_long_as_the_longest_of_them() {
        let mut world = World::default();
        for (name, window, watches) in [
            ("a", 60_000, vec![]),
            ("b", 300_000, vec![]),
            ("both", 0, vec!["a", "b", "circle"]),
            ("circle", 0, vec!["both"]),
        ] {
            world.apply(Change::put(&AlarmSeen {
                region: "r".into(),
                name: name.into(),
                is_raised: false,
                window,
                watches: watches.into_iter().map(str::to_owned).collect(),
            }));
        }
        assert_eq!(["a", "both", "none"].map(|name| super::window(&world, "r", name)), [60_000, 300_000, 0]);
    }
}
