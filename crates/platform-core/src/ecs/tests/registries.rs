//! Which `serviceRegistries` a service may have, and what it shows of them.

use serde_json::{Value, json};

use super::stage::{Stage, network, web, with};
use crate::servicediscovery::{Dns, Service};
use crate::world::Change;

/// Makes a service of Cloud Map with these records; none for one that is found by the API alone. Returns its ARN.
fn registry(stage: &mut Stage, id: &str, kinds: &[&str]) -> String {
    let arn = format!("arn:aws:servicediscovery:us-east-1:123456789012:service/srv-{id}");
    let records = kinds.iter().map(|kind| ((*kind).to_owned(), 10)).collect();
    stage.apply(Change::put(&Service {
        region: "us-east-1".into(),
        id: format!("srv-{id}"),
        arn: arn.clone(),
        name: id.into(),
        namespace: "ns-1".into(),
        description: None,
        dns: (!kinds.is_empty()).then_some(Dns { is_weighted: false, records }),
        told_health: Some(1),
        creator_request: None,
        created_at: 0,
        tags: Vec::new(),
        attributes: Default::default(),
    }));
    arn
}

fn request(registries: Value) -> Value {
    json!({"cluster": "main", "serviceName": "web", "taskDefinition": "web", "desiredCount": 1,
        "networkConfiguration": network(), "serviceRegistries": registries})
}

#[test]
fn a_registry_must_be_there_and_have_what_its_records_need() {
    let mut stage = Stage::with_web();
    let [a, srv, both, api, cname] =
        [("a", &["A"][..]), ("s", &["SRV"]), ("b", &["A", "SRV"]), ("h", &[]), ("c", &["CNAME"])]
            .map(|(id, kinds)| registry(&mut stage, id, kinds));
    let mut check = |registries: Value, want: &str| {
        let got = stage.call("CreateService", request(registries.clone())).err().unwrap_or_default();
        assert!(got.contains(want) && (want.is_empty() == got.is_empty()), "{registries}: {got}");
    };
    let other = a.replace("us-east-1", "eu-west-1");
    check(
        json!([{"registryArn": other}]),
        "InvalidParameterException: The service registry arn:aws:servicediscovery:eu-west-1",
    );
    check(json!([{"registryArn": a.replace("srv-a", "srv-x")}]), "does not exist");
    check(json!([{"containerName": "app"}]), "needs a registryArn");
    check(json!([{"registryArn": a}, {"registryArn": srv}]), "at most 1");
    check(json!([{"registryArn": cname}]), "has CNAME records");
    let words = "The values specified for serviceRegistries do not require a value for 'containerPort'. Remove the value and retry.";
    check(json!([{"registryArn": a, "containerName": "app", "containerPort": 80}]), words);
    check(json!([{"registryArn": a, "port": 80}]), "do not require a value for 'port'");
    check(
        json!([{"registryArn": srv}]),
        "Specify a value for either 'port' or the 'containerName' and 'containerPort' combination. Registry",
    );
    check(json!([{"registryArn": srv, "containerName": "app"}]), "Specify a value for either 'port'");
    let words = "Specify a value for either 'port' or the 'containerName' and 'containerPort' combination, but not both. Remove one and retry.";
    check(json!([{"registryArn": srv, "containerName": "app", "containerPort": 80, "port": 80}]), words);
    check(
        json!([{"registryArn": srv, "containerName": "none", "containerPort": 80}]),
        "The container none does not exist",
    );
    check(
        json!([{"registryArn": srv, "containerName": "app", "containerPort": 81}]),
        "did not have a container port 81",
    );
    for taken in [
        json!([{"registryArn": both, "containerName": "app", "containerPort": 80}]),
        json!([{"registryArn": srv, "port": 9}]),
        json!([{"registryArn": api, "port": 9}]),
        json!([{"registryArn": a, "containerName": "app"}]),
        json!([]),
    ] {
        let mut stage = Stage::with_web();
        for (id, kinds) in [("a", &["A"][..]), ("s", &["SRV"]), ("b", &["A", "SRV"]), ("h", &[])] {
            registry(&mut stage, id, kinds);
        }
        let reply = stage.ok("CreateService", request(taken.clone()));
        assert_eq!(reply["service"]["serviceRegistries"], taken);
    }
}

#[test]
fn tasks_on_the_host_s_network_register_a_port_of_a_container() {
    let mut stage = Stage::with_web();
    // Nothing runs there, so that other networks than a task's own are kept.
    stage.architecture = Some(aws_model::served::NOWHERE);
    let srv = registry(&mut stage, "s", &["SRV"]);
    let a = registry(&mut stage, "a", &["A"]);
    let host = with(web(), json!({"family": "host", "networkMode": "host", "requiresCompatibilities": ["EC2"]}));
    stage.ok("RegisterTaskDefinition", host);
    let mut check = |registry: Value, want: &str| {
        let asked = with(
            request(json!([registry])),
            json!({"taskDefinition": "host", "networkConfiguration": null, "launchType": "EC2"}),
        );
        let got = stage.call("CreateService", asked).err().unwrap_or_default();
        assert!(got.contains(want) && (want.is_empty() == got.is_empty()), "{got}");
    };
    check(
        json!({"registryArn": a, "containerName": "app", "containerPort": 80}),
        "has A records, and tasks have SRV records",
    );
    check(
        json!({"registryArn": srv, "port": 80}),
        "When specifying 'host' or 'bridge' for networkMode, values for 'containerName' and 'containerPort' must be specified from the task definition. Registry: arn:",
    );
    check(json!({"registryArn": srv, "containerName": "app", "containerPort": 80}), "");
}

#[test]
fn a_rehearsal_keeps_a_registry_that_is_not_there() {
    let mut stage = Stage::with_web();
    stage.architecture = Some(aws_model::served::NOWHERE);
    let kept = json!([{"registryArn": "arn:aws:servicediscovery:eu-west-1:1:service/srv-x"}]);
    let reply = stage.ok("CreateService", request(kept.clone()));
    assert_eq!(reply["service"]["serviceRegistries"], kept);
}

#[test]
fn registries_come_and_go_with_a_new_deployment() {
    let mut stage = Stage::with_web();
    let a = registry(&mut stage, "a", &["A"]);
    stage.ok("CreateService", request(json!([])));
    let first = stage.launch("web");
    assert_eq!(stage.world.tasks[&first].registries, []);
    let update = |registries: Value| json!({"cluster": "main", "service": "web", "serviceRegistries": registries});
    let reply = stage.ok("UpdateService", update(json!([{"registryArn": a}])));
    assert_eq!(reply["service"]["deployments"].as_array().unwrap().len(), 2);
    let second = stage.launch("web");
    assert_eq!(stage.world.tasks[&second].registries[0].service, "srv-a");
    let reply = stage.ok("UpdateService", update(json!([])));
    assert_eq!(reply["service"]["serviceRegistries"], json!([]));
    let third = stage.launch("web");
    assert_eq!(stage.world.tasks[&third].registries, []);
}
