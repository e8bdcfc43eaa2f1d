//! Something is cut off: the platform, our patience, or we are.

use e2e_native::app::{App, SERVICE};
use e2e_native::image::push_busybox;
use e2e_native::transcript::{after_the_plan, transcript};
use serde_json::json;

use super::{changes, slow};

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_dies_in_the_middle_costs_time_and_nothing_else() {
    testhost::needs_root!();
    let mut app = App::released().await;
    app.edit(&changes(&slow(5)));
    let mut going = app.begin_deploy(&[]);
    going.says("): running");
    app.platform.kill();
    going.says("still trying");
    app.platform.launch().await;
    let run = going.end();
    insta::assert_snapshot!(after_the_plan(&run));
    app.answers().await;
    assert_eq!(app.revision(SERVICE).await, "hello-web-task-test:2");
    assert_eq!(app.history(), ["succeeded", "succeeded"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn out_of_patience_the_deployment_goes_on_and_wait_tells_how_it_ends() {
    testhost::needs_root!();
    let app = App::released().await;
    app.edit(&changes(&slow(15)));
    let run = app.deploy(&["--timeout", "5"]);
    // Its target has been checked by then, or has not.
    let said =
        after_the_plan(&run).replace("unhealthy: Health checks failed", "initial: Target registration is in progress");
    insta::assert_snapshot!(said);
    assert_eq!(app.history(), ["succeeded", "timed-out"]);
    let wait = app.managr(&["wait", "test"]);
    insta::assert_snapshot!("wait_sees_the_end", transcript(&wait));
    assert_eq!(app.history(), ["succeeded", "succeeded"], "the record was put right");
}

/// Adds a release command to the manifest: a shell script.
async fn with_release(app: &App, script: &str) {
    let image = push_busybox(&app.platform, "tools").await;
    app.edit(&[
        ("[services.web.containers.migrate]", &format!("image = \"{image}\"\ncommand = [\"true\"]\nessential = false")),
        ("[services.web.release]", &format!("container = \"migrate\"\ncommand = [\"sh\", \"-c\", \"{script}\"]")),
    ]);
}

/// Asserts that no service was changed, and that no revision for it was registered.
async fn assert_untouched(app: &App) {
    assert_eq!(app.revision(SERVICE).await, "hello-web-task-test:1");
    let input = json!({ "taskDefinition": "hello-web-task-test" });
    let newest = app.platform.call(&aws::ECS, "DescribeTaskDefinition", input).await;
    assert_eq!(newest["taskDefinition"]["revision"], 1, "nothing was registered");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_command_that_fails_changes_nothing() {
    testhost::needs_root!();
    let app = App::released().await;
    with_release(&app, "echo migrating; echo no such column; exit 7").await;
    let run = app.deploy(&[]);
    insta::assert_snapshot!(after_the_plan(&run));
    assert_untouched(&app).await;
    assert_eq!(app.history(), ["succeeded", "failed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn ctrl_c_in_the_release_command_stops_it_and_frees_the_stage() {
    testhost::needs_root!();
    let app = App::released().await;
    with_release(&app, "trap 'exit 1' TERM; echo migrating; sleep 60 & wait").await;
    let mut going = app.begin_deploy(&[]);
    going.says("| migrating");
    let run = going.interrupt().end();
    insta::assert_snapshot!(after_the_plan(&run));
    assert_untouched(&app).await;
    let wait = app.managr(&["wait", "test"]);
    assert_eq!(wait.code, Some(0), "what changed nothing is not waited for: {wait:#?}");
    assert_eq!(app.history(), ["succeeded", "interrupted"]);
    assert_eq!(app.tasks("RUNNING").await.len(), 1, "the release command's task was stopped");
    app.edit(&[("[variables]", "LATER = \"1\"")]);
    let next = app.deploy(&[]);
    assert_eq!(next.code, Some(0), "the stage is free: {next:#?}");
}
