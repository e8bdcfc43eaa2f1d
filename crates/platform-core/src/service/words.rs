//! What a service's events and its deployments' reasons say (texts from docs/notes/ecs-behaviour.md 7.1, 7.3).
//!
//! ECS's own words where they are known; the words about a user's stop are ours.

use super::health::TaskHealth;
use super::rollback::Why;
use crate::Cx;
use crate::world::{Service, ServiceEvent, Task};

pub(super) const TASKS_FAILED: &str = "ECS deployment circuit breaker: tasks failed to start.";
/// As ECS answers it (terraform-provider-aws, acceptance tests of `aws_ecs_service`).
pub(super) const NO_CANDIDATE: &str = "No rollback candidate was found to run the rollback.";
pub(super) const TRIPPED: Why = Why {
    // Also from those tests.
    reason: "Service deployment rolled back because the circuit breaker threshold was exceeded.",
    left: TASKS_FAILED,
    event: failed,
    by: "ECS deployment circuit breaker",
};
pub(super) const ASKED: Why = Why {
    reason: "Service deployment rolled back because its user stopped it.",
    left: STOPPED,
    event: stopped_by_user,
    by: "ECS deployment stopped by its user",
};
/// The event is ECS's; what it says elsewhere of alarms is published nowhere, and said here as it is of the breaker.
pub(super) const ALARMED: Why = Why {
    reason: "Service deployment rolled back because a CloudWatch alarm was detected.",
    left: "ECS deployment alarms: alarm detected.",
    event: alarm_detected,
    by: "ECS deployment alarms",
};
pub(super) const ALARMED_FOR_GOOD: &str = "Service deployment stopped because a CloudWatch alarm was detected.";
pub(super) const TRIPPED_AGAIN: &str =
    "Service deployment rollback failed because the circuit breaker threshold was exceeded.";
pub(super) const TRIPPED_FOR_GOOD: &str =
    "Service deployment stopped because the circuit breaker threshold was exceeded.";
pub(super) const STOPPED: &str = "ECS deployment stopped by its user.";
pub(super) const STOPPED_BY_USER: &str = "Service deployment stopped by its user.";
pub(super) const STOPPED_BY_NEWER: &str = "Service deployment stopped because a newer one was started.";
pub(super) const STOPPED_BY_DELETE: &str = "Service deployment stopped because the service was deleted.";

/// ECS keeps the hundred newest (API reference, Service.events).
const KEPT: usize = 100;

/// Adds a line to a service's story.
pub fn tell(service: &mut Service, cx: &mut Cx<'_>, message: String) {
    service.events.insert(0, ServiceEvent { id: cx.ids.uuid(), at: cx.now, message });
    service.events.truncate(KEPT);
}

pub(super) fn started(service: &str, tasks: &[String]) -> String {
    format!("(service {service}) has started {} tasks: {}.", tasks.len(), listed(tasks))
}

pub(super) fn stopped(service: &str, tasks: &[String]) -> String {
    format!("(service {service}) has stopped {} running tasks: {}.", tasks.len(), listed(tasks))
}

pub(super) fn failed_checks(service: &str, task: &Task, health: &TaskHealth) -> String {
    let sick = health.sick.as_deref().unwrap_or_default();
    let Some(group) = sick.strip_prefix("Task failed ELB health checks in ") else {
        return format!("(service {service}) (task {}) failed container health checks.", task.id);
    };
    let port = task.targets.iter().find(|b| group.contains(&b.group_arn)).map_or(0, |b| b.port);
    let reason = health.target_reason.as_deref().unwrap_or("Health checks failed");
    format!("(service {service}) (port {port}) is unhealthy in {group} due to (reason {reason}).")
}

pub(super) fn registered(service: &str, group: &str) -> String {
    format!("(service {service}) registered 1 targets in (target-group {group})")
}

pub(super) fn deregistered(service: &str, group: &str) -> String {
    format!("(service {service}) deregistered 1 targets in (target-group {group})")
}

pub(super) fn draining(service: &str) -> String {
    format!("(service {service}) has begun draining connections on 1 tasks.")
}

pub(super) fn completed(service: &str, deployment: &str) -> String {
    format!("(service {service}) (deployment {deployment}) deployment completed.")
}

pub(super) fn failed(service: &str, deployment: &str) -> String {
    format!("(service {service}) (deployment {deployment}) deployment failed: tasks failed to start.")
}

fn alarm_detected(service: &str, deployment: &str) -> String {
    format!("(service {service}) (deployment {deployment}) deployment failed: alarm detected.")
}

/// Ours: ECS says nothing.
pub(super) fn not_watched(service: &str, deployment: &str, alarms: &[String]) -> String {
    let alarms = alarms.join(", ");
    format!(
        "(service {service}) (deployment {deployment}) alarms are not monitored during this deployment: {alarms} was in \
         ALARM when it began."
    )
}

pub(super) fn stopped_by_user(service: &str, deployment: &str) -> String {
    format!("(service {service}) (deployment {deployment}) deployment stopped.")
}

pub(super) fn rolling_back(service: &str, deployment: &str) -> String {
    format!("(service {service}) rolling back to deployment {deployment}.")
}

pub(super) fn steady(service: &str) -> String {
    format!("(service {service}) has reached a steady state.")
}

pub(super) fn cannot_start(service: &str) -> String {
    format!(
        "(service {service}) is unable to consistently start tasks successfully. For more information, see the Troubleshooting section."
    )
}

pub(super) fn cannot_launch(service: &str, error: &str) -> String {
    format!("(service {service}) failed to launch a task with (error {error}).")
}

fn listed(tasks: &[String]) -> String {
    tasks.iter().map(|t| format!("(task {t})")).collect::<Vec<_>>().join(" ")
}
