//! A service and its deployments as ECS answers them.

use aws_model::{Document, seconds};
use serde_json::{Value, json};

use super::placement;
use crate::world::{Deployment, DesiredStatus, Scope, Service, ServiceStatus, World};

/// Returns a service as DescribeServices answers it, tags included.
pub fn render_service(world: &World, service: &Service) -> Value {
    let counts = world.task_index.counts(&service.arn);
    let deployments = service.deployments.iter().enumerate();
    let deployments: Vec<Value> = deployments.map(|(i, d)| render_deployment(world, service, d, i == 0)).collect();
    let events: Vec<Value> = service
        .events
        .iter()
        .map(|event| json!({"id": event.id, "createdAt": seconds(event.at), "message": event.message}))
        .collect();
    let mut out = Document::new();
    let mut put = |name: &str, value: Value| drop(out.insert(name.to_owned(), value));
    put("serviceArn", service.arn.clone().into());
    put("serviceName", service.name.clone().into());
    put("clusterArn", service.cluster_arn.clone().into());
    put("status", service.status.as_str().into());
    put("desiredCount", service.desired_count.into());
    put("runningCount", counts.running.into());
    put("pendingCount", counts.pending.into());
    put("platformFamily", "Linux".into());
    if let Some(primary) = service.deployments.first() {
        put("taskDefinition", primary.task_definition_arn.clone().into());
    } else if let Some(last) = service.document.get(LAST_REVISION) {
        put("taskDefinition", last.clone());
    }
    put("deployments", Value::Array(deployments));
    put("events", Value::Array(events));
    put("createdAt", seconds(service.created_at));
    put("createdBy", service.created_by.clone().into());
    put("tags", Value::Array(service.tags.clone()));
    if service.status == ServiceStatus::Active {
        if let Some(arn) = current_deployment(world, service) {
            put("currentServiceDeployment", arn.into());
        }
        let revisions = service.deployments.iter().map(|d| revision_counts(world, service, &d.number));
        put("currentServiceRevisions", revisions.collect());
    }
    for (name, value) in &service.document {
        match name.as_str() {
            LAST_REVISION => {}
            "role" => drop(out.insert("roleArn".into(), value.clone())),
            name if out.contains_key(name) || REQUEST_ONLY.contains(&name) => {}
            name => drop(out.insert(name.to_owned(), value.clone())),
        }
    }
    Value::Object(out)
}

/// Members of CreateService and UpdateService that an answered service does not have.
const REQUEST_ONLY: [&str; 9] = [
    "cluster",
    "clientToken",
    "serviceConnectConfiguration",
    "volumeConfigurations",
    "vpcLatticeConfigurations",
    "gatewayConnectors",
    "monitoring",
    "service",
    "forceNewDeployment",
];

/// Where a service's document keeps its revision once it has no deployment any more.
pub(super) const LAST_REVISION: &str = "taskDefinition";

/// The one under way; else the one that the primary came from.
fn current_deployment<'a>(world: &'a World, service: &'a Service) -> Option<&'a str> {
    let primary = service.deployments.first()?;
    let ongoing = world.deployments_of(&service.arn).into_iter().find(|row| !row.status.is_final());
    // A newer one that was asked for in this very call is not in the world yet.
    let ongoing = ongoing.filter(|row| row.created_at >= primary.created_at);
    Some(ongoing.map_or(primary.service_deployment_arn.as_str(), |row| row.arn.as_str()))
}

/// Returns the ARN of a service's revision; it ends in the deployment's number (docs/notes/ecs-behaviour.md 7.1).
pub(super) fn revision_arn(service_arn: &str, number: &str) -> String {
    format!("{}/{number}", service_arn.replacen(":service/", ":service-revision/", 1))
}

/// Returns `{arn, requestedTaskCount, runningTaskCount, pendingTaskCount}` of the revision with this number.
pub(super) fn revision_counts(world: &World, service: &Service, number: &str) -> Value {
    let counts = world.task_index.counts(&format!("ecs-svc/{number}"));
    json!({
        "arn": revision_arn(&service.arn, number),
        "requestedTaskCount": requested(world, service, number),
        "runningTaskCount": counts.running,
        "pendingTaskCount": counts.pending,
    })
}

/// The primary wants what the service wants; any other deployment what it still has.
fn requested(world: &World, service: &Service, number: &str) -> u32 {
    if service.deployments.first().is_some_and(|d| d.number == number) {
        return service.desired_count;
    }
    let scope = Scope::StartedBy(service.cluster_arn.clone(), format!("ecs-svc/{number}"));
    world.task_index.len(&scope, DesiredStatus::Running) as u32
}

fn render_deployment(world: &World, service: &Service, deployment: &Deployment, primary: bool) -> Value {
    let id = deployment.id();
    let counts = world.task_index.counts(&id);
    let mut out = json!({
        "id": id,
        "status": if primary { "PRIMARY" } else { "ACTIVE" },
        "taskDefinition": deployment.task_definition_arn,
        "desiredCount": requested(world, service, &deployment.number),
        "pendingCount": counts.pending,
        "runningCount": counts.running,
        "failedTasks": deployment.failed_tasks,
        "createdAt": seconds(deployment.created_at),
        "updatedAt": seconds(deployment.updated_at),
        "platformVersion": placement::platform_version(&service.document),
        "platformFamily": "Linux",
        "rolloutState": deployment.rollout_state.as_str(),
        "rolloutStateReason": deployment.rollout_state_reason,
    });
    let object = out.as_object_mut().expect("built as an object");
    for name in ["launchType", "capacityProviderStrategy"] {
        if let Some(value) = service.document.get(name) {
            object.insert(name.to_owned(), value.clone());
        }
    }
    if let Some(network) = &deployment.network_configuration {
        object.insert("networkConfiguration".into(), network.clone());
    }
    // What a service does not show, the deployment that it was asked for with does.
    for name in OF_DEPLOYMENTS.into_iter().filter(|_| primary) {
        if let Some(value) = service.document.get(name) {
            object.insert(name.to_owned(), value.clone());
        }
    }
    out
}

/// Members of a request that ECS shows of a deployment alone (API reference, Deployment).
const OF_DEPLOYMENTS: [&str; 3] = ["serviceConnectConfiguration", "volumeConfigurations", "vpcLatticeConfigurations"];

#[cfg(test)]
mod tests {
    use aws_model::shape;

    #[test]
    fn what_deployments_show_is_what_the_model_says() {
        let shown = |name: &&str| shape::has_member("Deployment", name) && !shape::has_member("Service", name);
        let asked: Vec<&str> = shape::members("CreateServiceRequest").into_iter().filter(shown).collect();
        assert_eq!(asked, super::OF_DEPLOYMENTS);
    }

    #[test]
    fn what_a_service_does_not_answer_is_what_the_model_says() {
        let mut hidden: Vec<&str> = ["CreateServiceRequest", "UpdateServiceRequest"]
            .into_iter()
            .flat_map(shape::members)
            .filter(|name| *name != "role" && !shape::has_member("Service", name))
            .collect();
        let mut ours = super::REQUEST_ONLY.to_vec();
        hidden.sort();
        hidden.dedup();
        ours.sort();
        assert_eq!(ours, hidden);
    }
}
