//! What a caller means by a name or an ARN.

use std::sync::Arc;

use aws_model::arn::{self, Arn, InCluster, TaskDefinitionRef};
use aws_model::{AwsError, Document};

use super::input::text;
use crate::Cx;
use crate::world::{Cluster, Revision, RevisionStatus, Service, ServiceStatus, Task, World};

/// Returns a cluster's ARN from its name or ARN; `default` if none is named.
pub(super) fn cluster_arn(cx: &Cx<'_>, named: Option<&str>) -> Result<String, AwsError> {
    let named = named.unwrap_or("default");
    if named.starts_with("arn:") {
        return match Arn::ecs(named, "cluster") {
            Some(_) => Ok(named.to_owned()),
            None => Err(AwsError::invalid_parameter("Invalid identifier: Identifier is for the wrong resource type.")),
        };
    }
    Ok(cx.arn("ecs", &format!("cluster/{named}")))
}

pub(super) fn no_cluster() -> AwsError {
    AwsError::new("ClusterNotFoundException", "Cluster not found.")
}

/// Returns the active cluster of an input.
pub(super) fn cluster<'w>(world: &'w World, cx: &Cx<'_>, input: &Document) -> Result<&'w Arc<Cluster>, AwsError> {
    let arn = cluster_arn(cx, text(input, "cluster"))?;
    world.clusters.get(&arn).filter(|c| c.active).ok_or_else(no_cluster)
}

/// Returns the ARN that a service's or a task's name or ARN has in a cluster.
pub(super) fn arn_in(cluster: &Cluster, kind: &str, named: &str) -> Option<String> {
    let parsed = InCluster::parse(kind, named)?;
    if parsed.cluster.is_some() && parsed.cluster != arn::cluster_name(&cluster.arn) {
        return None;
    }
    let home = cluster.arn.replacen(":cluster/", &format!(":{kind}/"), 1);
    let region = Arn::parse(&cluster.arn)?.region;
    parsed.region.is_none_or(|r| r == region).then(|| format!("{home}/{}", parsed.name))
}

/// Returns a service of a cluster, inactive ones included.
pub(super) fn service<'w>(world: &'w World, cluster: &Cluster, named: &str) -> Result<&'w Arc<Service>, AwsError> {
    arn_in(cluster, "service", named)
        .and_then(|arn| world.services.get(&arn))
        .ok_or_else(|| AwsError::new("ServiceNotFoundException", "Service not found."))
}

/// Returns a service that can be changed.
pub(super) fn active_service<'w>(
    world: &'w World,
    cluster: &Cluster,
    named: &str,
) -> Result<&'w Arc<Service>, AwsError> {
    let service = service(world, cluster, named)?;
    if service.status != ServiceStatus::Active {
        return Err(AwsError::new("ServiceNotActiveException", "Service was not ACTIVE."));
    }
    Ok(service)
}

/// Returns a task of a cluster.
pub(super) fn task<'w>(world: &'w World, cluster: &Cluster, named: &str) -> Option<&'w Arc<Task>> {
    world.tasks.get(&arn_in(cluster, "task", named)?)
}

/// Refuses a revision that is no number, in ECS's words (hashicorp/terraform#17746).
pub(super) fn check_revision_number(named: &str) -> Result<(), AwsError> {
    let rest =
        if named.starts_with("arn:") { Arn::ecs(named, "task-definition").map(|(_, rest)| rest) } else { Some(named) };
    match rest.and_then(|rest| rest.split_once(':')) {
        Some((_, number)) if number.parse::<u32>().ok().is_none_or(|n| n == 0) => {
            Err(AwsError::invalid_parameter(format!("Invalid revision number. Number: {number}")))
        }
        _ => Ok(()),
    }
}

/// Returns the revision that a name means: the one named, or the family's latest ACTIVE one.
pub(super) fn revision<'w>(world: &'w World, cx: &Cx<'_>, named: &str) -> Option<&'w Arc<Revision>> {
    let parsed = TaskDefinitionRef::parse(named)?;
    if parsed.region.is_some_and(|region| region != cx.region) {
        return None;
    }
    let family = family_arn(cx, parsed.family);
    match parsed.revision {
        Some(number) => {
            world.revisions.get(&format!("{family}:{number}")).filter(|r| r.status != RevisionStatus::Deleted)
        }
        None => {
            let numbers = world.families.get(&family)?.iter().rev();
            let mut newest = numbers.filter_map(|n| world.revisions.get(&format!("{family}:{n}")));
            newest.find(|r| r.status == RevisionStatus::Active)
        }
    }
}

/// Returns a revision that can start something.
pub(super) fn startable<'w>(
    world: &'w World,
    cx: &Cx<'_>,
    named: &str,
    inactive: fn(String) -> AwsError,
) -> Result<&'w Arc<Revision>, AwsError> {
    check_revision_number(named)?;
    let revision = revision(world, cx, named).ok_or_else(|| AwsError::client("TaskDefinition not found."))?;
    match revision.status {
        RevisionStatus::Active => Ok(revision),
        _ => Err(inactive("TaskDefinition is inactive".to_owned())),
    }
}

/// Returns a family's key in [`World::families`].
pub(super) fn family_arn(cx: &Cx<'_>, family: &str) -> String {
    cx.arn("ecs", &format!("task-definition/{family}"))
}
