//! What is shown as changed is what is acted upon: no change unseen, none made up.

use aws_model::Document;
use deploy_core::diff::{service_changes, task_definition_changes};
use deploy_core::{same_service, same_task_definition};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::world::object;

/// A small world of values, so that two draws are often equal or nearly so.
fn scalar() -> impl Strategy<Value = Value> {
    let few =
        vec![json!(null), json!(false), json!(true), json!(0), json!(1), json!(1.0), json!("1"), json!("a"), json!("")];
    prop::sample::select(few)
}

fn named(name: &'static str, member: &'static str) -> impl Strategy<Value = Value> {
    let item = (scalar(), prop::sample::select(vec![member, "other"]), scalar());
    let item = item.prop_map(move |(id, member, value)| json!({ name: id, member: value }));
    prop::collection::vec(item, 0..3).prop_map(Value::from)
}

fn container() -> impl Strategy<Value = Value> {
    let ports =
        (prop::sample::select(vec![json!(80), json!("80"), json!("80/udp")]), prop::sample::select(vec!["tcp", "udp"]));
    let ports = ports.prop_map(|(port, protocol)| json!({ "containerPort": port, "protocol": protocol }));
    (
        prop::sample::select(vec!["web", "agent"]),
        named("name", "value"),
        named("containerName", "condition"),
        prop::collection::vec(ports, 0..3),
        scalar(),
    )
        .prop_map(|(name, environment, waits, ports, essential)| {
            json!({
                "name": name, "environment": environment, "dependsOn": waits, "portMappings": ports,
                "essential": essential,
            })
        })
}

fn definition() -> impl Strategy<Value = Document> {
    let containers = prop_oneof![
        3 => prop::collection::vec(container(), 0..3).prop_map(Value::from),
        1 => scalar(),
    ];
    (containers, named("name", "host"), scalar(), scalar()).prop_map(|(containers, volumes, cpu, unknown)| {
        object(json!({
            "containerDefinitions": containers, "volumes": volumes, "cpu": cpu, "containers": unknown,
        }))
    })
}

fn service() -> impl Strategy<Value = Document> {
    let balancers = prop::collection::vec(scalar(), 0..3);
    let subnets = prop::collection::vec(scalar(), 0..3);
    let keys = prop::sample::subsequence(
        vec!["desiredCount", "loadBalancers", "networkConfiguration", "deployments", "unknown", "cluster", "tags"],
        0..=7,
    );
    (balancers, subnets, scalar(), scalar(), keys).prop_map(|(balancers, subnets, count, deep, keys)| {
        let whole = object(json!({
            "desiredCount": count, "loadBalancers": balancers, "cluster": deep, "tags": deep, "unknown": deep,
            "networkConfiguration": { "awsvpcConfiguration": { "subnets": subnets, "deep": { "deeper": deep } } },
            "deployments": [{ "status": "PRIMARY", "unknown": deep }],
        }));
        whole.into_iter().filter(|(key, _)| keys.contains(&key.as_str())).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn task_definitions_differ_exactly_when_a_change_is_shown(a in definition(), b in definition()) {
        for (a, b) in [(&a, &b), (&b, &a), (&a, &a)] {
            let found = task_definition_changes(a, b);
            prop_assert_eq!(found.is_empty(), same_task_definition(a, b), "{:?}", found);
            prop_assert!(found.changes.iter().all(|change| change.before != change.after), "{:?}", found);
        }
    }

    #[test]
    fn a_service_differs_exactly_when_a_change_is_shown(wanted in service(), seen in service()) {
        let found = service_changes(&wanted, &seen);
        prop_assert_eq!(found.is_empty(), same_service(&wanted, &seen), "{:?}", found);
    }
}

#[test]
fn containers_and_what_they_list_may_stand_in_any_order() {
    let a = json!({ "family": "f", "containerDefinitions": [
        { "name": "a", "image": "i", "environment": [{ "name": "X", "value": "1" }, { "name": "Y", "value": "2" }] },
        { "name": "b", "image": "j", "links": ["a"] }] });
    let b = json!({ "family": "f", "containerDefinitions": [
        { "name": "b", "image": "j", "links": ["a"] },
        { "name": "a", "image": "i", "environment": [{ "name": "Y", "value": "2" }, { "name": "X", "value": "1" }] }] });
    assert!(same_task_definition(&object(a), &object(b)));
}
