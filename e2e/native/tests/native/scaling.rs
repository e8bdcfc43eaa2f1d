//! Services scale by what they really use: out under load and in when it is over, by the platform's own alarms, and no
//! protected task goes. `cargo xtask scaling` has target tracking alone bring services back, which takes AWS's quarter of
//! an hour.

use std::time::{Duration, Instant};

use e2e_native::platform::Platform;
use e2e_native::scaled::{self, BUSY, MOST, SLOW, Scaled};
use e2e_native::traffic::Traffic;
use serde_json::json;

/// Out: three readings of 20 s, or a whole minute, and what has to be begun before. In: likewise.
const PATIENCE: Duration = Duration::from_secs(150);

async fn becomes(platform: &Platform, service: &Scaled, count: u64) -> Duration {
    let began = Instant::now();
    loop {
        let counts = service.counts(platform).await;
        if counts == (count, count) {
            return began.elapsed();
        }
        let waited = began.elapsed();
        assert!(
            waited < PATIENCE,
            "{}: {counts:?} tasks are wanted and run, not {count}: {:#?}\n{}",
            service.name,
            service.causes(platform).await,
            platform.log()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn services_scale_out_under_load_and_in_after_it_and_a_protected_task_stays() {
    testhost::needs_root!();
    let platform = Platform::start().await;
    let image = scaled::prepare(&platform).await;
    let cpu = Scaled::start(&platform, &image, "cpu").await;
    let asked = Scaled::start(&platform, &image, "asked").await;

    // One is scaled out by target tracking of 20 s; both are brought back by steps, which take a minute.
    let arns = cpu.put(&platform, &["cpu", "in"]).await;
    let usage = json!({"Namespace": "AWS/ECS", "MetricName": "CPUUtilization", "Statistic": "Average", "Period": 20,
        "Dimensions": [{"Name": "ClusterName", "Value": scaled::CLUSTER}, {"Name": "ServiceName", "Value": cpu.name}],
        "ComparisonOperator": "LessThanThreshold", "Threshold": 10.0, "EvaluationPeriods": 2});
    cpu.alarm(&platform, &arns[1], usage).await;
    let [out, back] = &asked.put(&platform, &["out", "in"]).await[..] else { panic!("two policies") };
    let dimensions = json!([{"Name": "TargetGroup", "Value": asked.group},
        {"Name": "LoadBalancer", "Value": asked.balancer}]);
    let metric = json!({"Namespace": "AWS/ApplicationELB", "MetricName": "RequestCountPerTarget",
        "Dimensions": dimensions});
    let many = json!({"Namespace": "AWS/ApplicationELB", "MetricName": "RequestCountPerTarget", "Statistic": "Sum",
        "Period": 60, "Dimensions": dimensions, "ComparisonOperator": "GreaterThanThreshold", "Threshold": 200.0,
        "EvaluationPeriods": 1});
    asked.alarm(&platform, out, many).await;
    if testhost::has_boto3() {
        // The same documents by the official client are the same policies.
        let told = cpu.put_by_boto3(&platform, &["cpu", "in"]);
        let wanted = [("cpu".to_owned(), arns[0].clone()), ("in".to_owned(), arns[1].clone())];
        assert_eq!(told, wanted);
        let label = asked.put_by_boto3(&platform, &["requests"]);
        assert_eq!(label.len(), 3, "{label:?}");
    }

    let load = [Traffic::kept_and_fresh(cpu.address, &[BUSY], 4), Traffic::kept_and_fresh(asked.address, &[SLOW], 2)];
    let (by_cpu, by_requests) = tokio::join!(becomes(&platform, &cpu, MOST), becomes(&platform, &asked, MOST));
    // What scaled out may do so once more in the minute in which the load ends: on the way in, only `in` is left.
    let raised = json!({"AlarmNames": ["asked-GreaterThanThreshold"]});
    platform.call(&aws::CLOUDWATCH, "DeleteAlarms", raised).await;
    if testhost::has_boto3() {
        asked.scaling(&platform, "DeleteScalingPolicy", json!({"PolicyName": "requests"})).await;
    }
    let youngest = cpu.tasks(&platform).await.pop().expect("three tasks run");
    let protect = json!({"cluster": scaled::CLUSTER, "tasks": [youngest], "protectionEnabled": true});
    platform.call(&aws::ECS, "UpdateTaskProtection", protect).await;
    let served: Vec<String> = load.map(|load| load.end().to_string()).into();
    eprintln!("3 tasks by CPU after {by_cpu:?}, by requests after {by_requests:?}; {served:?}");

    // A group without requests has no metric, and a policy does nothing without a value: no request is nought.
    let stat = json!({"Metric": metric, "Period": 60, "Stat": "Sum"});
    let few = json!({"Metrics": [{"Id": "m", "MetricStat": stat, "ReturnData": false},
            {"Id": "e", "Expression": "FILL(m, 0)"}],
        "ComparisonOperator": "LessThanThreshold", "Threshold": 150.0, "EvaluationPeriods": 1});
    asked.alarm(&platform, back, few).await;
    let (by_cpu, by_requests) = tokio::join!(becomes(&platform, &cpu, 1), becomes(&platform, &asked, 1));
    eprintln!("1 task by CPU after {by_cpu:?}, by requests after {by_requests:?}");
    // The youngest would have gone first.
    assert_eq!(cpu.tasks(&platform).await, [youngest]);
    let told = cpu.causes(&platform).await;
    let by = |alarm: &str, policy: &str| {
        let tail = format!("triggered policy {policy}");
        told.iter().any(|cause| cause.contains(alarm) && cause.ends_with(&tail))
    };
    assert!(by("TargetTracking-service/c/cpu-AlarmHigh-", "cpu"), "{told:#?}");
    assert!(by("cpu-LessThanThreshold", "in"), "{told:#?}");
}
