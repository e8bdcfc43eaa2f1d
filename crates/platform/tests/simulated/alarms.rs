//! Alarms of a simulated platform, on a clock that is moved by hand: what EventBridge hears of them, and what becomes
//! of a deployment that watches one.
#![allow(clippy::unwrap_used)]

use crate::served::{CLUSTER, Running, parameters};
use std::ops::RangeInclusive;

use serde_json::{Value, json};

/// The newest time that the platform's clock shows, in seconds.
async fn now(running: &Running) -> f64 {
    running.send("GET /_managr/clock", "", "").await.1["seconds"].as_f64().unwrap()
}

/// Errors in some minutes, counted from the one that it is.
async fn errors(running: &Running, minutes: RangeInclusive<i32>) {
    let from = now(running).await;
    let datum = |minute: i32| json!({"MetricName": "Errors", "Value": 9, "Timestamp": from + 60.0 * f64::from(minute)});
    let data: Vec<Value> = minutes.map(datum).collect();
    running.watched("PutMetricData", json!({"Namespace": "Shop", "MetricData": data})).await;
}

async fn alarm(running: &Running) {
    let alarm = json!({"AlarmName": "errors", "Namespace": "Shop", "MetricName": "Errors", "Statistic": "Sum",
        "Period": 60, "EvaluationPeriods": 1, "Threshold": 5, "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching", "AlarmDescription": "too many"});
    running.watched("PutMetricAlarm", alarm).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rule_runs_a_task_when_an_alarm_is_raised_and_is_told_what_the_guide_says() {
    let running = Running::start().await;
    running.call("logs", "Logs_20140328.CreateLogGroup", json!({"logGroupName": "told"})).await;
    let rule = async |name: &str, pattern: Value, target: Value| {
        running.events("PutRule", json!({"Name": name, "EventPattern": pattern.to_string()})).await;
        running.events("PutTargets", json!({"Rule": name, "Targets": [target]})).await;
    };
    let raised = json!({"source": ["aws.cloudwatch"], "detail-type": ["CloudWatch Alarm State Change"],
        "detail": {"state": {"value": ["ALARM"]}}});
    let role = "arn:aws:iam::123456789012:role/r";
    rule("mend", raised, json!({"Id": "1", "Arn": CLUSTER, "RoleArn": role, "EcsParameters": parameters()})).await;
    let group = "arn:aws:logs:us-east-1:123456789012:log-group:told";
    rule("all", json!({"source": ["aws.cloudwatch"]}), json!({"Id": "1", "Arn": group})).await;
    alarm(&running).await;
    errors(&running, 1..=2).await;
    running.advance("10m").await;

    let asked = json!({"cluster": "main", "startedBy": "events-rule/mend", "desiredStatus": "STOPPED"});
    let ran = running.ecs("ListTasks", asked).await;
    assert_eq!(ran["taskArns"].as_array().unwrap().len(), 1, "{ran}");
    let page =
        running.call("logs", "Logs_20140328.FilterLogEvents", json!({"logGroupName": "told", "startTime": 0})).await;
    let lines = page["events"].as_array().unwrap().iter().map(|event| event["message"].as_str().unwrap());
    let told: Vec<Value> = lines.map(|line| serde_json::from_str(line).unwrap()).collect();
    // Each is written for itself: two of one moment come in any order.
    let (mut states, changes): (Vec<Value>, Vec<Value>) =
        told.into_iter().partition(|event| event["detail-type"] == "CloudWatch Alarm State Change");
    states.sort_by_key(|event| event["detail"]["state"]["timestamp"].to_string());
    assert_eq!((states.len(), changes.len()), (3, 1));
    assert_eq!(changes[0]["detail-type"], "CloudWatch Alarm Configuration Change");
    assert_eq!(changes[0]["detail"]["operation"], "create");
    let raised = &states[1];
    assert_eq!(raised["resources"], json!(["arn:aws:cloudwatch:us-east-1:123456789012:alarm:errors"]));
    let detail = &raised["detail"];
    assert_eq!((&detail["previousState"]["value"], &detail["state"]["value"]), (&json!("OK"), &json!("ALARM")));
    let stat =
        json!({"metric": {"namespace": "Shop", "name": "Errors", "dimensions": {}}, "period": 60, "stat": "Sum"});
    let metrics = json!([{"id": "m1", "metricStat": stat, "returnData": true}]);
    assert_eq!(detail["configuration"], json!({"description": "too many", "metrics": metrics}));
    let reason: Value = serde_json::from_str(detail["state"]["reasonData"].as_str().unwrap()).unwrap();
    assert_eq!((&reason["threshold"], &reason["recentDatapoints"]), (&json!(5.0), &json!([9.0])));
    running.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_during_which_its_alarm_is_raised_goes_back() {
    let running = Running::start().await;
    alarm(&running).await;
    let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-1"]}});
    let alarms = json!({"alarmNames": ["errors"], "enable": true, "rollback": true});
    let service = json!({"cluster": "main", "serviceName": "web", "taskDefinition": "job", "desiredCount": 2,
        "launchType": "FARGATE", "networkConfiguration": network, "deploymentConfiguration": {"alarms": alarms}});
    running.ecs("CreateService", service).await;
    let primary = async || {
        let told = running.ecs("DescribeServices", json!({"cluster": "main", "services": ["web"]})).await;
        let primary = told["services"][0]["deployments"][0].clone();
        let revision = primary["taskDefinition"].as_str().unwrap().rsplit(':').next().unwrap().to_owned();
        (revision, primary["rolloutState"].as_str().unwrap().to_owned())
    };
    let done = |revision: &str, state: &str| (revision.to_owned(), state.to_owned());
    running.advance("1m").await;
    assert_eq!(primary().await, done("1", "IN_PROGRESS"), "it bakes");
    running.advance("5m").await;
    assert_eq!(primary().await, done("1", "COMPLETED"));

    running.define().await;
    running.ecs("UpdateService", json!({"cluster": "main", "service": "web", "taskDefinition": "job:2"})).await;
    running.advance("10s").await;
    assert_eq!(primary().await, done("2", "IN_PROGRESS"));
    // In the minute that it is, too: at the end of the next one it might have baked.
    errors(&running, 0..=1).await;
    running.advance("5m").await;
    assert_eq!(primary().await, done("1", "COMPLETED"));
    let listed = running.ecs("ListServiceDeployments", json!({"cluster": "main", "service": "web"})).await;
    let arn = &listed["serviceDeployments"][0]["serviceDeploymentArn"];
    let told = running.ecs("DescribeServiceDeployments", json!({"serviceDeploymentArns": [arn]})).await;
    let told = &told["serviceDeployments"][0];
    assert_eq!(told["status"], "ROLLBACK_SUCCESSFUL", "{told}");
    let alarms = json!({"status": "TRIGGERED", "alarmNames": ["errors"], "triggeredAlarmNames": ["errors"]});
    assert_eq!(told["alarms"], alarms);
    running.stop().await;
}
