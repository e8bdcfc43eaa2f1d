//! Another user works on the same stage.

use e2e_native::app::{App, CLUSTER, SERVICE};
use e2e_native::transcript::{after_the_plan, transcript};
use serde_json::{Value, json};

use super::{changes, slow};

/// Returns a revision that was registered without managr.
async fn foreign_revision(app: &App) -> Value {
    let input = json!({ "taskDefinition": "hello-web-task-test:1" });
    let described = app.platform.call(&aws::ECS, "DescribeTaskDefinition", input).await;
    let mut document = described["taskDefinition"].clone();
    let members = document.as_object_mut().expect("a task definition");
    members.retain(|name, _| {
        let given =
            ["family", "networkMode", "cpu", "memory", "executionRoleArn", "taskRoleArn", "containerDefinitions"];
        given.contains(&name.as_str()) || name == "requiresCompatibilities"
    });
    document["containerDefinitions"][0]["environment"] = json!([{ "name": "BY_HAND", "value": "1" }]);
    let made = app.platform.call(&aws::ECS, "RegisterTaskDefinition", document).await;
    made["taskDefinition"]["taskDefinitionArn"].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_somebody_put_in_the_place_of_ours_is_no_success() {
    testhost::needs_root!();
    let app = App::released().await;
    app.edit(&changes(&slow(50)));
    let mut going = app.begin_deploy(&[]);
    going.says("): running");
    let revision = foreign_revision(&app).await;
    let update = json!({ "cluster": CLUSTER, "service": SERVICE, "taskDefinition": revision });
    app.platform.call(&aws::ECS, "UpdateService", update).await;
    let run = going.end();
    insta::assert_snapshot!(after_the_plan(&run));
    assert_eq!(app.history(), ["succeeded", "failed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_somebody_stopped_is_a_rollback() {
    testhost::needs_root!();
    let app = App::released().await;
    app.edit(&changes(&slow(50)));
    let mut going = app.begin_deploy(&[]);
    going.says("): running");
    let list = json!({ "cluster": CLUSTER, "service": SERVICE });
    let listed = app.platform.call(&aws::ECS, "ListServiceDeployments", list).await;
    let newest = aws::items(&listed, "serviceDeployments")[0]["serviceDeploymentArn"].clone();
    let stop = json!({ "serviceDeploymentArn": newest, "stopType": "ROLLBACK" });
    app.platform.call(&aws::ECS, "StopServiceDeployment", stop).await;
    let run = going.end();
    insta::assert_snapshot!(after_the_plan(&run));
    assert_eq!(app.revision(SERVICE).await, "hello-web-task-test:1");
    assert_eq!(app.history(), ["succeeded", "rolled-back"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deploy_waits_for_nobody_and_puts_nobody_aside_unasked() {
    testhost::needs_root!();
    let app = App::released().await;
    app.edit(&changes(&slow(50)));
    let mut going = app.begin_deploy(&[]);
    going.says("): running");
    let locked = app.deploy(&[]);
    insta::assert_snapshot!("a_stage_that_is_locked", transcript(&locked));

    // Cut off, it goes on without us, and the stage is free for others.
    let run = going.interrupt().end();
    insta::assert_snapshot!("interrupted_in_the_rollout", after_the_plan(&run));
    assert_eq!(app.history(), ["succeeded", "interrupted"]);

    app.edit(&[("[variables]", "LATER = \"1\"")]);
    let refused = app.deploy(&[]);
    insta::assert_snapshot!("a_deployment_is_under_way", transcript(&refused));
    let put_aside = app.deploy(&["--interrupt"]);
    assert_eq!(put_aside.code, Some(0), "{put_aside:#?}");
    assert_eq!(app.revision(SERVICE).await, "hello-web-task-test:3");
    assert_eq!(app.history(), ["succeeded", "interrupted", "succeeded"]);
}
