//! The official clients against the front: boto3, and the `aws` command line.

use std::process::Command;

use crate::server::Server;
use api::Options;

/// Runs a part of `official_clients.py`; its checks are in there.
async fn run(part: &'static str) {
    run_on(&Server::with(Options::default()).await, part).await;
}

pub(crate) async fn run_on(server: &Server, part: &'static str) {
    testhost::needs_boto3!();
    let endpoint = format!("http://{}", server.address);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/official_clients.py");
    let output = tokio::task::spawn_blocking(move || {
        Command::new("python3")
            .args([script, part, &endpoint])
            .env("AWS_ACCESS_KEY_ID", "any")
            .env("AWS_SECRET_ACCESS_KEY", "any")
            .env("AWS_DEFAULT_REGION", "eu-west-1")
            .env("AWS_ENDPOINT_URL", &endpoint)
            .env("AWS_CONFIG_FILE", "/dev/null")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
            .output()
            .unwrap()
    })
    .await
    .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(said.contains(&format!("{part}: checked")), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn secretsmanager() {
    run("secretsmanager").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ssm() {
    run("ssm").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logs() {
    run("logs").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn live_tail() {
    run("live_tail").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ecr() {
    run("ecr").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_follow() {
    run("follow").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cloudwatch() {
    run("cloudwatch").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn acm() {
    run("acm").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn iam() {
    run("iam").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn schedules() {
    run("schedules").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sts_and_what_is_refused() {
    run("rest").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_protocol() {
    run("protocols").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn route53() {
    run("zones").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn servicediscovery() {
    run("cloud_map").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn rds() {
    run("rds").await;
}
