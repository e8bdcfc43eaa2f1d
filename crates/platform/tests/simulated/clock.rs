//! A simulated platform's clock, moved by hand: a year of a daily schedule, and what may not be moved.
#![allow(clippy::unwrap_used)]

use std::net::SocketAddr;
use std::time::Instant;

use platform::{EngineKind, ServeOptions};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

/// Sends a request; returns status and document.
async fn send(address: SocketAddr, line: &str, headers: &str, body: &str) -> (u16, Value) {
    let length = body.len();
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

fn signed(service: &str) -> String {
    format!(
        "x-amz-date: 20260101T000000Z\r\nauthorization: AWS4-HMAC-SHA256 Credential=A/20260101/us-east-1/{service}/\
         aws4_request, SignedHeaders=host;x-amz-date, Signature=00\r\n"
    )
}

async fn call(address: SocketAddr, service: &str, target: &str, input: Value) -> Value {
    let headers = format!("x-amz-target: {target}\r\n{}", signed(service));
    let (status, document) = send(address, "POST /", &headers, &input.to_string()).await;
    assert_eq!(status, 200, "{target}: {document}");
    document
}

async fn ecs(address: SocketAddr, operation: &str, input: Value) -> Value {
    call(address, "ecs", &format!("AmazonEC2ContainerServiceV20141113.{operation}"), input).await
}

async fn events(address: SocketAddr, operation: &str, input: Value) -> Value {
    call(address, "events", &format!("AWSEvents.{operation}"), input).await
}

struct Running {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    served: tokio::task::JoinHandle<Result<(), platform::ServeError>>,
}

async fn start() -> Running {
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
        "family": "job", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "containerDefinitions": [{"name": "app", "image": "hello"}, {"name": "side", "image": "hello", "essential": false}],
    });
    ecs(address, "RegisterTaskDefinition", definition).await;
    Running { address, stop, served }
}

fn parameters() -> Value {
    json!({"TaskDefinitionArn": "job", "LaunchType": "FARGATE",
        "NetworkConfiguration": {"awsvpcConfiguration": {"Subnets": ["subnet-1"]}}})
}

const CLUSTER: &str = "arn:aws:ecs:us-east-1:123456789012:cluster/main";

#[tokio::test(flavor = "multi_thread")]
async fn a_year_of_a_daily_rule_passes_while_one_waits() {
    let running = start().await;
    let address = running.address;
    events(address, "PutRule", json!({"Name": "nightly", "ScheduleExpression": "cron(0 6 * * ? *)"})).await;
    let target = json!({"Id": "1", "Arn": CLUSTER, "RoleArn": "arn:aws:iam::123456789012:role/r", "EcsParameters": parameters()});
    events(address, "PutTargets", json!({"Rule": "nightly", "Targets": [target]})).await;
    // What happens to its tasks is written to a log group, so that their whole year can be read.
    call(address, "logs", "Logs_20140328.CreateLogGroup", json!({"logGroupName": "tasks"})).await;
    let pattern = json!({"source": ["aws.ecs"], "detail": {"lastStatus": ["STOPPED"]}}).to_string();
    events(address, "PutRule", json!({"Name": "told", "EventPattern": pattern})).await;
    let group = json!({"Id": "1", "Arn": "arn:aws:logs:us-east-1:123456789012:log-group:tasks", "InputTransformer": {
        "InputPathsMap": {"at": "$.detail.createdAt", "stop": "$.detail.stopCode", "by": "$.detail.startedBy"},
        "InputTemplate": "\"<at> <by> <stop>\"",
    }});
    events(address, "PutTargets", json!({"Rule": "told", "Targets": [group]})).await;

    let (_, before) = send(address, "GET /_managr/clock", "", "").await;
    assert_eq!(before["movable"], true);
    let began = Instant::now();
    let (status, after) = send(address, "POST /_managr/clock", "", r#"{"advance": "365d"}"#).await;
    let took = began.elapsed();
    assert_eq!(status, 200, "{after}");
    let passed = after["seconds"].as_f64().unwrap() - before["seconds"].as_f64().unwrap();
    assert!((passed - 365.0 * 86_400.0).abs() < 30.0, "{passed}");

    let (_, told) = send(address, "GET /_managr/schedules", "", "").await;
    let nightly = &told["schedules"][0];
    assert_eq!(
        (&nightly["name"], &nightly["fired"], &nightly["missed"], &nightly["failure"]),
        (&json!("nightly"), &json!(365), &json!(0), &Value::Null)
    );
    let (mut lines, mut token) = (Vec::new(), Value::Null);
    loop {
        let mut query = json!({"logGroupName": "tasks", "startTime": 0});
        if !token.is_null() {
            query["nextToken"] = token;
        }
        let page = call(address, "logs", "Logs_20140328.FilterLogEvents", query).await;
        lines.extend(
            page["events"].as_array().unwrap().iter().map(|event| event["message"].as_str().unwrap().to_owned()),
        );
        token = page["nextToken"].clone();
        if token.is_null() {
            break;
        }
    }
    assert_eq!(lines.len(), 365);
    assert!(
        lines.is_sorted()
            && lines.iter().all(|line| line.contains("T06:00:00.000Z events-rule/nightly EssentialContainerExited")),
        "{:?}",
        lines.first()
    );
    println!("a year took {took:?}");
    running.stop.send(()).unwrap();
    running.served.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn alarms_are_looked_at_on_the_way() {
    let running = start().await;
    let address = running.address;
    let watched = async |operation: &str, input: Value| {
        call(address, "monitoring", &format!("GraniteServiceVersion20100801.{operation}"), input).await
    };
    let (_, now) = send(address, "GET /_managr/clock", "", "").await;
    // Long for three minutes, an hour from now; CloudWatch takes what is two hours ahead at most.
    let begin = now["seconds"].as_f64().unwrap() + 3_600.0;
    let datum = |minute: i32| json!({"MetricName": "Queue", "Value": 9, "Timestamp": begin + 60.0 * f64::from(minute)});
    let data: Vec<Value> = (0..3).map(datum).collect();
    watched("PutMetricData", json!({"Namespace": "Shop", "MetricData": data})).await;
    let alarm = json!({"AlarmName": "long", "Namespace": "Shop", "MetricName": "Queue", "Statistic": "Maximum",
        "Period": 60, "EvaluationPeriods": 1, "Threshold": 5, "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching"});
    watched("PutMetricAlarm", alarm).await;
    let (status, _) = send(address, "POST /_managr/clock", "", r#"{"advance": "90m"}"#).await;
    assert_eq!(status, 200);
    let history = watched("DescribeAlarmHistory", json!({"AlarmName": "long", "HistoryItemType": "StateUpdate"})).await;
    let told: Vec<&str> = history["AlarmHistoryItems"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["HistorySummary"].as_str().unwrap())
        .collect();
    let wanted = ["from ALARM to OK", "from OK to ALARM", "from INSUFFICIENT_DATA to OK"];
    assert!(told.len() == 3 && told.iter().zip(wanted).all(|(told, wanted)| told.ends_with(wanted)), "{told:?}");
    running.stop.send(()).unwrap();
    running.served.await.unwrap().unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_is_made_by_path_and_fires_and_the_clock_says_what_it_takes() {
    let running = start().await;
    let address = running.address;
    let input = json!({
        "ScheduleExpression": "rate(1 hour)", "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": CLUSTER, "RoleArn": "arn:aws:iam::123456789012:role/r", "EcsParameters": parameters()},
    });
    let (status, made) = send(address, "POST /schedules/hourly", &signed("scheduler"), &input.to_string()).await;
    assert_eq!(
        (status, &made["ScheduleArn"]),
        (200, &json!("arn:aws:scheduler:us-east-1:123456789012:schedule/default/hourly"))
    );
    let (status, wrong) = send(address, "POST /schedules/other", &signed("scheduler"), "{}").await;
    assert_eq!((status, &wrong["__type"]), (400, &json!("ValidationException")), "{wrong}");
    let (status, _) = send(address, "POST /_managr/clock", "", r#"{"advance": "150m"}"#).await;
    assert_eq!(status, 200);
    let listed = ecs(
        address,
        "ListTasks",
        json!({"cluster": "main", "startedBy": "chronos-schedule/hourly", "desiredStatus": "STOPPED"}),
    )
    .await;
    // The first is forgotten an hour after its end, as on ECS.
    assert!(!listed["taskArns"].as_array().unwrap().is_empty());
    let (_, told) = send(address, "GET /_managr/schedules", "", "").await;
    assert_eq!(told["schedules"][0]["fired"], 3);
    for (body, status) in [("{}", 400), (r#"{"to": "2001-01-01T00:00:00Z"}"#, 400), (r#"{"advance": "soon"}"#, 400)] {
        assert_eq!(send(address, "POST /_managr/clock", "", body).await.0, status, "{body}");
    }
    let (status, gone) = send(address, "DELETE /schedules/hourly?groupName=default", &signed("scheduler"), "").await;
    assert_eq!((status, gone), (200, json!({})));
    let (status, _) = send(address, "GET /schedules/hourly", &signed("scheduler"), "").await;
    assert_eq!(status, 404);
    running.stop.send(()).unwrap();
    running.served.await.unwrap().unwrap();
}

/// Fifty schedules over a month, and each as often as it says; `cargo xtask bench year` has the whole year.
#[tokio::test(flavor = "multi_thread")]
async fn fifty_schedules_fire_as_often_as_they_say() {
    let running = start().await;
    let address = running.address;
    let schedules = [(20, "1 day", 30), (20, "7 days", 4), (10, "30 days", 1)];
    for (group, (count, every, _)) in schedules.iter().enumerate() {
        for number in 0..*count {
            let name = format!("s{group}-{number}");
            events(address, "PutRule", json!({"Name": name, "ScheduleExpression": format!("rate({every})")})).await;
            let role = "arn:aws:iam::123456789012:role/r";
            let target = json!({"Id": "1", "Arn": CLUSTER, "RoleArn": role, "EcsParameters": parameters()});
            events(address, "PutTargets", json!({"Rule": name, "Targets": [target]})).await;
        }
    }
    let began = Instant::now();
    let (status, after) = send(address, "POST /_managr/clock", "", r#"{"advance": "30d"}"#).await;
    assert_eq!(status, 200, "{after}");
    println!("a month of fifty schedules took {:?}", began.elapsed());
    let (_, told) = send(address, "GET /_managr/schedules", "", "").await;
    let all = told["schedules"].as_array().unwrap();
    assert_eq!(all.len(), 50);
    for one in all {
        let group: usize = one["name"].as_str().unwrap()[1..2].parse().unwrap();
        assert_eq!((&one["fired"], &one["missed"]), (&json!(schedules[group].2), &json!(0)), "{one}");
    }
    running.stop.send(()).unwrap();
    running.served.await.unwrap().unwrap();
}
