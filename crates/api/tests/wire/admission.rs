//! Who may use a platform, over real sockets of another user. Only root can
//! be two users: run by another user, these tests are skipped.

use std::os::unix::process::CommandExt;
use std::process::Command;

use api::{Options, Policy, Who};

use crate::server::{DATE, FORM, Server, signed};

/// The user `nobody`, and its group.
const NOBODY: u32 = 65534;

async fn server(allowed: &[Who]) -> Server {
    Server::with(Options { policy: Policy { own: 0, allowed: allowed.to_vec() }, ..Options::default() }).await
}

/// The output of a program that the user `nobody` runs.
async fn said(program: &'static str, args: Vec<String>) -> String {
    let run = move || {
        let mut command = Command::new(program);
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            command.env(name, "any");
        }
        command.env("HOME", "/nonexistent").current_dir("/").uid(NOBODY).gid(NOBODY);
        let output = command.args(args).output().unwrap();
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}

/// The answer to a request from the user `nobody`, with its status in front.
async fn curl(server: &Server, path: &str, more: &[&str]) -> String {
    let mut args: Vec<String> = ["-s", "-w", "%{http_code}"].map(str::to_owned).into();
    args.extend(more.iter().map(|word| (*word).to_owned()));
    args.push(format!("http://{}{path}", server.address));
    let said = said("curl", args).await;
    let (body, status) = said.split_at(said.len().saturating_sub(3));
    format!("{status} {body}")
}

fn check(answer: &str, words: &[&str]) {
    words.iter().for_each(|word| assert!(answer.contains(word), "no `{word}` in:\n{answer}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_user_is_refused_in_every_protocol_and_told_what_would_let_them_in() {
    testhost::needs_root!();
    let server = server(&[Who::User { uid: 1, name: Some("daemon".into()) }]).await;
    let words = "user nobody (uid 65534) may not use this platform: it is for root, user:daemon.";
    let remedy = "--allow user:nobody";
    let target = "x-amz-target: AmazonEC2ContainerServiceV20141113.ListClusters";
    let signed_ecs = signed("ecs");
    let answer = curl(&server, "/", &["-H", target, "-H", &signed_ecs, "-H", DATE, "-d", "{}"]).await;
    check(&answer, &["403 ", r#""__type":"AccessDeniedException""#, words, remedy]);
    let answer =
        curl(&server, "/", &["-H", FORM, "-H", &signed("sts"), "-H", DATE, "-d", "Action=GetCallerIdentity"]).await;
    check(&answer, &["403 ", "sts.amazonaws.com/doc", "<Code>AccessDenied</Code>", words, remedy]);
    for path in ["/v2/", "/v2/a/manifests/latest"] {
        check(&curl(&server, path, &[]).await, &["403 ", r#"{"errors":[{"code":"DENIED","message":"user nobody"#]);
    }
    for path in ["/_managr/status", "/_managr/version", "/v1/data-channel/x", "/nonsense"] {
        check(&curl(&server, path, &[]).await, &["403 ", words]);
    }
    check(&curl(&server, "/_managr/reset", &["-X", "POST"]).await, &["403 ", words]);
    check(&curl(&server, "/_managr/health", &[]).await, &["200 ", r#"{"status":"ok"}"#]);
    // A refused user's body is not read into memory, and the answer arrives nevertheless.
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::set_permissions(file.path(), std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    file.as_file().set_len(20 << 20).unwrap();
    let from = format!("@{}", file.path().display());
    check(&curl(&server, "/", &["--data-binary", &from, "-H", "expect:"]).await, &["403 ", words]);
    // Root goes on being served.
    let answer = server.json("ecs", "AmazonEC2ContainerServiceV20141113.ListClusters", "{}").await;
    check(&answer, &["200 OK", "clusterArns"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_aws_command_shows_why_it_was_refused() {
    testhost::needs_root!();
    let server = server(&[]).await;
    let endpoint = format!("http://{}", server.address);
    let call = |words: [&str; 2]| {
        let common = ["--region", "eu-west-1", "--endpoint-url", &endpoint];
        said("aws", words.iter().chain(&common).map(|word| (*word).to_owned()).collect())
    };
    for words in [["ecs", "list-clusters"], ["elbv2", "describe-load-balancers"]] {
        check(&call(words).await, &["AccessDenied", "user nobody (uid 65534) may not use this platform"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_named_is_let_in_by_user_by_group_and_with_everybody() {
    testhost::needs_root!();
    for who in [Who::User { uid: NOBODY, name: None }, Who::Group { gid: NOBODY, name: None }, Who::Everybody] {
        let server = server(std::slice::from_ref(&who)).await;
        check(&curl(&server, "/_managr/status", &[]).await, &["200 ", r#""engine":"still""#]);
    }
    let server = server(&[Who::Group { gid: 0, name: None }]).await;
    check(&curl(&server, "/_managr/status", &[]).await, &["403 ", "it is for root, group:0"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_its_owner_left_is_not_taken_for_roots() {
    testhost::needs_root!();
    let server = server(&[]).await;
    // Sends all at once and goes: by the time that the platform looks, the kernel calls the socket root's.
    let script = format!(
        "import socket\nfor _ in range(50):\n s = socket.create_connection(('127.0.0.1', {}))\n \
         s.sendall(b'POST /_managr/reset HTTP/1.1\\r\\nhost: localhost\\r\\ncontent-length: 0\\r\\n\\r\\n')\n s.close()\n",
        server.address.port()
    );
    let made =
        server.json("ecs", "AmazonEC2ContainerServiceV20141113.CreateCluster", r#"{"clusterName":"mine"}"#).await;
    check(&made, &["200 OK"]);
    assert_eq!(said("python3", vec!["-c".into(), script]).await, "");
    let clusters = server.json("ecs", "AmazonEC2ContainerServiceV20141113.ListClusters", "{}").await;
    check(&clusters, &["cluster/mine"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_of_those_who_may_not_take_no_place_of_those_who_may() {
    testhost::needs_root!();
    let server = server(&[]).await;
    let script = format!(
        "import socket, sys\nkept = [socket.create_connection(('127.0.0.1', {})) for _ in range(200)]\n\
         print('open', flush=True)\nsys.stdin.read()",
        server.address.port()
    );
    let mut child = tokio::process::Command::new("python3")
        .args(["-c", &script])
        .uid(NOBODY)
        .gid(NOBODY)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = [0; 5];
    tokio::io::AsyncReadExt::read_exact(child.stdout.as_mut().unwrap(), &mut said).await.unwrap();
    check(&server.send("GET /_managr/status", &[], "").await, &["200 OK"]);
    drop(child.stdin.take());
    child.wait().await.unwrap();
}
