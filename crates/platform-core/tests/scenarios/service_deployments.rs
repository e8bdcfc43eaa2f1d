//! Service deployments as callers see them; every answer is held against the official model.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use aws_model::check;
use platform_core::Change;
use platform_core::service::{DEPLOYMENTS_KEPT, DEPLOYMENTS_KEPT_FOR, breaker_threshold};
use platform_core::world::{BreakerRule, BreakerThreshold, Service, Table};
use serde_json::{Value, json};
use testkit::fixtures::{self, SERVICE};
use testkit::scenario::Settings;
use testkit::{Behaviour, Stage};

const CRASHES: (i32, i64) = (1, 1_000);

/// A service that runs revision 1 well; the breaker goes back.
fn stage() -> (Stage, Settings) {
    let breaker = json!({"enable": true, "rollback": true});
    let settings = Settings { configuration: json!({"deploymentCircuitBreaker": breaker}), ..Settings::default() };
    let mut stage = Stage::default();
    settings.create(&mut stage);
    stage.run(10_000);
    (stage, settings)
}

fn call(stage: &mut Stage, operation: &str, input: Value) -> Result<Value, String> {
    let reply = stage.call(operation, input).map_err(|e| format!("{}: {}", e.code, e.message))?;
    let described = aws_model::Service::Ecs.model().operation(operation).unwrap();
    assert_eq!(check::wrong_answer(described, reply.as_object().unwrap()), None);
    Ok(reply)
}

fn update(stage: &mut Stage, mut members: Value) -> Value {
    members["cluster"] = "c".into();
    members["service"] = "web".into();
    call(stage, "UpdateService", members).unwrap()["service"].clone()
}

fn list(stage: &mut Stage, mut filter: Value) -> Vec<Value> {
    filter["service"] = SERVICE.into();
    call(stage, "ListServiceDeployments", filter).unwrap()["serviceDeployments"].as_array().unwrap().clone()
}

fn newest(stage: &mut Stage) -> Value {
    let arn = list(stage, json!({}))[0]["serviceDeploymentArn"].clone();
    let reply = call(stage, "DescribeServiceDeployments", json!({"serviceDeploymentArns": [arn]})).unwrap();
    reply["serviceDeployments"][0].clone()
}

fn service(stage: &mut Stage) -> Value {
    call(stage, "DescribeServices", json!({"cluster": "c", "services": ["web"]})).unwrap()["services"][0].clone()
}

#[test]
fn terraform_finds_and_follows_its_deployment() {
    let (mut stage, _) = stage();
    let asked = stage.now as f64 / 1000.0;
    stage.run(1000);
    let primary = update(&mut stage, json!({"forceNewDeployment": true}))["deployments"][0].clone();
    let number = primary["id"].as_str().unwrap().rsplit('/').next().unwrap().to_owned();
    let listed = list(&mut stage, json!({"createdAt": {"after": asked}}));
    assert_eq!((listed.len(), &listed[0]["status"]), (1, &json!("PENDING")));
    let target = listed[0]["targetServiceRevisionArn"].as_str().unwrap().to_owned();
    assert!(target.ends_with(&format!(":service-revision/c/web/{number}")), "{target}");
    stage.run(1000);
    let full = newest(&mut stage);
    assert_eq!(full["status"], "IN_PROGRESS");
    assert_eq!(full["sourceServiceRevisions"].as_array().unwrap().len(), 1);
    assert_eq!(full["targetServiceRevision"]["requestedTaskCount"], 1);
    assert_eq!(full["lifecycleStage"], "CLEAN_UP");
    assert_eq!(full["deploymentCircuitBreaker"], json!({"status": "MONITORING", "failureCount": 0, "threshold": 3}));
    stage.run(10_000);
    let full = newest(&mut stage);
    assert_eq!((&full["status"], full.get("finishedAt").is_some()), (&json!("SUCCESSFUL"), true));
    assert_eq!(full["deploymentCircuitBreaker"]["status"], "MONITORING_COMPLETE");
    assert!(full.get("lifecycleStage").is_none() && full.get("rollback").is_none());
    let revisions =
        call(&mut stage, "DescribeServiceRevisions", json!({"serviceRevisionArns": [target, "x"]})).unwrap();
    assert!(revisions["serviceRevisions"][0]["taskDefinition"].as_str().unwrap().ends_with("web:1"));
    assert_eq!(revisions["failures"][0]["reason"], "MISSING");
}

#[test]
fn a_rollback_brings_back_the_id_the_tasks_and_the_revision_s_settings() {
    let (mut stage, settings) = stage();
    let before = service(&mut stage);
    let task = stage.wanted()[0].arn.clone();
    settings.register(&mut stage);
    stage.host.does.insert(2, Behaviour { exits: Some(CRASHES), ..Behaviour::default() });
    let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-2"]}});
    update(&mut stage, json!({"taskDefinition": "web:2", "networkConfiguration": network}));
    stage.run(60_000);
    let after = service(&mut stage);
    assert_eq!(after["deployments"][0]["id"], before["deployments"][0]["id"]);
    assert_eq!(after["deployments"][0]["rolloutState"], "COMPLETED");
    assert_eq!(after["networkConfiguration"], before["networkConfiguration"]);
    assert_eq!(stage.wanted().iter().map(|t| t.arn.clone()).collect::<Vec<_>>(), [task]);
    let full = newest(&mut stage);
    assert_eq!(full["status"], "ROLLBACK_SUCCESSFUL");
    assert_eq!(full["deploymentCircuitBreaker"], json!({"status": "TRIGGERED", "failureCount": 3, "threshold": 3}));
    let number = before["deployments"][0]["id"].as_str().unwrap().trim_start_matches("ecs-svc/");
    assert!(full["rollback"]["serviceRevisionArn"].as_str().unwrap().ends_with(number));
    assert_eq!(full["statusReason"], full["rollback"]["reason"]);
    assert_eq!(full["targetServiceRevision"]["runningTaskCount"], 0);
}

/// The order of the gates in `service::Step::run`: the failure is counted for the deployment whose task it was, and then
/// the request is carried out, before the breaker looks.
#[test]
fn a_task_that_fails_as_the_user_asks_to_go_back_is_counted_and_does_not_trip_the_breaker() {
    let (mut stage, settings) = stage();
    settings.register(&mut stage);
    stage.host.does.insert(2, Behaviour { exits: Some((1, 10_000)), ..Behaviour::default() });
    let breaker = json!({"enable": true, "rollback": true, "thresholdConfiguration": {"type": "COUNT", "value": 1}});
    let configuration = json!({"deploymentCircuitBreaker": breaker});
    update(&mut stage, json!({"taskDefinition": "web:2", "deploymentConfiguration": configuration}));
    stage.run(3_000);
    let arn = newest(&mut stage)["serviceDeploymentArn"].clone();
    call(&mut stage, "StopServiceDeployment", json!({"serviceDeploymentArn": arn, "stopType": "ROLLBACK"})).unwrap();
    // Nothing was decided since the request; the end of the task arrives with it.
    stage.now += 10_000;
    stage.round();
    let left = stage.service().deployments[1].clone();
    assert!(left.task_definition_arn.ends_with("web:2"), "{left:?}");
    assert_eq!(left.failed_tasks, 1);
    let full = newest(&mut stage);
    assert_ne!(full["deploymentCircuitBreaker"]["status"], "TRIGGERED", "{full}");
    assert!(full["rollback"]["reason"].as_str().unwrap().contains("its user stopped it"), "{full}");
}

#[test]
fn the_list_is_filtered_and_comes_in_pages_newest_first() {
    let (mut stage, _) = stage();
    for _ in 0..24 {
        stage.run(1000);
        update(&mut stage, json!({"forceNewDeployment": true}));
    }
    stage.run(60_000);
    assert_eq!(list(&mut stage, json!({})).len(), 20);
    assert_eq!(list(&mut stage, json!({"maxResults": 100})).len(), 25);
    assert_eq!(list(&mut stage, json!({"status": ["SUCCESSFUL"], "maxResults": 100})).len(), 2);
    assert_eq!(list(&mut stage, json!({"status": ["STOPPED"], "maxResults": 100})).len(), 23);
    assert_eq!(list(&mut stage, json!({"createdAt": {"before": 12.5}})).len(), 3);

    let (mut seen, mut token) = (Vec::new(), Value::Null);
    loop {
        let mut input = json!({"cluster": "c", "service": "web", "maxResults": 7});
        if token != Value::Null {
            input["nextToken"] = token;
        }
        let page = call(&mut stage, "ListServiceDeployments", input).unwrap();
        seen.extend(page["serviceDeployments"].as_array().unwrap().clone());
        token = page.get("nextToken").cloned().unwrap_or_default();
        if token == Value::Null {
            break;
        }
    }
    assert_eq!(seen.len(), 25);
    assert!(seen.is_sorted_by(|a, b| a["createdAt"].as_f64() > b["createdAt"].as_f64()));
}

#[test]
fn who_asks_for_what_is_not_there_is_told_so() {
    let (mut stage, _) = stage();
    let mut check = |operation: &str, input: Value, want: &str| {
        assert_eq!(call(&mut stage, operation, input).err().unwrap_or_default(), want, "{operation}");
    };
    let list = "ListServiceDeployments";
    check(list, json!({"cluster": "c", "service": "no"}), "ServiceNotFoundException: Service not found.");
    check(list, json!({"cluster": "no", "service": "web"}), "ClusterNotFoundException: Cluster not found.");
    check(
        list,
        json!({"service": SERVICE, "maxResults": 0}),
        "InvalidParameterException: maxResults must be between 1 and 100.",
    );
    let stop = "StopServiceDeployment";
    check(stop, json!({}), "InvalidParameterException: Service Deployment Arn can not be blank.");
    check(
        stop,
        json!({"serviceDeploymentArn": "web"}),
        "InvalidParameterException: Invalid identifier: serviceDeploymentArn is not the ARN of a service deployment.",
    );
    check(
        stop,
        json!({"serviceDeploymentArn": "arn:aws:ecs:us-east-1:123456789012:service-deployment/c/web/x"}),
        "ServiceDeploymentNotFoundException: Service deployment not found.",
    );
    let arn = stage.world.deployments_of(SERVICE)[0].arn.clone();
    assert_eq!(
        call(&mut stage, stop, json!({"serviceDeploymentArn": arn})).unwrap_err(),
        "ConflictException: The service deployment cannot be stopped: its status is SUCCESSFUL."
    );
}

#[test]
fn only_so_many_ended_deployments_are_kept_and_for_so_long() {
    let (mut stage, _) = stage();
    for _ in 0..DEPLOYMENTS_KEPT + 20 {
        stage.now += 100;
        update(&mut stage, json!({"forceNewDeployment": true}));
    }
    stage.run(60_000);
    // The first one was completed before all those: it may be needed as long as no other was.
    assert_eq!(stage.world.service_deployments.len(), DEPLOYMENTS_KEPT);
    stage.now += DEPLOYMENTS_KEPT_FOR;
    update(&mut stage, json!({"forceNewDeployment": true}));
    stage.run(60_000);
    assert_eq!(list(&mut stage, json!({})).len(), 1);
    call(&mut stage, "DeleteService", json!({"cluster": "c", "service": "web", "force": true})).unwrap();
    stage.run(2 * 3_600_000);
    assert!(stage.world.services.is_empty() && stage.world.service_deployments.is_empty());
}

#[test]
fn a_service_of_the_same_name_begins_without_history() {
    let (mut stage, settings) = stage();
    call(&mut stage, "DeleteService", json!({"cluster": "c", "service": "web", "force": true})).unwrap();
    stage.run(60_000);
    settings.create(&mut stage);
    assert_eq!(list(&mut stage, json!({})).len(), 1);
}

#[test]
fn the_breaker_s_settings_are_kept_and_answered() {
    let (mut stage, _) = stage();
    let breaker = json!({"enable": true, "rollback": false, "resetOnHealthyTask": false,
        "thresholdConfiguration": {"type": "COUNT", "value": 7}});
    update(&mut stage, json!({"deploymentConfiguration": {"deploymentCircuitBreaker": breaker}}));
    assert_eq!(service(&mut stage)["deploymentConfiguration"]["deploymentCircuitBreaker"], breaker);
    let rule = BreakerRule { threshold: BreakerThreshold::Count(7), resets: false };
    assert_eq!(stage.service().breaker_rule, rule);
    let none = json!({"enable": true, "rollback": true, "thresholdConfiguration": {"type": "COUNT", "value": 0}});
    let input = json!({"cluster": "c", "service": "web",
        "deploymentConfiguration": {"deploymentCircuitBreaker": none}});
    assert_eq!(
        call(&mut stage, "UpdateService", input).unwrap_err(),
        "InvalidParameterException: thresholdConfiguration.value must be a number above 0."
    );
}

#[test]
fn a_threshold_is_a_count_or_a_share_of_the_desired_count() {
    let check = |desired: u32, threshold: BreakerThreshold, want: u32| {
        let rule = BreakerRule { threshold, resets: true };
        let service = Service { breaker_rule: rule, ..fixtures::service(desired) };
        assert_eq!(breaker_threshold(&service), want, "{desired} {threshold:?}");
    };
    for (desired, want) in [(0, 3), (1, 3), (7, 4), (25, 13), (400, 200), (5000, 200)] {
        check(desired, BreakerThreshold::Bounded(50), want);
    }
    check(3, BreakerThreshold::Unbounded(50), 2);
    check(0, BreakerThreshold::Unbounded(50), 1);
    check(800, BreakerThreshold::Unbounded(50), 400);
    check(800, BreakerThreshold::Count(2), 2);
}

#[test]
fn what_was_stored_before_there_were_records_gets_them() {
    let (mut stage, _) = stage();
    for arn in stage.world.service_deployments.keys().cloned().collect::<Vec<_>>() {
        stage.apply(Change::ForgetServiceDeployment(arn));
    }
    let mut old = serde_json::to_value(stage.service()).unwrap();
    old.as_object_mut().unwrap().shift_remove("breaker_rule");
    old["deployments"][0]["is_rollback"] = false.into();
    stage.apply(Table::Services.read("", &serde_json::to_vec(&old).unwrap()).unwrap());
    stage.run(1000);
    assert_eq!(newest(&mut stage)["status"], "SUCCESSFUL");
}
