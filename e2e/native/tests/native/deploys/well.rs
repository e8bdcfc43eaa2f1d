//! Releases that succeed, and going back to one.

use std::time::Duration;

use e2e_native::app::{App, SERVICE};
use e2e_native::image::push_busybox;
use e2e_native::transcript::{after_the_plan, transcript};

use super::{changes, slow};

#[tokio::test(flavor = "multi_thread")]
async fn a_healthy_release_ends_with_0() {
    testhost::needs_root!();
    let app = App::new().await;
    let run = app.deploy(&[]);
    insta::assert_snapshot!(transcript(&run));
    app.answers().await;
    assert_eq!(app.history(), ["succeeded"]);
    let again = app.deploy(&[]);
    assert_eq!((again.code, app.history().len()), (Some(0), 1), "nothing changes, nothing is released: {again:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_start_is_waited_for_as_long_as_the_grace_period() {
    testhost::needs_root!();
    let app = App::released().await;
    // Two checks fail, which without grace would be the task's end.
    app.edit(&changes(&slow(12)));
    let run = app.deploy(&[]);
    insta::assert_snapshot!(after_the_plan(&run));
    assert!(run.took > Duration::from_secs(12), "{run:#?}");
    assert_eq!(app.tasks("STOPPED").await.len(), 1, "the old task, and no other");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_takes_seconds_and_no_build() {
    testhost::needs_root!();
    let app = App::released().await;
    app.edit(&[("[variables]", "LATER = \"1\"")]);
    assert_eq!(app.deploy(&[]).code, Some(0));
    let run = app.managr(&["rollback", "test", "--yes"]);
    println!("the rollback took {:.1} s", run.took.as_secs_f64());
    insta::assert_snapshot!(transcript(&run));
    assert!(run.took < Duration::from_secs(20), "{run:#?}");
    assert_eq!(app.revision(SERVICE).await, "hello-web-task-test:1", "the revision of then, not a new one");
    assert_eq!(app.history(), ["succeeded", "succeeded", "succeeded"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_command_runs_first_and_is_heard() {
    testhost::needs_root!();
    let app = App::released().await;
    let image = push_busybox(&app.platform, "tools").await;
    app.edit(&[
        ("[services.web.containers.migrate]", &format!("image = \"{image}\"\ncommand = [\"true\"]\nessential = false")),
        (
            "[services.web.release]",
            "container = \"migrate\"\ncommand = [\"sh\", \"-c\", \"echo migrating; echo done\"]",
        ),
    ]);
    let run = app.deploy(&[]);
    insta::assert_snapshot!(after_the_plan(&run));
}
