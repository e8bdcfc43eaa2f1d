//! What is published, told by readings of two tasks and by counts of a balancer.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::traffic::{BUCKETS, Count, FIRST_BUCKET, GroupCount, ListenerCount, bucket_of, traffic};
use super::*;
use crate::Change;
use crate::account::{Account, NOW};
use crate::world::{Task, TaskStatus};

const SERVICE: &str = "arn:aws:ecs:us-east-1:123456789012:service/shop/web";
const LISTENER: &str = "arn:aws:elasticloadbalancing:us-east-1:123456789012:listener/app/front/0a1b/2c3d";
const GROUP: &str = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/web/4e5f";
const SECOND: u64 = 1_000_000_000;
const MIB: u64 = 1 << 20;

/// A cluster with two running tasks of a service, each with half a processor and 1024 MiB, and their ARNs.
fn account(insights: &str, monitoring: Value) -> (Account, Vec<String>) {
    let mut account = Account::new();
    let settings = json!([{"name": "containerInsights", "value": insights}]);
    account.call("CreateCluster", json!({"clusterName": "shop", "settings": settings})).unwrap();
    let container = json!({"name": "web", "image": "web", "essential": true, "cpu": 128, "memory": 256,
        "restartPolicy": {"enabled": true}});
    let sidecar = json!({"name": "side", "image": "side", "essential": false});
    let definition = json!({"family": "web", "containerDefinitions": [container, sidecar], "networkMode": "awsvpc",
        "cpu": "512", "memory": "1024", "requiresCompatibilities": ["FARGATE"]});
    account.call("RegisterTaskDefinition", definition).unwrap();
    let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-1"]}});
    let mut service = json!({"cluster": "shop", "serviceName": "web", "taskDefinition": "web", "desiredCount": 3,
        "launchType": "FARGATE", "networkConfiguration": network.clone()});
    if !monitoring.is_null() {
        service["monitoring"] = monitoring;
    }
    account.call("CreateService", service).unwrap();
    let run = json!({"cluster": "shop", "taskDefinition": "web", "count": 2, "launchType": "FARGATE",
        "networkConfiguration": network});
    let ran = account.call("RunTask", run).unwrap();
    let arns: Vec<String> =
        ran["tasks"].as_array().unwrap().iter().map(|task| task["taskArn"].as_str().unwrap().to_owned()).collect();
    for arn in &arns {
        let mut task = Task::clone(&account.world.tasks[arn]);
        // Counted anew: no task passes to a service while it is there.
        account.world.apply(Change::ForgetTask(arn.clone()));
        task.last_status = TaskStatus::Running;
        task.service_arn = Some(SERVICE.to_owned());
        account.world.apply(Change::Task(task));
    }
    (account, arns)
}

/// A reading some seconds after [`NOW`]: seconds of CPU and MiB of each task's container `web`.
fn reading(after: i64, tasks: &[(&String, f64, u64)]) -> Reading {
    let one = |(arn, cpu, mib): &(&String, f64, u64)| {
        let web = ContainerReading { cpu_ns: (cpu * SECOND as f64) as u64, memory: mib * MIB };
        let containers = [("web".to_owned(), web)].into();
        ((*arn).clone(), TaskReading { received: 1000 * after as u64, sent: 0, containers })
    };
    Reading { at: NOW + after * 1000, tasks: tasks.iter().map(one).collect() }
}

/// Tells metrics a line each: `Name{dimensions} unit values`.
fn lines(all: &[Measured]) -> Vec<String> {
    let line = |m: &Measured| {
        let dimensions: Vec<&str> = m.dimensions.iter().map(|(_, value)| value.as_str()).collect();
        let values: Vec<String> = m.values.iter().map(|(value, _)| format!("{value:.1}")).collect();
        format!("{}{{{}}} {} {}", m.name, dimensions.join(","), m.unit, values.join(" "))
    };
    all.iter().map(line).collect()
}

#[test]
fn a_service_uses_what_its_tasks_use_of_what_each_reserves() {
    let (account, arns) = account("disabled", Value::Null);
    // 5 s of 20 s at half a processor are half of what is reserved; 1 s is a tenth.
    let before = reading(0, &[(&arns[0], 100.0, 0), (&arns[1], 7.0, 0)]);
    let now = reading(20, &[(&arns[0], 105.0, 512), (&arns[1], 8.0, 256)]);
    let all = usage(&account.world, &before, &now);
    assert_eq!(
        lines(&all),
        ["CPUUtilization{shop,web} Percent 50.0 10.0", "MemoryUtilization{shop,web} Percent 50.0 25.0"]
    );
    let cpu = &all[0];
    let at = NOW - NOW.rem_euclid(EVERY); // the last whole 20 seconds began there
    assert_eq!((cpu.at, cpu.is_fine, cpu.region.as_str(), cpu.namespace), (at, false, "us-east-1", "AWS/ECS"));
    assert!(insights(&account.world, &before, &now).is_empty(), "nobody asked for Container Insights");
}

#[test]
fn cpu_needs_two_readings_and_a_restart_begins_the_counter_anew() {
    let (account, arns) = account("disabled", Value::Null);
    let check = |before: Reading, now: Reading, expected: &[&str]| {
        let all = usage(&account.world, &before, &now);
        let cpu: Vec<String> = lines(&all).into_iter().filter(|line| line.starts_with("CPU")).collect();
        assert_eq!(cpu, expected);
    };
    check(reading(0, &[]), reading(20, &[(&arns[0], 5.0, 1)]), &[]);
    check(Reading::default(), reading(20, &[(&arns[0], 5.0, 1)]), &[]);
    check(
        reading(0, &[(&arns[0], 100.0, 1)]),
        reading(20, &[(&arns[0], 5.0, 1)]),
        &["CPUUtilization{shop,web} Percent 50.0"],
    );
    // A task that stopped is not reported any more, whatever is read of it.
    let gone = "arn:aws:ecs:us-east-1:123456789012:task/shop/gone".to_owned();
    check(reading(0, &[(&gone, 0.0, 1)]), reading(20, &[(&gone, 5.0, 1)]), &[]);
}

#[test]
fn a_service_that_asks_for_it_is_told_finely() {
    let one = |names: Value, seconds: i64| json!({"metricConfigurations": [{"metricNames": names, "resolutionSeconds": seconds}]});
    let fine = |monitoring: Value| {
        let (account, arns) = account("disabled", monitoring);
        let before = reading(0, &[(&arns[0], 0.0, 1)]);
        let all = usage(&account.world, &before, &reading(20, &[(&arns[0], 5.0, 1)]));
        all.iter().map(|m| m.is_fine).collect::<Vec<_>>()
    };
    assert_eq!(fine(one(json!(["CPUUtilization"]), 20)), [true, false]);
    assert_eq!(fine(one(json!(["CPUUtilization", "MemoryUtilization"]), 20)), [true, true]);
    assert_eq!(fine(one(json!(["CPUUtilization"]), 60)), [false, false]);
}

#[test]
fn monitoring_is_20_or_60_seconds_of_cpu_and_memory() {
    let (mut account, _) = account("disabled", Value::Null);
    let mut update = |names: &str, seconds: i64| {
        let monitoring = json!({"metricConfigurations": [{"metricNames": [names], "resolutionSeconds": seconds}]});
        account.call("UpdateService", json!({"cluster": "shop", "service": "web", "monitoring": monitoring}))
    };
    let updated = update("CPUUtilization", 20).unwrap();
    assert!(updated["service"].get("monitoring").is_none(), "an answered service has no such member");
    assert!(update("CPUUtilization", 30).unwrap_err().contains("resolutionSeconds 30"));
    assert!(update("DiskUtilization", 20).unwrap_err().contains("DiskUtilization"));
    assert!(
        monitoring::is_fine(&account.world.services[SERVICE], "CPUUtilization"),
        "what was refused changed nothing"
    );
}

#[test]
fn container_insights_tell_clusters_services_and_families() {
    let (account, arns) = account("enabled", Value::Null);
    let before = reading(0, &[(&arns[0], 0.0, 0), (&arns[1], 0.0, 0)]);
    let now = reading(60, &[(&arns[0], 15.0, 512), (&arns[1], 30.0, 256)]);
    let all = lines(&insights(&account.world, &before, &now));
    for of in ["shop", "shop,web"] {
        // The values of tasks come in the order of their ARNs, which no test may rely on.
        let has = |name: &str, unit: &str, mut values: [&str; 2]| {
            let first = format!("{name}{{{of}}} {unit} {}", values.join(" "));
            values.reverse();
            let second = format!("{name}{{{of}}} {unit} {}", values.join(" "));
            assert!(all.contains(&first) || all.contains(&second), "{first} is missing: {all:#?}");
        };
        has("CpuUtilized", "None", ["256.0", "512.0"]);
        has("CpuReserved", "None", ["512.0", "512.0"]);
        has("MemoryUtilized", "Megabytes", ["512.0", "256.0"]);
        has("NetworkRxBytes", "Bytes/Second", ["1000.0", "1000.0"]);
    }
    for line in [
        "DesiredTaskCount{shop,web} Count 3.0",
        "RunningTaskCount{shop,web} Count 2.0",
        "DeploymentCount{shop,web} Count 1.0",
        "ServiceCount{shop} Count 1.0",
        "TaskCount{shop} Count 2.0",
    ] {
        assert!(all.contains(&line.to_owned()), "{line} is missing: {all:#?}");
    }
    assert!(!all.iter().any(|line| line.starts_with("Container") && !line.starts_with("ContainerInstanceCount")));
    // Where nothing is read there are counts alone.
    let counts = insights(&account.world, &Reading::default(), &Reading { at: NOW, ..Reading::default() });
    assert!(counts.iter().all(|m| m.name.ends_with("Count")) && counts.len() == 8, "{counts:#?}");
}

#[test]
fn enhanced_they_tell_tasks_and_containers() {
    let (account, arns) = account("enhanced", Value::Null);
    let before = reading(0, &[(&arns[0], 0.0, 0)]);
    let all = lines(&insights(&account.world, &before, &reading(60, &[(&arns[0], 15.0, 64)])));
    let id = name_of(&arns[0]);
    for line in [
        format!("TaskCpuUtilization{{shop,web,{id}}} Percent 50.0 50.0"), // its service and its family share a name
        format!("ContainerCpuUtilization{{shop,web,{id},web}} Percent 200.0"),
        format!("ContainerMemoryUtilization{{shop,web,{id},web}} Percent 25.0"),
        "ContainerMemoryReserved{shop,web,web} Megabytes 256.0".to_owned(),
        "RestartCount{shop,web,web} Count 0.0".to_owned(),
        "RestartCount{shop} Count 0.0".to_owned(),
        "RestartCount{shop,web} Count 0.0".to_owned(),
        format!("RestartCount{{shop,web,{id}}} Count 0.0"),
        "ContainerCpuUtilized{shop} None 256.0".to_owned(),
    ] {
        let line = line.replace(" 50.0 50.0", " 50.0");
        assert!(all.contains(&line), "{line} is missing: {all:#?}");
    }
    assert!(!all.iter().any(|line| line.contains(",side}")), "it does not run: {all:#?}");
}

fn group_count() -> GroupCount {
    GroupCount {
        group: GROUP.into(),
        listener: LISTENER.into(),
        targets: 2,
        requests: 5,
        codes: [3, 0, 1, 1],
        connections: 2,
        in_flight: 1,
        micros: 5_000_000,
        times: vec![(FIRST_BUCKET + bucket_of(1_000_000) as i32, 5)],
        ..GroupCount::default()
    }
}

#[test]
fn a_balancers_count_is_told_under_aws_names() {
    let listener = ListenerCount {
        listener: LISTENER.into(),
        connections: 4,
        bytes: 99,
        codes: [(502, 2), (503, 1), (404, 1)].into(),
        open: 3,
        ..ListenerCount::default()
    };
    let count = Count { from: NOW, until: NOW + 20_000, listeners: vec![listener], groups: vec![group_count()] };
    let all = traffic(&count);
    let told = lines(&all);
    for line in [
        "RequestCount{app/front/0a1b} Count 5.0",
        "RequestCount{targetgroup/web/4e5f,app/front/0a1b} Count 5.0",
        "RequestCountPerTarget{targetgroup/web/4e5f} Count 2.5",
        "RequestCountPerTarget{targetgroup/web/4e5f,app/front/0a1b} Count 2.5",
        "HTTPCode_Target_2XX_Count{targetgroup/web/4e5f,app/front/0a1b} Count 3.0",
        "HTTPCode_ELB_5XX_Count{app/front/0a1b} Count 3.0",
        "HTTPCode_ELB_502_Count{app/front/0a1b} Count 2.0",
        "HTTPCode_ELB_503_Count{app/front/0a1b} Count 1.0",
        "HTTPCode_ELB_4XX_Count{app/front/0a1b} Count 1.0",
        "ProcessedBytes{app/front/0a1b} Bytes 99.0",
    ] {
        assert!(told.contains(&line.to_owned()), "{line} is missing: {told:#?}");
    }
    assert!(!told.iter().any(|line| line.contains("3XX") || line.contains("_504_")), "zeros are not told: {told:#?}");
    assert!(!told.iter().any(|line| line.starts_with("Active")), "the minute has not ended: {told:#?}");
    let time = all.iter().find(|m| m.name == "TargetResponseTime").unwrap();
    assert_eq!((time.unit, time.sum, time.values[0].1), ("Seconds", Some(5.0), 5.0));
    assert!((time.values[0].0 - 1.0).abs() < 0.0055, "{time:?}");
    let until = (NOW / MINUTE + 1) * MINUTE;
    let last = traffic(&Count { from: until - 20_000, until, ..count });
    assert!(lines(&last).contains(&"ActiveConnectionCount{app/front/0a1b} Count 4.0".to_owned()));
}

#[test]
fn the_health_of_a_groups_targets_is_told_where_a_balancer_uses_it() {
    let mut account = Account::new();
    let group = account
        .call(
            "CreateTargetGroup",
            json!({"Name": "web", "Protocol": "HTTP", "Port": 80, "TargetType": "ip", "VpcId": "vpc-1"}),
        )
        .unwrap();
    let group = group["TargetGroups"][0]["TargetGroupArn"].as_str().unwrap().to_owned();
    let targets =
        json!([{"Id": "10.0.0.1", "Port": 80}, {"Id": "10.0.0.2", "Port": 80}, {"Id": "10.0.0.3", "Port": 80}]);
    account.call("RegisterTargets", json!({"TargetGroupArn": group, "Targets": targets})).unwrap();
    assert!(hosts(&account.world, NOW).is_empty(), "nobody uses it");
    let made =
        account.call("CreateLoadBalancer", json!({"Name": "front", "Subnets": ["subnet-1", "subnet-2"]})).unwrap();
    let balancer = made["LoadBalancers"][0]["LoadBalancerArn"].as_str().unwrap().to_owned();
    let actions = json!([{"Type": "forward", "TargetGroupArn": group}]);
    let listener = json!({"LoadBalancerArn": balancer, "Protocol": "HTTP", "Port": 80, "DefaultActions": actions});
    account.call("CreateListener", listener).unwrap();
    let states =
        [crate::world::TargetState::Healthy, crate::world::TargetState::Healthy, crate::world::TargetState::Unhealthy];
    let keys: Vec<_> = account.world.group_targets(&group).map(|t| crate::world::Target::clone(t)).collect();
    for (target, state) in keys.into_iter().zip(states) {
        account.world.apply(Change::Target(crate::world::Target { state, ..target }));
    }
    let (name, id) = (traffic::group_dimension(&group), traffic::balancer_dimension(&balancer));
    assert!(id.starts_with("app/front/") && id.split('/').count() == 3, "{id}");
    assert_eq!(
        lines(&hosts(&account.world, NOW)),
        [format!("HealthyHostCount{{{name},{id}}} Count 2.0"), format!("UnHealthyHostCount{{{name},{id}}} Count 1.0")]
    );
}

proptest! {
    #[test]
    fn a_response_time_is_told_within_55_hundredths_of_a_percent(micros in 2_u64..4_000_000_000) {
        let bucket = bucket_of(micros);
        prop_assert!(bucket < BUCKETS);
        let group = GroupCount { times: vec![(FIRST_BUCKET + bucket as i32, 1)], micros, ..group_count() };
        let count = Count { from: NOW, until: NOW, listeners: Vec::new(), groups: vec![group] };
        let all = traffic(&count);
        let told = all.iter().find(|m| m.name == "TargetResponseTime").unwrap().values[0].0;
        let is = micros as f64 / 1e6;
        prop_assert!((told - is).abs() <= is * 0.0055, "{told} for {is}");
    }

    #[test]
    fn nobody_uses_less_than_nothing(cpu in prop::collection::vec(0_u64..1 << 50, 2), mib in 0_u64..4096) {
        let (account, arns) = account("enhanced", Value::Null);
        let at = |after, ns: u64| reading(after, &[(&arns[0], ns as f64 / SECOND as f64, mib)]);
        let (before, now) = (at(0, cpu[0]), at(20, cpu[1]));
        let all = [usage(&account.world, &before, &now), insights(&account.world, &before, &now)].concat();
        for m in &all {
            prop_assert!(!m.values.is_empty() && m.values.iter().all(|(value, n)| *value >= 0.0 && value.is_finite() && *n > 0.0));
        }
    }
}
