//! What is counted of a service: which tasks failed, which deployment is complete, and is the service steady?

use super::{Step, breaker, tell, words};
use crate::Cx;
use crate::world::{Deployment, RolloutState, World};

/// Failures in a row after which a service says that it cannot start its tasks.
const UNABLE_AFTER: u32 = 3;

impl Step {
    /// Counts tasks that became healthy, whose checks failed, or that ended, once each, and tells of them.
    pub(super) fn count_healthy_and_failed(&mut self, cx: &mut Cx<'_>) {
        let Some(primary) = self.next.deployments.first().map(Deployment::id) else { return };
        let mut story = Vec::new();
        for index in 0..self.tasks.len() {
            self.count_healthy(index, &primary, &mut story);
            self.count_failed_checks(index, &primary, &mut story, cx);
            self.count_ended(index, &primary, &mut story, cx);
        }
        for message in story {
            tell(&mut self.next, cx, message);
        }
    }

    fn count_healthy(&mut self, index: usize, primary: &str, story: &mut Vec<String>) {
        let seen = &mut self.tasks[index];
        if seen.health.healthy && seen.task.failed_checks {
            // It came back by itself, before it was replaced.
            seen.task.failed_checks = false;
            seen.changed = true;
        }
        if !seen.health.healthy || seen.task.was_healthy {
            return;
        }
        seen.task.was_healthy = true;
        seen.changed = true;
        if seen.of(primary) {
            self.next.failures_in_a_row = 0;
            if self.next.breaker_rule.resets {
                self.next.deployments[0].failed_tasks = 0;
            }
        }
        for binding in &seen.task.targets {
            story.push(words::registered(&self.next.name, &binding.group_arn));
        }
    }

    /// A task whose checks failed is a failure from then on, not from its stop on: it runs until it is replaced.
    fn count_failed_checks(&mut self, index: usize, primary: &str, story: &mut Vec<String>, cx: &Cx<'_>) {
        let seen = &mut self.tasks[index];
        if !seen.wanted() || seen.health.sick.is_none() || seen.task.failed_checks {
            return;
        }
        seen.task.failed_checks = true;
        seen.changed = true;
        story.push(words::failed_checks(&self.next.name, &seen.task, &seen.health));
        if seen.of(primary) {
            self.fail(primary, true, story, cx);
        }
    }

    /// Counts a failure of the primary deployment.
    fn fail(&mut self, primary: &str, is_its_own: bool, story: &mut Vec<String>, cx: &Cx<'_>) {
        self.next.failures_in_a_row += 1;
        self.next.last_failure_at = Some(cx.now);
        if self.next.failures_in_a_row == UNABLE_AFTER {
            story.push(words::cannot_start(&self.next.name));
        }
        if is_its_own {
            self.count_failure(primary);
        }
    }

    fn count_ended(&mut self, index: usize, primary: &str, story: &mut Vec<String>, cx: &Cx<'_>) {
        let seen = &mut self.tasks[index];
        let Some(cause) = seen.task.stop.clone().filter(|_| !seen.wanted() && !seen.task.counted) else { return };
        for binding in seen.task.targets.iter().filter(|_| seen.task.started_at.is_some()) {
            story.push(words::draining(&self.next.name));
            story.push(words::deregistered(&self.next.name, &binding.group_arn));
        }
        seen.task.counted = true;
        seen.changed = true;
        // Only what the primary starts waits for its own failures, and is judged by them.
        // One whose checks failed was counted then.
        if !seen.of(primary) || seen.task.failed_checks || !breaker::is_failure(&cause) {
            return;
        }
        self.fail(primary, breaker::counts(&cause), story, cx);
    }

    /// Drops older deployments that have no task left, completes the primary one, and says when the service is steady.
    pub(super) fn complete_deployments(&mut self, world: &World, cx: &mut Cx<'_>) {
        let Some(primary) = self.next.deployments.first().map(Deployment::id) else { return };
        let tasks = &self.tasks;
        let desired = self.next.desired_count as usize;
        let fresh = || tasks.iter().filter(|s| s.wanted() && s.of(&primary));
        let launched = self.decision.changes.iter().any(|c| matches!(c, crate::Change::Task(_)));
        let all_fresh = !launched && fresh().count() == desired && fresh().all(|s| s.health.healthy);
        let none_stale = !tasks.iter().any(|s| s.wanted() && !s.of(&primary));
        let done = all_fresh && none_stale && !self.went_back;
        // While it bakes, the deployment before it stays in the list ("ECS does not change the status until it has
        // deleted the active deployment, and this does not happen until after the bake time").
        let bakes = self.bakes(world, cx.now, done);
        let tasks = &self.tasks;
        let mut index = 0;
        self.next.deployments.retain(|d| {
            index += 1;
            index == 1 || (bakes && index == 2) || tasks.iter().any(|s| s.of(&d.id()) && !s.task.is_stopped())
        });
        let done = done && !bakes;
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
    }
}
