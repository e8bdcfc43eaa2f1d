//! When are two documents the same to ECS? The second `managr up` must find nothing to do.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use aws_model::Document;
use aws_model::register::as_registered;
use deploy_core::desired::{Git, update_document};
use deploy_core::diff::normalise;
use deploy_core::plan::{Observed, plan};
use deploy_core::{Facts, desired, parse, same_service, same_task_definition};
use proptest::prelude::*;
use serde_json::{Value, json};

fn object(value: Value) -> Document {
    match value {
        Value::Object(members) => members,
        other => panic!("not an object: {other}"),
    }
}

fn full() -> deploy_core::Desired {
    let manifest = parse("managr.toml", include_str!("fixtures/full.toml")).unwrap();
    let git = Git { commit: Some("0123456789abcdef".into()), ..Git::default() };
    desired(&manifest, "staging", &Facts { git, ..Facts::local("127.0.0.1:4566") }).unwrap()
}

/// What DescribeTaskDefinition answers after a registration: defaults filled, facts added.
fn described(request: &Document) -> Document {
    let mut answer = as_registered(request.clone());
    for (key, value) in [
        ("taskDefinitionArn", json!("arn:aws:ecs:us-east-1:123456789012:task-definition/f:7")),
        ("revision", json!(7)),
        ("status", json!("ACTIVE")),
        ("requiresAttributes", json!([{ "name": "com.amazonaws.ecs.capability.task-iam-role" }])),
        ("compatibilities", json!(["EC2", "FARGATE"])),
        ("registeredAt", json!(1_700_000_000.123)),
        ("registeredBy", json!("arn:aws:iam::123456789012:root")),
    ] {
        answer.insert(key.to_owned(), value);
    }
    answer
}

/// AWS answers more than the request said, in an order of its own.
fn described_by_aws(request: &Document) -> Document {
    let mut answer = described(request);
    answer.insert("enableFaultInjection".to_owned(), json!(false));
    for container in answer.get_mut("containerDefinitions").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(Value::Array(environment)) = container.get_mut("environment") {
            environment.reverse();
        }
        if let Some(Value::Object(log)) = container.get_mut("logConfiguration") {
            log.entry("secretOptions").or_insert(json!([]));
        }
    }
    for volume in answer.get_mut("volumes").and_then(Value::as_array_mut).into_iter().flatten() {
        if let Some(volume) = volume.as_object_mut().filter(|volume| volume.len() == 1) {
            volume.insert("host".to_owned(), json!({}));
        }
    }
    answer
}

#[test]
fn what_ecs_echoes_is_what_was_registered() {
    for task in full().task_definitions {
        for answer in [described(&task.document), described_by_aws(&task.document)] {
            assert!(same_task_definition(&task.document, &answer), "{}", task.family);
            assert!(same_task_definition(&answer, &task.document), "{}", task.family);
        }
    }
}

/// Replaces the value at a pointer of the service's task definition and asks whether that shows.
fn changed(pointer: &str, value: Value) -> bool {
    let original = full().task_definitions[0].document.clone();
    let mut other = Value::Object(described_by_aws(&original));
    *other.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) = value;
    !same_task_definition(&original, &object(other))
}

#[test]
fn every_real_change_shows() {
    for (pointer, value) in [
        ("/cpu", json!("512")),
        ("/memory", json!("2048")),
        ("/family", json!("other")),
        ("/containerDefinitions/0/image", json!("x:2")),
        ("/containerDefinitions/0/environment/0/value", json!("changed")),
        ("/containerDefinitions/0/command", json!(["managr.wsgi", "gunicorn"])),
        ("/containerDefinitions/0/essential", json!(false)),
        ("/containerDefinitions/0/healthCheck/interval", json!(30)),
        ("/containerDefinitions/4/futureField/nested/1", json!(2.25)),
        ("/containerDefinitions/1/dependsOn/0/condition", json!("START")),
        ("/containerDefinitions", json!([])),
        ("/volumes/0/host", json!({ "sourcePath": "/etc" })),
        ("/pidMode", json!(null)),
    ] {
        assert!(changed(pointer, value), "{pointer}");
    }
}

#[test]
fn what_ecs_fills_in_does_not_show() {
    for (pointer, value) in [
        ("/cpu", json!("1 vCPU")),
        ("/memory", json!("3 GB")),
        ("/revision", json!(8)),
        ("/status", json!("INACTIVE")),
        ("/containerDefinitions/0/portMappings", json!([{ "containerPort": 8000 }])),
        ("/containerDefinitions/2/cpu", json!(null)),
        ("/containerDefinitions/0/healthCheck/timeout", json!(null)),
        ("/containerDefinitions/0/mountPoints/0/readOnly", json!(null)),
    ] {
        assert!(!changed(pointer, value), "{pointer}");
    }
}

fn observed(request: &Document) -> Document {
    let mut service = request.clone();
    service.remove("cluster");
    for (key, value) in [
        ("clusterArn", json!("arn:aws:ecs:us-east-1:123456789012:cluster/managr-cluster")),
        ("status", json!("ACTIVE")),
        ("runningCount", json!(1)),
        ("events", json!([])),
        ("taskDefinition", json!("arn:aws:ecs:us-east-1:123456789012:task-definition/managr-app-task-staging:7")),
        ("platformVersion", json!("1.4.0")),
    ] {
        service.insert(key.to_owned(), value);
    }
    service
}

#[test]
fn a_service_that_has_what_is_asked_is_left_alone() {
    let wanted = full().services[0].document.clone();
    let mut seen = Value::Object(observed(&wanted));
    assert!(same_service(&wanted, &object(seen.clone())));
    seen["networkConfiguration"]["awsvpcConfiguration"]["subnets"] = json!(["subnet-2", "subnet-1"]);
    seen["deploymentConfiguration"]["strategy"] = json!("ROLLING");
    assert!(same_service(&wanted, &object(seen)));
}

#[test]
fn a_service_that_differs_is_updated() {
    let wanted = full().services[0].document.clone();
    let family = "arn:aws:ecs:us-east-1:123456789012:task-definition/managr-app-task-staging";
    for (pointer, value) in [
        ("/desiredCount", json!(3)),
        ("/taskDefinition", json!("arn:aws:ecs:us-east-1:123456789012:task-definition/other:7")),
        ("/status", json!("INACTIVE")),
        ("/networkConfiguration/awsvpcConfiguration/subnets", json!(["subnet-1"])),
        ("/loadBalancers", json!([])),
        ("/loadBalancers/0/containerPort", json!(81)),
        ("/deploymentConfiguration/deploymentCircuitBreaker/enable", json!(false)),
    ] {
        let mut seen = Value::Object(observed(&wanted));
        *seen.pointer_mut(pointer).unwrap_or_else(|| panic!("no {pointer}")) = value;
        assert!(!same_service(&wanted, &object(seen)), "{pointer}");
    }
    // Shown by the primary deployment alone.
    let mut connected = wanted.clone();
    connected.insert("serviceConnectConfiguration".into(), json!({ "enabled": true }));
    let mut seen = observed(&wanted);
    assert!(!same_service(&connected, &seen));
    seen.insert(
        "deployments".into(),
        json!([{ "status": "PRIMARY", "serviceConnectConfiguration": { "enabled": true, "namespace": "n" } }]),
    );
    assert!(same_service(&connected, &seen));

    let mut pinned = wanted.clone();
    pinned.insert("taskDefinition".into(), json!(format!("{family}:8")));
    assert!(!same_service(&pinned, &observed(&wanted)));
    pinned.insert("taskDefinition".into(), json!("managr-app-task-staging:7"));
    assert!(same_service(&pinned, &observed(&wanted)));
}

#[test]
fn what_an_endpoint_keeps_of_no_service_is_no_difference() {
    let wanted = full().services[0].document.clone();
    for key in ["deploymentConfiguration", "schedulingStrategy"] {
        let mut seen = observed(&wanted);
        seen.shift_remove(key);
        assert!(same_service(&wanted, &seen), "{key}");
        assert!(deploy_core::diff::service_changes(&wanted, &seen).is_empty(), "{key}");
    }
    // ECS leaves these out where a service has none.
    for key in ["networkConfiguration", "desiredCount"] {
        let mut seen = observed(&wanted);
        seen.shift_remove(key);
        assert!(!same_service(&wanted, &seen), "{key}");
    }
    let mut waiting = wanted.clone();
    waiting.insert("healthCheckGracePeriodSeconds".into(), json!(60));
    let mut seen = observed(&wanted);
    seen.shift_remove("healthCheckGracePeriodSeconds");
    seen.insert("loadBalancers".into(), json!([]));
    waiting.shift_remove("loadBalancers");
    assert!(!same_service(&waiting, &seen));
}

#[test]
fn a_revision_whose_arn_has_no_head_is_the_same() {
    let desired = full();
    let service = &desired.services[0];
    let moved = |runs: &str| {
        let mut live = observed(&service.document);
        live.insert("taskDefinition".into(), runs.into());
        let registered = described(&desired.service_task(&service.service).unwrap().document);
        let seen = Observed {
            services: [(service.name.clone(), live)].into(),
            revisions: [(runs.to_owned(), registered)].into(),
            ..Observed::default()
        };
        let plan = plan(&desired, &seen, "123456789012", &Git::default(), Vec::new());
        plan.steps.iter().any(|step| step.kind == "service" && step.name == service.name)
    };
    assert!(!moved("arn:aws:ecs:us-east-1:123456789012:task-definition/f:7"));
    assert!(!moved("f:7"));
}

#[test]
fn an_update_names_the_service_and_leaves_out_what_cannot_change() {
    let wanted = full().services[0].document.clone();
    let update = update_document(&wanted);
    let keys: Vec<&str> = update.keys().map(String::as_str).collect();
    assert_eq!(update["service"], wanted["serviceName"]);
    for key in ["serviceName", "launchType", "schedulingStrategy"] {
        assert!(!keys.contains(&key), "{key}");
    }
    assert_eq!(update["desiredCount"], wanted["desiredCount"]);
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        (-1e6..1e6_f64).prop_map(Value::from),
        "[a-z0-9. ]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((member(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn member() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "containerDefinitions",
        "cpu",
        "memory",
        "environment",
        "name",
        "value",
        "portMappings",
        "hostPort",
        "volumes",
        "healthCheck",
        "interval",
        "networkMode",
        "unknown",
        "essential",
        "dependsOn",
        "linuxParameters",
        "tmpfs",
    ])
    .prop_map(str::to_owned)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_document_is_the_same_as_itself_and_normalising_twice_changes_nothing(
        members in prop::collection::vec((member(), json_value()), 0..6)
    ) {
        let document: Document = members.into_iter().collect();
        let once = normalise(&document);
        prop_assert!(same_task_definition(&document, &document));
        prop_assert!(same_task_definition(&document, &once));
        prop_assert_eq!(normalise(&once), once);
        prop_assert!(same_task_definition(&document, &described(&document)));
    }
}

#[test]
fn a_service_that_names_no_load_balancer_leaves_those_it_has() {
    let wanted = object(json!({"serviceName": "s", "taskDefinition": "f"}));
    let seen = |balancers: Value| {
        object(json!({"serviceName": "s", "taskDefinition": "f:1", "loadBalancers": balancers, "status": "ACTIVE"}))
    };
    assert!(same_service(&wanted, &seen(json!([]))));
    assert!(!same_service(&wanted, &seen(json!([{"targetGroupArn": "a", "containerName": "c", "containerPort": 80}]))));
    assert_eq!(deploy_core::desired::update_document(&wanted).get("loadBalancers"), Some(&json!([])));
}
