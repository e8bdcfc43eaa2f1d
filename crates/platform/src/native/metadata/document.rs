//! What the task metadata endpoint v4 answers (ECS developer guide, "Amazon ECS task metadata
//! endpoint version 4 for tasks on Fargate").

use aws_model::Millis;
use aws_model::region;
use aws_model::task_definition::TaskDefinition;
use platform_core::world::{ContainerPhase, ContainerState, HealthState, Task};
use serde_json::{Map, Value, json};

/// What a task's documents are made of.
pub(super) struct Facts<'a> {
    pub(super) task: &'a Task,
    pub(super) spec: &'a TaskDefinition,
    /// Network of the tasks, as `10.77.0.0/16`, and its gateway.
    pub(super) subnet: String,
    pub(super) gateway: String,
    /// With tags, for the `/taskWithTags` path.
    pub(super) tags: bool,
}

/// Returns the whole task's document.
pub(super) fn task(facts: &Facts<'_>) -> Value {
    let Facts { task, spec, .. } = facts;
    let revision = task.task_definition_arn.rsplit(':').next().unwrap_or_default();
    let mut document = json!({
        "Cluster": task.cluster_arn,
        "TaskARN": task.arn,
        "Family": task.family,
        "Revision": revision,
        "DesiredStatus": task.desired_status.as_str(),
        "KnownStatus": known_status(task),
        "Limits": limits(spec),
        "AvailabilityZone": zone(task),
        "LaunchType": "FARGATE",
        "Containers": task.containers.iter().map(|c| container(facts, c)).collect::<Vec<_>>(),
        "ClockDrift": {
            "ClockErrorBound": 0.0,
            "ReferenceTimestamp": time(task.created_at),
            "ClockSynchronizationStatus": "SYNCHRONIZED",
        },
    });
    let members = document.as_object_mut().expect("the literal above is an object");
    set(members, "PullStartedAt", task.pull_started_at);
    set(members, "PullStoppedAt", task.pull_stopped_at);
    set(members, "ExecutionStoppedAt", task.execution_stopped_at);
    if let Some(service) = task.group.strip_prefix("service:") {
        members.insert("ServiceName".into(), service.into());
    }
    if facts.tags {
        let tags = task.tags.iter().filter_map(|t| {
            let text = |name: &str| t.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
            Some((t.get("key")?.as_str()?.to_owned(), Value::from(text("value"))))
        });
        members.insert("TaskTags".into(), Value::Object(tags.collect()));
    }
    document
}

/// Returns one container's document.
pub(super) fn container(facts: &Facts<'_>, state: &ContainerState) -> Value {
    let Facts { task, spec, subnet, gateway, .. } = facts;
    let definition = spec.container(&state.name).cloned().unwrap_or_default();
    let revision = task.task_definition_arn.rsplit(':').next().unwrap_or_default();
    let mut labels: Map<String, Value> =
        definition.docker_labels.iter().map(|(k, v)| (k.clone(), v.clone().into())).collect();
    for (name, value) in [
        ("com.amazonaws.ecs.cluster", task.cluster_arn.as_str()),
        ("com.amazonaws.ecs.container-name", &state.name),
        ("com.amazonaws.ecs.task-arn", &task.arn),
        ("com.amazonaws.ecs.task-definition-family", &task.family),
        ("com.amazonaws.ecs.task-definition-version", revision),
    ] {
        labels.insert(name.into(), value.into());
    }
    let mut document = json!({
        "DockerId": state.runtime_id,
        "Name": state.name,
        "DockerName": state.name,
        "Image": state.image,
        "ImageID": state.image_digest.clone().unwrap_or_default(),
        "Labels": labels,
        "DesiredStatus": task.desired_status.as_str(),
        "KnownStatus": phase(state.phase),
        "Limits": container_limits(&definition),
        "Type": "NORMAL",
        "ContainerARN": state.arn,
        "Snapshotter": "overlayfs",
    });
    let members = document.as_object_mut().expect("the literal above is an object");
    set(members, "CreatedAt", state.wanted_at);
    set(members, "StartedAt", state.started_at);
    set(members, "FinishedAt", state.stopped_at.filter(|_| state.phase == ContainerPhase::Stopped));
    if let Some(code) = state.exit_code.filter(|_| state.phase != ContainerPhase::Restarting) {
        members.insert("ExitCode".into(), code.into());
    }
    // Only where it can be restarted (amazon-ecs-agent, agent/handlers/v4/response.go); ECS tells it nowhere else.
    if definition.restart_policy.as_ref().is_some_and(|policy| policy.enabled) {
        members.insert("RestartCount".into(), state.restarts.into());
    }
    if platform_core::task::health::check_of(&definition).is_some() {
        let mut health = json!({ "status": health(state.health.state) });
        if let Some(since) = state.health.since {
            health["statusSince"] = time(since).into();
        }
        members.insert("Health".into(), health);
    }
    if let Some(log) = &definition.log_configuration {
        members.insert("LogDriver".into(), log.log_driver.clone().into());
        let mut options: Map<String, Value> = log
            .options
            .iter()
            .filter(|(k, _)| matches!(k.as_str(), "awslogs-group" | "awslogs-region"))
            .map(|(k, v)| (k.clone(), v.clone().into()))
            .collect();
        if let Some(prefix) = log.options.get("awslogs-stream-prefix") {
            options.insert("awslogs-stream".into(), format!("{prefix}/{}/{}", state.name, task.id).into());
        }
        members.insert("LogOptions".into(), Value::Object(options));
    }
    if let Some(network) = &task.network {
        members.insert(
            "Networks".into(),
            json!([{
                "NetworkMode": "awsvpc",
                "IPv4Addresses": [network.address],
                "AttachmentIndex": 0,
                "MACAddress": network.mac,
                "IPv4SubnetCIDRBlock": subnet,
                "PrivateDNSName": region::private_name(task.arn.split(':').nth(3).unwrap_or_default(), network.address),
                "SubnetGatewayIpv4Address": gateway,
            }]),
        );
    }
    document
}

fn limits(spec: &TaskDefinition) -> Value {
    let number = |text: &Option<String>| text.as_deref().and_then(|t| t.parse::<f64>().ok());
    let mut limits = Map::new();
    if let Some(cpu) = number(&spec.cpu) {
        limits.insert("CPU".into(), json!(cpu / 1024.0));
    }
    if let Some(memory) = number(&spec.memory) {
        limits.insert("Memory".into(), json!(memory as i64));
    }
    Value::Object(limits)
}

fn container_limits(definition: &aws_model::task_definition::ContainerDefinition) -> Value {
    let mut limits = json!({ "CPU": definition.cpu });
    if let Some(memory) = definition.memory {
        limits["Memory"] = memory.into();
    }
    limits
}

fn known_status(task: &Task) -> &'static str {
    task.last_status.as_str()
}

fn phase(phase: ContainerPhase) -> &'static str {
    match phase {
        ContainerPhase::Waiting | ContainerPhase::Pulling => "NONE",
        ContainerPhase::Pulled => "PULLED",
        ContainerPhase::Starting => "CREATED",
        ContainerPhase::Running | ContainerPhase::Restarting => "RUNNING",
        ContainerPhase::Stopped => "STOPPED",
    }
}

fn health(state: HealthState) -> &'static str {
    state.as_str()
}

fn zone(task: &Task) -> String {
    format!("{}a", task.arn.split(':').nth(3).unwrap_or_default())
}

fn set(members: &mut Map<String, Value>, name: &str, at: Option<Millis>) {
    if let Some(at) = at {
        members.insert(name.into(), time(at).into());
    }
}

fn time(at: Millis) -> String {
    jiff::Timestamp::from_millisecond(at).map(|t| t.to_string()).unwrap_or_default()
}
