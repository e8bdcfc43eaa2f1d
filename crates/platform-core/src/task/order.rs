//! In which order a task's containers start and stop.
//!
//! Read in amazon-ecs-agent `agent/engine/dependencygraph/graph.go` (docs/notes/ecs-behaviour.md 7.5):
//! START is met by a dependency that runs or has run; COMPLETE by one that ended; SUCCESS by one that
//! ended with 0, and never by one that ended otherwise; HEALTHY only by one that *has* a health check.

use aws_model::Millis;
use aws_model::task_definition::{ContainerDefinition, Dependency, TaskDefinition};

use crate::world::{ContainerPhase, ContainerState, HealthState, Task};

/// Whether a container may start.
#[derive(Debug, PartialEq, Eq)]
pub enum Readiness {
    /// Every dependency is met.
    Ready,
    /// Waits; the time is when a dependency's `startTimeout` runs out.
    Waits(Option<Millis>),
    /// A dependency can never be met; the words say which and why.
    Never(String),
}

/// Tells whether `container` may start now.
pub fn readiness(task: &Task, spec: &TaskDefinition, container: &ContainerDefinition, now: Millis) -> Readiness {
    let mut soonest = None;
    let mut waits = false;
    for dependency in &container.depends_on {
        let (Some(state), Some(definition)) =
            (task.container(&dependency.container_name), spec.container(&dependency.container_name))
        else {
            return Readiness::Never(format!("dependency {} is not in the task", dependency.container_name));
        };
        match met(dependency, state, definition, now) {
            Readiness::Ready => {}
            Readiness::Waits(at) => {
                waits = true;
                soonest = super::earliest(soonest, at);
            }
            never => return never,
        }
    }
    if waits { Readiness::Waits(soonest) } else { Readiness::Ready }
}

fn met(dependency: &Dependency, state: &ContainerState, definition: &ContainerDefinition, now: Millis) -> Readiness {
    let ended = state.phase == ContainerPhase::Stopped;
    let started = state.phase == ContainerPhase::Running || state.started_at.is_some();
    let name = &dependency.container_name;
    let satisfied = match dependency.condition.as_str() {
        "START" => started,
        "COMPLETE" => ended && started,
        "SUCCESS" => ended && state.exit_code == Some(0),
        _ => state.phase == ContainerPhase::Running && state.health.state == HealthState::Healthy,
    };
    if satisfied {
        return Readiness::Ready;
    }
    if ended {
        return Readiness::Never(match state.exit_code {
            Some(code) => format!(
                "dependency graph: container {name} exited with code {code} before condition {} was met",
                dependency.condition
            ),
            None => format!(
                "dependency graph: container {name} did not start, so condition {} cannot be met",
                dependency.condition
            ),
        });
    }
    let deadline = match (definition.start_timeout, state.wanted_at) {
        (Some(seconds), Some(since)) if seconds > 0 => Some(since + seconds * 1000),
        _ => None,
    };
    match deadline {
        Some(at) if at <= now => Readiness::Never(format!(
            "dependency graph: timed out waiting for container {name} to reach condition {} after {} s",
            dependency.condition,
            definition.start_timeout.unwrap_or_default()
        )),
        at => Readiness::Waits(at),
    }
}

/// Whether `container` may be asked to stop: everything that depends on it has ended.
pub fn may_stop(task: &Task, spec: &TaskDefinition, container: &str) -> bool {
    spec.container_definitions
        .iter()
        .filter(|c| c.depends_on.iter().any(|d| d.container_name == container))
        .all(|c| task.container(&c.name).is_none_or(|s| s.phase == ContainerPhase::Stopped))
}
