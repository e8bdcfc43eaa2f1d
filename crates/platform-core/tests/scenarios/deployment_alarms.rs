//! Deployments that CloudWatch's alarms end, in virtual time; every answer is held against the official model.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use aws_model::check;
use platform_core::alarms::{AlarmSeen, Told, told};
use platform_core::world::ServiceDeployment;
use platform_core::{Cx, Ids};
use serde_json::{Value, json};
use testkit::fixtures::{ACCOUNT, REGION, SERVICE};
use testkit::scenario::Settings;
use testkit::{Behaviour, Stage};

/// What the alarm `errors` needs to have judged the new tasks alone.
const WINDOW: i64 = 120_000;

fn call(stage: &mut Stage, operation: &str, input: Value) -> Result<Value, String> {
    let reply = stage.call(operation, input).map_err(|e| format!("{}: {}", e.code, e.message))?;
    let described = aws_model::Service::Ecs.model().operation(operation).unwrap();
    assert_eq!(check::wrong_answer(described, reply.as_object().unwrap()), None);
    Ok(reply)
}

/// An alarm is made, or changes its state.
fn alarm(stage: &mut Stage, name: &str, is_raised: bool) {
    let mut ids = Ids::new(9);
    let mut cx =
        Cx { now: stage.now, region: REGION, account: ACCOUNT, access_key: "", architecture: None, ids: &mut ids };
    let seen = AlarmSeen { region: REGION.into(), name: name.into(), is_raised, window: WINDOW, watches: Vec::new() };
    let news = Told { name, arn: "", at: stage.now, seen: Some(seen), event: None };
    for change in told(&stage.world, &mut cx, &news) {
        stage.apply(change);
    }
}

/// A service that runs revision 1 well, and revision 2, which runs well too as far as ECS sees.
fn stage(rollback: bool) -> Stage {
    let alarms = json!({"alarmNames": ["errors", "none"], "enable": true, "rollback": rollback});
    let settings = Settings { desired: 2, configuration: json!({"alarms": alarms}), ..Settings::default() };
    let mut stage = Stage::default();
    alarm(&mut stage, "errors", false);
    settings.create(&mut stage);
    stage.run(WINDOW + 10_000);
    assert_eq!(primary(&mut stage)["rolloutState"], "COMPLETED");
    settings.register(&mut stage);
    stage
}

fn deploy(stage: &mut Stage) {
    call(stage, "UpdateService", json!({"cluster": "c", "service": "web", "taskDefinition": "web:2"})).unwrap();
}

fn service(stage: &mut Stage) -> Value {
    call(stage, "DescribeServices", json!({"cluster": "c", "services": ["web"]})).unwrap()["services"][0].clone()
}

fn primary(stage: &mut Stage) -> Value {
    service(stage)["deployments"][0].clone()
}

fn newest(stage: &mut Stage) -> Value {
    let listed = call(stage, "ListServiceDeployments", json!({"service": SERVICE})).unwrap();
    let arn = listed["serviceDeployments"][0]["serviceDeploymentArn"].clone();
    let reply = call(stage, "DescribeServiceDeployments", json!({"serviceDeploymentArns": [arn]})).unwrap();
    reply["serviceDeployments"][0].clone()
}

fn runs(stage: &mut Stage) -> Vec<String> {
    let tasks = stage.wanted();
    tasks.iter().map(|task| task.task_definition_arn.rsplit('/').next().unwrap().to_owned()).collect()
}

fn events(stage: &mut Stage) -> String {
    let service = service(stage);
    let all = service["events"].as_array().unwrap().iter();
    all.map(|event| event["message"].as_str().unwrap().to_owned()).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_deployment_is_complete_only_after_its_bake_time_and_the_one_before_it_stays_so_long() {
    let mut stage = stage(true);
    deploy(&mut stage);
    stage.run(30_000);
    assert_eq!(runs(&mut stage), ["web:2", "web:2"]);
    let told = newest(&mut stage);
    assert_eq!((&told["status"], &told["lifecycleStage"]), (&json!("IN_PROGRESS"), &json!("BAKE_TIME")));
    assert_eq!(told["alarms"], json!({"status": "MONITORING", "alarmNames": ["errors", "none"]}));
    let told = service(&mut stage);
    assert_eq!(
        (told["deployments"].as_array().unwrap().len(), &told["deployments"][0]["rolloutState"]),
        (2, &json!("IN_PROGRESS"))
    );
    stage.run(WINDOW);
    let told = service(&mut stage);
    assert_eq!(
        (told["deployments"].as_array().unwrap().len(), &told["deployments"][0]["rolloutState"]),
        (1, &json!("COMPLETED"))
    );
    let told = newest(&mut stage);
    assert_eq!((&told["status"], &told["alarms"]["status"]), (&json!("SUCCESSFUL"), &json!("MONITORING_COMPLETE")));
    // What happens afterwards concerns no deployment.
    alarm(&mut stage, "errors", true);
    stage.run(WINDOW);
    assert_eq!(runs(&mut stage), ["web:2", "web:2"]);
}

#[test]
fn an_alarm_during_the_rollout_or_the_bake_time_brings_the_last_revision_back() {
    for at in [0, 1_000, 5_000, 30_000, WINDOW - 5_000] {
        let mut stage = stage(true);
        let before = primary(&mut stage)["id"].clone();
        stage.host.does.insert(2, Behaviour { starts_after: 2_000, ..Behaviour::default() });
        deploy(&mut stage);
        stage.run(at);
        alarm(&mut stage, "errors", true);
        stage.run(60_000);
        assert_eq!(runs(&mut stage), ["web:1", "web:1"], "raised after {at} ms");
        let told = primary(&mut stage);
        assert_eq!((&told["id"], &told["rolloutState"]), (&before, &json!("COMPLETED")), "raised after {at} ms");
        let told = newest(&mut stage);
        assert_eq!(told["status"], "ROLLBACK_SUCCESSFUL", "raised after {at} ms");
        let alarms =
            json!({"status": "TRIGGERED", "alarmNames": ["errors", "none"], "triggeredAlarmNames": ["errors"]});
        assert_eq!(told["alarms"], alarms);
        assert_eq!(told["statusReason"], told["rollback"]["reason"]);
        let story = events(&mut stage);
        assert!(story.contains("deployment failed: alarm detected."), "{story}");
        assert!(story.contains(&format!("rolling back to deployment {}.", before.as_str().unwrap())), "{story}");
    }
}

#[test]
fn an_alarm_that_is_over_before_anybody_looks_counts() {
    let mut stage = stage(true);
    deploy(&mut stage);
    stage.run(20_000);
    alarm(&mut stage, "errors", true);
    alarm(&mut stage, "errors", false);
    stage.run(60_000);
    assert_eq!(runs(&mut stage), ["web:1", "web:1"]);
}

#[test]
fn without_rollback_the_deployment_fails_and_starts_nothing_more() {
    let mut stage = stage(false);
    deploy(&mut stage);
    stage.run(20_000);
    alarm(&mut stage, "errors", true);
    stage.run(WINDOW);
    let told = primary(&mut stage);
    assert_eq!(
        (&told["rolloutState"], told["taskDefinition"].as_str().unwrap().ends_with("web:2")),
        (&json!("FAILED"), true)
    );
    assert!(told["rolloutStateReason"].as_str().unwrap().contains("alarm detected"), "{told}");
    let told = newest(&mut stage);
    assert_eq!((&told["status"], &told["alarms"]["status"]), (&json!("STOPPED"), &json!("TRIGGERED")));
    assert!(told.get("rollback").is_none());
}

#[test]
fn an_alarm_that_is_raised_when_a_deployment_begins_is_not_watched_during_it() {
    let mut stage = stage(true);
    alarm(&mut stage, "errors", true);
    deploy(&mut stage);
    stage.run(5_000);
    assert_eq!(newest(&mut stage)["alarms"], json!({"status": "DISABLED", "alarmNames": ["errors", "none"]}));
    alarm(&mut stage, "errors", false);
    alarm(&mut stage, "none", true);
    stage.run(20_000);
    // Nothing is waited for either.
    assert_eq!(primary(&mut stage)["rolloutState"], "COMPLETED");
    assert_eq!(runs(&mut stage), ["web:2", "web:2"]);
    let story = events(&mut stage);
    assert!(story.contains("errors was in ALARM when it began"), "{story}");
}

#[test]
fn whichever_is_first_of_alarms_and_circuit_breaker_ends_the_deployment() {
    let mut stage = stage(true);
    stage.host.does.insert(2, Behaviour { exits: Some((1, 1_000)), ..Behaviour::default() });
    let configuration = json!({"deploymentCircuitBreaker": {"enable": true, "rollback": false}});
    let update =
        json!({"cluster": "c", "service": "web", "taskDefinition": "web:2", "deploymentConfiguration": configuration});
    call(&mut stage, "UpdateService", update).unwrap();
    stage.run(2_000);
    alarm(&mut stage, "errors", true);
    stage.run(60_000);
    // "A rollback occurs when you use the rollback option for the method that initiated the deployment failure."
    let told = newest(&mut stage);
    assert_eq!(
        (&told["status"], &told["alarms"]["status"]),
        (&json!("ROLLBACK_SUCCESSFUL"), &json!("TRIGGERED")),
        "{told}"
    );
    assert_eq!(runs(&mut stage), ["web:1", "web:1"]);
}

#[test]
fn a_service_of_no_tasks_waits_for_no_alarm() {
    let mut stage = stage(true);
    let update = json!({"cluster": "c", "service": "web", "taskDefinition": "web:2", "desiredCount": 0});
    call(&mut stage, "UpdateService", update).unwrap();
    stage.run(20_000);
    assert_eq!(primary(&mut stage)["rolloutState"], "COMPLETED");
}

#[test]
fn alarms_without_names_are_refused_and_an_older_record_is_read() {
    let mut stage = stage(true);
    let alarms = json!({"alarmNames": [], "enable": true, "rollback": true});
    let update = json!({"cluster": "c", "service": "web", "deploymentConfiguration": {"alarms": alarms}});
    let refused = call(&mut stage, "UpdateService", update).unwrap_err();
    assert!(refused.starts_with("InvalidParameterException: "), "{refused}");
    let row = stage.world.service_deployments.values().next().unwrap();
    let mut old = serde_json::to_value(&**row).unwrap();
    old.as_object_mut().unwrap().shift_remove("alarms");
    serde_json::from_value::<ServiceDeployment>(old).unwrap();
}
