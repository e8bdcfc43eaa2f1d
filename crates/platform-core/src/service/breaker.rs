//! When the circuit breaker ends a deployment.
//!
//! ECS counts in two stages: tasks that do not reach RUNNING, and, once one did, tasks that are replaced
//! because their checks failed (developer guide, "How the Amazon ECS deployment circuit breaker detects
//! failures"). Here both are one count, and a container that ran and exited counts too: a crash loop is
//! a failure whether or not a health check saw it. A healthy task makes the count start again, unless
//! `resetOnHealthyTask` is false.

use super::rollback::Why;
use super::{Step, tell, words};
use crate::Cx;
use crate::task::{HOST_RESTARTED, INFRASTRUCTURE};
use crate::world::{BreakerThreshold, DeploymentStatus, RolloutState, Service, StopCause};

/// Returns how many failures end a deployment of the service as it is now.
///
/// Percentages are of the latest desired count, rounded up (API reference, ThresholdConfiguration).
pub fn threshold(service: &Service) -> u32 {
    let percent = |value: u32| (u64::from(service.desired_count) * u64::from(value)).div_ceil(100);
    let clamped = |value: u64, least, most| u32::try_from(value).unwrap_or(u32::MAX).clamp(least, most);
    match service.breaker_rule.threshold {
        BreakerThreshold::Count(count) => count.max(1),
        BreakerThreshold::Bounded(value) => clamped(percent(value), 3, 200),
        BreakerThreshold::Unbounded(value) => clamped(percent(value), 1, u32::MAX),
    }
}

/// Whether a task that stopped for this cause failed, so that its service waits before the next one.
pub(super) fn is_failure(cause: &StopCause) -> bool {
    match cause.code.as_str() {
        "UserInitiated" => false,
        "ServiceSchedulerInitiated" => cause.reason.starts_with("Task failed"),
        // All of them went with the host, and nothing speaks against the next ones.
        INFRASTRUCTURE => cause.reason != HOST_RESTARTED,
        _ => true,
    }
}

/// Whether a failure is the deployment's own: that the host lost a task says nothing of what it ran.
pub(super) fn counts(cause: &StopCause) -> bool {
    is_failure(cause) && cause.code != INFRASTRUCTURE
}

impl Step {
    /// Counts a failure against the deployment under way.
    pub(super) fn count_failure(&mut self, deployment: &str) {
        let primary = self.next.deployments.first_mut().filter(|d| d.rollout_state == RolloutState::InProgress);
        if let Some(primary) = primary.filter(|d| d.id() == deployment) {
            primary.failed_tasks += 1;
        }
    }

    /// Gives a deployment up whose tasks keep failing, and goes back if that is wanted.
    pub(super) fn trip_breaker(&mut self, cx: &mut Cx<'_>) {
        let allowed = threshold(&self.next);
        let enabled = self.next.circuit_breaker;
        let Some(primary) = self.next.deployments.first() else { return };
        if !enabled || primary.rollout_state != RolloutState::InProgress || primary.failed_tasks < allowed {
            return;
        }
        let failures = primary.failed_tasks;
        let going_back = self.history.current().is_some_and(|row| row.rollback.is_some());
        if let Some(row) = self.history.current().filter(|_| !going_back) {
            row.breaker.triggered = true;
            row.breaker.failures = failures;
            row.breaker.threshold = allowed;
        }
        if going_back {
            // A way back that fails too is the end: going back again would never stop.
            self.give_up(cx, DeploymentStatus::RollbackFailed, &words::TRIPPED, words::TRIPPED_AGAIN);
        } else if self.next.circuit_breaker_rollback {
            self.go_back(cx, &words::TRIPPED);
        } else {
            self.give_up(cx, DeploymentStatus::Stopped, &words::TRIPPED, words::TRIPPED_FOR_GOOD);
        }
    }

    /// Ends the deployment under way because it failed; `reason` is what its record says.
    pub(super) fn give_up(&mut self, cx: &mut Cx<'_>, status: DeploymentStatus, why: &Why, reason: &str) {
        let Some(primary) = self.next.deployments.first_mut() else { return };
        primary.rollout_state = RolloutState::Failed;
        primary.rollout_state_reason = why.left.to_owned();
        primary.updated_at = cx.now;
        let message = (why.event)(&self.next.name, &primary.id());
        tell(&mut self.next, cx, message);
        if let Some(row) = self.history.current() {
            row.end(status, cx.now);
            row.status_reason = Some(reason.to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_counts_as_a_failure_and_whose_it_is() {
        let check = |code: &str, reason: &str, fails: bool, counted: bool| {
            let cause = StopCause { code: code.to_owned(), reason: reason.to_owned() };
            assert_eq!((is_failure(&cause), counts(&cause)), (fails, counted), "{code}: {reason}");
        };
        check("EssentialContainerExited", "Essential container in task exited", true, true);
        check("TaskFailedToStart", "CannotPullContainerError: no", true, true);
        check("ServiceSchedulerInitiated", "Task failed ELB health checks in (target-group x)", true, true);
        check("ServiceSchedulerInitiated", "Scaling activity initiated by (deployment ecs-svc/1)", false, false);
        check("UserInitiated", "Task stopped by user", false, false);
        // A supervisor that dies again and again must not be replaced without a pause.
        check(INFRASTRUCTURE, "The task's supervisor process was killed", true, false);
        check(INFRASTRUCTURE, HOST_RESTARTED, false, false);
    }
}
