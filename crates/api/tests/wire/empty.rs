//! What clients send although the user set nothing: empty values that AWS takes for absent.

use serde_json::{Value, json};

use crate::check;
use crate::server::Server;

const ECS: &str = "AmazonEC2ContainerServiceV20141113";

async fn ecs(server: &Server, operation: &str, input: Value) -> String {
    server.json("ecs", &format!("{ECS}.{operation}"), &input.to_string()).await
}

#[tokio::test]
async fn a_target_group_without_a_version_is_made_as_terraform_asks_for_it() {
    let server = Server::start().await;
    // Terraform's AWS provider 5.31 (AWS SDK for Go, version 1) sends the last ones of every group.
    let form = "Action=CreateTargetGroup&Version=2015-12-01&Name=web&Port=80&Protocol=HTTP&TargetType=ip&VpcId=vpc-1\
                &HealthCheckPath=%2F&HealthCheckPort=traffic-port&HealthCheckProtocol=HTTP&Matcher.HttpCode=200\
                &ProtocolVersion=&IpAddressType=&Tags=";
    let made = server.query("elasticloadbalancing", form).await;
    check(&made, 200, &["<ProtocolVersion>HTTP1</ProtocolVersion>", "<TargetGroupName>web</TargetGroupName>"]);
    let again = server.query("elasticloadbalancing", &form.replace("&ProtocolVersion=&IpAddressType=&Tags=", "")).await;
    check(&again, 200, &["<TargetGroupName>web</TargetGroupName>"]);
}

#[tokio::test]
async fn a_service_with_a_launch_type_is_made_beside_an_empty_strategy() {
    let server = Server::start().await;
    check(&ecs(&server, "CreateCluster", json!({"clusterName": "c", "capacityProviders": []})).await, 200, &[]);
    let definition = json!({
        "family": "web", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "containerDefinitions": [{"name": "app", "image": "hello", "environment": [], "mountPoints": null}],
    });
    check(&ecs(&server, "RegisterTaskDefinition", definition).await, 200, &[]);
    let mut service = json!({
        "cluster": "c", "serviceName": "web", "taskDefinition": "web", "desiredCount": 0, "launchType": "FARGATE",
        "capacityProviderStrategy": [], "loadBalancers": [], "placementConstraints": [], "placementStrategy": [],
        "serviceRegistries": [], "tags": [], "deploymentConfiguration": {}, "role": null,
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"], "securityGroups": []}},
    });
    check(&ecs(&server, "CreateService", service.clone()).await, 200, &[r#""launchType":"FARGATE""#]);
    service["capacityProviderStrategy"] = json!([{"capacityProvider": "FARGATE"}]);
    let both = "Specifying both a launch type and capacity provider strategy is not supported.";
    check(&ecs(&server, "CreateService", service).await, 400, &[both]);
    let task = json!({
        "cluster": "c", "taskDefinition": "web", "launchType": "FARGATE", "capacityProviderStrategy": [],
        "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["subnet-1"]}}, "overrides": {},
    });
    check(&ecs(&server, "RunTask", task).await, 200, &[r#""failures":[]"#]);
}
