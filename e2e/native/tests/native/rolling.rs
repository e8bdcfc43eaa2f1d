//! Rolling deployments under load: no request is lost, whether the platform lives through them or not.
//!
//! The application cannot help: its image asks for SIGKILL, so a request that is in flight when it is
//! stopped, or comes after, is lost. `cargo xtask rolling` runs the same at full length.

use std::net::SocketAddr;
use std::time::Instant;

use e2e_native::image::push_abrupt_hello;
use e2e_native::platform::{PATIENCE, Platform, free_port, get, until};
use e2e_native::traffic::{Traffic, TrafficReport};
use serde_json::{Value, json};

/// Connections that ask without pause.
const CLIENTS: usize = 64;
/// What they ask for: answers that take their time, so that at every moment some are in flight.
const PAGES: [&str; 2] = ["/slow?ms=10", "/slow?ms=250"];
/// How many requests are served between two deployments, at least.
const BETWEEN: u64 = 1000;
/// How many deployments follow each other, unless `MANAGR_DEPLOYMENTS` says otherwise.
const DEPLOYMENTS: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn no_request_is_lost_in_rolling_deployments_even_if_the_platform_is_killed_in_one() {
    testhost::needs_root!();
    let deployments = std::env::var("MANAGR_DEPLOYMENTS").map_or(DEPLOYMENTS, |n| n.parse().expect("a number"));
    let mut platform = Platform::start().await;
    let address = serve(&platform).await;

    let outcome = roll(&mut platform, address, deployments, None).await;
    assert!(outcome.failures.is_empty(), "{outcome}: {:?}", outcome.failures);
    let outcome = roll(&mut platform, address, deployments, Some(deployments / 2)).await;
    assert!(outcome.failures.is_empty(), "{outcome}: {:?}", outcome.failures);

    platform.stop();
    platform.purge();
}

/// Deploys so many times in a row under load; kills the platform in the middle of one of them.
async fn roll(
    platform: &mut Platform,
    address: SocketAddr,
    deployments: usize,
    killed_in: Option<usize>,
) -> TrafficReport {
    let began = Instant::now();
    let traffic = Traffic::mixed(address, &PAGES, CLIENTS);
    for number in 0..deployments {
        let again = json!({"cluster": "c", "service": "hello", "forceNewDeployment": true});
        platform.call(&aws::ECS, "UpdateService", again).await;
        if killed_in == Some(number) {
            until("old and new run side by side", platform, || async { (running(platform).await > 2).then_some(()) })
                .await;
            platform.kill();
            served_more(&traffic).await;
            platform.launch().await;
        }
        until("the deployment is complete", platform, || complete(platform)).await;
        served_more(&traffic).await;
    }
    let outcome = traffic.end();
    let how = killed_in.map_or("", |_| ", platform killed in one");
    println!("{deployments} deployments{how}: {outcome}, {:.0} s", began.elapsed().as_secs_f64());
    outcome
}

/// Waits until some more requests were served, by whichever tasks run.
async fn served_more(traffic: &Traffic) {
    let (before, began) = (traffic.good(), Instant::now());
    while traffic.good() < before + BETWEEN {
        assert!(began.elapsed() < PATIENCE, "nobody serves");
        tokio::time::sleep(std::time::Duration::from_millis(1)).await;
    }
}

/// Makes the service, and returns where it is balanced.
async fn serve(platform: &Platform) -> SocketAddr {
    let image = push_abrupt_hello(platform, "hello").await;
    let port = free_port();
    let balancer = platform
        .call(&aws::ELB, "CreateLoadBalancer", json!({"Name": "lb", "Subnets": ["subnet-1", "subnet-2"]}))
        .await;
    let group = json!({
        "Name": "hello", "Protocol": "HTTP", "Port": 8000, "TargetType": "ip", "VpcId": "vpc-1",
        "HealthCheckPath": "/health", "HealthCheckIntervalSeconds": 5, "HealthCheckTimeoutSeconds": 4,
        "HealthyThresholdCount": 2, "UnhealthyThresholdCount": 3,
    });
    let group = platform.call(&aws::ELB, "CreateTargetGroup", group).await;
    let group = aws::items(&group, "TargetGroups")[0]["TargetGroupArn"].clone();
    let delay = json!({
        "TargetGroupArn": group,
        "Attributes": [{"Key": "deregistration_delay.timeout_seconds", "Value": "10"}],
    });
    platform.call(&aws::ELB, "ModifyTargetGroupAttributes", delay).await;
    let listener = json!({
        "LoadBalancerArn": aws::items(&balancer, "LoadBalancers")[0]["LoadBalancerArn"], "Protocol": "HTTP", "Port": port,
        "DefaultActions": [{"Type": "forward", "TargetGroupArn": group}],
    });
    platform.call(&aws::ELB, "CreateListener", listener).await;
    platform.call(&aws::ECS, "CreateCluster", json!({"clusterName": "c"})).await;
    let definition = json!({
        "family": "hello", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "2048", "memory": "4096",
        "executionRoleArn": "arn:aws:iam::123456789012:role/execution",
        "containerDefinitions": [{"name": "hello", "image": image, "portMappings": [{"containerPort": 8000}]}],
    });
    platform.call(&aws::ECS, "RegisterTaskDefinition", definition).await;
    let service = json!({
        "cluster": "c", "serviceName": "hello", "taskDefinition": "hello", "desiredCount": 2, "launchType": "FARGATE",
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}},
        "loadBalancers": [{"targetGroupArn": group, "containerName": "hello", "containerPort": 8000}],
    });
    platform.call(&aws::ECS, "CreateService", service).await;
    until("the service is steady", platform, || complete(platform)).await;
    let page = format!("http://127.0.0.1:{port}/");
    until("the balancer answers", platform, || get(&page)).await;
    format!("127.0.0.1:{port}").parse().expect("an address")
}

/// Whether one deployment is left, and complete, and nothing of an earlier one runs.
async fn complete(platform: &Platform) -> Option<()> {
    let service = described(platform).await;
    let deployments = service["deployments"].as_array().expect("a service has deployments");
    let complete = deployments.len() == 1 && deployments[0]["rolloutState"] == "COMPLETED";
    (complete && running(platform).await == 2).then_some(())
}

async fn described(platform: &Platform) -> Value {
    let answer = platform.call(&aws::ECS, "DescribeServices", json!({"cluster": "c", "services": ["hello"]})).await;
    aws::items(&answer, "services")[0].clone()
}

async fn running(platform: &Platform) -> usize {
    let listed = platform.call(&aws::ECS, "ListTasks", json!({"cluster": "c"})).await;
    let arns = listed["taskArns"].clone();
    if arns.as_array().is_none_or(Vec::is_empty) {
        return 0;
    }
    let described = platform.call(&aws::ECS, "DescribeTasks", json!({"cluster": "c", "tasks": arns})).await;
    aws::items(&described, "tasks").iter().filter(|t| t["lastStatus"] != "PROVISIONING").count()
}
