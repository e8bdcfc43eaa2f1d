//! The records of a service's deployments: begun, ended, and kept for a while.
//!
//! A record is made when a deployment is asked for ([`record`]) and follows the scheduler's own list of
//! deployments. At most one record of a service is not ended: that of the deployment under way.

use std::sync::Arc;

use aws_model::Millis;

use super::{Step, breaker, words};
use crate::Cx;
use crate::world::{
    AlarmsView, BreakerView, Change, Deployment, DeploymentStatus, RolloutState, Service, ServiceDeployment,
    ServiceRevision, World,
};

/// How many ended deployments of a service are kept. ECS names no number.
pub const KEPT: usize = 100;
/// How long they are kept, as on ECS (developer guide, "View service history"): 90 days.
pub const KEPT_FOR: Millis = 90 * 24 * 3_600_000;

/// Returns the record of a deployment in the service's list, as of the moment it was asked for.
pub fn record(service: &Service, deployment: &Deployment) -> ServiceDeployment {
    let older = service.deployments.iter().skip_while(|d| d.number != deployment.number).skip(1);
    let members = ServiceRevision::MEMBERS.iter();
    let document = members.filter_map(|name| Some(((*name).to_owned(), service.document.get(*name)?.clone())));
    ServiceDeployment {
        arn: deployment.service_deployment_arn.clone(),
        service_arn: service.arn.clone(),
        cluster_arn: service.cluster_arn.clone(),
        target: ServiceRevision {
            number: deployment.number.clone(),
            task_definition_arn: deployment.task_definition_arn.clone(),
            document: document.collect(),
            load_balancers: service.load_balancers.clone(),
            created_at: deployment.created_at,
        },
        sources: older.map(|d| d.number.clone()).collect(),
        status: DeploymentStatus::Pending,
        status_reason: None,
        created_at: deployment.created_at,
        started_at: None,
        updated_at: deployment.created_at,
        finished_at: None,
        stopped_at: None,
        configuration: service.document.get("deploymentConfiguration").cloned(),
        breaker: BreakerView {
            enabled: service.circuit_breaker,
            triggered: false,
            failures: 0,
            threshold: breaker::threshold(service),
        },
        alarms: AlarmsView::default(),
        rollback: None,
    }
}

/// Returns the deployment that a service would go back to.
pub fn rollback_candidate(world: &World, service: &Service) -> Option<Arc<ServiceDeployment>> {
    History::of(world, service).last_good(service)
}

/// Records under decision, newest first.
pub(super) struct History {
    rows: Vec<Arc<ServiceDeployment>>,
    forgotten: Vec<String>,
}

impl History {
    pub(super) fn of(world: &World, service: &Service) -> Self {
        let rows = world.deployments_of(&service.arn).into_iter().cloned().collect();
        Self { rows, forgotten: Vec::new() }
    }

    /// Makes the records that are missing: of deployments made before there were records.
    pub(super) fn make_missing(&mut self, service: &Service) {
        for (index, deployment) in service.deployments.iter().enumerate().rev() {
            if self.rows.iter().any(|row| row.target.number == deployment.number) {
                continue;
            }
            let mut row = record(service, deployment);
            match deployment.rollout_state {
                RolloutState::InProgress if index == 0 => {}
                RolloutState::InProgress => row.end(DeploymentStatus::Stopped, deployment.updated_at),
                RolloutState::Completed => row.end(DeploymentStatus::Successful, deployment.updated_at),
                RolloutState::Failed => row.end(DeploymentStatus::Stopped, deployment.updated_at),
            }
            self.rows.insert(0, Arc::new(row));
        }
    }

    /// Returns the record of the deployment under way, to look at.
    pub(super) fn ongoing(&self) -> Option<&ServiceDeployment> {
        self.rows.iter().find(|row| !row.status.is_final()).map(Arc::as_ref)
    }

    /// Returns the record of the deployment under way, to change it.
    pub(super) fn current(&mut self) -> Option<&mut ServiceDeployment> {
        self.rows.iter_mut().find(|row| !row.status.is_final()).map(Arc::make_mut)
    }

    /// Returns the record whose revision the breaker and a user may go back to: the last one that was
    /// completed, unless it is in the list and is not completed now (developer guide, circuit breaker).
    pub(super) fn last_good(&self, service: &Service) -> Option<Arc<ServiceDeployment>> {
        let eligible = |row: &&Arc<ServiceDeployment>| {
            let mut listed = service.deployments.iter().filter(|d| d.number == row.target.number);
            row.status == DeploymentStatus::Successful && listed.all(|d| d.rollout_state == RolloutState::Completed)
        };
        self.rows.iter().filter(eligible).max_by_key(|row| (row.finished_at, row.created_at)).cloned()
    }

    pub(super) fn stop_all(&mut self, now: Millis, reason: &str) {
        for row in self.rows.iter_mut().filter(|row| !row.status.is_final()) {
            let row = Arc::make_mut(row);
            row.end(DeploymentStatus::Stopped, now);
            row.status_reason = Some(reason.to_owned());
        }
    }

    pub(super) fn forget_all(&mut self) {
        self.forgotten.extend(self.rows.drain(..).map(|row| row.arn.clone()));
    }

    /// Forgets ended records that are too old or too many, but none that may be needed to go back to.
    pub(super) fn prune(&mut self, service: &Service, now: Millis) {
        let good = self.last_good(service);
        let mut ended = 0;
        let forgotten = &mut self.forgotten;
        self.rows.retain(|row| {
            let Some(finished) = row.finished_at else { return true };
            ended += 1;
            let needed = good.as_ref().is_some_and(|g| g.arn == row.arn)
                || service.deployments.iter().any(|d| d.number == row.target.number);
            let kept = needed || (ended <= KEPT && finished + KEPT_FOR > now);
            if !kept {
                forgotten.push(row.arn.clone());
            }
            kept
        });
    }

    /// Returns what became different.
    pub(super) fn changes(self, world: &World) -> impl Iterator<Item = Change> {
        let differs = |row: &Arc<ServiceDeployment>| {
            world.service_deployments.get(&row.arn).is_none_or(|old| !Arc::ptr_eq(old, row) && old != row)
        };
        let different = self.rows.into_iter().filter(move |row| differs(row));
        let put = different.map(|row| Change::ServiceDeployment(Arc::unwrap_or_clone(row)));
        put.chain(self.forgotten.into_iter().map(Change::ForgetServiceDeployment))
    }
}

impl ServiceDeployment {
    /// Ends the deployment; the only way to a final status.
    pub(super) fn end(&mut self, status: DeploymentStatus, now: Millis) {
        self.status = status;
        self.started_at.get_or_insert(now);
        self.finished_at = Some(now);
        self.updated_at = now;
        if status == DeploymentStatus::Stopped {
            self.stopped_at = Some(now);
        }
    }
}

impl Step {
    /// Begins the record that waits, and ends those that a newer deployment has overtaken.
    pub(super) fn begin_and_end_records(&mut self, now: Millis) {
        let Some(primary) = self.next.deployments.first().map(|d| d.number.clone()) else { return };
        for row in self.history.rows.iter_mut().filter(|row| !row.status.is_final()) {
            let back = row.rollback.as_ref().and_then(|r| r.number.as_deref());
            if row.target.number != primary && back != Some(&primary) {
                let row = Arc::make_mut(row);
                row.end(DeploymentStatus::Stopped, now);
                row.status_reason = Some(words::STOPPED_BY_NEWER.to_owned());
            } else if row.status == DeploymentStatus::Pending {
                let row = Arc::make_mut(row);
                row.status = DeploymentStatus::InProgress;
                row.started_at = Some(now);
                row.updated_at = now;
            }
        }
    }

    /// Stops the deployment under way, or goes back from it, if the user asked for that (StopServiceDeployment).
    pub(super) fn carry_out_request(&mut self, cx: &mut Cx<'_>) {
        match self.history.current().map(|row| row.status) {
            Some(DeploymentStatus::StopRequested) => self.abort(cx),
            Some(DeploymentStatus::RollbackRequested) => self.go_back(cx, &words::ASKED),
            _ => {}
        }
    }

    /// Brings the record of the deployment under way up to date, and ends it with its deployment.
    pub(super) fn update_record(&mut self, now: Millis) {
        let enabled = self.next.circuit_breaker;
        let threshold = breaker::threshold(&self.next);
        let Some(primary) = self.next.deployments.first() else { return };
        let (failures, done) = (primary.failed_tasks, primary.rollout_state == RolloutState::Completed);
        // Looked at first, so that nothing is copied when nothing is different.
        let seen = |row: &ServiceDeployment| match row.rollback {
            None => BreakerView { enabled, triggered: row.breaker.triggered, failures, threshold },
            Some(_) => row.breaker.clone(),
        };
        let ongoing = self.history.rows.iter_mut().find(|row| !row.status.is_final());
        if let Some(row) = ongoing.filter(|row| done || seen(row) != row.breaker) {
            let view = seen(row);
            let row = Arc::make_mut(row);
            row.breaker = view;
            row.updated_at = now;
            match (done, &row.rollback) {
                (true, None) => row.end(DeploymentStatus::Successful, now),
                (true, Some(_)) => row.end(DeploymentStatus::RollbackSuccessful, now),
                (false, _) => {}
            }
        }
    }
}
