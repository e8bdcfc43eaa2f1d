//! The way back: the last completed deployment is PRIMARY again, and its tasks go on.

use std::sync::Arc;

use super::{Step, tell, words};
use crate::Cx;
use crate::world::{Deployment, DeploymentStatus, Rollback, RolloutState, Service, ServiceDeployment, ServiceRevision};

/// What is said of a way back, by who began it.
pub(super) struct Why {
    /// `rollback.reason` and, once it is over, `statusReason`.
    pub(super) reason: &'static str,
    /// `rolloutStateReason` of the deployment that is left.
    pub(super) left: &'static str,
    /// The event about the deployment that is left, by service and deployment.
    pub(super) event: fn(&str, &str) -> String,
    /// Begins `rolloutStateReason` of the deployment that is gone back to.
    pub(super) by: &'static str,
}

impl Step {
    /// Leaves the deployment under way for the last one that was completed. Its id, its revision and its
    /// tasks are as they were; it is no candidate again until it is COMPLETED again.
    pub(super) fn go_back(&mut self, cx: &mut Cx<'_>, why: &Why) {
        let good = self.history.last_good(&self.next);
        let Some(left) = self.next.deployments.first_mut() else { return };
        left.rollout_state = RolloutState::Failed;
        left.rollout_state_reason = why.left.to_owned();
        left.updated_at = cx.now;
        let message = (why.event)(&self.next.name, &left.id());
        tell(&mut self.next, cx, message);
        let Some(row) = self.history.current() else { return };
        let number = good.as_ref().map(|g| g.target.number.clone());
        row.rollback = Some(Rollback { reason: why.reason.to_owned(), started_at: cx.now, number });
        row.updated_at = cx.now;
        let Some(good) = good else {
            row.end(DeploymentStatus::RollbackFailed, cx.now);
            row.status_reason = Some(words::NO_CANDIDATE.to_owned());
            return;
        };
        row.status = DeploymentStatus::RollbackInProgress;
        self.went_back = true;
        row.status_reason = Some(why.reason.to_owned());
        let back = promoted(&mut self.next, &good);
        let id = back.id();
        self.next.deployments.insert(
            0,
            Deployment {
                rollout_state: RolloutState::InProgress,
                rollout_state_reason: format!("{}: rolling back to deploymentId {id}.", why.by),
                updated_at: cx.now,
                failed_tasks: 0,
                ..back
            },
        );
        restore(&mut self.next, &good.target);
        self.next.failures_in_a_row = 0;
        self.next.last_failure_at = None;
        self.next.steady = false;
        let message = words::rolling_back(&self.next.name, &id);
        tell(&mut self.next, cx, message);
    }

    /// Stops the deployment under way where it is: what runs goes on, nothing more is started.
    pub(super) fn abort(&mut self, cx: &mut Cx<'_>) {
        let Some(primary) = self.next.deployments.first_mut() else { return };
        primary.rollout_state = RolloutState::Failed;
        primary.rollout_state_reason = words::STOPPED.to_owned();
        primary.updated_at = cx.now;
        let message = words::stopped_by_user(&self.next.name, &primary.id());
        tell(&mut self.next, cx, message);
        if let Some(row) = self.history.current() {
            row.end(DeploymentStatus::Stopped, cx.now);
            row.status_reason = Some(words::STOPPED_BY_USER.to_owned());
        }
    }
}

/// Takes the deployment of a record out of the list, or makes it again if it has left the list.
fn promoted(service: &mut Service, good: &Arc<ServiceDeployment>) -> Deployment {
    match service.deployments.iter().position(|d| d.number == good.target.number) {
        Some(index) => service.deployments.remove(index),
        None => Deployment {
            number: good.target.number.clone(),
            service_deployment_arn: good.arn.clone(),
            task_definition_arn: good.target.task_definition_arn.clone(),
            network_configuration: good.target.document.get("networkConfiguration").cloned(),
            created_at: good.created_at,
            updated_at: good.updated_at,
            rollout_state: RolloutState::Completed,
            rollout_state_reason: String::new(),
            failed_tasks: 0,
        },
    }
}

/// Brings back what of a service belongs to its revision.
fn restore(service: &mut Service, revision: &ServiceRevision) {
    for name in ServiceRevision::MEMBERS {
        match revision.document.get(name) {
            Some(value) => drop(service.document.insert(name.to_owned(), value.clone())),
            None => drop(service.document.shift_remove(name)),
        }
    }
    service.load_balancers = revision.load_balancers.clone();
}
