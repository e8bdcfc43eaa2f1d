//! Releases whose tasks run, and do not stay well.

use std::time::Duration;

use e2e_native::app::{App, SERVICE};
use e2e_native::traffic::Traffic;
use e2e_native::transcript::{after_the_plan, whoever_noticed};

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_at_the_start_is_explained_and_the_old_task_serves_on() {
    testhost::needs_root!();
    let app = App::released().await;
    let before = app.tasks("RUNNING").await[0]["taskArn"].clone();
    let traffic = Traffic::begin(app.address(), 2);
    app.edit(&[("[variables]", "FAIL_AT_START = \"3\"")]);
    let run = app.deploy(&[]);
    let served = traffic.end();
    insta::assert_snapshot!(whoever_noticed(&run));
    assert!(run.took < Duration::from_secs(30), "{run:#?}");
    assert!(run.err.contains("(3 tasks: "), "three stops are enough to know: {}", run.err);
    assert!(served.good > 0 && served.failures.is_empty(), "{} good, {:?}", served.good, served.failures);
    assert_eq!(app.tasks("RUNNING").await[0]["taskArn"], before, "the old task was never stopped");
    assert_eq!(app.revision(SERVICE).await, "hello-web-task-test:1");
    assert_eq!(app.history(), ["succeeded", "rolled-back"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_after_a_minute_is_seen_while_it_bakes() {
    testhost::needs_root!();
    let app = App::new().await;
    let three = ("[services.web]", "count = 3");
    app.edit(&[three]);
    assert_eq!(app.deploy(&[]).code, Some(0));
    app.edit(&[three, ("[variables]", "CRASH_AFTER = \"60\"")]);
    let run = app.deploy(&["--bake", "120"]);
    // For ECS the deployment has completed: only managr notices.
    insta::assert_snapshot!(after_the_plan(&run));
    assert!(run.took < Duration::from_secs(100), "{run:#?}");
    assert!(run.err.contains("(3 tasks: "), "three stops are enough to know: {}", run.err);
    assert_eq!(app.revision(SERVICE).await, "hello-web-task-test:1");
    assert_eq!(app.history(), ["succeeded", "rolled-back"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_health_check_that_is_never_green_is_named_with_its_answer() {
    testhost::needs_root!();
    let app = App::released().await;
    app.edit(&[("[variables]", "UNHEALTHY = \"1\"")]);
    let run = app.deploy(&[]);
    // The first report comes before the task has ended, or after.
    let said = whoever_noticed(&run);
    let is_its_end = |line: &&str| line.contains("| hello: got signal 15") || line.contains("| hello: stopped");
    insta::assert_snapshot!(said.lines().filter(|line| !is_its_end(line)).collect::<Vec<_>>().join("\n"));
    assert_eq!(app.revision(SERVICE).await, "hello-web-task-test:1");
}

#[tokio::test(flavor = "multi_thread")]
async fn when_one_service_is_lost_the_other_goes_back_too() {
    testhost::needs_root!();
    let app = App::new().await;
    let api = |code: &str| format!("image = \"hello\"\nvariables = {{ FAIL_AT_START = \"{code}\" }}");
    app.edit(&[("[services.api.containers.hello-api]", &api(""))]);
    assert_eq!(app.deploy(&[]).code, Some(0));
    app.edit(&[("[services.api.containers.hello-api]", &api("4")), ("[variables]", "LATER = \"1\"")]);
    let run = app.deploy(&[]);
    insta::assert_snapshot!(whoever_noticed(&run));
    assert_eq!(app.revision(SERVICE).await, "hello-web-task-test:1");
    assert_eq!(app.revision("hello-api-test").await, "hello-api-task-test:1");
    assert_eq!(app.history(), ["succeeded", "rolled-back"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_a_new_service_has_nothing_to_go_back_to_the_old_one_goes_back_all_the_same() {
    testhost::needs_root!();
    let app = App::released().await;
    let api = "image = \"hello\"\nvariables = { FAIL_AT_START = \"4\" }";
    app.edit(&[("[services.api.containers.hello-api]", api), ("[variables]", "LATER = \"1\"")]);
    let run = app.deploy(&[]);
    insta::assert_snapshot!(whoever_noticed(&run));
    assert_eq!(app.revision(SERVICE).await, "hello-web-task-test:1");
    assert_eq!(app.history(), ["succeeded", "failed"]);
}
