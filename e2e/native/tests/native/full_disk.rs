//! A container fills the disk to its last byte. Nothing dies of it, everything can be stopped and removed,
//! and every user hears of it.
//!
//! The disk is one of the test's own (`testhost::small_disk`): the test runs itself again on it.

use std::fs;
use std::path::Path;

use e2e_native::app::App;
use e2e_native::image::push_busybox;
use e2e_native::platform::{Platform, free_port, get, until};
use serde_json::{Value, json};

/// Prints without pause, and takes every byte that there is to take, again and again.
const GREEDY: &str = "echo begun; (while :; do cat /dev/zero >> /filler 2>/dev/null; done) & \
                      while :; do echo printing, whatever becomes of it; done";

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_is_no_dead_end() {
    if testhost::small_disk(384, "full_disk::a_full_disk_is_no_dead_end").is_none() {
        return;
    }
    let platform = Platform::start().await;
    let mut app = App { platform, port: free_port() };
    let image = push_busybox(&app.platform, "tools").await;
    let definition = json!({
        "family": "greedy", "requiresCompatibilities": ["FARGATE"], "networkMode": "awsvpc", "cpu": "256", "memory": "512",
        "executionRoleArn": "arn:aws:iam::123456789012:role/execution",
        "containerDefinitions": [{
            "name": "a", "image": image, "command": ["sh", "-c", GREEDY], "stopTimeout": 2,
            "logConfiguration": {"logDriver": "awslogs", "options": {
                "awslogs-group": "greedy", "awslogs-create-group": "true", "awslogs-region": "us-east-1",
                "awslogs-stream-prefix": "p",
            }},
        }],
    });
    app.platform.call(&aws::ECS, "CreateCluster", json!({"clusterName": "c"})).await;
    app.platform.call(&aws::ECS, "RegisterTaskDefinition", definition).await;
    // The database makes its reserve while it is idle.
    let log = app.platform.data().join("managr.db-wal");
    until("the database has its reserve", &app.platform, || async {
        fs::metadata(&log).is_ok_and(|m| m.len() >= 20 << 20).then_some(())
    })
    .await;

    a_task_that_filled_the_disk_is_stopped(&app).await;
    a_reset_works(&app).await;
    a_start_and_a_purge_work(&mut app).await;
}

async fn a_task_that_filled_the_disk_is_stopped(app: &App) {
    let task = run(&app.platform).await;
    until("the disk is full", &app.platform, || async { (left(app) == 0).then_some(()) }).await;
    let words = until("the platform says so", &app.platform, || trouble(&app.platform)).await;
    assert!(words.starts_with("disk full: "), "{words}");
    let status = app.managr(&["platform", "status", "--data-dir", &app.platform.data().display().to_string()]);
    assert!(status.out.starts_with("disk full"), "{status:#?}");
    // The platform looks for itself every five seconds, and a log on a full disk cannot be watched for it.
    tokio::time::sleep(std::time::Duration::from_secs(6)).await;
    let found = describe(&app.platform, &task).await;
    assert_eq!(found["lastStatus"], "RUNNING", "supervisor and container live: {found:#}");
    app.platform.call(&aws::ECS, "StopTask", json!({"cluster": "c", "task": task})).await;
    let ended = until("the task has stopped", &app.platform, || async {
        let found = describe(&app.platform, &task).await;
        (found["lastStatus"] == "STOPPED").then_some(found)
    })
    .await;
    assert_eq!(ended["stopCode"], "UserInitiated", "{ended:#}");
    assert!(matches!(ended["containers"][0]["exitCode"].as_i64(), Some(137 | 143)), "its exit code is kept: {ended:#}");
    // Its files went with it.
    until("the disk has room again", &app.platform, || async { trouble(&app.platform).await.is_none().then_some(()) })
        .await;
    let status = app.managr(&["platform", "status", "--data-dir", &app.platform.data().display().to_string()]);
    assert!(status.out.starts_with("running"), "{status:#?}");
    // The log lies on the same disk: what was said while it was full may be lost, what is said after is not.
    until("the log says so", &app.platform, || async {
        (said(&app.platform, "the disk has room again") == 1).then_some(())
    })
    .await;
    assert!(said(&app.platform, "the disk is full: ") <= 1, "{}", app.platform.log());
    assert!(said(&app.platform, "output was not moved") <= 1, "{}", app.platform.log());
}

async fn a_reset_works(app: &App) {
    run(&app.platform).await;
    until("the disk is full", &app.platform, || async { (left(app) == 0).then_some(()) }).await;
    let reset = app.managr(&["platform", "reset"]);
    assert_eq!(reset.code, Some(0), "{reset:#?}\n{}", app.platform.log());
    let clusters = app.platform.call(&aws::ECS, "ListClusters", json!({})).await;
    assert!(aws::items(&clusters, "clusterArns").is_empty(), "{clusters:?}");
    until("the disk has room again", &app.platform, || async { trouble(&app.platform).await.is_none().then_some(()) })
        .await;
}

async fn a_start_and_a_purge_work(app: &mut App) {
    app.platform.kill();
    testhost::fill(&app.platform.dir.path().join("filler"));
    app.platform.launch().await;
    assert!(trouble(&app.platform).await.is_some());
    app.platform.stop();
    app.platform.purge();
    assert!(!app.platform.data().exists());
}

async fn run(platform: &Platform) -> String {
    let input = json!({
        "cluster": "c", "taskDefinition": "greedy", "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
    });
    let answer = platform.call(&aws::ECS, "RunTask", input).await;
    aws::items(&answer, "tasks")[0]["taskArn"].as_str().expect("a task has an ARN").to_owned()
}

async fn describe(platform: &Platform, task: &str) -> Value {
    let answer = platform.call(&aws::ECS, "DescribeTasks", json!({"cluster": "c", "tasks": [task]})).await;
    aws::items(&answer, "tasks")[0].clone()
}

/// Returns how many bytes are left on the test's disk.
fn left(app: &App) -> u64 {
    let path: &Path = app.platform.dir.path();
    let disk = nix::sys::statvfs::statvfs(path).expect("the disk is there");
    disk.blocks_free() * disk.fragment_size()
}

async fn trouble(platform: &Platform) -> Option<String> {
    let health: Value = serde_json::from_str(&get(&format!("{}/_managr/health", platform.endpoint())).await?).ok()?;
    Some(health["notices"][0]["text"].as_str()?.to_owned())
}

/// Returns how often the log says something.
fn said(platform: &Platform, words: &str) -> usize {
    platform.log().matches(words).count()
}
