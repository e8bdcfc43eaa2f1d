//! What a service's events say (texts from notes/ecs-behaviour.md 7.3).

use crate::Cx;
use crate::world::{Service, ServiceEvent};

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

pub(super) fn failed_checks(service: &str, task: &str, reason: &str) -> String {
    match reason.strip_prefix("Task failed ELB health checks in ") {
        Some(group) => format!("(service {service}) (task {task}) is unhealthy in {group}."),
        None => format!("(service {service}) (task {task}) failed container health checks."),
    }
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
