//! A simulated platform, whole: it reports ExecuteCommand's agents but opens no session, because it runs nothing.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;

use platform::{EngineKind, ServeOptions};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// Calls an operation; returns status and document.
async fn call(address: SocketAddr, service: &str, target: &str, input: Value) -> (u16, Value) {
    let body = input.to_string();
    let request = format!(
        "POST / HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\ncontent-length: {}\r\nx-amz-target: {target}\r\n\
         x-amz-date: 20260101T000000Z\r\nauthorization: AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/{service}/\
         aws4_request, SignedHeaders=host;x-amz-date, Signature=00\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
}

async fn ecs(address: SocketAddr, operation: &str, input: Value) -> (u16, Value) {
    call(address, "ecs", &format!("AmazonEC2ContainerServiceV20141113.{operation}"), input).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_simulated_task_has_agents_and_is_not_connected() {
    let options =
        ServeOptions { listen: "127.0.0.1:0".parse().unwrap(), ..ServeOptions::new(EngineKind::Simulated, None) };
    let (ready, is_ready) = oneshot::channel();
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn(platform::serve(options, |address| ready.send(address).unwrap(), async {
        let _ = stopped.await;
    }));
    let address = is_ready.await.unwrap();

    ecs(address, "CreateCluster", json!({"clusterName": "main"})).await;
    let definition = json!({
        "family": "web", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "containerDefinitions": [{"name": "app", "image": "hello"}],
    });
    ecs(address, "RegisterTaskDefinition", definition).await;
    for enabled in [true, false] {
        let run = json!({
            "cluster": "main", "taskDefinition": "web", "launchType": "FARGATE", "enableExecuteCommand": enabled,
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        });
        let task = ecs(address, "RunTask", run).await.1["tasks"][0]["taskArn"].clone();
        let container = loop {
            let (_, answer) = ecs(address, "DescribeTasks", json!({"cluster": "main", "tasks": [task]})).await;
            let task = &answer["tasks"][0];
            if task["lastStatus"] == "RUNNING" {
                break task["containers"][0].clone();
            }
        };
        assert_eq!(container.get("managedAgents").is_some(), enabled, "{container:#}");
        let input = json!({"cluster": "main", "task": task, "interactive": true, "command": "sh"});
        let (status, refused) = ecs(address, "ExecuteCommand", input).await;
        let code = if enabled { "TargetNotConnectedException" } else { "InvalidParameterException" };
        assert_eq!((status, &refused["__type"]), (400, &json!(code)), "{refused}");
        let id = task.as_str().unwrap().rsplit('/').next().unwrap();
        let target = format!("ecs:main_{id}_{}", container["runtimeId"].as_str().unwrap());
        let (status, refused) = call(address, "ssm", "AmazonSSM.StartSession", json!({"Target": target})).await;
        let words = format!("{target} is not connected.");
        assert_eq!((status, &refused["message"]), (400, &json!(words)), "{refused}");
    }
    stop.send(()).unwrap();
    served.await.unwrap().unwrap();
}
