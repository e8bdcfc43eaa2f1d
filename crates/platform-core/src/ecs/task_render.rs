//! A task as ECS answers it.

use aws_model::{Document, seconds};
use serde_json::{Value, json};

use super::exec::managed_agents;
use super::overrides::{effective_container, effective_size};
use crate::task::task_health;
use crate::world::{ContainerPhase, ContainerState, HealthState, Network, Task, TaskStatus, World};

/// Members of [`Task::document`] that are not answered.
const HIDDEN: [&str; 2] = ["networkConfiguration", "clientToken"];

/// Returns a task as DescribeTasks answers it, tags included.
pub fn render_task(world: &World, task: &Task) -> Value {
    let spec = world.revisions.get(&task.task_definition_arn).map(|r| &r.spec);
    let health = spec.map_or(HealthState::Unknown, |spec| task_health(task, spec));
    let (cpu, memory) = spec.map_or((None, None), |spec| effective_size(spec, task));
    let region = task.arn.split(':').nth(3).unwrap_or_default();
    let containers: Vec<Value> = task
        .containers
        .iter()
        .map(|state| {
            let definition = spec.and_then(|spec| effective_container(spec, task, &state.name));
            render_container(task, state, definition.as_ref())
        })
        .collect();
    let mut out = json!({
        "taskArn": task.arn,
        "clusterArn": task.cluster_arn,
        "taskDefinitionArn": task.task_definition_arn,
        "group": task.group,
        "availabilityZone": format!("{region}a"),
        "attachments": task.network.iter().map(|n| attachment(task, n)).collect::<Vec<_>>(),
        "attributes": [{"name": "ecs.cpu-architecture", "value": if cfg!(target_arch = "aarch64") { "arm64" } else { "x86_64" }}],
        "containers": containers,
        "createdAt": seconds(task.created_at),
        "desiredStatus": task.desired_status.as_str(),
        "lastStatus": task.last_status.as_str(),
        "healthStatus": health.as_str(),
        "enableExecuteCommand": false,
        "inferenceAccelerators": [],
        "tags": task.tags,
        "version": task.version,
    });
    let object = out.as_object_mut().expect("built as an object");
    for (name, value) in task.document.iter().filter(|(name, _)| !HIDDEN.contains(&name.as_str())) {
        object.insert(name.clone(), value.clone());
    }
    let texts = [
        ("startedBy", task.started_by.clone()),
        ("cpu", cpu.map(|n| n.to_string())),
        ("memory", memory.map(|n| n.to_string())),
        ("stopCode", task.stop.as_ref().map(|s| s.code.clone())),
        ("stoppedReason", task.stop.as_ref().map(|s| s.reason.clone())),
    ];
    for (name, text) in texts {
        put(object, name, text.map(Value::from));
    }
    if task.network.is_some() {
        object.insert("connectivity".into(), "CONNECTED".into());
        put(object, "connectivityAt", task.connectivity_at.map(seconds));
    }
    let times = [
        ("pullStartedAt", task.pull_started_at),
        ("pullStoppedAt", task.pull_stopped_at),
        ("startedAt", task.started_at),
        ("stoppingAt", task.stopping_at),
        ("executionStoppedAt", task.execution_stopped_at),
        ("stoppedAt", task.stopped_at),
    ];
    for (name, at) in times {
        put(object, name, at.map(seconds));
    }
    if let Some(storage) = spec.and_then(|s| s.ephemeral_storage.as_ref()) {
        object.insert("ephemeralStorage".into(), json!({"sizeInGiB": storage.size_in_gi_b}));
    }
    out
}

fn put(object: &mut Document, name: &str, value: Option<Value>) {
    if let Some(value) = value {
        object.insert(name.to_owned(), value);
    }
}

/// The elastic network interface that a Fargate task has.
fn attachment(task: &Task, network: &Network) -> Value {
    let region = task.arn.split(':').nth(3).unwrap_or_default();
    let details = [
        ("subnetId", network.subnet_id.clone()),
        ("networkInterfaceId", network.interface_id.clone()),
        ("macAddress", network.mac.clone()),
        ("privateDnsName", aws_model::region::private_name(region, network.address)),
        ("privateIPv4Address", network.address.to_string()),
    ];
    let status = if task.last_status == TaskStatus::Stopped { "DELETED" } else { "ATTACHED" };
    json!({
        "id": network.attachment_id,
        "type": "ElasticNetworkInterface",
        "status": status,
        "details": details.map(|(name, value)| json!({"name": name, "value": value})),
    })
}

fn render_container(
    task: &Task,
    state: &ContainerState,
    definition: Option<&aws_model::task_definition::ContainerDefinition>,
) -> Value {
    let status = match state.phase {
        ContainerPhase::Waiting | ContainerPhase::Pulling | ContainerPhase::Pulled | ContainerPhase::Starting => {
            "PENDING"
        }
        ContainerPhase::Running | ContainerPhase::Restarting => "RUNNING",
        ContainerPhase::Stopped => "STOPPED",
    };
    let interfaces: Vec<Value> = task
        .network
        .iter()
        .map(|n| json!({"attachmentId": n.attachment_id, "privateIpv4Address": n.address.to_string()}))
        .collect();
    let mut out = json!({
        "containerArn": state.arn,
        "taskArn": task.arn,
        "name": state.name,
        "image": state.image,
        "runtimeId": state.runtime_id,
        "lastStatus": status,
        "networkBindings": [],
        "networkInterfaces": interfaces,
        "healthStatus": state.health.state.as_str(),
        "cpu": definition.map_or(0, |d| d.cpu).to_string(),
    });
    let object = out.as_object_mut().expect("built as an object");
    put(object, "managedAgents", managed_agents(task, state));
    put(object, "imageDigest", state.image_digest.clone().map(Value::from));
    // What is being restarted has not ended.
    if state.phase != ContainerPhase::Restarting {
        put(object, "exitCode", state.exit_code.map(Value::from));
        put(object, "reason", state.reason.clone().map(Value::from));
    }
    put(object, "memory", definition.and_then(|d| d.memory).map(|m| m.to_string().into()));
    put(object, "memoryReservation", definition.and_then(|d| d.memory_reservation).map(|m| m.to_string().into()));
    out
}
