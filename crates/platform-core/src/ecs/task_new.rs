//! How a task and a deployment are born: the one constructor of each, for calls and for the scheduler.

use aws_model::shape;
use aws_model::{AwsError, Document};
use serde_json::{Value, json};

use crate::Cx;
use crate::ecs::{placement, registries, tags};
use crate::world::{
    ContainerPhase, ContainerState, Deployment, DesiredStatus, Health, RegistryBinding, Revision, RevisionStatus,
    RolloutState, Service, TargetBinding, Task, TaskStatus, World,
};

/// What is asked of a new task, besides its revision.
#[derive(Debug, Clone, Default)]
pub struct TaskRequest {
    /// Its cluster.
    pub cluster_arn: String,
    /// `service:NAME`; empty for `family:FAMILY`.
    pub group: String,
    /// `ecs-svc/N`, or what the caller named.
    pub started_by: Option<String>,
    /// The service that wants it.
    pub service_arn: Option<String>,
    /// Where its ports register.
    pub targets: Vec<TargetBinding>,
    /// Where it registers at Cloud Map.
    pub registries: Vec<RegistryBinding>,
    /// Tags as ECS writes them.
    pub tags: Vec<Value>,
    /// The RunTask request, or a service's document: launch type, network, overrides; unknown members of a
    /// RunTask request are kept.
    pub document: Document,
}

/// Returns a new task: PROVISIONING, wanted RUNNING, all containers waiting.
pub fn new_task(world: &World, cx: &mut Cx<'_>, revision: &Revision, request: TaskRequest) -> Task {
    let id = cx.ids.hex32();
    let home = request.cluster_arn.replacen(":cluster/", ":task/", 1);
    let arn = format!("{home}/{id}");
    let container_home = request.cluster_arn.replacen(":cluster/", ":container/", 1);
    let containers = revision
        .spec
        .container_definitions
        .iter()
        .map(|definition| ContainerState {
            name: definition.name.clone(),
            arn: format!("{container_home}/{id}/{}", cx.ids.uuid()),
            // Fargate's form (docs/notes/ecs-behaviour.md 7.1): the task's id and a number.
            runtime_id: format!("{id}-{}", 1_000_000_000 + cx.ids.next() % 3_000_000_000),
            image: definition.image.clone(),
            image_digest: None,
            phase: ContainerPhase::Waiting,
            health: Health::default(),
            exit_code: None,
            reason: None,
            wanted_at: None,
            started_at: None,
            stop_asked_at: None,
            kill_asked_at: None,
            stopped_at: None,
            restarts: 0,
            restarted_at: None,
        })
        .collect();
    let group = if request.group.is_empty() { format!("family:{}", revision.family) } else { request.group };
    Task {
        document: task_document(world, &request.cluster_arn, revision, request.document),
        arn,
        id,
        cluster_arn: request.cluster_arn,
        task_definition_arn: revision.arn.clone(),
        family: revision.family.clone(),
        group,
        started_by: request.started_by,
        service_arn: request.service_arn,
        tags: request.tags,
        desired_status: DesiredStatus::Running,
        last_status: TaskStatus::Provisioning,
        containers,
        network: None,
        targets: request.targets,
        registries: request.registries,
        stop: None,
        version: 1,
        created_at: cx.now,
        pull_started_at: None,
        pull_stopped_at: None,
        started_at: None,
        stopping_at: None,
        execution_stopped_at: None,
        stopped_at: None,
        connectivity_at: None,
        counted: false,
        was_healthy: false,
        failed_checks: false,
        protected_until: None,
        named_until: None,
    }
}

/// Returns a new task of a service's deployment.
///
/// # Errors
/// `ClientException` when the deployment's revision is gone. One that is INACTIVE or being deleted still
/// starts: "existing services that reference" it "can still scale" (API reference, DeleteTaskDefinitions).
pub fn new_service_task(
    world: &World,
    cx: &mut Cx<'_>,
    service: &Service,
    deployment: &Deployment,
) -> Result<Task, AwsError> {
    let revision = world
        .revisions
        .get(&deployment.task_definition_arn)
        .filter(|r| r.status != RevisionStatus::Deleted)
        .ok_or_else(|| AwsError::client("TaskDefinition not found."))?;
    const TAKEN: [&str; 4] = ["launchType", "platformVersion", "capacityProviderStrategy", "enableExecuteCommand"];
    let mut document: Document =
        TAKEN.iter().filter_map(|k| Some(((*k).to_owned(), service.document.get(*k)?.clone()))).collect();
    if let Some(network) = &deployment.network_configuration {
        document.insert("networkConfiguration".into(), network.clone());
    }
    let mut tags = match service.document.get("propagateTags").and_then(Value::as_str) {
        Some("SERVICE") => service.tags.clone(),
        Some("TASK_DEFINITION") => revision.tags.clone(),
        _ => Vec::new(),
    };
    // Developer guide, "Tag your Amazon ECS resources for billing": the cluster's and the service's names.
    if service.document.get("enableECSManagedTags").and_then(Value::as_bool) == Some(true) {
        let cluster = aws_model::arn::cluster_name(&service.cluster_arn).unwrap_or_default();
        tags.push(tags::managed("clusterName", cluster));
        tags.push(tags::managed("serviceName", &service.name));
    }
    let request = TaskRequest {
        cluster_arn: service.cluster_arn.clone(),
        group: format!("service:{}", service.name),
        started_by: Some(deployment.id()),
        service_arn: Some(service.arn.clone()),
        targets: service.load_balancers.clone(),
        registries: registries::bindings(&service.document),
        tags,
        document,
    };
    Ok(new_task(world, cx, revision, request))
}

/// Returns a new deployment of a service, IN_PROGRESS. `document` is the service's, for its network configuration.
pub fn new_deployment(
    cx: &mut Cx<'_>,
    service_arn: &str,
    task_definition_arn: &str,
    document: &Document,
) -> Deployment {
    let number = cx.ids.digits19();
    let home = service_arn.replacen(":service/", ":service-deployment/", 1);
    Deployment {
        service_deployment_arn: format!("{home}/{}", cx.ids.base62()),
        task_definition_arn: task_definition_arn.to_owned(),
        network_configuration: document.get("networkConfiguration").cloned(),
        created_at: cx.now,
        updated_at: cx.now,
        rollout_state: RolloutState::InProgress,
        rollout_state_reason: format!("ECS deployment ecs-svc/{number} in progress."),
        failed_tasks: 0,
        number,
    }
}

/// What of a request the task keeps: what it answers again, where it attaches, and unknown members.
fn task_document(world: &World, cluster_arn: &str, revision: &Revision, request: Document) -> Document {
    let placement = placement::of(world, cluster_arn, &request);
    let mut document = Document::new();
    document.insert("launchType".into(), "FARGATE".into());
    if let Some(provider) = placement.capacity_provider {
        document.insert("capacityProviderName".into(), provider.into());
    }
    document.insert("platformVersion".into(), placement::platform_version(&request).into());
    document.insert("platformFamily".into(), "Linux".into());
    document.insert("overrides".into(), full_overrides(revision, request.get("overrides")));
    for (name, value) in request {
        let kept = matches!(name.as_str(), "networkConfiguration" | "enableExecuteCommand" | "clientToken");
        if kept || !(shape::has_member("RunTaskRequest", &name) || document.contains_key(&name)) {
            document.insert(name, value);
        }
    }
    document
}

/// ECS answers every container by name, overridden or not.
fn full_overrides(revision: &Revision, given: Option<&Value>) -> Value {
    let mut overrides = given.and_then(Value::as_object).cloned().unwrap_or_default();
    let given = overrides.get("containerOverrides").and_then(Value::as_array).cloned().unwrap_or_default();
    let rest = revision.spec.container_definitions.iter().map(|c| c.name.as_str());
    let named = |name: &str| given.iter().any(|o| o.get("name").and_then(Value::as_str) == Some(name));
    let missing: Vec<Value> = rest.filter(|name| !named(name)).map(|name| json!({"name": name})).collect();
    overrides.insert("containerOverrides".into(), given.iter().cloned().chain(missing).collect());
    overrides.entry("inferenceAcceleratorOverrides").or_insert_with(|| json!([]));
    Value::Object(overrides)
}
