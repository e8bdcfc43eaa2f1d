//! `kill -9` of the platform, twenty times, under traffic: containers and the balancer go on serving, the state is what was
//! acknowledged, nothing is started twice, nothing is left over.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use e2e_native::image::push_busybox;
use e2e_native::platform::{Platform, free_port, get, until};
use e2e_native::traces;
use e2e_native::traffic::Traffic;
use serde_json::{Value, json};

const KILLS: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_the_platform_is_killed_twenty_times_under_traffic() {
    testhost::needs_root!();
    let mut platform = Platform::start().await;
    let image = push_busybox(&platform, "web").await;
    let balancer_port = free_port();
    let group = balance(&platform, balancer_port).await;
    platform.call(&aws::ECS, "CreateCluster", json!({"clusterName": "c"})).await;
    platform.call(&aws::ECS, "RegisterTaskDefinition", definition(&image)).await;
    let service = json!({
        "cluster": "c", "serviceName": "web", "taskDefinition": "web", "desiredCount": 2, "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        "loadBalancers": [{"targetGroupArn": group, "containerName": "web", "containerPort": 8000}],
    });
    platform.call(&aws::ECS, "CreateService", service).await;
    until("the service is steady", &platform, || steady(&platform)).await;
    let page = format!("http://127.0.0.1:{balancer_port}/");
    until("the balancer answers", &platform, || get(&page)).await;

    let before = tasks(&platform).await;
    let target: SocketAddr = format!("{}:8000", address(&before[0])).parse().expect("an address");
    let traffic = Traffic::begin(target, 8);
    let balanced = Traffic::begin(format!("127.0.0.1:{balancer_port}").parse().expect("an address"), 8);
    for kill in 0..KILLS {
        // Something is always under way: each life is asked for a task that it may not live to start.
        let run = json!({
            "cluster": "c", "taskDefinition": "web", "launchType": "FARGATE", "startedBy": format!("kill-{kill}"),
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        });
        platform.call(&aws::ECS, "RunTask", run).await;
        // Different moments of the start: 0, 7, 14 ... ms after it was acknowledged.
        tokio::time::sleep(std::time::Duration::from_millis(kill as u64 * 7)).await;
        platform.kill();
        let served = (traffic.good(), balanced.good());
        // Served on while no platform was there.
        let began = std::time::Instant::now();
        while traffic.good() < served.0 + 50 || balanced.good() < served.1 + 50 {
            assert!(began.elapsed() < e2e_native::platform::PATIENCE, "nobody serves without the platform");
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
        platform.launch().await;
    }
    let acknowledged = 2 + KILLS;
    let after = until("every task that was acknowledged runs", &platform, || async {
        let tasks = tasks(&platform).await;
        let running = tasks.iter().filter(|t| t["lastStatus"] == "RUNNING").count();
        (running == acknowledged && tasks.len() == acknowledged).then_some(tasks)
    })
    .await;
    for (way, outcome) in [("straight to a task", traffic.end()), ("through the balancer", balanced.end())] {
        println!("{way}: {outcome}");
        assert!(outcome.failures.is_empty(), "{way}: {outcome}: {:?}", outcome.failures);
    }
    assert!(arns(&before).is_subset(&arns(&after)), "the service's tasks were replaced");
    for task in &after {
        let by = task["startedBy"].as_str().unwrap_or_default();
        let twins = after.iter().filter(|t| t["startedBy"] == by && by.starts_with("kill-")).count();
        assert!(twins <= 1, "{by} was started {twins} times");
    }
    let addresses: BTreeSet<String> = after.iter().map(address).collect();
    assert_eq!(addresses.len(), acknowledged, "two tasks share an address");
    // One process group per task: the shell that listens, under one supervisor.
    let supervisors = traces::of(&platform.bridge(), &platform.data().display().to_string())
        .into_iter()
        .filter(|t| t.starts_with("process") && t.contains("supervise"))
        .count();
    assert_eq!(supervisors, acknowledged, "supervisors");
    platform.stop();
    assert!(get(&page).await.is_some(), "the balancer goes on when the platform is stopped in order");
    platform.purge();
    let left = traces::of(&platform.bridge(), &platform.data().display().to_string());
    assert!(left.is_empty(), "left behind: {left:#?}");
}

fn definition(image: &str) -> Value {
    json!({
        "family": "web", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "executionRoleArn": "arn:aws:iam::123456789012:role/execution",
        "containerDefinitions": [{
            "name": "web", "image": image, "portMappings": [{"containerPort": 8000}], "stopTimeout": 2,
            "command": ["httpd", "-f", "-p", "8000", "-h", "/www"],
        }],
    })
}

async fn balance(platform: &Platform, port: u16) -> Value {
    let balancer = platform
        .call(&aws::ELB, "CreateLoadBalancer", json!({"Name": "lb", "Subnets": ["subnet-1", "subnet-2"]}))
        .await;
    let group = json!({
        "Name": "web", "Protocol": "HTTP", "Port": 8000, "TargetType": "ip", "VpcId": "vpc-1",
        "HealthCheckPath": "/", "HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 2,
    });
    let group = platform.call(&aws::ELB, "CreateTargetGroup", group).await;
    let group = aws::items(&group, "TargetGroups")[0]["TargetGroupArn"].clone();
    let listener = json!({
        "LoadBalancerArn": aws::items(&balancer, "LoadBalancers")[0]["LoadBalancerArn"], "Protocol": "HTTP", "Port": port,
        "DefaultActions": [{"Type": "forward", "TargetGroupArn": group}],
    });
    platform.call(&aws::ELB, "CreateListener", listener).await;
    group
}

async fn steady(platform: &Platform) -> Option<()> {
    let answer = platform.call(&aws::ECS, "DescribeServices", json!({"cluster": "c", "services": ["web"]})).await;
    let service = &aws::items(&answer, "services")[0];
    let deployments = service["deployments"].as_array().expect("a service has deployments");
    let steady = deployments.len() == 1 && deployments[0]["rolloutState"] == "COMPLETED";
    steady.then_some(())
}

async fn tasks(platform: &Platform) -> Vec<Value> {
    let listed = platform.call(&aws::ECS, "ListTasks", json!({"cluster": "c"})).await;
    let arns = listed["taskArns"].clone();
    if arns.as_array().is_none_or(Vec::is_empty) {
        return Vec::new();
    }
    let described = platform.call(&aws::ECS, "DescribeTasks", json!({"cluster": "c", "tasks": arns})).await;
    aws::items(&described, "tasks").to_vec()
}

fn arns(tasks: &[Value]) -> BTreeSet<String> {
    tasks.iter().map(|t| t["taskArn"].as_str().expect("a task has an ARN").to_owned()).collect()
}

fn address(task: &Value) -> String {
    let interfaces = task["containers"][0]["networkInterfaces"].as_array().expect("a running task has an interface");
    interfaces[0]["privateIpv4Address"].as_str().expect("an address").to_owned()
}
