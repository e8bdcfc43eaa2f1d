//! Releases whose tasks cannot even start, and the first release of all.

use e2e_native::app::{App, SERVICE};
use e2e_native::transcript::{after_the_plan, transcript, whoever_noticed};

#[tokio::test(flavor = "multi_thread")]
async fn an_image_that_is_not_there_is_named() {
    testhost::needs_root!();
    let app = App::released().await;
    let missing = format!("hello=127.0.0.1:{}/hello/nope:1", app.platform.port);
    let refused = app.deploy(&["--image", &missing]);
    insta::assert_snapshot!("an_image_that_is_not_there_is_refused", after_the_plan(&refused));
    let run = app.deploy(&["--image", &missing, "--no-verify"]);
    insta::assert_snapshot!(whoever_noticed(&run));
    assert_eq!(app.revision(SERVICE).await, "hello-web-task-test:1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_that_is_not_there_is_named() {
    testhost::needs_root!();
    let app = App::released().await;
    let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:nobody/made-it-abcdef";
    app.edit(&[("[secrets]", &format!("TOKEN = {{ from = \"{arn}\" }}"))]);
    let refused = app.deploy(&[]);
    insta::assert_snapshot!("a_secret_that_is_not_there_is_refused", after_the_plan(&refused));
    let run = app.deploy(&["--no-verify"]);
    insta::assert_snapshot!(whoever_noticed(&run));
    assert_eq!(app.revision(SERVICE).await, "hello-web-task-test:1");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_release_that_fails_has_nothing_to_go_back_to() {
    testhost::needs_root!();
    let app = App::new().await;
    // Without ECS's circuit breaker only managr notices.
    let alone = ("[services.web.deployment]", "circuit-breaker = false");
    app.edit(&[("[variables]", "FAIL_AT_START = \"3\""), alone]);
    let run = app.deploy(&[]);
    insta::assert_snapshot!(after_the_plan(&run));
    assert_eq!(app.history(), ["failed"]);
    // What it leaves: the service, with a deployment that was given up and starts nothing more.
    let service = app.service(SERVICE).await;
    assert_eq!(service["deployments"][0]["rolloutState"], "FAILED", "{service:#}");
    let rollback = app.managr(&["rollback", "test", "--yes"]);
    insta::assert_snapshot!("nothing_to_go_back_to", transcript(&rollback));
    // The next one that works makes it well.
    app.edit(&[]);
    let next = app.deploy(&[]);
    assert_eq!(next.code, Some(0), "{next:#?}");
    app.answers().await;
}
