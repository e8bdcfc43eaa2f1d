//! EventBridge: buses, rules that fire by the clock or by events, and whom they tell.
//!
//! What is described is records ([`bus`], [`rule`]); what fires is decided in [`fire`], by the ordinary loop, and what
//! happens to ECS becomes events in [`published`].

pub mod bus;
pub(crate) mod delivery;
pub(crate) mod event;
pub mod fire;
pub(crate) mod input;
pub mod letter;
pub mod listening;
pub(crate) mod page;
pub mod pattern;
pub mod published;
mod put;
pub mod rule;
mod rules;
pub mod story;
pub(crate) mod tags;
pub(crate) mod target;
mod targets;
pub(crate) mod tasks;
pub mod told;

#[cfg(test)]
pub(crate) mod tests;

use aws_model::AwsError;

use crate::{Kind, Operation};

/// The operations offered, by name.
pub const OPERATIONS: &[Operation] = &[
    Operation { name: "CreateEventBus", kind: Kind::Write(bus::create) },
    Operation { name: "DeleteEventBus", kind: Kind::Write(bus::delete) },
    Operation { name: "DeleteRule", kind: Kind::Write(rules::delete) },
    Operation { name: "DescribeEventBus", kind: Kind::Read(bus::describe) },
    Operation { name: "DescribeRule", kind: Kind::Read(rules::describe) },
    Operation { name: "DisableRule", kind: Kind::Write(rules::disable) },
    Operation { name: "EnableRule", kind: Kind::Write(rules::enable) },
    Operation { name: "ListEventBuses", kind: Kind::Read(bus::list) },
    Operation { name: "ListRuleNamesByTarget", kind: Kind::Read(rules::names_by_target) },
    Operation { name: "ListRules", kind: Kind::Read(rules::list) },
    Operation { name: "ListTagsForResource", kind: Kind::Read(tags::list) },
    Operation { name: "ListTargetsByRule", kind: Kind::Read(targets::list) },
    Operation { name: "PutEvents", kind: Kind::Write(put::events) },
    Operation { name: "PutPermission", kind: Kind::Write(bus::permit) },
    Operation { name: "PutRule", kind: Kind::Write(rules::put) },
    Operation { name: "PutTargets", kind: Kind::Write(targets::put) },
    Operation { name: "RemovePermission", kind: Kind::Write(bus::forbid) },
    Operation { name: "RemoveTargets", kind: Kind::Write(targets::remove) },
    Operation { name: "TagResource", kind: Kind::Write(tags::add) },
    Operation { name: "TestEventPattern", kind: Kind::Read(put::test) },
    Operation { name: "UntagResource", kind: Kind::Write(tags::remove) },
    Operation { name: "UpdateEventBus", kind: Kind::Write(bus::update) },
];

fn missing(words: impl Into<String>) -> AwsError {
    AwsError::new("ResourceNotFoundException", words)
}

/// Also of Scheduler.
pub(crate) fn wrong(words: impl Into<String>) -> AwsError {
    AwsError::new("ValidationException", words)
}

/// What AWS has and this platform has not.
pub(crate) fn unsupported(words: impl Into<String>) -> AwsError {
    AwsError::new("NotImplementedException", words)
}

fn limit() -> AwsError {
    AwsError::new("LimitExceededException", "The requested resource exceeds the maximum number allowed.")
}

/// "Event pattern is not valid. Reason: ..." (aws-cdk #16003, serverless #9093).
fn no_pattern(why: String) -> AwsError {
    AwsError::new("InvalidEventPatternException", format!("Event pattern is not valid. Reason: {why}"))
}
