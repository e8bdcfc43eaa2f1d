//! A policy, its alarms and what they lead to, from one call to the next.

use std::time::Duration;

use aws_model::seconds;
use serde_json::{Value, json};

use crate::server::Server;

const ECS: &str = "AmazonEC2ContainerServiceV20141113";
const RESOURCE: &str = "service/c/worker";

async fn call(server: &Server, scope: &str, target: &str, input: Value) -> Value {
    let answer = server.json(scope, target, &input.to_string()).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{target}: {answer}");
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    serde_json::from_str(if body.is_empty() { "null" } else { body }).expect("JSON")
}

async fn ecs(server: &Server, operation: &str, input: Value) -> Value {
    call(server, "ecs", &format!("{ECS}.{operation}"), input).await
}

async fn scaling(server: &Server, operation: &str, more: Value) -> Value {
    let mut input =
        json!({"ServiceNamespace": "ecs", "ResourceId": RESOURCE, "ScalableDimension": "ecs:service:DesiredCount"});
    input.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
    call(server, "application-autoscaling", &format!("AnyScaleFrontendService.{operation}"), input).await
}

async fn watched(server: &Server, operation: &str, input: Value) -> Value {
    call(server, "monitoring", &format!("GraniteServiceVersion20100801.{operation}"), input).await
}

async fn alarms(server: &Server) -> Vec<(String, String)> {
    let answer = watched(server, "DescribeAlarms", json!({})).await;
    let text = |alarm: &Value, name: &str| alarm[name].as_str().unwrap_or_default().to_owned();
    let alarms = answer["MetricAlarms"].as_array().expect("a list");
    alarms.iter().map(|alarm| (text(alarm, "AlarmName"), text(alarm, "StateValue"))).collect()
}

/// A worker with two tasks that may have ten, and a queue that has been this long for the last minutes.
async fn worker(length: f64) -> Server {
    let server = Server::start().await;
    tokio::spawn(server.metrics.clone().keep_looking());
    ecs(&server, "CreateCluster", json!({"clusterName": "c"})).await;
    let definition = json!({
        "family": "w", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "containerDefinitions": [{"name": "app", "image": "hello"}],
    });
    ecs(&server, "RegisterTaskDefinition", definition).await;
    let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-1"]}});
    let service = json!({"cluster": "c", "serviceName": "worker", "taskDefinition": "w", "desiredCount": 2,
        "launchType": "FARGATE", "networkConfiguration": network});
    ecs(&server, "CreateService", service).await;
    scaling(&server, "RegisterScalableTarget", json!({"MinCapacity": 1, "MaxCapacity": 10})).await;
    let now = i64::try_from(std::time::UNIX_EPOCH.elapsed().expect("after 1970").as_millis()).expect("before long");
    let datum =
        |minute: i64| json!({"MetricName": "Queue", "Value": length, "Timestamp": seconds(now - minute * 60_000)});
    let data: Vec<Value> = (0..6).map(datum).collect();
    watched(&server, "PutMetricData", json!({"Namespace": "Shop", "MetricData": data})).await;
    server
}

async fn desired(server: &Server) -> i64 {
    let answer = ecs(server, "DescribeServices", json!({"cluster": "c", "services": ["worker"]})).await;
    answer["services"][0]["desiredCount"].as_i64().expect("a number")
}

async fn becomes(server: &Server, count: i64) {
    for _ in 0..400 {
        if desired(server).await == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    panic!("{} tasks are wanted, not {count}; alarms: {:?}", desired(server).await, alarms(server).await);
}

#[tokio::test]
async fn a_policy_makes_its_alarms_which_scale_its_service_and_go_with_it() {
    let server = worker(300.0).await;
    let metric = json!({"MetricName": "Queue", "Namespace": "Shop", "Statistic": "Average"});
    let config = json!({"TargetValue": 100.0, "CustomizedMetricSpecification": metric});
    let policy = json!({"PolicyName": "queue", "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": config});
    let made = scaling(&server, "PutScalingPolicy", policy.clone()).await;
    // 2 tasks at 300 are 6 at 100.
    becomes(&server, 6).await;
    let (high, low) = (&made["Alarms"][0]["AlarmName"], &made["Alarms"][1]["AlarmName"]);
    let known = alarms(&server).await;
    assert_eq!(known.len(), 2, "{known:?}");
    assert!(known.contains(&(high.as_str().expect("a name").to_owned(), "ALARM".to_owned())), "{known:?}");
    assert!(known.iter().any(|(name, _)| low == name.as_str()), "{known:?}");
    let told = scaling(&server, "DescribeScalingActivities", json!({})).await;
    let cause = told["ScalingActivities"][0]["Cause"].as_str().expect("a cause");
    assert_eq!(
        cause,
        format!("monitor alarm {} in state ALARM triggered policy queue", high.as_str().expect("a name"))
    );
    // The same again leaves the alarms as they are; another target changes them.
    scaling(&server, "PutScalingPolicy", policy).await;
    // The low alarm may get its first verdict at any moment: only the names are compared.
    let names = |alarms: Vec<(String, String)>| alarms.into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    assert_eq!(names(alarms(&server).await), names(known));
    scaling(&server, "DeleteScalingPolicy", json!({"PolicyName": "queue"})).await;
    assert_eq!(alarms(&server).await, []);
}

#[tokio::test]
async fn an_alarm_of_ones_own_takes_a_policy_of_steps() {
    let server = worker(60.0).await;
    let steps = json!([{"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 50.0, "ScalingAdjustment": 2},
        {"MetricIntervalLowerBound": 50.0, "ScalingAdjustment": 5}]);
    let config = json!({"AdjustmentType": "ChangeInCapacity", "StepAdjustments": steps});
    let policy = json!({"PolicyName": "steps", "StepScalingPolicyConfiguration": config});
    let made = scaling(&server, "PutScalingPolicy", policy).await;
    let alarm = json!({"AlarmName": "long", "Namespace": "Shop", "MetricName": "Queue", "Statistic": "Maximum",
        "Period": 60, "EvaluationPeriods": 1, "Threshold": 50, "ComparisonOperator": "GreaterThanThreshold",
        "AlarmActions": [made["PolicyARN"]]});
    watched(&server, "PutMetricAlarm", alarm).await;
    becomes(&server, 4).await;
}
