//! A simulated platform, whole: it reports ExecuteCommand's agents but opens no session, because it runs nothing.
#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use crate::served::{Running, signed};

/// Calls an operation; returns status and document.
async fn call(running: &Running, service: &str, target: &str, input: Value) -> (u16, Value) {
    let headers = format!("x-amz-target: {target}\r\n{}", signed(service));
    running.send("POST /", &headers, &input.to_string()).await
}

async fn ecs(running: &Running, operation: &str, input: Value) -> (u16, Value) {
    call(running, "ecs", &format!("AmazonEC2ContainerServiceV20141113.{operation}"), input).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_simulated_task_has_agents_and_is_not_connected() {
    let running = Running::start().await;
    let definition = json!({
        "family": "web", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "containerDefinitions": [{"name": "app", "image": "hello"}],
    });
    ecs(&running, "RegisterTaskDefinition", definition).await;
    for enabled in [true, false] {
        let run = json!({
            "cluster": "main", "taskDefinition": "web", "launchType": "FARGATE", "enableExecuteCommand": enabled,
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        });
        let task = ecs(&running, "RunTask", run).await.1["tasks"][0]["taskArn"].clone();
        let container = loop {
            let (_, answer) = ecs(&running, "DescribeTasks", json!({"cluster": "main", "tasks": [task]})).await;
            let task = &answer["tasks"][0];
            if task["lastStatus"] == "RUNNING" {
                break task["containers"][0].clone();
            }
        };
        assert_eq!(container.get("managedAgents").is_some(), enabled, "{container:#}");
        let input = json!({"cluster": "main", "task": task, "interactive": true, "command": "sh"});
        let (status, refused) = ecs(&running, "ExecuteCommand", input).await;
        let code = if enabled { "TargetNotConnectedException" } else { "InvalidParameterException" };
        assert_eq!((status, &refused["__type"]), (400, &json!(code)), "{refused}");
        let id = task.as_str().unwrap().rsplit('/').next().unwrap();
        let target = format!("ecs:main_{id}_{}", container["runtimeId"].as_str().unwrap());
        let (status, refused) = call(&running, "ssm", "AmazonSSM.StartSession", json!({"Target": target})).await;
        let words = format!("{target} is not connected.");
        assert_eq!((status, &refused["message"]), (400, &json!(words)), "{refused}");
    }
    running.stop().await;
}
