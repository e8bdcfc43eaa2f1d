//! The books of a service: which tasks failed, which deployment is done, whether all is steady.

use super::{Step, launch, tell, words};
use crate::Cx;
use crate::world::{Deployment, RolloutState};

/// Failures in a row after which a service says that it cannot start its tasks.
const UNABLE_AFTER: u32 = 3;

/// Returns how many failures in a row the circuit breaker allows: half the desired count, between 3
/// and 200 (developer guide, "How the Amazon ECS deployment circuit breaker detects failures").
pub(super) fn breaker_threshold(desired: u32) -> u32 {
    desired.div_ceil(2).clamp(3, 200)
}

impl Step {
    /// Takes note of tasks that ended, and of those that became healthy, once each.
    pub(super) fn account(&mut self, cx: &mut Cx<'_>) {
        let mut ended = Vec::new();
        for seen in &mut self.tasks {
            if seen.healthy && !seen.task.was_healthy {
                seen.task.was_healthy = true;
                seen.changed = true;
                self.next.failures_in_a_row = 0;
                let id = seen.task.started_by.as_deref();
                if let Some(d) = self.next.deployments.iter_mut().find(|d| Some(d.id().as_str()) == id) {
                    d.failed_tasks = 0;
                }
                for binding in &seen.task.targets {
                    ended.push(words::registered(&self.next.name, &binding.group_arn));
                }
            }
            let Some(cause) = seen.task.stop.as_ref().filter(|_| !seen.wanted() && !seen.task.counted) else {
                continue;
            };
            let failed = match cause.code.as_str() {
                "UserInitiated" => false,
                "ServiceSchedulerInitiated" => cause.reason.starts_with("Task failed"),
                _ => true,
            };
            for binding in seen.task.targets.iter().filter(|_| seen.task.started_at.is_some()) {
                ended.push(words::draining(&self.next.name));
                ended.push(words::deregistered(&self.next.name, &binding.group_arn));
            }
            seen.task.counted = true;
            seen.changed = true;
            if failed {
                self.next.failures_in_a_row += 1;
                self.next.last_failure_at = Some(cx.now);
                if self.next.failures_in_a_row == UNABLE_AFTER {
                    ended.push(words::cannot_start(&self.next.name));
                }
                let id = seen.task.started_by.clone();
                let healthy = seen.task.was_healthy;
                if let Some(d) = self.next.deployments.iter_mut().find(|d| Some(d.id()) == id)
                    && !healthy
                {
                    d.failed_tasks += 1;
                }
            }
        }
        for message in ended {
            tell(&mut self.next, cx, message);
        }
    }

    /// Closes what is done: deployments without tasks, the rollout, the steady state.
    pub(super) fn conclude(&mut self, cx: &mut Cx<'_>) {
        let Some(primary) = self.next.deployments.first().map(Deployment::id) else { return };
        let tasks = &self.tasks;
        let mut index = 0;
        self.next.deployments.retain(|d| {
            index += 1;
            index == 1 || tasks.iter().any(|s| s.of(&d.id()) && !s.task.is_stopped())
        });
        let desired = self.next.desired_count as usize;
        let fresh = || tasks.iter().filter(|s| s.wanted() && s.of(&primary));
        let launched = self.decision.changes.iter().any(|c| matches!(c, crate::Change::Task(_)));
        let all_fresh = !launched && fresh().count() == desired && fresh().all(|s| s.healthy);
        let none_stale = !tasks.iter().any(|s| s.wanted() && !s.of(&primary));
        let done = all_fresh && none_stale;
        let deployment = &mut self.next.deployments[0];
        if done && deployment.rollout_state == RolloutState::InProgress {
            deployment.rollout_state = RolloutState::Completed;
            deployment.rollout_state_reason = format!("ECS deployment {primary} completed.");
            deployment.updated_at = cx.now;
            let message = words::completed(&self.next.name, &primary);
            tell(&mut self.next, cx, message);
        }
        let alone = self.next.deployments.len() == 1;
        let steady = done && alone;
        if steady && !self.next.steady {
            let message = words::steady(&self.next.name);
            tell(&mut self.next, cx, message);
        }
        self.next.steady = steady;
        self.trip_breaker(cx);
    }

    /// Gives a deployment up whose tasks keep failing, and goes back to the last that was completed.
    fn trip_breaker(&mut self, cx: &mut Cx<'_>) {
        let threshold = breaker_threshold(self.next.desired_count);
        let enabled = self.next.circuit_breaker;
        let Some(primary) = self.next.deployments.first_mut() else { return };
        let tripped = enabled && primary.rollout_state == RolloutState::InProgress && primary.failed_tasks >= threshold;
        if !tripped {
            return;
        }
        primary.rollout_state = RolloutState::Failed;
        primary.rollout_state_reason = "ECS deployment circuit breaker: tasks failed to start.".to_owned();
        primary.updated_at = cx.now;
        let (failed, was_rollback) = (primary.id(), primary.is_rollback);
        let message = words::failed(&self.next.name, &failed);
        tell(&mut self.next, cx, message);
        let good = self.next.deployments.iter().skip(1).find(|d| d.rollout_state == RolloutState::Completed).cloned();
        // A way back that fails too is the end: going back again would never stop.
        let may_go_back = self.next.circuit_breaker_rollback && !was_rollback;
        if let (true, Some(good)) = (may_go_back, good) {
            let back = launch::again(cx, &self.next, &good);
            let id = back.id();
            self.next.deployments[0].rollout_state_reason =
                format!("ECS deployment circuit breaker: rolling back to deploymentId {id}.");
            self.next.deployments.insert(0, back);
            self.next.failures_in_a_row = 0;
            let message = words::rolling_back(&self.next.name, &id);
            tell(&mut self.next, cx, message);
            // The new primary's tasks are launched by the next look.
            self.look(Some(cx.now));
        }
    }
}
