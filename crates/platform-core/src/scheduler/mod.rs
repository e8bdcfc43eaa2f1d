//! EventBridge Scheduler: groups, and schedules that start something at a time, in a time zone.

mod change;
pub(crate) mod fire;
mod group;
mod schedule;
mod show;
mod tags;
mod target;

#[cfg(test)]
mod tests;

pub use schedule::Schedule;

use aws_model::AwsError;

use crate::{Kind, Operation};

/// The operations offered, by name.
pub const OPERATIONS: &[Operation] = &[
    Operation { name: "CreateSchedule", kind: Kind::Write(change::create) },
    Operation { name: "CreateScheduleGroup", kind: Kind::Write(group::create) },
    Operation { name: "DeleteSchedule", kind: Kind::Write(change::delete) },
    Operation { name: "DeleteScheduleGroup", kind: Kind::Write(group::delete) },
    Operation { name: "GetSchedule", kind: Kind::Read(show::get) },
    Operation { name: "GetScheduleGroup", kind: Kind::Read(group::get) },
    Operation { name: "ListScheduleGroups", kind: Kind::Read(group::list) },
    Operation { name: "ListSchedules", kind: Kind::Read(show::list) },
    Operation { name: "ListTagsForResource", kind: Kind::Read(tags::list) },
    Operation { name: "TagResource", kind: Kind::Write(tags::add) },
    Operation { name: "UntagResource", kind: Kind::Write(tags::remove) },
    Operation { name: "UpdateSchedule", kind: Kind::Write(change::update) },
];

fn missing(words: impl Into<String>) -> AwsError {
    AwsError::new("ResourceNotFoundException", words)
}

fn conflict(words: impl Into<String>) -> AwsError {
    AwsError::new("ConflictException", words)
}
