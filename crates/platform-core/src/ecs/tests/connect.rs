//! Service Connect: what is refused, and what an alias leads to.

use serde_json::{Value, json};

use super::stage::{Stage, network, web, with};
use crate::names::{Data, RecordKind, Resolution, resolve_for};
use crate::servicediscovery::{Discovery, Namespace};
use crate::world::{Change, TaskStatus};

/// A cluster, a namespace, and a task definition whose port 80 is called `http`.
fn stage() -> Stage {
    let mut stage = Stage::with_web();
    stage.apply(Change::put(&Namespace {
        region: "us-east-1".into(),
        id: "ns-1".into(),
        arn: "arn:aws:servicediscovery:us-east-1:123456789012:namespace/ns-1".into(),
        name: "shop".into(),
        discovery: Discovery::Http,
        description: None,
        zone: None,
        soa_ttl: None,
        creator_request: None,
        created_at: 0,
        tags: Vec::new(),
    }));
    let mut named = web();
    named["family"] = json!("named");
    named["containerDefinitions"][0]["portMappings"] = json!([{"containerPort": 80, "name": "http"}]);
    stage.ok("RegisterTaskDefinition", named);
    stage
}

fn request(name: &str, config: Value) -> Value {
    json!({"cluster": "main", "serviceName": name, "taskDefinition": "named", "desiredCount": 1,
        "networkConfiguration": network(), "serviceConnectConfiguration": config})
}

fn offered(service: Value) -> Value {
    json!({"enabled": true, "namespace": "shop", "services": [service]})
}

#[test]
fn what_clients_could_not_be_given_is_refused() {
    let mut stage = stage();
    let mut check = |config: Value, want: &str| {
        let got = stage.call("CreateService", request("web", config.clone())).err().unwrap_or_default();
        assert!(got.contains(want) && !got.is_empty(), "{config}: {got}");
    };
    let missing = "NamespaceNotFoundException: The specified namespace wasn't found.";
    check(json!({"enabled": true}), missing);
    check(json!({"enabled": true, "namespace": "mall"}), missing);
    check(offered(json!({"portName": "grpc"})), "The portName grpc of serviceConnectConfiguration is not the name");
    let aliases = |list: Value| offered(json!({"portName": "http", "clientAliases": list}));
    check(aliases(json!([{"port": 80}, {"port": 80, "dnsName": "b"}])), "at most 1 items");
    check(
        aliases(json!([{"port": 8080, "dnsName": "web"}])),
        "serviceConnectConfiguration.services.clientAliases.port 8080 of a container that listens on 80 is not supported",
    );
    check(
        offered(json!({"portName": "http", "ingressPortOverride": 9000})),
        "serviceConnectConfiguration.services.ingressPortOverride 9000",
    );
    stage.ok("CreateService", request("one", aliases(json!([{"port": 80, "dnsName": "web"}]))));
    let taken =
        stage.call("CreateService", request("two", aliases(json!([{"port": 80, "dnsName": "Web"}])))).unwrap_err();
    assert!(taken.contains("The client alias web:80 is already used in the namespace shop."), "{taken}");
    // The same service may say the same again, and one that does not take part says nothing.
    let again = json!({"cluster": "main", "service": "one", "serviceConnectConfiguration": aliases(json!([{"port": 80, "dnsName": "web"}]))});
    stage.ok("UpdateService", again);
    stage.ok("CreateService", request("three", json!({"enabled": false})));
    // Where nothing ever runs, documents are kept.
    stage.architecture = Some(aws_model::served::NOWHERE);
    stage.ok("CreateService", request("kept", json!({"enabled": true, "namespace": "mall"})));
}

#[test]
fn a_client_is_told_of_the_tasks_that_run_and_nobody_else_is() {
    let mut stage = stage();
    stage.ok("UpdateCluster", json!({"cluster": "main", "serviceConnectDefaults": {"namespace": "shop"}}));
    let alias = json!([{"port": 80, "dnsName": "backend"}]);
    stage.ok("CreateService", request("server", offered(json!({"portName": "http", "clientAliases": alias}))));
    let plain = with(request("plain", offered(json!({"portName": "http", "discoveryName": "api"}))), json!({}));
    stage.ok("CreateService", plain);
    // A client that says no namespace has its cluster's.
    stage.ok("CreateService", request("client", json!({"enabled": true})));
    stage.ok("CreateService", request("stranger", json!({"enabled": false})));
    let [server, client, stranger] = ["server", "client", "stranger"].map(|name| stage.launch(name));
    let told = |stage: &Stage, task: &str, name: &str, kind: RecordKind| match resolve_for(
        &stage.world,
        &stage.world.tasks[task],
        name,
        kind,
        0,
    ) {
        Resolution::Records(answers) => {
            answers.iter().map(|one| format!("{:?}", one.data)).collect::<Vec<_>>().join(" ")
        }
        other => format!("{other:?}"),
    };
    assert_eq!(told(&stage, &client, "backend", RecordKind::A), "", "no task of it runs yet");
    stage.put_task(&server, TaskStatus::Running, |_| {});
    let address = format!("{:?}", Data::A([10, 77, 0, 2].into()));
    assert_eq!(told(&stage, &client, "backend", RecordKind::A), address);
    assert_eq!(told(&stage, &client, "BACKEND.", RecordKind::A), address);
    assert_eq!(told(&stage, &client, "backend", RecordKind::Aaaa), "");
    assert_eq!(told(&stage, &client, "api.shop", RecordKind::A), "", "a name without an alias is its own");
    assert_eq!(told(&stage, &client, "other", RecordKind::A), "NotOurs");
    assert_eq!(told(&stage, &stranger, "backend", RecordKind::A), "NotOurs");
    stage.put_task(&server, TaskStatus::Deactivating, |_| {});
    assert_eq!(told(&stage, &client, "backend", RecordKind::A), "", "who leaves is told to nobody");
}

#[test]
fn another_configuration_is_another_deployment() {
    let mut stage = stage();
    stage.ok("CreateService", request("web", json!({"enabled": false})));
    let config = offered(json!({"portName": "http"}));
    let update = json!({"cluster": "main", "service": "web", "serviceConnectConfiguration": config});
    let reply = stage.ok("UpdateService", update);
    let deployments = reply["service"]["deployments"].as_array().unwrap();
    assert_eq!((deployments.len(), &deployments[0]["serviceConnectConfiguration"]), (2, &config));
}
