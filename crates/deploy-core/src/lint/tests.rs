//! Rules on documents, a line each.

use serde_json::{Value, json};

use super::{Purpose, Severity, lint};

/// Lints two containers `a` and `b` with these members, and a service with these.
fn check(a: Value, b: Value, service: Value, expected: &[&str]) {
    let container = |name: &str, members: Value| {
        let mut container = json!({"name": name, "image": "i"});
        container.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
        container
    };
    let task = json!({
        "family": "f", "networkMode": "awsvpc", "taskRoleArn": "arn:aws:iam::1:role/t",
        "containerDefinitions": [container("a", a), container("b", b)],
    });
    let mut document =
        json!({"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["s"], "securityGroups": ["g"]}}});
    document.as_object_mut().unwrap().extend(service.as_object().unwrap().clone());
    let purpose = Purpose { service: document.as_object(), is_local: false, running: None };
    let found: Vec<String> = lint(task.as_object().unwrap(), purpose)
        .iter()
        .map(|finding| {
            let word = if finding.severity == Severity::Failed { "FAIL" } else { "warn" };
            let place = finding.container.as_deref().unwrap_or("-");
            format!("{word} {place} {}: {}", finding.setting, finding.reason)
        })
        .collect();
    assert_eq!(found, expected);
}

fn containers(a: Value, b: Value, expected: &[&str]) {
    check(a, b, json!({}), expected);
}

fn service(members: Value, expected: &[&str]) {
    check(json!({"portMappings": [{"containerPort": 80}]}), json!({}), members, expected);
}

#[test]
fn a_container_waits_only_for_what_can_come() {
    let waits = json!({"dependsOn": [{"containerName": "b", "condition": "HEALTHY"}]});
    let health = |first: &str| json!({"healthCheck": {"command": [first, "true"]}});
    let never =
        "FAIL a dependsOn: waits for container `b` to be healthy, which has no health check: it would never start";
    containers(waits.clone(), json!({}), &[never]);
    containers(waits.clone(), health("NONE"), &[never]);
    containers(waits, health("CMD-SHELL"), &[]);
}

#[test]
fn a_sidecar_does_not_take_the_application_with_it() {
    let words = "warn b essential: is essential: when this sidecar ends, ECS stops the whole task, the application too";
    containers(json!({}), json!({"firelensConfiguration": {"type": "fluentbit"}}), &[words]);
    containers(json!({}), json!({"image": "public.ecr.aws/datadog/agent:7"}), &[words]);
    containers(json!({}), json!({"image": "datadog/agent:7", "essential": false}), &[]);
    containers(json!({"essential": false}), json!({"image": "datadog/agent:7"}), &[]);
}

#[test]
fn a_health_check_has_somebody_who_looks_at_it() {
    let health = json!({"healthCheck": {"command": ["CMD", "true"]}, "essential": false});
    containers(
        json!({}),
        health.clone(),
        &["warn b healthCheck: has a health check that changes nothing: \
           it is not essential, and no container waits for it"],
    );
    containers(json!({"dependsOn": [{"containerName": "b", "condition": "HEALTHY"}]}), health, &[]);
}

#[test]
fn static_keys_break_exec() {
    let keys = json!({"environment": [{"name": "AWS_ACCESS_KEY_ID", "value": "hunter2"}]});
    let exec = json!({"enableExecuteCommand": true});
    check(
        keys.clone(),
        json!({}),
        exec.clone(),
        &["FAIL a environment: AWS_ACCESS_KEY_ID in its environment: ECS Exec would end with TargetNotConnected"],
    );
    check(
        keys,
        json!({}),
        json!({}),
        &[
            "warn a environment: AWS_ACCESS_KEY_ID in its environment: the task role is not used, and ECS Exec cannot work",
        ],
    );
    let secret = json!({"secrets": [{"name": "AWS_SECRET_ACCESS_KEY", "valueFrom": "x"}]});
    check(
        secret,
        json!({"readonlyRootFilesystem": true}),
        exec,
        &[
            "FAIL a environment: AWS_SECRET_ACCESS_KEY in its environment: ECS Exec would end with TargetNotConnected",
            "warn b readonlyRootFilesystem: ECS Exec cannot enter it: its root file system is read-only",
        ],
    );
}

#[test]
fn requests_reach_a_port_that_is_mapped() {
    let balancer = |name: &str, port: u16| json!({"loadBalancers": [{"containerName": name, "containerPort": port}]});
    service(balancer("a", 80), &[]);
    service(
        balancer("a", 81),
        &["FAIL - loadBalancers: container `a` does not map port 81, which the load balancer sends to"],
    );
    service(
        balancer("c", 80),
        &["FAIL - loadBalancers: the load balancer's container `c` is not in the task definition"],
    );
}

#[test]
fn tasks_can_be_replaced() {
    let room = |count: u32, least: u32, most: u32| {
        json!({"desiredCount": count,
               "deploymentConfiguration": {"minimumHealthyPercent": least, "maximumPercent": most}})
    };
    let stuck = |words: &str| format!("FAIL - deploymentConfiguration: no task can ever be replaced: of {words}");
    service(room(1, 100, 200), &[]);
    service(room(1, 0, 100), &[]);
    service(room(0, 100, 100), &[]);
    service(room(4, 50, 100), &[]);
    service(room(2, 100, 100), &[&stuck("2, at least 2 must run (100%) and at most 2 may (100%)")]);
    service(room(1, 50, 150), &[&stuck("1, at least 1 must run (50%) and at most 1 may (150%)")]);
}

#[test]
fn tasks_have_a_network() {
    let network = |members: Value| json!({"networkConfiguration": {"awsvpcConfiguration": members}});
    service(network(json!({"subnets": []})), &["FAIL - networkConfiguration: no subnets for its tasks"]);
    service(
        network(json!({"subnets": ["s"]})),
        &["warn - networkConfiguration: no security groups: its tasks get the default one of the VPC"],
    );
}

#[test]
fn what_runs_with_static_keys_already_is_no_news() {
    let keys = |names: &[&str]| {
        let environment: Vec<Value> = names.iter().map(|name| json!({"name": name, "value": "x"})).collect();
        json!({"family": "f", "containerDefinitions": [{"name": "a", "image": "i", "environment": environment}]})
    };
    let service = json!({"enableExecuteCommand": true});
    let severity = |wanted: &[&str], running: Option<&[&str]>| {
        let (task, running) = (keys(wanted), running.map(keys));
        let running = running.as_ref().and_then(Value::as_object);
        let purpose = Purpose { service: service.as_object(), is_local: true, running };
        let found = lint(task.as_object().unwrap(), purpose);
        found.iter().find(|finding| finding.setting == "environment").map(|finding| finding.severity)
    };
    let both = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"];
    assert_eq!(severity(&both, None), Some(Severity::Failed));
    assert_eq!(severity(&both, Some(&both)), Some(Severity::Warning));
    assert_eq!(severity(&both[..1], Some(&both)), Some(Severity::Warning));
    assert_eq!(severity(&both, Some(&both[..1])), Some(Severity::Failed), "one of them is new");
    assert_eq!(severity(&both, Some(&[])), Some(Severity::Failed));
}
