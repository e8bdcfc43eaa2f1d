//! What there is: clusters, task definitions, services, tasks, load balancers.
//!
//! Keys are ARNs, so that two regions never meet. Entities are behind `Arc`: a snapshot of
//! one is a pointer. The only way to make the world different is [`World::apply`], with
//! [`Change`]s that were stored first; indexes follow there and nowhere else.

mod change;
mod cluster;
mod elb;
mod index;
mod record;
mod service;
mod service_deployment;
mod task;
mod task_definition;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub use change::{Change, Key, Table};
pub use cluster::Cluster;
pub use elb::{Listener, LoadBalancer, Rule, Target, TargetGroup, TargetKey, TargetState};
pub use index::{Scope, TaskCounts, TaskIndex};
pub use record::{Record, RecordKey, Records};
pub use service::{
    AlarmRule, BreakerRule, BreakerThreshold, Deployment, RegistryBinding, RolloutState, Service, ServiceEvent,
    ServiceStatus, TargetBinding,
};
pub use service_deployment::{
    AlarmWatch, AlarmsView, BreakerView, DeploymentStatus, Rollback, ServiceDeployment, ServiceRevision,
};
pub use task::{
    ContainerPhase, ContainerState, DesiredStatus, Health, HealthState, Network, StopCause, Task, TaskStatus,
};
pub use task_definition::{Revision, RevisionStatus};

/// Everything the platform knows about the services whose truth it is.
#[derive(Debug, Default, Clone)]
pub struct World {
    /// By ARN.
    pub clusters: BTreeMap<String, Arc<Cluster>>,
    /// By ARN (`...:task-definition/FAMILY:REVISION`).
    pub revisions: BTreeMap<String, Arc<Revision>>,
    /// Family ARN without revision (`...:task-definition/FAMILY`) → revision numbers, ever-growing.
    /// Deleted revisions stay counted: a number is never given twice.
    pub families: BTreeMap<String, BTreeSet<u32>>,
    /// By ARN.
    pub services: BTreeMap<String, Arc<Service>>,
    /// By ARN.
    pub tasks: BTreeMap<String, Arc<Task>>,
    /// By ARN; finished ones too, while they are kept.
    pub service_deployments: BTreeMap<String, Arc<ServiceDeployment>>,
    /// Service ARN → ARNs of its tasks, stopped ones included while they are kept.
    pub tasks_of_service: BTreeMap<String, BTreeSet<String>>,
    /// Lists and counts of tasks.
    pub task_index: TaskIndex,
    /// Address → ARN of the task that has it, while the task is not over.
    pub task_of_address: BTreeMap<String, String>,
    /// By ARN.
    pub load_balancers: BTreeMap<String, Arc<LoadBalancer>>,
    /// By ARN.
    pub target_groups: BTreeMap<String, Arc<TargetGroup>>,
    /// By ARN.
    pub listeners: BTreeMap<String, Arc<Listener>>,
    /// By ARN; a listener's default rule is kept as a rule with priority `None`.
    pub rules: BTreeMap<String, Arc<Rule>>,
    /// Registered and draining targets.
    pub targets: BTreeMap<TargetKey, Arc<Target>>,
    /// Everything that is kept as documents.
    pub records: Records,
    /// The rules that wait for events.
    pub listening: crate::events::listening::Listening,
}

impl World {
    /// Returns the tasks of a service that are kept, in ARN order.
    pub fn service_tasks<'w>(&'w self, service_arn: &str) -> impl Iterator<Item = &'w Arc<Task>> + use<'w> {
        self.tasks_of_service.get(service_arn).into_iter().flatten().filter_map(|arn| self.tasks.get(arn))
    }

    /// Returns the tasks of a cluster that are kept, in ARN order.
    pub fn cluster_tasks<'w>(&'w self, cluster_arn: &str) -> impl Iterator<Item = &'w Arc<Task>> + use<'w> {
        let prefix = format!("{}/", cluster_arn.replacen(":cluster/", ":task/", 1));
        self.tasks.range(prefix.clone()..).take_while(move |(arn, _)| arn.starts_with(&prefix)).map(|(_, task)| task)
    }

    /// Returns the services of a cluster, in ARN order, inactive ones included.
    pub fn cluster_services<'w>(&'w self, cluster_arn: &str) -> impl Iterator<Item = &'w Arc<Service>> + use<'w> {
        let prefix = format!("{}/", cluster_arn.replacen(":cluster/", ":service/", 1));
        self.services
            .range(prefix.clone()..)
            .take_while(move |(arn, _)| arn.starts_with(&prefix))
            .map(|(_, service)| service)
    }

    /// Returns the deployments of a service that are kept, newest first.
    pub fn deployments_of(&self, service_arn: &str) -> Vec<&Arc<ServiceDeployment>> {
        let prefix = format!("{}/", service_arn.replacen(":service/", ":service-deployment/", 1));
        let range = self.service_deployments.range(prefix.clone()..);
        let mut all: Vec<_> = range.take_while(|(arn, _)| arn.starts_with(&prefix)).map(|(_, d)| d).collect();
        all.sort_by(|a, b| (b.created_at, &b.arn).cmp(&(a.created_at, &a.arn)));
        all
    }

    /// Returns the targets of a target group.
    pub fn group_targets<'w>(&'w self, group_arn: &'w str) -> impl Iterator<Item = &'w Arc<Target>> {
        self.targets
            .range(TargetKey { group_arn: group_arn.to_owned(), id: String::new(), port: 0 }..)
            .take_while(move |(key, _)| key.group_arn == group_arn)
            .map(|(_, target)| target)
    }

    /// Makes the world different; the change is already durable. Returns whose decision is due.
    pub fn apply(&mut self, change: Change) -> Option<Key> {
        change.apply(self)
    }
}
