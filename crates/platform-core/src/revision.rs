//! A revision's end: when one that is being deleted is gone.
//!
//! "A task definition revision will stay in DELETE_IN_PROGRESS status until all the associated tasks and
//! services have been terminated" (API reference, DeleteTaskDefinitions).

use std::sync::Arc;

use aws_model::task_definition::TaskDefinition;
use aws_model::{Document, Millis};

use crate::service::rollback_candidate;
use crate::world::{Change, Revision, RevisionStatus, ServiceStatus, World};

/// How long until it is looked again whether anything still uses a revision. Nothing waits for this.
const LOOK_EVERY: Millis = 60_000;

/// Decides about one revision: the change that deletes it, or when to look again.
pub fn decide(world: &World, revision: &Revision, now: Millis) -> (Option<Change>, Option<Millis>) {
    if revision.status != RevisionStatus::DeleteInProgress {
        return (None, None);
    }
    if is_used(world, &revision.arn) {
        return (None, Some(now + LOOK_EVERY));
    }
    let gone = Revision {
        status: RevisionStatus::Deleted,
        document: Document::new(),
        tags: Vec::new(),
        spec: Arc::new(TaskDefinition { family: revision.family.clone(), ..TaskDefinition::default() }),
        ..revision.clone()
    };
    (Some(Change::Revision(gone)), None)
}

/// Whether a task that is described, or a service, needs a revision: one that it runs, or may go back to.
fn is_used(world: &World, arn: &str) -> bool {
    let mut tasks = world.tasks.values();
    let mut services = world.services.values().filter(|s| s.status != ServiceStatus::Inactive);
    tasks.any(|task| task.task_definition_arn == arn)
        || services.any(|service| {
            service.deployments.iter().any(|d| d.task_definition_arn == arn)
                || rollback_candidate(world, service).is_some_and(|row| row.target.task_definition_arn == arn)
        })
}
