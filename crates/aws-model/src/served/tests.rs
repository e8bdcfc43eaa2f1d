//! The table is whole, and says what it means.

use std::collections::BTreeSet;

use serde_json::json;

use super::*;
use crate::shape;

fn words(refusal: &Refusal) -> String {
    let note = refusal.note.as_ref().map(|note| format!(" ({note})")).unwrap_or_default();
    format!("{}{note}", refusal.subject())
}

fn refusals(document: Value) -> Vec<String> {
    task_refusals(document.as_object().unwrap(), Some("X86_64")).iter().map(words).collect()
}

#[test]
fn every_member_of_a_task_definition_has_its_row() {
    let rows: Vec<_> = table::TASK.iter().flat_map(Row::members).collect();
    let mut seen = BTreeSet::new();
    for row in &rows {
        assert!(seen.insert(row.path.clone()), "{} has two rows", row.path);
    }
    // A row that says something about all that is below it.
    let speaks_for = |row: &table::Member, path: &str| {
        let whole = !matches!(row.treatment, Treatment::Served);
        row.path == path || (whole && path.strip_prefix(&row.path).is_some_and(|rest| rest.starts_with(['.', '['])))
    };
    let paths = shape::input_paths("RegisterTaskDefinition");
    assert!(paths.len() > 100, "{}", paths.len());
    for path in &paths {
        assert!(rows.iter().any(|row| speaks_for(row, path)), "{path} has no row");
    }
    for row in &rows {
        let listed = row.path.ends_with("[]") || paths.contains(&row.path);
        assert!(listed, "{} is not in the model", row.path);
    }
}

#[test]
fn every_member_of_a_request_has_its_row() {
    let rows: Vec<String> = table::REQUEST.iter().flat_map(Row::members).map(|row| row.path).collect();
    let operations = ["RunTask", "CreateService", "UpdateService"];
    let paths: BTreeSet<String> = operations.into_iter().flat_map(shape::input_paths).collect();
    let spoken_for = |path: &String| {
        rows.iter()
            .any(|row| row == path || path.strip_prefix(row.as_str()).is_some_and(|rest| rest.starts_with(['.', '['])))
    };
    for path in &paths {
        assert!(spoken_for(path), "{path} has no row");
    }
    for row in &rows {
        assert!(paths.contains(row), "{row} is not in the model");
    }
    // What has rows of its own for some of its members has one for each.
    for part in ["deploymentConfiguration.", "loadBalancers[].", "overrides.", "overrides.containerOverrides[]."] {
        let own = |path: &&String| path.strip_prefix(part).is_some_and(|rest| !rest.contains(['.', '[']));
        for path in paths.iter().filter(own) {
            assert!(rows.contains(path), "{path} has no row of its own");
        }
    }
}

#[test]
fn what_cannot_run_is_named_with_whose_it_is_and_all_at_once() {
    let document = json!({
        "family": "web", "pidMode": "task", "networkMode": "host",
        "runtimePlatform": {"cpuArchitecture": "ARM64", "operatingSystemFamily": "LINUX"},
        "volumes": [{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "fs-1"}}, {"name": "w", "host": {}}],
        "containerDefinitions": [
            {"name": "a", "privileged": true, "portMappings": [{"containerPort": 1}, {"containerPortRange": "1-2"}]},
            {"name": "b", "interactive": true, "logConfiguration": {"logDriver": "awslogs", "options": {
                "tag": "x", "mode": "blocking", "awslogs-group": "g", "awslogs-stream": "s"}}},
        ],
    });
    assert_eq!(
        refusals(document),
        [
            "networkMode host of task definition 'web' (use awsvpc)",
            "runtimePlatform.cpuArchitecture ARM64 of task definition 'web' (this machine is X86_64)",
            "pidMode of task definition 'web'",
            "efsVolumeConfiguration of volume 'v'",
            "privileged of container 'a'",
            "portMappings.containerPortRange of container 'a'",
            "interactive of container 'b'",
            "logConfiguration.options.tag of container 'b'",
            "logConfiguration.options.awslogs-stream of container 'b'",
        ]
    );
}

#[test]
fn what_asks_for_nothing_is_not_refused() {
    let document = json!({
        "family": "web", "networkMode": "awsvpc", "placementConstraints": [], "enableFaultInjection": false,
        "volumes": [{"name": "v", "host": {"sourcePath": ""}, "configuredAtLaunch": false}],
        "containerDefinitions": [{
            "name": "a", "privileged": false, "interactive": false, "environmentFiles": [], "extraHosts": [],
            "portMappings": [{"containerPort": 1}], "linuxParameters": {"devices": [], "capabilities": {"drop": ["ALL"]}},
            "restartPolicy": {"enabled": true}, "mountPoints": [{"sourceVolume": "v", "containerPath": "/v"}],
        }],
    });
    assert_eq!(refusals(document), [""; 0]);
}

#[test]
fn requests_ask_too() {
    let check = |request: Value, expected: &str| {
        let refused = request_refusals(request.as_object().unwrap());
        let words: Vec<String> = refused.iter().map(words).collect();
        assert_eq!(words.join("; "), expected, "{request}");
    };
    check(
        json!({"deploymentController": {"type": "ECS"}, "schedulingStrategy": "REPLICA", "serviceRegistries": []}),
        "",
    );
    check(json!({"deploymentController": {"type": "CODE_DEPLOY"}}), "deploymentController.type CODE_DEPLOY");
    let deployment = json!({"strategy": "CANARY", "bakeTimeInMinutes": 5, "alarms": {"enable": true}});
    let words = "deploymentConfiguration.strategy CANARY; deploymentConfiguration.bakeTimeInMinutes";
    check(json!({"deploymentConfiguration": deployment}), words);
    check(
        json!({"loadBalancers": [{"targetGroupArn": "x"}, {"loadBalancerName": "y"}]}),
        "loadBalancers.loadBalancerName (use targetGroupArn)",
    );
    check(
        json!({"overrides": {"containerOverrides": [{"name": "a"}, {"environmentFiles": [1]}]}}),
        "overrides.containerOverrides.environmentFiles",
    );
}
