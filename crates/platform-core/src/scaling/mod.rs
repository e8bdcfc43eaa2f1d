//! Application Auto Scaling: how many tasks a service is to have, by what is measured and by the clock.
//!
//! A scalable target is a service with bounds; a policy says what an alarm leads to; a scheduled action changes the
//! bounds. The alarms are CloudWatch's, not the world's: a policy says which it wants ([`Wanted`]), the caller
//! makes them and tells [`alarmed`] what they saw. Only ECS's `DesiredCount` is served; predictive scaling is not.

mod act;
mod activity;
mod alarms;
mod due;
mod find;
mod page;
mod policy;
mod scheduled;
mod step;
mod tags;
mod target;
mod track;

#[cfg(test)]
mod tests;

pub use act::{Breach, alarmed};
pub use activity::{Activity, Status};
pub use alarms::{Measure, Wanted, wanted};
pub use due::{decide, key_of, target_of};
pub use policy::{Policy, Rule};
pub use scheduled::ScheduledAction;
pub use step::Steps;
pub use target::{ScalableTarget, Scaled, Suspended};
pub use track::Tracking;

use crate::operation::Kind::{Read, Write};
use crate::operation::Operation;

/// Application Auto Scaling's dispatch table.
pub const OPERATIONS: &[Operation] = &[
    Operation { name: "DeleteScalingPolicy", kind: Write(policy::delete) },
    Operation { name: "DeleteScheduledAction", kind: Write(scheduled::delete) },
    Operation { name: "DeregisterScalableTarget", kind: Write(target::deregister) },
    Operation { name: "DescribeScalableTargets", kind: Read(target::describe) },
    Operation { name: "DescribeScalingActivities", kind: Read(activity::describe) },
    Operation { name: "DescribeScalingPolicies", kind: Read(policy::describe) },
    Operation { name: "DescribeScheduledActions", kind: Read(scheduled::describe) },
    Operation { name: "ListTagsForResource", kind: Read(tags::list) },
    Operation { name: "PutScalingPolicy", kind: Write(policy::put) },
    Operation { name: "PutScheduledAction", kind: Write(scheduled::put) },
    Operation { name: "RegisterScalableTarget", kind: Write(target::register) },
    Operation { name: "TagResource", kind: Write(tags::add) },
    Operation { name: "UntagResource", kind: Write(tags::remove) },
];
