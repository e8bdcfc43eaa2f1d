//! A simulated platform in this process, asked over its socket.
#![allow(clippy::unwrap_used, dead_code)]

use std::net::SocketAddr;

use platform::{EngineKind, ServeOptions};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// The cluster that there is.
pub(crate) const CLUSTER: &str = "arn:aws:ecs:us-east-1:123456789012:cluster/main";

/// A platform with the cluster `main` and the task definition `job`.
pub(crate) struct Running {
    pub(crate) address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: tokio::task::JoinHandle<Result<(), platform::ServeError>>,
}

/// What a rule or schedule runs.
pub(crate) fn parameters() -> Value {
    json!({"TaskDefinitionArn": "job", "LaunchType": "FARGATE",
        "NetworkConfiguration": {"awsvpcConfiguration": {"Subnets": ["subnet-1"]}}})
}

/// Returns the headers of a call of a service.
pub(crate) fn signed(service: &str) -> String {
    format!(
        "x-amz-date: 20260101T000000Z\r\nauthorization: AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/{service}/\
         aws4_request, SignedHeaders=host;x-amz-date, Signature=00\r\n"
    )
}

impl Running {
    pub(crate) async fn start() -> Self {
        let options =
            ServeOptions { listen: "127.0.0.1:0".parse().unwrap(), ..ServeOptions::new(EngineKind::Simulated, None) };
        let (ready, is_ready) = oneshot::channel();
        let (stop, stopped) = oneshot::channel::<()>();
        let served = tokio::spawn(platform::serve(options, |address| ready.send(address).unwrap(), async {
            let _ = stopped.await;
        }));
        let running = Self { address: is_ready.await.unwrap(), stop, served };
        running.ecs("CreateCluster", json!({"clusterName": "main"})).await;
        running.define().await;
        running
    }

    /// Registers the next revision of `job`.
    pub(crate) async fn define(&self) {
        let definition = json!({
            "family": "job", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
            "containerDefinitions": [{"name": "app", "image": "hello"}, {"name": "side", "image": "hello", "essential": false}],
        });
        self.ecs("RegisterTaskDefinition", definition).await;
    }

    /// Sends a request; returns status and document.
    pub(crate) async fn send(&self, line: &str, headers: &str, body: &str) -> (u16, Value) {
        let (address, length) = (self.address, body.len());
        let request = format!(
            "{line} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
        );
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        let document = if body.is_empty() { Value::Null } else { serde_json::from_str(body).unwrap() };
        (head.split(' ').nth(1).unwrap().parse().unwrap(), document)
    }

    pub(crate) async fn call(&self, service: &str, target: &str, input: Value) -> Value {
        let headers = format!("x-amz-target: {target}\r\n{}", signed(service));
        let (status, document) = self.send("POST /", &headers, &input.to_string()).await;
        assert_eq!(status, 200, "{target}: {document}");
        document
    }

    pub(crate) async fn ecs(&self, operation: &str, input: Value) -> Value {
        self.call("ecs", &format!("AmazonEC2ContainerServiceV20141113.{operation}"), input).await
    }

    pub(crate) async fn events(&self, operation: &str, input: Value) -> Value {
        self.call("events", &format!("AWSEvents.{operation}"), input).await
    }

    /// Calls CloudWatch.
    pub(crate) async fn watched(&self, operation: &str, input: Value) -> Value {
        self.call("monitoring", &format!("GraniteServiceVersion20100801.{operation}"), input).await
    }

    /// Moves the clock on.
    pub(crate) async fn advance(&self, by: &str) {
        let (status, answer) = self.send("POST /_managr/clock", "", &json!({"advance": by}).to_string()).await;
        assert_eq!(status, 200, "{answer}");
    }

    pub(crate) async fn stop(self) {
        self.stop.send(()).unwrap();
        self.served.await.unwrap().unwrap();
    }
}
