//! A service with a registry, from its first task to its last: by which names it is found.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::net::Ipv4Addr;

use aws_model::Service;
use platform_core::names::{Data, RecordKind, Resolution, resolve};
use platform_core::world::TaskStatus;
use serde_json::{Value, json};
use testkit::scenario::Settings;
use testkit::{Behaviour, Stage};

const TTL: i64 = 10_000;

/// A namespace `shop.local` with a service `web`, and a service of ECS that registers its two tasks there.
fn stage(checked: bool) -> Stage {
    let mut stage = Stage::default();
    Settings { desired: 2, checked, ..Settings::default() }.create(&mut stage);
    let namespace = json!({"Name": "shop.local", "Vpc": "vpc-1"});
    let done = cloud_map(&mut stage, "CreatePrivateDnsNamespace", namespace);
    let told = cloud_map(&mut stage, "GetOperation", done);
    let service = json!({
        "Name": "web", "NamespaceId": told["Operation"]["Targets"]["NAMESPACE"], "HealthCheckCustomConfig": {},
        "DnsConfig": {"DnsRecords": [{"Type": "A", "TTL": TTL / 1000}]},
    });
    let made = cloud_map(&mut stage, "CreateService", service);
    update(&mut stage, json!({"serviceRegistries": [{"registryArn": made["Service"]["Arn"]}]}));
    stage
}

fn cloud_map(stage: &mut Stage, operation: &str, input: Value) -> Value {
    stage.call_of(Service::ServiceDiscovery, operation, input).unwrap()
}

fn update(stage: &mut Stage, mut members: Value) {
    (members["cluster"], members["service"]) = (json!("c"), json!("web"));
    stage.call("UpdateService", members).unwrap();
}

/// The addresses that the name has.
fn found(stage: &Stage) -> Vec<Ipv4Addr> {
    match resolve(&stage.world, "us-east-1", "web.shop.local", RecordKind::A, 0) {
        Resolution::Records(answers) => answers
            .iter()
            .map(|answer| match answer.data {
                Data::A(address) => address,
                _ => panic!("{answer:?}"),
            })
            .collect(),
        _ => Vec::new(),
    }
}

fn instances(stage: &mut Stage) -> Vec<Value> {
    let services = cloud_map(stage, "ListServices", json!({}));
    let id = &services["Services"][0]["Id"];
    cloud_map(stage, "ListInstances", json!({"ServiceId": id}))["Instances"].as_array().unwrap().clone()
}

#[test]
fn running_tasks_are_instances_with_ecs_s_attributes() {
    let mut stage = stage(false);
    stage.run(60_000);
    let tasks = stage.wanted();
    let mut instances = instances(&mut stage);
    instances.sort_by_key(|one| one["Id"].to_string());
    let mut ids: Vec<&str> = tasks.iter().map(|task| task.id.as_str()).collect();
    ids.sort_unstable();
    assert_eq!(instances.iter().map(|one| one["Id"].as_str().unwrap()).collect::<Vec<_>>(), ids);
    let task = tasks.iter().find(|task| task.id == ids[0]).unwrap();
    let attributes = json!({
        "AWS_INSTANCE_IPV4": task.network.as_ref().unwrap().address.to_string(), "AWS_INIT_HEALTH_STATUS": "HEALTHY",
        "AVAILABILITY_ZONE": "us-east-1a", "REGION": "us-east-1", "ECS_CLUSTER_NAME": "c", "ECS_SERVICE_NAME": "web",
        "ECS_TASK_DEFINITION_FAMILY": "web",
    });
    assert_eq!(instances[0]["Attributes"], attributes);
    assert_eq!(found(&stage).len(), 2);
}

/// Looks four times a second through everything that happens: a client that keeps an address no longer than its
/// record's time to live always finds a task there that has not been asked to stop.
#[test]
fn a_rolling_deployment_leads_nobody_to_a_task_that_stops() {
    for checked in [false, true] {
        let mut stage = stage(checked);
        let behaviour = || Behaviour { healthy_after: Some(8_000), ..Behaviour::default() };
        stage.host.does.insert(2, behaviour());
        stage.run(60_000);
        let settings = Settings { checked, ..Settings::default() };
        settings.register(&mut stage);
        let before = found(&stage);
        assert_eq!(before.len(), 2);
        update(&mut stage, json!({"taskDefinition": "web:2"}));
        let mut known: Vec<(i64, Ipv4Addr)> = Vec::new();
        for quarter in 0..480 {
            if quarter == 40 {
                stage.kill();
                stage.restart();
            }
            let addresses = found(&stage);
            assert!(!addresses.is_empty(), "the name is gone at {}", stage.now);
            known.extend(addresses.into_iter().map(|address| (stage.now + TTL, address)));
            known.retain(|(until, _)| *until > stage.now);
            for (_, address) in &known {
                let arn = stage.world.task_of_address.get(&address.to_string());
                let status = arn.and_then(|arn| stage.world.tasks.get(arn)).map(|task| task.last_status);
                let serves = matches!(status, Some(TaskStatus::Running | TaskStatus::Deactivating));
                assert!(serves, "{address} is {status:?} at {}, checked: {checked}", stage.now);
            }
            stage.run(250);
        }
        let after = found(&stage);
        assert!(after.len() == 2 && after.iter().all(|address| !before.contains(address)), "{after:?}");
        assert_eq!(instances(&mut stage).len(), 2);
        // What was not well when it began to run is, and Cloud Map knows it.
        let services = cloud_map(&mut stage, "ListServices", json!({}));
        let asked = json!({"ServiceId": services["Services"][0]["Id"]});
        let health = cloud_map(&mut stage, "GetInstancesHealthStatus", asked);
        assert!(health["Status"].as_object().unwrap().values().all(|one| one == "HEALTHY"), "{health}");
    }
}

#[test]
fn a_task_whose_check_has_not_passed_is_not_answered_while_others_are() {
    let mut stage = stage(true);
    stage.run(60_000);
    let all = found(&stage);
    assert_eq!(all.len(), 2);
    stage.host.does.insert(2, Behaviour { healthy_after: None, ..Behaviour::default() });
    Settings { checked: true, ..Settings::default() }.register(&mut stage);
    update(&mut stage, json!({"taskDefinition": "web:2"}));
    stage.run(8_000);
    let new: Vec<_> = instances(&mut stage)
        .into_iter()
        .filter(|one| one["Attributes"]["AWS_INIT_HEALTH_STATUS"] == "UNHEALTHY")
        .collect();
    assert!(!new.is_empty());
    let mut now = found(&stage);
    now.sort_unstable();
    let mut all = all;
    all.sort_unstable();
    assert_eq!(now, all);
}

#[test]
fn a_service_that_is_deleted_is_found_no_more_and_waits_for_nobody() {
    let mut stage = stage(false);
    stage.run(60_000);
    stage.call("DeleteService", json!({"cluster": "c", "service": "web", "force": true})).unwrap();
    stage.run(5_000);
    assert_eq!((found(&stage), instances(&mut stage).len()), (Vec::new(), 0));
    assert!(stage.world.tasks.values().all(|task| task.is_stopped()));
}
