//! Revisions that were deregistered or deleted while a service uses them.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde_json::{Value, json};
use testkit::scenario::Settings;
use testkit::{Behaviour, Stage};

/// A service that runs revision 1 well; revision 1 was deregistered, and deleted if that is wanted.
fn stage(deleted: bool) -> (Stage, Settings) {
    let settings = Settings::default();
    let mut stage = Stage::default();
    settings.create(&mut stage);
    stage.run(10_000);
    stage.call("DeregisterTaskDefinition", json!({"taskDefinition": "web:1"})).unwrap();
    if deleted {
        let reply = stage.call("DeleteTaskDefinitions", json!({"taskDefinitions": ["web:1"]})).unwrap();
        assert_eq!(reply["taskDefinitions"][0]["status"], "DELETE_IN_PROGRESS");
    }
    (stage, settings)
}

fn update(stage: &mut Stage, mut members: Value) -> Result<Value, String> {
    members["cluster"] = "c".into();
    members["service"] = "web".into();
    stage.call("UpdateService", members).map_err(|e| e.message)
}

fn status(stage: &mut Stage) -> Option<String> {
    let reply = stage.call("DescribeTaskDefinition", json!({"taskDefinition": "web:1"})).ok()?;
    reply["taskDefinition"]["status"].as_str().map(str::to_owned)
}

#[test]
fn a_service_goes_on_replacing_and_scaling_with_it() {
    for deleted in [false, true] {
        let (mut stage, _) = stage(deleted);
        let old = stage.wanted()[0].clone();
        stage.call("StopTask", json!({"cluster": "c", "task": old.arn})).unwrap();
        stage.run(10_000);
        assert_eq!(stage.wanted().len(), 1, "replaced");
        update(&mut stage, json!({"desiredCount": 3})).unwrap();
        stage.run(10_000);
        assert_eq!(stage.wanted().len(), 3, "scaled");
        update(&mut stage, json!({"forceNewDeployment": true})).unwrap();
        stage.run(60_000);
        assert_eq!(stage.wanted().len(), 3, "deployed anew");
        assert!(stage.service().steady);
        let expected = if deleted { "DELETE_IN_PROGRESS" } else { "INACTIVE" };
        stage.run(24 * 3_600_000);
        assert_eq!(status(&mut stage).as_deref(), Some(expected), "for as long as it is used");
    }
}

#[test]
fn nothing_new_is_started_with_it() {
    for deleted in [false, true] {
        let (mut stage, _) = stage(deleted);
        assert!(update(&mut stage, json!({"taskDefinition": "web:1"})).unwrap_err().contains("inactive"));
        let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-1"]}});
        let run = json!({"cluster": "c", "taskDefinition": "web:1", "networkConfiguration": network});
        assert!(stage.call("RunTask", run).unwrap_err().message.contains("inactive"));
        let create = json!({"cluster": "c", "serviceName": "x", "taskDefinition": "web:1", "desiredCount": 1,
            "networkConfiguration": network});
        assert!(stage.call("CreateService", create).unwrap_err().message.contains("inactive"));
    }
}

#[test]
fn it_is_gone_once_nothing_uses_it_and_its_number_is_not_given_again() {
    let (mut stage, settings) = stage(true);
    settings.register(&mut stage);
    update(&mut stage, json!({"taskDefinition": "web:2"})).unwrap();
    stage.run(60_000);
    assert!(status(&mut stage).is_some(), "its stopped task is still described");
    stage.run(2 * 3_600_000);
    assert_eq!(status(&mut stage), None);
    let listed = stage.call("ListTaskDefinitions", json!({"status": "DELETE_IN_PROGRESS"})).unwrap();
    assert_eq!(listed["taskDefinitionArns"], json!([]));
    let again = stage.call("DeleteTaskDefinitions", json!({"taskDefinitions": ["web:1"]})).unwrap();
    let reason = again["failures"][0]["reason"].as_str().unwrap();
    assert!(reason.starts_with("The specified task definition does not exist."), "{reason}");
    // Neither after a restart, with no other revision left to count from.
    stage.call("DeleteService", json!({"cluster": "c", "service": "web", "force": true})).unwrap();
    stage.call("DeregisterTaskDefinition", json!({"taskDefinition": "web:2"})).unwrap();
    stage.call("DeleteTaskDefinitions", json!({"taskDefinitions": ["web:2"]})).unwrap();
    stage.run(2 * 3_600_000);
    stage.restart();
    assert_eq!(stage.call("ListTaskDefinitionFamilies", json!({})).unwrap()["families"], json!([]));
    settings.register(&mut stage);
    let reply = stage.call("DescribeTaskDefinition", json!({"taskDefinition": "web"})).unwrap();
    assert_eq!(reply["taskDefinition"]["revision"], 3);
}

#[test]
fn what_a_deployment_would_go_back_to_is_used() {
    let (mut stage, settings) = stage(true);
    stage.host.does.insert(2, Behaviour { image_missing: true, ..Behaviour::default() });
    settings.register(&mut stage);
    update(&mut stage, json!({"taskDefinition": "web:2", "desiredCount": 1})).unwrap();
    stage.run(2 * 3_600_000);
    assert!(status(&mut stage).is_some());
    let arn = stage.service().deployments[0].service_deployment_arn.clone();
    stage.call("StopServiceDeployment", json!({"serviceDeploymentArn": arn, "stopType": "ROLLBACK"})).unwrap();
    stage.run(60_000);
    assert!(stage.service().steady);
    assert_eq!(stage.wanted()[0].task_definition_arn.rsplit(':').next(), Some("1"));
}
