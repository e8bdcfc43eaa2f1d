//! How far a rollout is, in one line for each service. Pure.

use serde::Serialize;

use super::verdict::{Goal, is_failure};
use super::view::{ServiceView, TaskView};
use crate::event::ContainerState;

/// How far a rollout is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Rollout {
    /// Service.
    pub service: String,
    /// `family:revision` that it brings.
    pub revision: String,
    /// IN_PROGRESS, COMPLETED or FAILED; the service deployment's word while it goes back.
    pub state: String,
    /// Tasks wanted.
    pub desired: i64,
    /// New tasks that run.
    pub running: usize,
    /// New tasks that are healthy, behind the load balancer too.
    pub healthy: usize,
    /// Old tasks that are not gone.
    pub old: usize,
    /// New tasks that stopped, though they should run.
    pub failed: usize,
    /// Targets that are healthy, and all.
    pub targets: (usize, usize),
}

/// Returns how far the rollout towards a goal is.
pub fn rollout(goal: &Goal, view: &ServiceView) -> Rollout {
    let is_new = |task: &&TaskView| task.started_by == goal.deployment;
    let alive = |task: &&TaskView| !task.is_stopped();
    let new = || view.tasks.iter().filter(is_new);
    let state = view.deployments.iter().find(|d| d.id == goal.deployment).map(|d| d.rollout_state.clone());
    let back = view.service_deployment.as_ref().map(|ours| &ours.status).filter(|word| word.starts_with("ROLLBACK"));
    let well = view.targets.iter().filter(|target| target.health == "healthy").count();
    Rollout {
        service: view.name.clone(),
        revision: goal.task_definition.rsplit('/').next().unwrap_or_default().to_owned(),
        state: back.cloned().or(state).unwrap_or_default(),
        desired: view.desired,
        running: new().filter(|task| task.last_status == "RUNNING").count(),
        healthy: new().filter(|task| is_healthy(task, view)).count(),
        old: view.tasks.iter().filter(|task| !is_new(task)).filter(alive).count(),
        failed: new().filter(|task| task.is_ending() && is_failure(task)).count(),
        targets: (well, view.targets.iter().filter(|target| target.health != "draining").count()),
    }
}

/// Whether a task serves: it runs, no health check fails, and its targets are healthy.
fn is_healthy(task: &TaskView, view: &ServiceView) -> bool {
    let up = |state: &ContainerState| {
        matches!(
            state,
            ContainerState::Running | ContainerState::Healthy | ContainerState::Exited { code: Some(0), .. }
        )
    };
    let own = |target: &str| !task.address.is_empty() && target.starts_with(&format!("{}:", task.address));
    task.last_status == "RUNNING"
        && !task.is_ending()
        && task.containers.iter().all(|container| up(&container.state))
        && view.targets.iter().filter(|target| own(&target.target)).all(|target| target.health == "healthy")
}
