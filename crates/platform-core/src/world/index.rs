//! Which tasks there are in a cluster, family, service or run, and how many of them run.
//!
//! Kept so that a list or a count costs what it answers, not what there is. Follows
//! [`super::Change::apply`] and is never stored.

use std::collections::{BTreeSet, HashMap};
use std::ops::Bound;
use std::sync::Arc;

use super::{DesiredStatus, Task, TaskStatus};

/// A set of tasks that callers list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Scope {
    /// All of a cluster, by its ARN.
    Cluster(String),
    /// Of a cluster (its ARN) and a family.
    Family(String, String),
    /// Of a cluster (its ARN), started by this.
    StartedBy(String, String),
    /// Of a service, by its ARN.
    Service(String),
    /// Of a cluster (its ARN), asked for with this client token.
    Token(String, String),
}

/// How many tasks of a cluster, service or deployment are on their way and run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TaskCounts {
    /// Wanted, and not RUNNING yet.
    pub pending: u32,
    /// RUNNING, wanted or not.
    pub running: u32,
}

/// Lists and counts of tasks, kept up with every change so that no call reads all tasks.
#[derive(Debug, Clone, Default)]
pub struct TaskIndex {
    /// Task ARNs in order, by what is wanted of them: running, stopped.
    listed: HashMap<Scope, [BTreeSet<Arc<str>>; 2]>,
    /// By cluster ARN, service ARN, and `ecs-svc/N`.
    counts: HashMap<String, TaskCounts>,
}

impl TaskIndex {
    /// Returns the counts of a cluster's or a service's ARN, or of a deployment's `ecs-svc/N`.
    pub fn counts(&self, of: &str) -> TaskCounts {
        self.counts.get(of).copied().unwrap_or_default()
    }

    /// Returns the ARNs of a scope after `after`, in order.
    pub fn listed(&self, scope: &Scope, wanted: DesiredStatus, after: Option<&str>) -> impl Iterator<Item = &Arc<str>> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        self.listed
            .get(scope)
            .into_iter()
            .flat_map(move |sets| sets[slot(wanted)].range::<str, _>((from, Bound::Unbounded)))
    }

    /// Returns how many tasks a scope has.
    pub fn len(&self, scope: &Scope, wanted: DesiredStatus) -> usize {
        self.listed.get(scope).map_or(0, |sets| sets[slot(wanted)].len())
    }

    /// Follows a task from what it was to what it is.
    pub(super) fn follow(&mut self, before: Option<&Task>, after: Option<&Task>) {
        if before.map(|t| t.desired_status) != after.map(|t| t.desired_status) {
            if let Some(task) = before {
                self.unlist(task);
            }
            if let Some(task) = after {
                let arn: Arc<str> = task.arn.as_str().into();
                for scope in scopes(task) {
                    self.listed.entry(scope).or_default()[slot(task.desired_status)].insert(arn.clone());
                }
            }
        }
        let (was, is) = (before.map(weight).unwrap_or_default(), after.map(weight).unwrap_or_default());
        if was != is
            && let Some(task) = after.or(before)
        {
            for key in counted(task) {
                let counts = self.counts.entry(key.to_owned()).or_default();
                counts.pending = counts.pending + is.pending - was.pending;
                counts.running = counts.running + is.running - was.running;
                if *counts == TaskCounts::default() {
                    self.counts.remove(key);
                }
            }
        }
    }

    fn unlist(&mut self, task: &Task) {
        for scope in scopes(task) {
            if let Some(sets) = self.listed.get_mut(&scope) {
                sets[slot(task.desired_status)].remove(task.arn.as_str());
                if sets.iter().all(BTreeSet::is_empty) {
                    self.listed.remove(&scope);
                }
            }
        }
    }
}

fn slot(wanted: DesiredStatus) -> usize {
    match wanted {
        DesiredStatus::Running => 0,
        DesiredStatus::Stopped => 1,
    }
}

fn scopes(task: &Task) -> impl Iterator<Item = Scope> {
    let started = task.started_by.clone().map(|by| Scope::StartedBy(task.cluster_arn.clone(), by));
    let service = task.service_arn.clone().map(Scope::Service);
    let token = task.document.get("clientToken").and_then(|t| t.as_str());
    let token = token.map(|token| Scope::Token(task.cluster_arn.clone(), token.to_owned()));
    [Scope::Cluster(task.cluster_arn.clone()), Scope::Family(task.cluster_arn.clone(), task.family.clone())]
        .into_iter()
        .chain(started)
        .chain(service)
        .chain(token)
}

fn counted(task: &Task) -> impl Iterator<Item = &str> {
    // A caller may name anything as `startedBy`; only a service's task counts for a deployment.
    let deployment = task.service_arn.as_ref().and(task.started_by.as_deref());
    std::iter::once(task.cluster_arn.as_str()).chain(task.service_arn.as_deref()).chain(deployment)
}

fn weight(task: &Task) -> TaskCounts {
    match task.last_status {
        TaskStatus::Running => TaskCounts { pending: 0, running: 1 },
        status if status < TaskStatus::Running && task.desired_status == DesiredStatus::Running => {
            TaskCounts { pending: 1, running: 0 }
        }
        _ => TaskCounts::default(),
    }
}
