//! Whether a service's task counts as healthy, and whether it is to be replaced.

use aws_model::Millis;
use aws_model::task_definition::TaskDefinition;

use crate::task::{self, earliest, health::check_of};
use crate::world::{HealthState, TargetState, Task, TaskStatus, World};

/// How long a task that nothing checks must have run before it counts. ECS waits 40 s (API reference,
/// `minimumHealthyPercent`); what does not crash here within five seconds hardly does so within forty,
/// and a deployment on one's own machine is waited for.
pub const UNCHECKED_TRUST: Millis = 5_000;

/// What a service sees of one of its tasks.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct TaskHealth {
    /// RUNNING, and all of its checks passed.
    pub healthy: bool,
    /// Why it is to be replaced (a stop reason in ECS's words).
    pub sick: Option<String>,
    /// Why its target group calls it unhealthy, in ELB's words.
    pub target_reason: Option<String>,
    /// When that may be different though nothing happens.
    pub look_again_at: Option<Millis>,
}

/// Returns a task's health. `grace` is `healthCheckGracePeriodSeconds`: failing checks of containers and
/// of target groups do not count until then (CreateService API reference).
pub fn of_task(world: &World, task: &Task, spec: &TaskDefinition, grace: u32, now: Millis) -> TaskHealth {
    let mut out = TaskHealth::default();
    let own = task::task_health(task, spec);
    let checked = spec.container_definitions.iter().any(|c| c.essential && check_of(c).is_some());
    let targets: Vec<_> = task::own_targets(world, task).collect();
    let served = targets.len() == task.targets.len()
        && targets.iter().all(|t| matches!(t.state, TargetState::Healthy | TargetState::Unused));
    let running = task.last_status == TaskStatus::Running;
    let well = running && served && (!checked || own == HealthState::Healthy);
    let proven = checked || targets.iter().any(|t| t.state == TargetState::Healthy);
    let trusted_at = task.started_at.unwrap_or(task.created_at) + UNCHECKED_TRUST;
    if well && !proven && now < trusted_at {
        out.look_again_at = Some(trusted_at);
    } else {
        out.healthy = well;
    }

    let bad = targets.iter().find(|t| running && t.state == TargetState::Unhealthy);
    let sick = if own == HealthState::Unhealthy {
        Some("Task failed container health checks".to_owned())
    } else {
        bad.map(|t| format!("Task failed ELB health checks in (target-group {})", t.key.group_arn))
    };
    let excused_until = task.started_at.unwrap_or(task.created_at) + Millis::from(grace) * 1000;
    if sick.is_some() && now < excused_until {
        out.look_again_at = earliest(out.look_again_at, Some(excused_until));
    } else {
        out.target_reason = bad.and_then(|t| t.description.clone()).filter(|_| sick.is_some());
        out.sick = sick;
    }
    out
}
