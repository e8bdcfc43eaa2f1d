//! When a container's health is checked, and what a check's result means.
//!
//! Defaults from the ECS API reference (HealthCheck): interval 30 s, timeout 5 s, retries 3, no start
//! period. Docker waits a whole interval before the first check; we look once a second until then,
//! and a failure that early never counts: a healthy container is known sooner, a sick one no sooner.

use aws_model::Millis;
use aws_model::task_definition::{ContainerDefinition, HealthCheck};

use crate::world::{ContainerPhase, ContainerState, Health, HealthState};

/// Pause between the early checks.
const EARLY: Millis = 1000;
/// Pause before the first one.
const FIRST: Millis = 500;

/// Returns the health check of a container, unless it is `["NONE"]` or missing.
pub fn check_of(container: &ContainerDefinition) -> Option<&HealthCheck> {
    container.health_check.as_ref().filter(|c| c.command.first().is_some_and(|word| word != "NONE"))
}

/// Returns the program that a health check runs.
pub fn argv(check: &HealthCheck) -> Vec<String> {
    let rest = check.command.get(1..).unwrap_or_default();
    match check.command.first().map(String::as_str) {
        Some("CMD-SHELL") => vec!["/bin/sh".to_owned(), "-c".to_owned(), rest.join(" ")],
        Some("CMD") => rest.to_vec(),
        _ => check.command.clone(),
    }
}

/// Returns the seconds a check may take.
pub fn timeout(check: &HealthCheck) -> i64 {
    check.timeout.unwrap_or(5)
}

/// Returns when the next check is due; none if the container does not run.
pub fn due_at(check: &HealthCheck, state: &ContainerState) -> Option<Millis> {
    if state.phase != ContainerPhase::Running {
        return None;
    }
    let started = state.started_at?;
    let regular = started + interval(check);
    let Some(last) = state.health.checked_at else {
        return Some(started + FIRST);
    };
    if last < regular && state.health.state == HealthState::Unknown {
        return Some((last + EARLY).min(regular.max(last)));
    }
    Some(last + interval(check))
}

/// Returns the health after a check that ended at `at`.
pub fn after(check: &HealthCheck, state: &ContainerState, passed: bool, at: Millis) -> Health {
    let old = &state.health;
    let started = state.started_at.unwrap_or(at);
    if passed {
        let since = if old.state == HealthState::Healthy { old.since } else { Some(at) };
        return Health { state: HealthState::Healthy, failures: 0, checked_at: Some(at), since };
    }
    let early = old.state == HealthState::Unknown && at < started + interval(check);
    let excused = old.state == HealthState::Unknown && at < started + check.start_period.unwrap_or(0) * 1000;
    if early || excused {
        return Health { checked_at: Some(at), ..old.clone() };
    }
    let failures = old.failures + 1;
    if i64::from(failures) < check.retries.unwrap_or(3) {
        return Health { failures, checked_at: Some(at), ..old.clone() };
    }
    let since = if old.state == HealthState::Unhealthy { old.since } else { Some(at) };
    Health { state: HealthState::Unhealthy, failures, checked_at: Some(at), since }
}

fn interval(check: &HealthCheck) -> Millis {
    check.interval.unwrap_or(30) * 1000
}
