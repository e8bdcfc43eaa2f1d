//! How much of a request is taken: bytes, values, time, and connections.

use std::time::{Duration, Instant};

use api::Options;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::check;
use crate::server::{DATE, FORM, Server, signed};

#[tokio::test]
async fn an_operation_takes_no_more_bytes_than_its_own() {
    let server = Server::start().await;
    let text = |bytes: usize| format!(r#"{{"Name":"n","SecretString":"{}"}}"#, "x".repeat(bytes));
    let secret = |body: String| async { server.json("secretsmanager", "secretsmanager.CreateSecret", &{ body }).await };
    // The service's own limit, in the service's words; only then the front's.
    check(&secret(text(400_000)).await, 400, &["__type"]);
    let refused = ["RequestEntityTooLargeException", "larger than 524288 bytes"];
    check(&secret(text(600_000)).await, 413, &refused);
    let small = ["RequestEntityTooLargeException", "larger than 262144 bytes"];
    check(&server.json("ecs", "AmazonEC2ContainerServiceV20141113.ListClusters", &text(600_000)).await, 413, &small);
    let answer = server.query("sts", &format!("Action=GetCallerIdentity&A={}", "x".repeat(300_000))).await;
    check(&answer, 413, &["<Code>RequestEntityTooLargeException</Code>", "sts.amazonaws.com/doc"]);
    // A body that does not say how long it is, is cut off where it is too long.
    let chunk = format!("{:x}\r\n{}\r\n", 300_000, "x".repeat(300_000));
    let head = "POST / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ntransfer-encoding: chunked\r\n";
    let headers = format!("{}\r\n{DATE}\r\nx-amz-target: AmazonSSM.PutParameter\r\n\r\n", signed("ssm"));
    check(&server.raw(&format!("{head}{headers}{chunk}0\r\n\r\n")).await, 413, &small);
}

#[tokio::test]
async fn a_document_of_very_many_values_is_refused_before_it_is_read() {
    let server = Server::start().await;
    let many = format!(r#"{{"logEvents":[{}]}}"#, vec![r#"{"":{}}"#; 300_000].join(","));
    let answer = server.json("logs", "Logs_20140328.PutLogEvents", &many).await;
    check(&answer, 400, &["SerializationException", "more than 70000 values"]);
    let deep = format!("{}{}", "[".repeat(100), "]".repeat(100));
    let answer = server.json("ecs", "AmazonEC2ContainerServiceV20141113.ListClusters", &deep).await;
    check(&answer, 400, &["SerializationException", "nested deeper than 64"]);
}

#[tokio::test]
async fn a_body_that_does_not_arrive_is_given_up() {
    let server = Server::with(Options { patience: Duration::from_millis(200), ..Options::default() }).await;
    let begun = Instant::now();
    let head = "HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-length: 100\r\n";
    let call = format!("POST / {head}{}\r\n{DATE}\r\n{FORM}\r\n\r\nAction=", signed("sts"));
    check(&server.raw(&call).await, 408, &["<Code>RequestTimeout</Code>", "did not arrive within"]);
    let json = format!("POST / {head}{}\r\n{DATE}\r\nx-amz-target: AmazonSSM.PutParameter\r\n\r\n{{", signed("ssm"));
    check(&server.raw(&json).await, 408, &[r#""__type":"RequestTimeout""#]);
    let made = r#"{"repositoryName":"repo"}"#;
    let target = "AmazonEC2ContainerRegistry_V20150921.CreateRepository";
    check(&server.json("ecr", target, made).await, 200, &[]);
    let upload = server.send("POST /v2/repo/blobs/uploads/", &[], "").await;
    let place = upload.lines().find_map(|line| line.strip_prefix("location: ")).expect("an upload has a place");
    let path = place.find("/v2/").map_or(place, |at| &place[at..]);
    let answer = server.raw(&format!("PATCH {} {head}\r\nabc", path.trim())).await;
    assert!(!answer.starts_with("HTTP/1.1 2"), "{answer}");
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn there_are_no_more_connections_than_there_are_places() {
    let server = Server::with(Options { connections: 2, ..Options::default() }).await;
    let open = || async {
        let mut stream = TcpStream::connect(server.address).await.unwrap();
        stream.write_all(b"GET /_managr/health HTTP/1.1\r\nhost: localhost\r\n\r\n").await.unwrap();
        let mut status = [0; 12];
        stream.read_exact(&mut status).await.unwrap();
        (stream, String::from_utf8_lossy(&status).into_owned())
    };
    let (first, status) = open().await;
    assert_eq!(status, "HTTP/1.1 200");
    let (_second, status) = open().await;
    assert_eq!(status, "HTTP/1.1 200");
    assert_eq!(open().await.1, "HTTP/1.1 503");
    drop(first);
    // Its place is free once its end was noticed.
    while open().await.1 != "HTTP/1.1 200" {}
}

#[tokio::test]
async fn what_a_page_fetches_is_refused_on_every_path() {
    let server = Server::start().await;
    let image = ["sec-fetch-site: cross-site", "sec-fetch-mode: no-cors", "sec-fetch-dest: image"];
    for path in ["/?Action=CreateLoadBalancer&Name=x", "/_managr/status", "/v2/", "/v1/data-channel/x"] {
        check(&server.send(&format!("GET {path}"), &image, "").await, 403, &["requests from web pages"]);
    }
    let typed = ["sec-fetch-site: none", "sec-fetch-mode: navigate", "sec-fetch-dest: document"];
    check(&server.send("GET /_managr/status", &typed, "").await, 200, &[]);
}
