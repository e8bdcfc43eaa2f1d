use serde_json::{Value, json};

use super::check as validate;

/// Registers a task definition of one container `c` with these members merged in, or of these alone.
fn check(task: Value, container: Value, want: &str) {
    let mut one = json!({"name": "c", "image": "i", "memory": 64});
    merge(&mut one, container);
    let mut document = json!({"family": "f", "networkMode": "awsvpc", "containerDefinitions": [one]});
    merge(&mut document, task);
    let got = validate(document.as_object().unwrap());
    let got = got.err().map_or(String::new(), |e| match e.code.as_ref() {
        "ClientException" => e.message,
        code => format!("{code}: {}", e.message),
    });
    assert_eq!(got, want, "{document}");
}

fn merge(into: &mut Value, from: Value) {
    for (name, value) in from.as_object().unwrap() {
        match value {
            Value::Null => into.as_object_mut().unwrap().shift_remove(name),
            value => into.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
}

fn task(members: Value, want: &str) {
    check(members, json!({}), want);
}

fn container(members: Value, want: &str) {
    check(json!({}), members, want);
}

/// A second container `d`, with these members.
fn pair(first: Value, second: Value, want: &str) {
    let (mut one, mut two) =
        (json!({"name": "c", "image": "i", "memory": 64}), json!({"name": "d", "image": "i", "memory": 64}));
    merge(&mut one, first);
    merge(&mut two, second);
    task(json!({"containerDefinitions": [one, two]}), want);
}

fn fargate(mut task: Value, container: Value, want: &str) {
    for (name, value) in
        [("requiresCompatibilities", json!(["FARGATE"])), ("cpu", json!("256")), ("memory", json!("512"))]
    {
        task.as_object_mut().unwrap().entry(name).or_insert(value);
    }
    check(task, container, want);
}

#[test]
fn a_family_and_containers_have_names() {
    task(json!({}), "");
    task(json!({"family": null}), "Family should not be null or empty.");
    task(json!({"family": "a b"}), "Family contains invalid characters.");
    task(json!({"family": "a".repeat(256)}), "Family should not be longer than 255 characters.");
    task(json!({"containerDefinitions": []}), "Container list cannot be empty.");
    container(json!({"name": null}), "Container.name should not be null or empty.");
    container(json!({"name": "a.b"}), "Container.name contains invalid characters.");
    container(json!({"image": null}), "Container.image should not be null or empty.");
    container(json!({"image": "a b"}), "Container.image contains invalid characters.");
    container(json!({"image": "web:${var.tag}"}), "Container.image contains invalid characters.");
    pair(json!({}), json!({"name": "c"}), "Container names must be unique: 'c' is used more than once.");
    let eleven: Vec<_> = (0..11).map(|i| json!({"name": format!("c{i}"), "image": "i", "memory": 4})).collect();
    task(json!({"containerDefinitions": eleven}), "Too many containers.");
}

#[test]
fn types_and_enumerations_are_the_models() {
    container(
        json!({"cpu": "1"}),
        "SerializationException: STRING_VALUE cannot be converted to Integer (containerDefinitions[0].cpu)",
    );
    task(json!({"pidMode": "vm"}), "Invalid 'pidMode' setting: 'vm' is not one of [\"host\", \"task\"].");
    container(
        json!({"secrets": [{"name": "A"}]}),
        "Invalid 'containerDefinitions[0].secrets[0].valueFrom' setting: required member missing.",
    );
}

#[test]
fn one_container_is_essential() {
    container(json!({"essential": false}), "At least one container in the task definition must be marked essential.");
    pair(json!({"essential": false}), json!({}), "");
}

#[test]
fn memory_and_cpu_fit() {
    let missing =
        "Invalid setting for container 'c'. At least one of 'memory' or 'memoryReservation' must be specified.";
    container(json!({"memory": null}), missing);
    container(json!({"memory": null, "memoryReservation": 32}), "");
    check(json!({"memory": "512"}), json!({"memory": null}), "");
    container(
        json!({"memoryReservation": 65}),
        "Invalid setting for container 'c'. 'memory' must be greater than or equal to 'memoryReservation'.",
    );
    check(
        json!({"memory": "512"}),
        json!({"memory": 513}),
        "Invalid setting for container 'c'. 'memory' cannot be greater than the value of the task 'memory'.",
    );
    check(
        json!({"cpu": "256"}),
        json!({"cpu": 257}),
        "The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'.",
    );
    task(json!({"cpu": "many"}), "Invalid 'cpu' setting for task.");
    task(json!({"memory": "0"}), "Invalid 'memory' setting for task.");
}

#[test]
fn ports_are_ports_and_mapped_once() {
    let ports = |mappings: Value, want| container(json!({"portMappings": mappings}), want);
    ports(json!([{"containerPort": 80, "hostPort": 80}, {"containerPort": 80, "hostPort": 80, "protocol": "udp"}]), "");
    ports(json!([{"containerPort": 80, "hostPort": 0}]), "");
    ports(json!([{"hostPort": 80}]), "Invalid 'containerPort' setting for container 'c'.");
    ports(json!([{"containerPort": 0}]), "Invalid 'containerPort' setting for container 'c'.");
    ports(json!([{"containerPort": 70000}]), "Invalid 'containerPort' setting for container 'c'.");
    ports(json!([{"containerPort": 80, "hostPort": -1}]), "Invalid 'hostPort' setting for container 'c'.");
    ports(
        json!([{"containerPort": 80, "containerPortRange": "80-90"}]),
        "cannot specify both single port and port range",
    );
    ports(
        json!([{"containerPort": 80, "hostPort": 81}]),
        "When networkMode=awsvpc, the host ports and container ports in port mappings must match.",
    );
    let port = json!({"portMappings": [{"containerPort": 80}]});
    pair(port.clone(), port, "TCP host port '80' is mapped multiple times in task.");
}

#[test]
fn mounts_name_volumes_that_exist() {
    let volume = json!({"volumes": [{"name": "v"}]});
    let mount = |name: &str, path: &str| json!({"sourceVolume": name, "containerPath": path});
    check(volume.clone(), json!({"mountPoints": [mount("v", "/a")]}), "");
    check(volume.clone(), json!({"mountPoints": [mount("w", "/a")]}), "Unknown volume 'w'.");
    check(
        volume.clone(),
        json!({"mountPoints": [mount("v", "a")]}),
        "Invalid 'mountPoints.containerPath' setting for container 'c'.",
    );
    check(
        volume,
        json!({"mountPoints": [mount("v", "/a"), mount("v", "/a/")]}),
        "Container 'c' has more than one mount point at '/a/'.",
    );
    task(
        json!({"volumes": [{"name": "v"}, {"name": "v"}]}),
        "Volume names must be unique: 'v' is used more than once.",
    );
    container(json!({"volumesFrom": [{"sourceContainer": "x"}]}), "Unknown container 'x' in volumesFrom.");
}

#[test]
fn dependencies_exist_and_can_be_met() {
    let on = |name: &str, condition: &str| json!({"dependsOn": [{"containerName": name, "condition": condition}]});
    pair(on("d", "START"), json!({}), "");
    pair(on("x", "START"), json!({}), "Cannot depend on container + 'x' because it does not exist");
    pair(
        on("d", "SUCCESS"),
        json!({}),
        "A dependency container with SUCCESS or COMPLETE condition cannot be an essential container",
    );
    pair(on("d", "SUCCESS"), json!({"essential": false}), "");
    pair(on("d", "START"), on("c", "START"), "Container dependencies should not have a cycle: c -> d -> c.");
    pair(on("c", "START"), json!({}), "Container dependencies should not have a cycle: c -> c.");
    pair(
        on("d", "SOON"),
        json!({}),
        "Invalid 'containerDefinitions[0].dependsOn[0].condition' setting: 'SOON' is not one of \
         [\"START\", \"COMPLETE\", \"SUCCESS\", \"HEALTHY\"].",
    );
    let bridge = |links: &str, want| {
        check(json!({"networkMode": "bridge"}), json!({"links": [links]}), want);
    };
    bridge("x:y", "Cannot link to container 'x' because it does not exist");
    bridge("c", "Container links should not have a cycle");
}

#[test]
fn a_shared_network_namespace_leaves_some_settings_out() {
    container(json!({"links": ["d"]}), "Links are not supported when networkMode=awsvpc.");
    container(json!({"hostname": "h"}), "hostname is not supported on container when networkMode=awsvpc.");
    container(
        json!({"dnsServers": ["1.1.1.1"]}),
        "DNS servers are not supported on container when networkMode=awsvpc.",
    );
    container(
        json!({"disableNetworking": true}),
        "Disable Networking is not supported on container when networkMode=awsvpc.",
    );
}

#[test]
fn health_checks_and_timeouts_are_in_range() {
    let health = |extra: Value, want: &str| {
        let mut check = json!({"command": ["CMD-SHELL", "true"]});
        merge(&mut check, extra);
        container(json!({"healthCheck": check}), want);
    };
    health(json!({"interval": 5, "timeout": 2, "retries": 10, "startPeriod": 300}), "");
    let between =
        |f: &str, a, b| format!("Invalid 'healthCheck.{f}' setting for container 'c'. It must be between {a} and {b}.");
    health(json!({"interval": 4}), &between("interval", 5, 300));
    health(json!({"timeout": 61}), &between("timeout", 2, 60));
    health(json!({"retries": 11}), &between("retries", 1, 10));
    health(json!({"startPeriod": 301}), &between("startPeriod", 0, 300));
    health(json!({"command": ["CMD"]}), "Invalid 'healthCheck.command' setting for container 'c'.");
    health(json!({"command": []}), "Invalid 'healthCheck.command' setting for container 'c'.");
    fargate(
        json!({"executionRoleArn": "r"}),
        json!({"stopTimeout": 121}),
        "Invalid 'stopTimeout' setting for container 'c'. On Fargate it must be between 2 and 120.",
    );
    container(
        json!({"ulimits": [{"name": "nofile", "softLimit": 3, "hardLimit": 2}]}),
        "Invalid 'ulimits' setting for container 'c'.",
    );
}

#[test]
fn a_secret_has_a_name_of_its_own_and_a_role_to_read_it() {
    let secret = json!({"name": "A", "valueFrom": "arn:aws:secretsmanager:us-east-1:1:secret:s"});
    let role = json!({"executionRoleArn": "arn:aws:iam::1:role/r"});
    check(role.clone(), json!({"secrets": [secret]}), "");
    container(
        json!({"secrets": [secret]}),
        "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
    );
    check(
        role,
        json!({"secrets": [secret], "environment": [{"name": "A", "value": "1"}]}),
        "The secret name must be unique and not shared with any new or existing environment variables set on the \
         container, such as 'A'.",
    );
}

#[test]
fn a_bare_value_from_is_the_name_of_a_parameter() {
    let from = |value: &str, want| {
        let secrets = json!({"secrets": [{"name": "A", "valueFrom": value}]});
        check(json!({"executionRoleArn": "arn:aws:iam::1:role/r"}), secrets, want);
    };
    from("/app/staging/KEY", "");
    from("plain.name_1-2", "");
    let refused = "The Systems Manager parameter name specified for secret A is invalid. The parameter name can be up \
                   to 2048 characters and include the following letters and symbols: a-zA-Z0-9_.-, /";
    from("app staging", refused);
    from("app:KEY", refused);
}

#[test]
fn logs_have_a_group_and_a_region() {
    let logs = |options: Value, want| {
        container(json!({"logConfiguration": {"logDriver": "awslogs", "options": options}}), want)
    };
    logs(json!({"awslogs-region": "us-east-1", "awslogs-group": "g"}), "");
    logs(json!({"awslogs-region": "us-east-1"}), "Log driver awslogs requires options: awslogs-group");
    logs(json!({}), "Log driver awslogs requires options: awslogs-region, awslogs-group");
}

#[test]
fn fargate_takes_its_sizes_and_settings_only() {
    fargate(json!({}), json!({}), "");
    fargate(json!({"cpu": "1 vCPU", "memory": "2 GB"}), json!({}), "");
    fargate(json!({"networkMode": null}), json!({}), "Fargate only supports network mode ‘awsvpc’.");
    fargate(json!({"cpu": null}), json!({}), "Fargate requires that 'cpu' be defined at the task level.");
    fargate(json!({"memory": null}), json!({}), "Fargate requires that 'memory' be defined at the task level.");
    fargate(
        json!({"memory": "4096"}),
        json!({}),
        "No Fargate configuration exists for given values: 256 CPU, 4096 memory. See the Amazon ECS documentation \
         for the valid values.",
    );
    fargate(json!({}), json!({"privileged": true}), "Fargate compatible task definitions do not support privileged");
    fargate(
        json!({"volumes": [{"name": "v", "host": {"sourcePath": "/etc"}}]}),
        json!({}),
        "Fargate compatible task definitions do not support sourcePath",
    );
    fargate(json!({"volumes": [{"name": "v", "host": {}}]}), json!({}), "");
    fargate(
        json!({}),
        json!({"linuxParameters": {"capabilities": {"add": ["NET_ADMIN"]}}}),
        "Fargate compatible task definitions do not support adding the capability NET_ADMIN: only SYS_PTRACE",
    );
    fargate(
        json!({}),
        json!({"logConfiguration": {"logDriver": "json-file"}}),
        "Fargate compatible task definitions do not support the log driver json-file: only awslogs, splunk and \
         awsfirelens",
    );
    let awslogs = json!({"logConfiguration": {"logDriver": "awslogs",
        "options": {"awslogs-region": "us-east-1", "awslogs-group": "g"}}});
    fargate(
        json!({}),
        awslogs.clone(),
        "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
    );
    fargate(json!({"executionRoleArn": "arn:aws:iam::1:role/r"}), awslogs, "");
    fargate(
        json!({}),
        json!({"image": "1.dkr.ecr.us-east-1.amazonaws.com/a:b"}),
        "Fargate requires task definition to have execution role ARN to support ECR images.",
    );
}

#[test]
fn a_document_with_every_field_of_the_model_is_valid() {
    let document = serde_json::from_str(include_str!("../../tests/every-field.json")).unwrap();
    validate(&document).unwrap();
}

#[test]
fn everything_that_would_be_refused_is_named_in_one_go() {
    let document = json!({
        "family": "a b", "networkMode": "bridge", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "containerDefinitions": [
            {"name": "c", "image": "i", "essential": false, "stopTimeout": 600},
            {"name": "d", "image": "i", "essential": false, "privileged": true},
        ],
    });
    let refused: Vec<String> = super::refusals(document.as_object().unwrap()).into_iter().map(|e| e.message).collect();
    assert_eq!(
        refused,
        [
            "Family contains invalid characters.",
            "At least one container in the task definition must be marked essential.",
            "Fargate only supports network mode ‘awsvpc’.",
            "Invalid 'stopTimeout' setting for container 'c'. On Fargate it must be between 2 and 120.",
            "Fargate compatible task definitions do not support privileged",
        ]
    );
    assert_eq!(validate(document.as_object().unwrap()).unwrap_err().message, refused[0]);
}

#[test]
fn credentials_that_name_nothing_are_refused() {
    let refused = "Invalid 'repositoryCredentials.credentialsParameter' setting for container 'c'.";
    container(json!({"repositoryCredentials": {"credentialsParameter": ""}}), refused);
    container(json!({"repositoryCredentials": {"credentialsParameter": "arn:aws:secretsmanager:r:1:secret:s"}}), "");
}
