//! What this machine cannot give is said, and leaves nothing behind.

use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;

use e2e_native::image::push_busybox;
use e2e_native::platform::{Platform, free_port, until};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_whose_port_is_taken_says_so_until_it_is_free() {
    testhost::needs_root!();
    let platform = Platform::start().await;
    let port = free_port();
    let holder = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("the port was free a moment ago");
    let made = platform
        .call(&aws::ELB, "CreateLoadBalancer", json!({"Name": "lb", "Subnets": ["subnet-1", "subnet-2"]}))
        .await;
    let listener = json!({
        "LoadBalancerArn": aws::items(&made, "LoadBalancers")[0]["LoadBalancerArn"], "Protocol": "HTTP", "Port": port,
        "DefaultActions": [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "200"}}],
    });
    platform.call(&aws::ELB, "CreateListener", listener).await;
    let state = || async {
        let answer = platform.call(&aws::ELB, "DescribeLoadBalancers", json!({"Names": ["lb"]})).await;
        aws::items(&answer, "LoadBalancers")[0]["State"].clone()
    };
    let said = until("the load balancer is impaired", &platform, || async {
        let state = state().await;
        (state["Code"] == "active_impaired").then_some(state)
    })
    .await;
    assert!(said["Reason"].as_str().unwrap_or_default().contains(&port.to_string()), "{said:#}");
    drop(holder);
    until("it listens", &platform, || async { (state().await["Code"] == "active").then_some(()) }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_may_look_into_the_data_directory() {
    testhost::needs_root!();
    let mut platform = Platform::start().await;
    let mode = std::fs::metadata(platform.data()).expect("it is there").permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "images hold programs that run as root, and files that only root may read");
    platform.stop();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_corrupt_blob_is_named_and_pushing_again_heals_it() {
    testhost::needs_root!();
    let platform = Platform::start().await;
    let image = push_busybox(&platform, "tools").await;
    platform.call(&aws::ECS, "CreateCluster", json!({"clusterName": "c"})).await;
    let definition = json!({
        "family": "f", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "executionRoleArn": "arn:aws:iam::123456789012:role/execution",
        "containerDefinitions": [{"name": "a", "image": image, "command": ["true"]}],
    });
    platform.call(&aws::ECS, "RegisterTaskDefinition", definition).await;
    let blobs = platform.data().join("images/blobs/sha256");
    let files = std::fs::read_dir(blobs)
        .expect("blobs")
        .flatten()
        .flat_map(|d| std::fs::read_dir(d.path()).into_iter().flatten().flatten());
    let layer = files.max_by_key(|f| f.metadata().map_or(0, |m| m.len())).expect("a layer").path();
    let mut bytes = std::fs::read(&layer).expect("readable");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0xff;
    std::fs::write(&layer, bytes).expect("writable");

    let stopped = run(&platform).await;
    let reason = stopped["stoppedReason"].as_str().unwrap_or_default();
    assert!(reason.contains("corrupt") && reason.contains("managr push"), "{stopped:#}");
    push_busybox(&platform, "tools").await;
    let stopped = run(&platform).await;
    assert_eq!(stopped["containers"][0]["exitCode"], 0, "{stopped:#}");
}

async fn run(platform: &Platform) -> serde_json::Value {
    let run = json!({
        "cluster": "c", "taskDefinition": "f", "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
    });
    let answer = platform.call(&aws::ECS, "RunTask", run).await;
    let arn = aws::items(&answer, "tasks")[0]["taskArn"].clone();
    until("the task has stopped", platform, || async {
        let answer = platform.call(&aws::ECS, "DescribeTasks", json!({"cluster": "c", "tasks": [arn]})).await;
        let task = aws::items(&answer, "tasks")[0].clone();
        (task["lastStatus"] == "STOPPED").then_some(task)
    })
    .await
}

/// Returns a task definition that does not say what it is for.
fn unsaid(image: &str, family: &str, capabilities: serde_json::Value) -> serde_json::Value {
    let script = "while read key value; do case $key in Seccomp:) s=$value;; CapBnd:) c=$value;; esac; done \
                  </proc/self/status; [ $s = 2 ] && [ $c = 00000000a80c25fb ]";
    json!({
        "family": family, "networkMode": "awsvpc", "cpu": "256", "memory": "512",
        "containerDefinitions": [{
            "name": "a", "image": image, "command": ["sh", "-c", script],
            "linuxParameters": {"capabilities": capabilities},
        }],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_more_than_fargate_gives_by_leaving_fargate_out() {
    testhost::needs_root!();
    let platform = Platform::start().await;
    let image = push_busybox(&platform, "tools").await;
    platform.call(&aws::ECS, "CreateCluster", json!({"clusterName": "c"})).await;
    let run = json!({
        "cluster": "c", "taskDefinition": "f",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
    });
    for name in ["ALL", "SYS_ADMIN"] {
        platform.call(&aws::ECS, "RegisterTaskDefinition", unsaid(&image, "f", json!({"add": [name]}))).await;
        let refused = platform.try_call(&aws::ECS, "RunTask", run.clone()).await.expect_err("it must not run");
        assert!(refused.to_string().contains(&format!("linuxParameters.capabilities.add {name}")), "{refused}");
        let service = json!({
            "cluster": "c", "serviceName": "s", "taskDefinition": "f", "desiredCount": 1,
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        });
        platform.try_call(&aws::ECS, "CreateService", service).await.expect_err("nor as a service");
    }
    let listed = platform.call(&aws::ECS, "ListTasks", json!({"cluster": "c"})).await;
    assert!(aws::items(&listed, "taskArns").is_empty(), "{listed:?}");
    // What may be added is added, and the filter is there.
    platform.call(&aws::ECS, "RegisterTaskDefinition", unsaid(&image, "f", json!({"add": ["SYS_PTRACE"]}))).await;
    let answer = platform.call(&aws::ECS, "RunTask", run).await;
    let arn = aws::items(&answer, "tasks")[0]["taskArn"].clone();
    let stopped = until("the task has stopped", &platform, || async {
        let answer = platform.call(&aws::ECS, "DescribeTasks", json!({"cluster": "c", "tasks": [arn]})).await;
        let task = aws::items(&answer, "tasks")[0].clone();
        (task["lastStatus"] == "STOPPED").then_some(task)
    })
    .await;
    assert_eq!(stopped["containers"][0]["exitCode"], 0, "{stopped:#}");
}
