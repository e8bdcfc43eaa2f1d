//! A change of the world: stored first, then applied; storing twice is the same as once.

use std::sync::Arc;

use serde_json::Value;

use super::record::{Record, RecordKey};
use super::{
    Cluster, Listener, LoadBalancer, Revision, RevisionStatus, Rule, Service, ServiceDeployment, Target, TargetGroup,
    TargetKey, Task, World,
};
use crate::events;

/// One entity becomes this, or goes.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// Puts a cluster.
    Cluster(Cluster),
    /// Puts a revision.
    Revision(Revision),
    /// Puts a service.
    Service(Service),
    /// Puts a task.
    Task(Task),
    /// Puts a service deployment.
    ServiceDeployment(ServiceDeployment),
    /// Forgets a stopped task.
    ForgetTask(String),
    /// Forgets an inactive service.
    ForgetService(String),
    /// Forgets a service deployment that ended.
    ForgetServiceDeployment(String),
    /// Puts a load balancer.
    LoadBalancer(LoadBalancer),
    /// Puts a target group.
    TargetGroup(TargetGroup),
    /// Puts a listener.
    Listener(Listener),
    /// Puts a rule.
    Rule(Rule),
    /// Puts a target.
    Target(Target),
    /// Deletes a load balancer.
    DeleteLoadBalancer(String),
    /// Deletes a target group.
    DeleteTargetGroup(String),
    /// Deletes a listener.
    DeleteListener(String),
    /// Deletes a rule.
    DeleteRule(String),
    /// Deletes a target.
    DeleteTarget(TargetKey),
    /// Puts a record; see [`Change::put`].
    Record(RecordKey, Value),
    /// Deletes a record; see [`Change::remove`].
    ForgetRecord(RecordKey),
}

/// Whose decision a change makes due. Ordered as decisions are taken: routes last.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Key {
    /// A target, and the tasks bound to it.
    Target(TargetKey),
    /// A task, by ARN.
    Task(String),
    /// A service, by ARN.
    Service(String),
    /// A revision that is being deleted, by ARN.
    Revision(String),
    /// A record over which something decides ([`crate::watched`]).
    Record(RecordKey),
    /// The balancer's configuration.
    Routes,
}

/// The store's table of an entity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// Clusters.
    Clusters,
    /// Task definition revisions.
    Revisions,
    /// Services.
    Services,
    /// Tasks.
    Tasks,
    /// Service deployments.
    ServiceDeployments,
    /// Load balancers.
    LoadBalancers,
    /// Target groups.
    TargetGroups,
    /// Listeners.
    Listeners,
    /// Rules.
    Rules,
    /// Targets.
    Targets,
    /// Records of all kinds.
    Records,
}

impl Table {
    /// All tables, in the order they are loaded.
    pub const ALL: [Self; 11] = [
        Self::Clusters,
        Self::Revisions,
        Self::Services,
        Self::Tasks,
        Self::ServiceDeployments,
        Self::LoadBalancers,
        Self::TargetGroups,
        Self::Listeners,
        Self::Rules,
        Self::Targets,
        Self::Records,
    ];

    /// Returns the table's name in the store.
    pub fn name(self) -> &'static str {
        match self {
            Self::Clusters => "ecs.clusters",
            Self::Revisions => "ecs.revisions",
            Self::Services => "ecs.services",
            Self::Tasks => "ecs.tasks",
            Self::ServiceDeployments => "ecs.service-deployments",
            Self::LoadBalancers => "elb.load-balancers",
            Self::TargetGroups => "elb.target-groups",
            Self::Listeners => "elb.listeners",
            Self::Rules => "elb.rules",
            Self::Targets => "elb.targets",
            Self::Records => "records",
        }
    }

    /// Reads one stored entity back as the change that puts it.
    ///
    /// # Errors
    /// When the stored document is not this table's entity.
    pub fn read(self, key: &str, body: &[u8]) -> Result<Change, serde_json::Error> {
        Ok(match self {
            Self::Clusters => Change::Cluster(serde_json::from_slice(body)?),
            Self::Revisions => Change::Revision(serde_json::from_slice(body)?),
            Self::Services => Change::Service(serde_json::from_slice(body)?),
            Self::Tasks => Change::Task(serde_json::from_slice(body)?),
            Self::ServiceDeployments => Change::ServiceDeployment(serde_json::from_slice(body)?),
            Self::LoadBalancers => Change::LoadBalancer(serde_json::from_slice(body)?),
            Self::TargetGroups => Change::TargetGroup(serde_json::from_slice(body)?),
            Self::Listeners => Change::Listener(serde_json::from_slice(body)?),
            Self::Rules => Change::Rule(serde_json::from_slice(body)?),
            Self::Targets => Change::Target(serde_json::from_slice(body)?),
            Self::Records => {
                let key = RecordKey::parse(key).ok_or_else(|| serde::de::Error::custom("no record has this key"))?;
                Change::Record(key, serde_json::from_slice(body)?)
            }
        })
    }
}

impl Change {
    /// Returns where the change is stored: table, key, and the body, or none to delete the row.
    pub fn row(&self) -> (Table, String, Option<Vec<u8>>) {
        fn put<T: serde::Serialize>(table: Table, key: &str, entity: &T) -> (Table, String, Option<Vec<u8>>) {
            let body = serde_json::to_vec(entity).expect("entities have string keys and no failing serialisers");
            (table, key.to_owned(), Some(body))
        }
        match self {
            Self::Cluster(e) => put(Table::Clusters, &e.arn, e),
            Self::Revision(e) => put(Table::Revisions, &e.arn, e),
            Self::Service(e) => put(Table::Services, &e.arn, e),
            Self::Task(e) => put(Table::Tasks, &e.arn, e),
            Self::ServiceDeployment(e) => put(Table::ServiceDeployments, &e.arn, e),
            Self::LoadBalancer(e) => put(Table::LoadBalancers, &e.arn, e),
            Self::TargetGroup(e) => put(Table::TargetGroups, &e.arn, e),
            Self::Listener(e) => put(Table::Listeners, &e.arn, e),
            Self::Rule(e) => put(Table::Rules, &e.arn, e),
            Self::Target(e) => put(Table::Targets, &target_row(&e.key), e),
            Self::Record(key, body) => put(Table::Records, &key.row(), body),
            Self::ForgetRecord(key) => (Table::Records, key.row(), None),
            Self::ForgetTask(arn) => (Table::Tasks, arn.clone(), None),
            Self::ForgetService(arn) => (Table::Services, arn.clone(), None),
            Self::ForgetServiceDeployment(arn) => (Table::ServiceDeployments, arn.clone(), None),
            Self::DeleteLoadBalancer(arn) => (Table::LoadBalancers, arn.clone(), None),
            Self::DeleteTargetGroup(arn) => (Table::TargetGroups, arn.clone(), None),
            Self::DeleteListener(arn) => (Table::Listeners, arn.clone(), None),
            Self::DeleteRule(arn) => (Table::Rules, arn.clone(), None),
            Self::DeleteTarget(key) => (Table::Targets, target_row(key), None),
        }
    }

    pub(super) fn apply(self, world: &mut World) -> Option<Key> {
        match self {
            Self::Cluster(e) => {
                world.clusters.insert(e.arn.clone(), Arc::new(e));
                None
            }
            Self::Revision(e) => {
                let family = e.arn.rsplit_once(':').map_or(e.arn.as_str(), |(head, _)| head).to_owned();
                world.families.entry(family).or_default().insert(e.revision);
                let due = (e.status == RevisionStatus::DeleteInProgress).then(|| Key::Revision(e.arn.clone()));
                world.revisions.insert(e.arn.clone(), Arc::new(e));
                due
            }
            Self::Service(e) => {
                let key = Key::Service(e.arn.clone());
                world.services.insert(e.arn.clone(), Arc::new(e));
                Some(key)
            }
            Self::Task(e) => {
                let key = Key::Task(e.arn.clone());
                if let Some(service) = &e.service_arn {
                    world.tasks_of_service.entry(service.clone()).or_default().insert(e.arn.clone());
                }
                if let Some(network) = &e.network {
                    let address = network.address.to_string();
                    if !e.is_stopped() {
                        world.task_of_address.insert(address, e.arn.clone());
                    } else if world.task_of_address.get(&address) == Some(&e.arn) {
                        world.task_of_address.remove(&address);
                    }
                }
                world.task_index.follow(world.tasks.get(&e.arn).map(Arc::as_ref), Some(&e));
                world.tasks.insert(e.arn.clone(), Arc::new(e));
                Some(key)
            }
            Self::Record(key, body) => {
                let due = crate::watched(&key).map(Key::Record);
                follow(world, &key, Some(&body));
                world.records.put(key, body);
                due
            }
            Self::ForgetRecord(key) => {
                follow(world, &key, None);
                world.records.forget(&key);
                None
            }
            Self::ForgetTask(arn) => {
                let task = world.tasks.remove(&arn)?;
                world.task_index.follow(Some(&task), None);
                let service = task.service_arn.as_ref()?;
                if let Some(tasks) = world.tasks_of_service.get_mut(service) {
                    tasks.remove(&arn);
                    if tasks.is_empty() {
                        world.tasks_of_service.remove(service);
                    }
                }
                None
            }
            Self::ForgetService(arn) => {
                world.services.remove(&arn);
                None
            }
            Self::ServiceDeployment(e) => {
                let key = Key::Service(e.service_arn.clone());
                world.service_deployments.insert(e.arn.clone(), Arc::new(e));
                Some(key)
            }
            Self::ForgetServiceDeployment(arn) => {
                world.service_deployments.remove(&arn);
                None
            }
            Self::LoadBalancer(e) => {
                world.load_balancers.insert(e.arn.clone(), Arc::new(e));
                Some(Key::Routes)
            }
            Self::TargetGroup(e) => {
                world.target_groups.insert(e.arn.clone(), Arc::new(e));
                Some(Key::Routes)
            }
            Self::Listener(e) => {
                world.listeners.insert(e.arn.clone(), Arc::new(e));
                Some(Key::Routes)
            }
            Self::Rule(e) => {
                world.rules.insert(e.arn.clone(), Arc::new(e));
                Some(Key::Routes)
            }
            Self::Target(e) => {
                let key = Key::Target(e.key.clone());
                world.targets.insert(e.key.clone(), Arc::new(e));
                Some(key)
            }
            Self::DeleteLoadBalancer(arn) => world.load_balancers.remove(&arn).map(|_| Key::Routes),
            Self::DeleteTargetGroup(arn) => world.target_groups.remove(&arn).map(|_| Key::Routes),
            Self::DeleteListener(arn) => world.listeners.remove(&arn).map(|_| Key::Routes),
            Self::DeleteRule(arn) => world.rules.remove(&arn).map(|_| Key::Routes),
            Self::DeleteTarget(key) => {
                world.targets.remove(&key);
                Some(Key::Target(key))
            }
        }
    }
}

/// Follows a record that changes where an index depends on it.
fn follow(world: &mut World, key: &RecordKey, row: Option<&Value>) {
    if key.table == events::rule::Rule::TABLE {
        world.listening.follow(&key.region, &key.id, row);
    }
}

fn target_row(key: &TargetKey) -> String {
    format!("{} {} {}", key.group_arn, key.id, key.port)
}
