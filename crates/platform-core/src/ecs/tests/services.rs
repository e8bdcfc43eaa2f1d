//! Services and their deployments.

use serde_json::{Value, json};

use super::stage::{GROUP, Stage, network, web, with};
use crate::world::{Change, DesiredStatus, TaskStatus};

fn request(members: Value) -> Value {
    let base = json!({"cluster": "main", "serviceName": "web", "taskDefinition": "web", "desiredCount": 2,
        "launchType": "FARGATE", "networkConfiguration": network()});
    with(base, members)
}

fn update(members: Value) -> Value {
    with(json!({"cluster": "main", "service": "web"}), members)
}

fn with_service() -> Stage {
    let mut stage = Stage::with_web();
    stage.ok("CreateService", request(json!({})));
    stage
}

#[test]
fn a_new_service_has_one_deployment_in_progress_and_the_defaults_of_ecs() {
    let mut stage = with_service();
    let service = stage.service("web");
    for (name, want) in [
        ("serviceArn", json!("arn:aws:ecs:us-east-1:123456789012:service/main/web")),
        ("status", json!("ACTIVE")),
        ("desiredCount", json!(2)),
        ("runningCount", json!(0)),
        ("schedulingStrategy", json!("REPLICA")),
        ("deploymentController", json!({"type": "ECS"})),
        ("launchType", json!("FARGATE")),
        ("platformVersion", json!("LATEST")),
        ("propagateTags", json!("NONE")),
    ] {
        assert_eq!(service[name], want, "{name}");
    }
    assert_eq!(service["deploymentConfiguration"]["maximumPercent"], 200);
    assert_eq!(service["networkConfiguration"]["awsvpcConfiguration"]["assignPublicIp"], "DISABLED");
    let deployment = &service["deployments"][0];
    assert_eq!((&deployment["status"], &deployment["rolloutState"]), (&json!("PRIMARY"), &json!("IN_PROGRESS")));
    assert_eq!(deployment["platformVersion"], "1.4.0");
    let number = deployment["id"].as_str().unwrap().strip_prefix("ecs-svc/").unwrap();
    assert_eq!(number.len(), 19);
    assert_eq!(deployment["rolloutStateReason"], format!("ECS deployment ecs-svc/{number} in progress."));
    assert!(service.get("tags").is_none());
}

#[test]
fn counts_follow_the_tasks() {
    let mut stage = with_service();
    let first = stage.launch("web");
    let second = stage.launch("web");
    assert!(first.starts_with("arn:aws:ecs:us-east-1:123456789012:task/main/"), "{first}");
    let counts = |stage: &mut Stage| {
        let service = stage.service("web");
        let deployment = &service["deployments"][0];
        assert_eq!(
            (&service["pendingCount"], &service["runningCount"]),
            (&deployment["pendingCount"], &deployment["runningCount"])
        );
        format!("{}+{}", service["pendingCount"], service["runningCount"])
    };
    assert_eq!(counts(&mut stage), "2+0");
    stage.put_task(&first, TaskStatus::Running, |_| {});
    assert_eq!(counts(&mut stage), "1+1");
    stage.ok("StopTask", json!({"cluster": "main", "task": second}));
    assert_eq!(counts(&mut stage), "0+1");
    stage.put_task(&first, TaskStatus::Stopped, |_| {});
    assert_eq!(counts(&mut stage), "0+0");
    let listed = stage.ok("ListTasks", json!({"cluster": "main", "serviceName": "web", "desiredStatus": "STOPPED"}));
    assert_eq!(listed["taskArns"].as_array().unwrap().len(), 2);
    let task = stage.ok("DescribeTasks", json!({"cluster": "main", "tasks": [first]}))["tasks"][0].clone();
    assert_eq!(task["group"], "service:web");
    assert!(task["startedBy"].as_str().unwrap().starts_with("ecs-svc/"));
}

#[test]
fn only_what_changes_tasks_mints_a_deployment() {
    let mut stage = with_service();
    stage.ok("RegisterTaskDefinition", web());
    let mut check = |members: Value, minted: bool| {
        stage.complete("web");
        let before = stage.service("web")["deployments"][0]["id"].clone();
        stage.ok("UpdateService", update(members.clone()));
        let after = stage.service("web");
        let count = after["deployments"].as_array().unwrap().len();
        assert_eq!((after["deployments"][0]["id"] != before, count), (minted, if minted { 2 } else { 1 }), "{members}");
    };
    check(json!({"desiredCount": 5}), false);
    check(json!({"deploymentConfiguration": {"minimumHealthyPercent": 50}}), false);
    check(json!({"enableExecuteCommand": true}), false);
    check(json!({"taskDefinition": "web:1"}), false);
    check(json!({"networkConfiguration": network()}), false);
    check(json!({"taskDefinition": "web"}), true);
    check(json!({"forceNewDeployment": true}), true);
    check(json!({"networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-2"]}}}), true);
    check(json!({"platformVersion": "1.4.0"}), true);
}

#[test]
fn an_update_changes_only_what_it_names() {
    let mut stage = Stage::with_web();
    stage
        .answer(
            "CreateService",
            request(json!({"deploymentConfiguration": {"maximumPercent": 150,
            "deploymentCircuitBreaker": {"enable": true, "rollback": true}}, "glitter": {"on": true}})),
        )
        .unwrap();
    stage.answer("UpdateService", update(json!({"deploymentConfiguration": {"minimumHealthyPercent": 50}}))).unwrap();
    let service = stage.answer("DescribeServices", json!({"cluster": "main", "services": ["web"]})).unwrap();
    let service = &service["services"][0];
    let config = &service["deploymentConfiguration"];
    assert_eq!((&config["maximumPercent"], &config["minimumHealthyPercent"]), (&json!(150), &json!(50)));
    assert_eq!(config["deploymentCircuitBreaker"], json!({"enable": true, "rollback": true}));
    assert_eq!(service["glitter"], json!({"on": true}));
    assert_eq!(service["desiredCount"], 2);
    let event = service["events"][0]["message"].as_str().unwrap();
    assert!(event.starts_with("(service web) warning:") && event.contains("glitter"), "{event}");
    assert_eq!(service["events"].as_array().unwrap().len(), 1, "told once");
    let stored = stage.world.services.values().next().unwrap();
    assert!(stored.circuit_breaker && stored.circuit_breaker_rollback);
    assert_eq!((stored.minimum_healthy_percent, stored.maximum_percent), (50, 150));
}

#[test]
fn creating_again_is_answered_or_refused() {
    let mut stage = with_service();
    stage.check("CreateService", request(json!({"clientToken": "x"})), "");
    let not_idempotent = "InvalidParameterException: Creation of service was not idempotent.";
    stage.check("CreateService", request(json!({"desiredCount": 3})), not_idempotent);
    assert_eq!(stage.service("web")["deployments"].as_array().unwrap().len(), 1);
    stage.ok("DeleteService", json!({"cluster": "main", "service": "web", "force": true}));
    stage.check(
        "CreateService",
        request(json!({})),
        "InvalidParameterException: Unable to Start a service that is still Draining.",
    );
    stage.end_service("web");
    stage.check("CreateService", request(json!({"desiredCount": 3})), "");
}

#[test]
fn a_deleted_service_drains_and_is_described_as_inactive() {
    let mut stage = with_service();
    let delete = json!({"cluster": "main", "service": "web"});
    stage.check(
        "DeleteService",
        delete.clone(),
        "InvalidParameterException: The service cannot be stopped while it is scaled above 0.",
    );
    stage.check(
        "DeleteCluster",
        json!({"cluster": "main"}),
        "ClusterContainsServicesException: The Cluster cannot be deleted while Services are active.",
    );
    stage.ok("UpdateService", update(json!({"desiredCount": 0})));
    assert_eq!(stage.ok("DeleteService", delete.clone())["service"]["status"], "DRAINING");
    stage.check(
        "UpdateService",
        update(json!({"desiredCount": 1})),
        "ServiceNotActiveException: Service was not ACTIVE.",
    );
    stage.end_service("web");
    let service = stage.service("web");
    assert_eq!((&service["status"], &service["deployments"]), (&json!("INACTIVE"), &json!([])));
    assert!(service["taskDefinition"].as_str().unwrap().ends_with("web:1"));
    assert_eq!(stage.ok("ListServices", json!({"cluster": "main"})), json!({"serviceArns": []}));
    stage.check("DeleteService", delete, "ServiceNotFoundException: Service not found.");
    stage.check(
        "UpdateService",
        json!({"cluster": "main", "service": "x"}),
        "ServiceNotFoundException: Service not found.",
    );
    stage.check("DeleteCluster", json!({"cluster": "main"}), "");
}

#[test]
fn a_missing_service_is_a_failure_of_the_answer() {
    let mut stage = with_service();
    let reply =
        stage.ok("DescribeServices", json!({"cluster": "main", "services": ["web", "none"], "include": ["TAGS"]}));
    assert_eq!(reply["services"][0]["tags"], json!([]));
    let arn = "arn:aws:ecs:us-east-1:123456789012:service/none";
    assert_eq!(reply["failures"], json!([{"arn": arn, "reason": "MISSING"}]));
    let long = "arn:aws:ecs:us-east-1:123456789012:service/main/none";
    let reply = stage.ok("DescribeServices", json!({"cluster": "main", "services": [long]}));
    assert_eq!(reply["failures"][0]["arn"], long);
    stage.check(
        "DescribeServices",
        json!({"cluster": "main", "services": []}),
        "InvalidParameterException: Services cannot be empty.",
    );
}

#[test]
fn load_balancers_must_be_able_to_reach_the_container() {
    let mut stage = Stage::with_web();
    let balancer = |members: Value| {
        let base = json!({"targetGroupArn": GROUP, "containerName": "app", "containerPort": 80});
        request(json!({"loadBalancers": [with(base, members)]}))
    };
    let check = |stage: &mut Stage, members: Value, want: &str| {
        let want = if want.is_empty() { String::new() } else { format!("InvalidParameterException: {want}") };
        stage.check("CreateService", balancer(members), &want);
    };
    check(&mut stage, json!({"containerName": "x"}), "The container x does not exist in the task definition.");
    check(&mut stage, json!({"containerPort": 81}), "The container app did not have a container port 81 defined.");
    check(&mut stage, json!({}), &format!("The target group with targetGroupArn {GROUP} does not exist."));
    stage.target_group("instance", false);
    check(
        &mut stage,
        json!({}),
        &format!(
            "The provided target group {GROUP} has target type instance, which is incompatible with the awsvpc network mode \
             specified in the task definition."
        ),
    );
    stage.target_group("ip", false);
    check(
        &mut stage,
        json!({}),
        &format!("The target group with targetGroupArn {GROUP} does not have an associated load balancer."),
    );
    stage.target_group("ip", true);
    check(&mut stage, json!({}), "");
    let task = stage.launch("web");
    assert_eq!(stage.world.tasks[&task].targets[0].port, 80);
    assert_eq!(stage.service("web")["healthCheckGracePeriodSeconds"], 0);
}

#[test]
fn a_service_that_cannot_run_is_refused() {
    let mut stage = Stage::with_web();
    stage.ok("RegisterTaskDefinition", with(web(), json!({"family": "old"})));
    stage.ok("DeregisterTaskDefinition", json!({"taskDefinition": "old:1"}));
    let mut check = |members: Value, want: &str| stage.check("CreateService", request(members), want);
    check(json!({"taskDefinition": "none"}), "ClientException: TaskDefinition not found.");
    check(json!({"taskDefinition": "old:1"}), "ClientException: TaskDefinition is inactive");
    check(json!({"desiredCount": -1}), "InvalidParameterException: desiredCount cannot be negative.");
    check(
        json!({"serviceName": "a b"}),
        "InvalidParameterException: Invalid service name: up to 255 letters, numbers, hyphens and underscores are allowed.",
    );
    check(
        json!({"deploymentConfiguration": {"maximumPercent": 100, "minimumHealthyPercent": 100}}),
        "InvalidParameterException: Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block deployments.",
    );
    check(
        json!({"healthCheckGracePeriodSeconds": 5}),
        "InvalidParameterException: Health check grace period is only valid for services configured to use load balancers",
    );
    let mut refused = |members: Value, field: &str| {
        check(members, &format!("InvalidParameterException: {field} is not supported by this platform."));
    };
    refused(json!({"schedulingStrategy": "DAEMON"}), "schedulingStrategy DAEMON");
    refused(json!({"deploymentController": {"type": "CODE_DEPLOY"}}), "deploymentController.type CODE_DEPLOY");
    refused(
        json!({"deploymentConfiguration": {"strategy": "BLUE_GREEN"}}),
        "deploymentConfiguration.strategy BLUE_GREEN",
    );
    let connect = |service: Value| json!({"serviceConnectConfiguration": {"enabled": true, "services": [service]}});
    refused(
        connect(json!({"portName": "http", "tls": {"issuerCertificateAuthority": {}}})),
        "serviceConnectConfiguration.services.tls",
    );
    refused(json!({"volumeConfigurations": [{"name": "v"}]}), "volumeConfigurations");
}

#[test]
fn another_capacity_provider_strategy_needs_a_new_deployment() {
    let mut stage = with_service();
    let spot = |weight: u32| json!([{"capacityProvider": "FARGATE_SPOT", "weight": weight}]);
    let refused = stage.call("UpdateService", update(json!({"capacityProviderStrategy": spot(1)}))).unwrap_err();
    assert!(refused.starts_with("InvalidParameterException: When switching from launch type"), "{refused}");
    let force = |members| with(update(json!({"forceNewDeployment": true})), members);
    let reply = stage.ok("UpdateService", force(json!({"capacityProviderStrategy": spot(1)})));
    assert_eq!(reply["service"]["deployments"].as_array().unwrap().len(), 2);
    assert!(stage.call("UpdateService", update(json!({"capacityProviderStrategy": spot(2)}))).is_err());
    // The same in other words is no change.
    let same = json!([{"base": 0, "weight": 1, "capacityProvider": "FARGATE_SPOT"}]);
    stage.ok("UpdateService", update(json!({"capacityProviderStrategy": same})));
    assert!(stage.call("UpdateService", update(json!({"capacityProviderStrategy": []}))).is_err());
    let reply = stage.ok("UpdateService", force(json!({"capacityProviderStrategy": []})));
    assert_eq!(reply["service"]["launchType"], "FARGATE");
}

#[test]
fn a_service_without_launch_type_shows_the_clusters_default_strategy() {
    let mut stage = Stage::with_web();
    let strategy = json!([{"capacityProvider": "FARGATE_SPOT", "weight": 1, "base": 0}]);
    stage.ok(
        "PutClusterCapacityProviders",
        json!({"cluster": "main", "capacityProviders": ["FARGATE_SPOT"], "defaultCapacityProviderStrategy": strategy}),
    );
    let create = |name: &str, members: Value| {
        with(
            json!({"cluster": "main", "serviceName": name, "taskDefinition": "web", "desiredCount": 1,
            "networkConfiguration": network()}),
            members,
        )
    };
    let made = stage.ok("CreateService", create("a", json!({})))["service"].clone();
    assert_eq!((&made["capacityProviderStrategy"], made.get("launchType")), (&strategy, None));
    assert_eq!(made["deployments"][0]["capacityProviderStrategy"], strategy);
    let task = stage.launch("a");
    assert_eq!(stage.world.tasks[&task].document["capacityProviderName"], "FARGATE_SPOT");
    // An empty strategy is none, as Terraform's AWS provider sends it.
    let made = stage.ok("CreateService", create("b", json!({"launchType": "FARGATE", "capacityProviderStrategy": []})));
    assert_eq!(
        (&made["service"]["launchType"], made["service"].get("capacityProviderStrategy")),
        (&json!("FARGATE"), None)
    );
}

#[test]
fn tasks_of_services_are_protected_for_a_while() {
    let mut stage = with_service();
    let arn = stage.launch("web");
    let alone =
        stage.ok("RunTask", json!({"cluster": "main", "taskDefinition": "web", "networkConfiguration": network()}));
    let alone = alone["tasks"][0]["taskArn"].as_str().unwrap().to_owned();
    let set = |members: Value| {
        with(json!({"cluster": "main", "tasks": [arn, alone, "none"], "protectionEnabled": true}), members)
    };
    let reply = stage.ok("UpdateTaskProtection", set(json!({"expiresInMinutes": 60})));
    let until = aws_model::seconds(stage.now + 3_600_000);
    assert_eq!(reply["protectedTasks"], json!([{"taskArn": arn, "protectionEnabled": true, "expirationDate": until}]));
    let reasons: Vec<_> = reply["failures"].as_array().unwrap().iter().map(|f| f["reason"].as_str().unwrap()).collect();
    assert_eq!(reasons, ["TASK_NOT_VALID", "MISSING"]);
    let got = stage.ok("GetTaskProtection", json!({"cluster": "main", "tasks": [arn]}));
    assert_eq!(got["protectedTasks"][0]["expirationDate"], until);
    // It lapses by itself, and scaling in waits for that.
    stage.ok("UpdateService", update(json!({"desiredCount": 0})));
    let service = stage.world.services.values().next().unwrap().clone();
    let decide = |now| {
        let mut ids = crate::Ids::new(1);
        let mut cx =
            crate::Cx { now, region: "us-east-1", account: "1", access_key: "", architecture: None, ids: &mut ids };
        let decision = crate::service::decide(&stage.world, &mut cx, &service);
        let stops = |c: &Change| matches!(c, Change::Task(t) if t.desired_status == DesiredStatus::Stopped);
        (decision.changes.iter().any(stops), decision.look_again_at)
    };
    let lapses = stage_until(&until);
    let (stopped, look) = decide(lapses - 1);
    assert!(!stopped && look == Some(lapses), "{look:?}");
    assert!(decide(lapses).0);
    stage.now += 3_700_000;
    let got = stage.ok("GetTaskProtection", json!({"cluster": "main", "tasks": [arn]}));
    assert_eq!(got["protectedTasks"], json!([{"taskArn": arn, "protectionEnabled": false}]));
    let error = stage.call("UpdateTaskProtection", set(json!({"expiresInMinutes": 2881}))).unwrap_err();
    assert!(error.starts_with("InvalidParameterException: "), "{error}");
}

fn stage_until(seconds: &Value) -> i64 {
    (seconds.as_f64().unwrap() * 1000.0).round() as i64
}

#[test]
fn what_only_new_tasks_have_changes_without_a_deployment() {
    let mut stage = with_service();
    let members = json!({"enableExecuteCommand": true, "enableECSManagedTags": true, "propagateTags": "SERVICE"});
    let reply = stage.ok("UpdateService", update(members));
    assert_eq!(reply["service"]["deployments"].as_array().unwrap().len(), 1);
    let service = stage.world.services.values().next().unwrap().clone();
    let mut ids = crate::Ids::new(1);
    let mut cx = crate::Cx {
        now: 0,
        region: "us-east-1",
        account: "123456789012",
        access_key: "",
        architecture: None,
        ids: &mut ids,
    };
    let task = crate::ecs::new_service_task(&stage.world, &mut cx, &service, &service.deployments[0]).unwrap();
    assert_eq!(
        json!(task.tags),
        json!([{"key": "aws:ecs:clusterName", "value": "main"}, {"key": "aws:ecs:serviceName", "value": "web"}])
    );
}
