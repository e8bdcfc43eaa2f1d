//! What ECS makes of a task definition when it registers it: the defaults that it fills in, and what
//! it works out (`compatibilities`, `requiresAttributes`).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::Document;
use crate::task_definition::TaskDefinition;
use crate::units::{cpu_units, memory_mib};
use crate::validate;

/// Members of an answered task definition that ECS works out and that no request may hold.
pub const COMPUTED: [&str; 9] = [
    "taskDefinitionArn",
    "revision",
    "status",
    "requiresAttributes",
    "compatibilities",
    "registeredAt",
    "registeredBy",
    "deregisteredAt",
    "deleteRequestedAt",
];

/// Returns the document that ECS answers for a valid request: without `tags`, with exactly the defaults that
/// ECS fills in, everything else as it came, unknown members included.
pub fn as_registered(mut request: Document) -> Document {
    request.shift_remove("tags");
    // The client's SDK strips them; a raw caller's copy of an answer must not shadow the real ones.
    for name in COMPUTED {
        request.shift_remove(name);
    }
    size(&mut request, "cpu", cpu_units);
    size(&mut request, "memory", memory_mib);
    let shared = matches!(request.get("networkMode").and_then(Value::as_str), Some("awsvpc" | "host"));
    for container in objects(request.get_mut("containerDefinitions")) {
        fill(container, "cpu", json!(0));
        fill(container, "essential", json!(true));
        for list in ["portMappings", "environment", "mountPoints", "volumesFrom", "systemControls"] {
            fill(container, list, json!([]));
        }
        for mapping in objects(container.get_mut("portMappings")) {
            port_mapping(mapping, shared);
        }
    }
    fill(&mut request, "volumes", json!([]));
    for volume in objects(request.get_mut("volumes")) {
        // "If this parameter is omitted, the root of the Amazon EFS volume will be used" (EFSVolumeConfiguration);
        // it is answered.
        if let Some(efs) = volume.get_mut("efsVolumeConfiguration").and_then(Value::as_object_mut) {
            fill(efs, "rootDirectory", json!("/"));
        }
    }
    fill(&mut request, "placementConstraints", json!([]));
    request
}

fn objects(value: Option<&mut Value>) -> impl Iterator<Item = &mut Document> {
    value.and_then(Value::as_array_mut).into_iter().flatten().filter_map(Value::as_object_mut)
}

fn fill(object: &mut Document, name: &str, value: Value) {
    object.entry(name).or_insert(value);
}

/// "1 vCPU" is answered as "1024", "2 GB" as "2048".
fn size(request: &mut Document, name: &str, read: fn(&str) -> Option<i64>) {
    if let Some(units) = request.get(name).and_then(Value::as_str).and_then(read) {
        request.insert(name.to_owned(), units.to_string().into());
    }
}

fn port_mapping(mapping: &mut Document, shared: bool) {
    fill(mapping, "protocol", json!("tcp"));
    let Some(port) = mapping.get("containerPort").cloned() else { return };
    let open = mapping.get("hostPort").is_none_or(|p| p.as_i64() == Some(0));
    if shared && open {
        mapping.insert("hostPort".into(), port);
    } else {
        fill(mapping, "hostPort", json!(0));
    }
}

/// Returns the launch types that a valid task definition can run with, in the order that ECS answers them.
pub fn compatibilities(spec: &TaskDefinition) -> Vec<&'static str> {
    let fargate = validate::fargate(spec).is_ok();
    let awsvpc = spec.network_mode.as_deref() == Some("awsvpc");
    // External instances know no awsvpc (developer guide, "External instances").
    match (awsvpc, fargate) {
        (true, true) => vec!["EC2", "FARGATE"],
        (true, false) => vec!["EC2"],
        (false, _) => vec!["EXTERNAL", "EC2"],
    }
}

/// Returns what a container instance must be able to do, by the names of the agent's capabilities.
pub fn requires_attributes(spec: &TaskDefinition) -> Vec<String> {
    let mut names = BTreeSet::new();
    let mut need = |name: &str| names.insert(name.to_owned());
    need("com.amazonaws.ecs.capability.docker-remote-api.1.18");
    let mode = spec.network_mode.as_deref().unwrap_or("bridge");
    if mode == "awsvpc" {
        need("ecs.capability.task-eni");
    }
    if spec.task_role_arn.as_deref().is_some_and(|role| !role.is_empty()) {
        let on_host = "com.amazonaws.ecs.capability.task-iam-role-network-host";
        need(if mode == "host" { on_host } else { "com.amazonaws.ecs.capability.task-iam-role" });
    }
    if spec.pid_mode.is_some() || spec.ipc_mode.is_some() {
        need("ecs.capability.pid-ipc-namespace-sharing");
    }
    if spec.volumes.iter().any(|v| v.efs_volume_configuration.is_some()) {
        need("ecs.capability.efs");
    }
    let role = spec.execution_role_arn.as_deref().is_some_and(|role| !role.is_empty());
    for container in &spec.container_definitions {
        if validate::is_ecr(&container.image) {
            need("com.amazonaws.ecs.capability.ecr-auth");
            if role {
                need("ecs.capability.execution-role-ecr-pull");
            }
        }
        if let Some(logs) = &container.log_configuration {
            need(&format!("com.amazonaws.ecs.capability.logging-driver.{}", logs.log_driver));
            if logs.log_driver == "awslogs" && role {
                need("ecs.capability.execution-role-awslogs");
                need("com.amazonaws.ecs.capability.docker-remote-api.1.19");
            }
        }
        for secret in &container.secrets {
            let asm = secret.value_from.contains(":secretsmanager:");
            let store = if asm { "asm" } else { "ssm" };
            need(&format!("ecs.capability.secrets.{store}.environment-variables"));
        }
        if container.health_check.is_some() {
            need("ecs.capability.container-health-check");
            need("com.amazonaws.ecs.capability.docker-remote-api.1.24");
        }
        if container.memory_reservation.is_some() {
            need("com.amazonaws.ecs.capability.docker-remote-api.1.21");
        }
        if !container.depends_on.is_empty() || container.start_timeout.is_some() || container.stop_timeout.is_some() {
            need("ecs.capability.container-ordering");
        }
        if !container.environment_files.is_empty() {
            need("ecs.capability.env-files.s3");
        }
        if container.privileged {
            need("com.amazonaws.ecs.capability.privileged-container");
        }
        if let Some(firelens) = &container.firelens_configuration {
            let kind = firelens.get("type").and_then(Value::as_str).unwrap_or("fluentd");
            need(&format!("ecs.capability.firelens.{kind}"));
        }
    }
    names.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn registered(request: Value) -> Value {
        Value::Object(as_registered(request.as_object().unwrap().clone()))
    }

    #[test]
    fn only_the_defaults_of_ecs_are_filled_in() {
        let answer = registered(json!({
            "family": "a", "networkMode": "awsvpc", "cpu": "1 vCPU", "memory": "2 GB", "tags": [], "revision": 7,
            "containerDefinitions": [{"name": "c", "image": "i", "portMappings": [{"containerPort": 80}]}],
        }));
        assert_eq!(
            answer,
            json!({
                "family": "a", "networkMode": "awsvpc", "cpu": "1024", "memory": "2048",
                "containerDefinitions": [{
                    "name": "c", "image": "i", "cpu": 0, "essential": true,
                    "portMappings": [{"containerPort": 80, "protocol": "tcp", "hostPort": 80}],
                    "environment": [], "mountPoints": [], "volumesFrom": [], "systemControls": [],
                }],
                "volumes": [], "placementConstraints": [],
            })
        );
    }

    #[test]
    fn a_file_systems_root_is_said_where_no_directory_is() {
        let efs = |given: Value| {
            let volume = json!({"name": "v", "efsVolumeConfiguration": given});
            registered(json!({"volumes": [volume]}))["volumes"][0]["efsVolumeConfiguration"].clone()
        };
        assert_eq!(efs(json!({"fileSystemId": "fs-1"})), json!({"fileSystemId": "fs-1", "rootDirectory": "/"}));
        let own = json!({"fileSystemId": "fs-1", "rootDirectory": "/a"});
        assert_eq!(efs(own.clone()), own);
        assert_eq!(registered(json!({"volumes": [{"name": "v"}]}))["volumes"], json!([{"name": "v"}]));
    }

    #[test]
    fn a_bridged_port_is_chosen_later() {
        let answer = registered(json!({"containerDefinitions": [{"portMappings": [{"containerPort": 80}]}]}));
        assert_eq!(answer["containerDefinitions"][0]["portMappings"][0]["hostPort"], 0);
    }

    #[test]
    fn what_is_registered_again_is_the_same() {
        let text = include_str!("../tests/every-field.json");
        let once = as_registered(serde_json::from_str(text).unwrap());
        assert_eq!(as_registered(once.clone()), once);
    }
}
