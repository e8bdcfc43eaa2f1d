//! What is said of everything that fires by the clock: when next, when last, what was missed, what went wrong.
//!
//! AWS shows none of it; `/_managr/schedules` does, for `managr schedules` and other readers.

use aws_model::seconds;
use serde_json::{Value, json};

use super::rule::Rule;
use super::story::Story;
use crate::World;
use crate::scheduler::Schedule;

/// Returns every rule with a schedule, and every schedule of Scheduler, in all regions.
pub fn all(world: &World, account: &str) -> Value {
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
    json!({"schedules": rules.chain(schedules).collect::<Vec<Value>>()})
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
