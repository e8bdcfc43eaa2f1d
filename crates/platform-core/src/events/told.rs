//! What is said of everything that fires by the clock: when next, when last, what was missed, what went wrong.
//!
//! AWS shows none of it; `/_managr/schedules` does, for `managr schedules` and other readers.

use aws_model::{Millis, seconds};
use serde_json::{Value, json};

use super::rule::Rule;
use super::story::Story;
use crate::scheduler::Schedule;
use crate::world::Record;
use crate::{Change, World};

/// Returns every rule with a schedule, and every schedule of Scheduler, in all regions; and what time it is, which only
/// the platform knows when its clock is moved by hand.
pub fn all(world: &World, account: &str, now: Millis) -> Value {
    let rules = world.records.everywhere::<Rule>().filter(|rule| rule.schedule.is_some()).map(|rule| {
        let about = json!({
            "kind": "rule",
            "arn": rule.arn(account),
            "name": rule.name,
            "bus": rule.bus,
            "region": rule.region,
            "expression": rule.schedule,
            "timezone": "UTC",
            "enabled": rule.is_enabled(),
            "next": rule.next.map(seconds),
        });
        with_story(about, &rule.story)
    });
    let schedules = world.records.everywhere::<Schedule>().map(|schedule| {
        let about = json!({
            "kind": "schedule",
            "arn": schedule.arn(account),
            "name": schedule.name,
            "group": schedule.group,
            "region": schedule.region,
            "expression": schedule.document.get("ScheduleExpression"),
            "timezone": schedule.document.get("ScheduleExpressionTimezone"),
            "enabled": schedule.document.get("State").is_some_and(|state| state == "ENABLED"),
            "next": schedule.next.map(seconds),
        });
        with_story(about, &schedule.story)
    });
    json!({"now": seconds(now), "schedules": rules.chain(schedules).collect::<Vec<Value>>()})
}

/// Firings that were missed: what the operator is to know, since nothing catches them up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missed {
    /// Name of the rule or schedule.
    pub name: String,
    /// How many there are.
    pub count: u64,
    /// When the last of them should have been.
    pub last: Millis,
}

/// Returns what a change that is about to be applied counts as missed; none if it counts nothing.
pub fn missed(world: &World, change: &Change) -> Option<Missed> {
    let Change::Record(key, document) = change else { return None };
    let (before, name) = match key.table.as_str() {
        Rule::TABLE => {
            let rule: Rule = world.records.get(&key.region, &key.id)?;
            (rule.story, rule.name)
        }
        Schedule::TABLE => {
            let schedule: Schedule = world.records.get(&key.region, &key.id)?;
            (schedule.story, schedule.name)
        }
        _ => return None,
    };
    let after: Story = serde_json::from_value(document.get("story")?.clone()).ok()?;
    let count = after.missed.checked_sub(before.missed).filter(|count| *count > 0)?;
    Some(Missed { name, count, last: after.missed_at? })
}

fn with_story(mut about: Value, story: &Story) -> Value {
    about["fired"] = story.fired.into();
    about["firedAt"] = json!(story.fired_at.map(seconds));
    about["missed"] = story.missed.into();
    about["missedAt"] = json!(story.missed_at.map(seconds));
    about["failure"] = match &story.failure {
        Some(failure) => json!({
            "at": seconds(failure.at),
            "target": failure.target,
            "error": failure.error,
            "again": failure.again,
        }),
        None => Value::Null,
    };
    about
}
