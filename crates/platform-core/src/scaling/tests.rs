//! Scaling told by scenarios: what is registered, what alarms and the clock lead to, what is refused.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::account::Account;
use crate::world::{Record, RecordKey, RolloutState, Service};

const RESOURCE: &str = "service/shop/web";
const ARN: &str = "arn:aws:ecs:us-east-1:123456789012:service/shop/web";
const MINUTE: i64 = 60_000;

fn with(more: Value) -> Value {
    let mut input =
        json!({"ServiceNamespace": "ecs", "ResourceId": RESOURCE, "ScalableDimension": "ecs:service:DesiredCount"});
    input.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    input
}

/// An account with a service of this many tasks, whose deployment is over, and a target of these bounds.
fn account(desired: u32, min: u32, max: u32) -> Account {
    let mut account = Account::new();
    account.call("CreateCluster", json!({"clusterName": "shop"})).unwrap();
    let container = json!({"name": "web", "image": "web", "essential": true});
    let definition = json!({"family": "web", "containerDefinitions": [container], "networkMode": "awsvpc", "cpu": "256",
        "memory": "512", "requiresCompatibilities": ["FARGATE"]});
    account.call("RegisterTaskDefinition", definition).unwrap();
    let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-1"]}});
    let service = json!({"cluster": "shop", "serviceName": "web", "taskDefinition": "web", "desiredCount": desired,
        "launchType": "FARGATE", "networkConfiguration": network});
    account.call("CreateService", service).unwrap();
    rolled_out(&mut account, RolloutState::Completed);
    account.call("RegisterScalableTarget", with(json!({"MinCapacity": min, "MaxCapacity": max}))).unwrap();
    account
}

fn rolled_out(account: &mut Account, state: RolloutState) {
    let mut service = Service::clone(&account.world.services[ARN]);
    service.deployments[0].rollout_state = state;
    account.world.apply(crate::Change::Service(service));
}

fn tracking(account: &mut Account, name: &str, metric: &str, target: f64, more: Value) -> (String, String, String) {
    let mut config = json!({"TargetValue": target, "PredefinedMetricSpecification": {"PredefinedMetricType": metric}});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let input = with(json!({"PolicyName": name, "PolicyType": "TargetTrackingScaling",
        "TargetTrackingScalingPolicyConfiguration": config}));
    let made = account.call("PutScalingPolicy", input).unwrap();
    let alarm = |index: usize| made["Alarms"][index]["AlarmName"].as_str().unwrap_or_default().to_owned();
    (made["PolicyARN"].as_str().unwrap().to_owned(), alarm(0), alarm(1))
}

/// Raises an alarm, alone.
fn raise(account: &mut Account, policy: &str, alarm: &str, value: f64, threshold: f64) -> u32 {
    raise_all(account, policy, alarm, value, threshold, &[(alarm, value)])
}

fn raise_all(account: &mut Account, policy: &str, alarm: &str, value: f64, threshold: f64, all: &[(&str, f64)]) -> u32 {
    let raised: BTreeMap<String, f64> = all.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    let breach = Breach { alarm, value, threshold, raised: &raised };
    account.decide(|world, cx| alarmed(world, cx, policy, &breach));
    desired(account)
}

fn desired(account: &Account) -> u32 {
    account.world.services[ARN].desired_count
}

fn tick(account: &mut Account) {
    let key = RecordKey::of::<ScalableTarget>("us-east-1", RESOURCE);
    account.decide(|world, cx| decide(world, cx, &key).changes);
}

fn activities(account: &mut Account, all: bool) -> Vec<(String, String)> {
    let input = json!({"ServiceNamespace": "ecs", "IncludeNotScaledActivities": all});
    let told = account.call("DescribeScalingActivities", input).unwrap();
    let text = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
    told["ScalingActivities"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (text(one, "StatusCode"), text(one, "Cause")))
        .collect()
}

#[test]
fn as_many_tasks_as_hold_the_target_and_no_more_while_they_start() {
    let mut account = account(2, 1, 10);
    let (policy, high, low) = tracking(&mut account, "cpu", "ECSServiceAverageCPUUtilization", 60.0, json!({}));
    assert!(high.starts_with("TargetTracking-service/shop/web-AlarmHigh-"), "{high}");
    assert!(low.starts_with("TargetTracking-service/shop/web-AlarmLow-"), "{low}");
    // 2 tasks at 90 % are 3 at 60 %.
    assert_eq!(raise(&mut account, &policy, &high, 90.0, 60.0), 3);
    // The same again, a minute later: the third is on its way, and counts.
    account.now += MINUTE;
    assert_eq!(raise(&mut account, &policy, &high, 90.0, 60.0), 3);
    // Worse: what was added is part of what is added.
    assert_eq!(raise(&mut account, &policy, &high, 150.0, 60.0), 5);
    // After the cool-down, five tasks at 90 % are too few.
    account.now += 5 * MINUTE;
    assert_eq!(raise(&mut account, &policy, &high, 90.0, 60.0), 8);
    let cause = format!("monitor alarm {high} in state ALARM triggered policy cpu");
    let done: Vec<(String, String)> =
        ["InProgress", "Overridden", "Overridden"].map(|code| (code.to_owned(), cause.clone())).into();
    assert_eq!(activities(&mut account, false), done);
}

#[test]
fn bounds_hold_and_why_nothing_was_done_is_told_once() {
    let mut account = account(9, 2, 10);
    let (policy, high, low) = tracking(
        &mut account,
        "cpu",
        "ECSServiceAverageCPUUtilization",
        50.0,
        json!({"ScaleOutCooldown": 0, "ScaleInCooldown": 0}),
    );
    for _ in 0..3 {
        assert_eq!(raise(&mut account, &policy, &high, 100.0, 50.0), 10);
        account.now += MINUTE;
    }
    let cause = format!("monitor alarm {high} in state ALARM triggered policy cpu");
    assert_eq!(activities(&mut account, true)[0], ("Unfulfilled".to_owned(), cause.clone()));
    assert_eq!(activities(&mut account, true).len(), 2);
    assert_eq!(activities(&mut account, false).len(), 1);
    account.now += MINUTE;
    assert_eq!(raise(&mut account, &policy, &low, 1.0, 45.0), 2);
    assert_eq!(raise(&mut account, &policy, &low, 0.0, 45.0), 2);
    // Set by hand below the minimum: scaling in leaves it, scaling out goes to the minimum at least.
    account.call("UpdateService", json!({"cluster": "shop", "service": "web", "desiredCount": 0})).unwrap();
    assert_eq!(raise(&mut account, &policy, &low, 0.0, 45.0), 0);
    assert_eq!(raise(&mut account, &policy, &high, 60.0, 50.0), 2);
}

#[test]
fn scaling_in_waits_for_cooldowns_deployments_and_every_other_policy() {
    let mut account = account(4, 1, 10);
    let (cpu, high, low) = tracking(&mut account, "cpu", "ECSServiceAverageCPUUtilization", 60.0, json!({}));
    let memory = tracking(&mut account, "mem", "ECSServiceAverageMemoryUtilization", 80.0, json!({}));
    let never = tracking(
        &mut account,
        "alb",
        "ECSServiceAverageCPUUtilizationHighResolution",
        70.0,
        json!({"DisableScaleIn": true}),
    );
    assert_eq!(never.2, "", "one that never scales in has one alarm");
    // Memory is not low: nothing goes.
    assert_eq!(raise(&mut account, &cpu, &low, 10.0, 54.0), 4);
    let both = [(low.as_str(), 10.0), (memory.2.as_str(), 40.0)];
    rolled_out(&mut account, RolloutState::InProgress);
    assert_eq!(raise_all(&mut account, &cpu, &low, 10.0, 54.0, &both), 4, "a deployment is in progress");
    rolled_out(&mut account, RolloutState::Completed);
    // CPU needs one task, memory two: two stay.
    assert_eq!(raise_all(&mut account, &cpu, &low, 10.0, 54.0, &both), 2);
    account.now += MINUTE;
    let lower = [(low.as_str(), 5.0), (memory.2.as_str(), 5.0)];
    assert_eq!(raise_all(&mut account, &cpu, &low, 5.0, 54.0, &lower), 2, "it cools down");
    // Scaling out waits for no cool-down of scaling in, and scaling in for that of scaling out.
    assert_eq!(raise(&mut account, &cpu, &high, 70.0, 60.0), 3);
    account.now += 4 * MINUTE;
    assert_eq!(raise_all(&mut account, &cpu, &low, 5.0, 54.0, &lower), 3);
    account.now += MINUTE;
    assert_eq!(raise_all(&mut account, &cpu, &low, 5.0, 54.0, &lower), 1);
}

#[test]
fn what_is_suspended_is_not_done() {
    let mut account = account(2, 1, 10);
    let (policy, high, low) = tracking(&mut account, "cpu", "ECSServiceAverageCPUUtilization", 60.0, json!({}));
    let suspend = |out: bool, inwards: bool| {
        with(json!({"SuspendedState": {"DynamicScalingOutSuspended": out, "DynamicScalingInSuspended": inwards}}))
    };
    account.call("RegisterScalableTarget", suspend(true, true)).unwrap();
    assert_eq!(raise(&mut account, &policy, &high, 90.0, 60.0), 2);
    assert_eq!(raise(&mut account, &policy, &low, 9.0, 54.0), 2);
    account.call("RegisterScalableTarget", suspend(true, false)).unwrap();
    assert_eq!(raise(&mut account, &policy, &low, 9.0, 54.0), 1);
    let told = account.call("DescribeScalableTargets", json!({"ServiceNamespace": "ecs"})).unwrap();
    let target = &told["ScalableTargets"][0];
    assert_eq!((&target["MinCapacity"], &target["MaxCapacity"]), (&json!(1), &json!(10)), "bounds stay");
    assert_eq!(target["SuspendedState"]["DynamicScalingOutSuspended"], true);
}

/// The example of the user guide, "How step scaling for Application Auto Scaling works": capacity 10, threshold 50.
#[test]
fn steps_are_taken_as_the_user_guide_computes_them() {
    let steps = |steps: Value, kind: &str| -> Steps {
        serde_json::from_value(json!({"AdjustmentType": kind, "StepAdjustments": steps, "Cooldown": 300})).unwrap()
    };
    let out = steps(
        json!([{"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 10.0, "ScalingAdjustment": 0},
            {"MetricIntervalLowerBound": 10.0, "MetricIntervalUpperBound": 20.0, "ScalingAdjustment": 10},
            {"MetricIntervalLowerBound": 20.0, "ScalingAdjustment": 30}]),
        "PercentChangeInCapacity",
    );
    assert_eq!(out.check(), Ok(()));
    assert_eq!(out.wanted(10, 5.0), Some(10));
    assert_eq!(out.wanted(10, 10.0), Some(11), "60 % is 10 above: one more");
    assert_eq!(out.wanted(10, 20.0), Some(13), "70 %: 30 % of 10");
    let inwards = steps(
        json!([{"MetricIntervalUpperBound": -20.0, "ScalingAdjustment": -30},
            {"MetricIntervalLowerBound": -20.0, "MetricIntervalUpperBound": -10.0, "ScalingAdjustment": -10},
            {"MetricIntervalLowerBound": -10.0, "MetricIntervalUpperBound": 0.0, "ScalingAdjustment": 0}]),
        "PercentChangeInCapacity",
    );
    assert_eq!(inwards.wanted(14, -10.0), Some(13), "40 %: 10 % of 14 is 1.4, one less");
    assert_eq!(inwards.wanted(13, -20.0), Some(10), "30 %: 30 % of 13 is 3.9, three less");
    let one = steps(json!([{"MetricIntervalLowerBound": 0.0, "ScalingAdjustment": -1}]), "ChangeInCapacity");
    assert_eq!((one.wanted(0, 3.0), one.wanted(4, 3.0), one.wanted(4, -1.0)), (Some(0), Some(3), None));
    let exact = steps(json!([{"ScalingAdjustment": 7}]), "ExactCapacity");
    assert_eq!((exact.wanted(2, 99.0), exact.wanted(9, -99.0)), (Some(7), Some(7)));
    for (wrong, words) in [
        (json!([]), "At least one StepAdjustment must be specified"),
        (
            json!([{"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 5.0, "ScalingAdjustment": 1}, {"MetricIntervalLowerBound": 4.0, "ScalingAdjustment": 2}]),
            "StepAdjustment intervals can't overlap",
        ),
        (
            json!([{"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 5.0, "ScalingAdjustment": 1}, {"MetricIntervalLowerBound": 6.0, "ScalingAdjustment": 2}]),
            "There can't be gaps between StepAdjustment intervals",
        ),
        (
            json!([{"MetricIntervalLowerBound": 6.0, "MetricIntervalUpperBound": 5.0, "ScalingAdjustment": 1}]),
            "MetricIntervalLowerBound must be less than MetricIntervalUpperBound",
        ),
    ] {
        assert_eq!(steps(wrong, "ChangeInCapacity").check().unwrap_err().message, words);
    }
}

#[test]
fn a_step_policy_scales_by_the_distance_from_its_alarm() {
    let mut account = account(4, 1, 10);
    let config = json!({"AdjustmentType": "ChangeInCapacity", "Cooldown": 120, "StepAdjustments": [
        {"MetricIntervalLowerBound": 0.0, "MetricIntervalUpperBound": 20.0, "ScalingAdjustment": 1},
        {"MetricIntervalLowerBound": 20.0, "ScalingAdjustment": 3}]});
    let input = with(json!({"PolicyName": "queue", "StepScalingPolicyConfiguration": config}));
    let made = account.call("PutScalingPolicy", input).unwrap();
    assert_eq!(made["Alarms"], json!([]), "its alarms are its user's");
    let policy = made["PolicyARN"].as_str().unwrap().to_owned();
    assert_eq!(raise(&mut account, &policy, "mine", 105.0, 100.0), 5);
    account.now += MINUTE;
    // Three, of which one is there: "calculated as part of the desired capacity for the next scale out".
    assert_eq!(raise(&mut account, &policy, "mine", 130.0, 100.0), 7);
    assert_eq!(raise(&mut account, &policy, "mine", 130.0, 100.0), 7);
    let told =
        account.call("DescribeScalingPolicies", json!({"ServiceNamespace": "ecs", "PolicyNames": ["queue"]})).unwrap();
    let shown = &told["ScalingPolicies"][0];
    assert_eq!(
        (&shown["PolicyType"], &shown["StepScalingPolicyConfiguration"]["Cooldown"]),
        (&json!("StepScaling"), &json!(120))
    );
}

#[test]
fn bounds_that_are_moved_move_the_service() {
    let mut account = account(2, 1, 10);
    account.call("RegisterScalableTarget", with(json!({"MinCapacity": 4}))).unwrap();
    assert_eq!(desired(&account), 4);
    account.call("RegisterScalableTarget", with(json!({"MinCapacity": 0, "MaxCapacity": 3}))).unwrap();
    assert_eq!(desired(&account), 3);
    let causes: Vec<String> = activities(&mut account, false).into_iter().map(|(_, cause)| cause).collect();
    assert_eq!(causes.len(), 2);
    assert!(
        causes.contains(&"minimum capacity was set to 4".to_owned())
            && causes.contains(&"maximum capacity was set to 3".to_owned())
    );
}

#[test]
fn nights_are_off_and_mornings_bring_back_the_bounds() {
    let mut account = account(3, 2, 6);
    // 1_700_000_000 s is 2023-11-14T22:13:20Z: 23:13 in Berlin.
    for (name, schedule, min, max) in [("night", "cron(30 23 * * ? *)", 0, 0), ("day", "cron(0 7 * * ? *)", 2, 6)] {
        let bounds = json!({"MinCapacity": min, "MaxCapacity": max});
        let input = json!({"ScheduledActionName": name, "Schedule": schedule, "Timezone": "Europe/Berlin", "ScalableTargetAction": bounds});
        account.call("PutScheduledAction", with(input)).unwrap();
    }
    let key = RecordKey::of::<ScalableTarget>("us-east-1", RESOURCE);
    let mut ids = crate::Ids::new(1);
    let mut cx = crate::Cx {
        now: account.now,
        region: "us-east-1",
        account: "",
        access_key: "",
        architecture: None,
        ids: &mut ids,
    };
    let asleep = decide(&account.world, &mut cx, &key);
    assert_eq!(asleep.changes, []);
    let night = asleep.look_again_at.unwrap();
    assert_eq!(night, 1_700_001_000_000, "22:30 UTC");
    account.now = night;
    tick(&mut account);
    assert_eq!(desired(&account), 0);
    tick(&mut account);
    assert_eq!(desired(&account), 0);
    account.now = night + 7 * 60 * MINUTE + 30 * MINUTE;
    tick(&mut account);
    assert_eq!(desired(&account), 2, "seven in Berlin");
    // Down over the night: what was missed is not caught up.
    account.now += 20 * 60 * MINUTE;
    tick(&mut account);
    assert_eq!(desired(&account), 2);
    let told = account.call("DescribeScheduledActions", json!({"ServiceNamespace": "ecs"})).unwrap();
    assert_eq!(told["ScheduledActions"].as_array().unwrap().len(), 2);
}

#[test]
fn an_activity_ends_with_the_tasks_or_with_another() {
    let mut account = account(1, 1, 4);
    let (policy, high, _) = tracking(&mut account, "cpu", "ECSServiceAverageCPUUtilization", 60.0, json!({}));
    assert_eq!(raise(&mut account, &policy, &high, 120.0, 60.0), 2);
    tick(&mut account);
    assert_eq!(activities(&mut account, false)[0].0, "InProgress");
    account.call("UpdateService", json!({"cluster": "shop", "service": "web", "desiredCount": 0})).unwrap();
    tick(&mut account);
    assert_eq!(activities(&mut account, false)[0].0, "Overridden");
    account.now += MINUTE;
    assert_eq!(raise(&mut account, &policy, &high, 120.0, 60.0), 2);
    account.now += MINUTE;
    // No task runs here; as many as are wanted is none.
    account.call("RegisterScalableTarget", with(json!({"MinCapacity": 0, "MaxCapacity": 0}))).unwrap();
    tick(&mut account);
    assert_eq!(activities(&mut account, false)[0].0, "Successful");
}

#[test]
fn with_its_target_everything_goes() {
    let mut account = account(1, 1, 4);
    tracking(&mut account, "cpu", "ECSServiceAverageCPUUtilization", 60.0, json!({}));
    let action =
        json!({"ScheduledActionName": "x", "Schedule": "rate(1 hour)", "ScalableTargetAction": {"MinCapacity": 1}});
    account.call("PutScheduledAction", with(action)).unwrap();
    account.call("DeregisterScalableTarget", with(json!({}))).unwrap();
    let words = "ObjectNotFoundException: No scalable target registered for service namespace: ecs, resource ID: \
                 service/shop/web, scalable dimension: ecs:service:DesiredCount";
    assert_eq!(account.refused("DeregisterScalableTarget", with(json!({}))), words);
    for (operation, member) in
        [("DescribeScalingPolicies", "ScalingPolicies"), ("DescribeScheduledActions", "ScheduledActions")]
    {
        assert_eq!(account.call(operation, json!({"ServiceNamespace": "ecs"})).unwrap()[member], json!([]));
    }
}

#[test]
fn what_cannot_be_is_refused() {
    let mut account = account(1, 1, 4);
    let refused = |account: &mut Account, operation: &str, more: Value| account.refused(operation, with(more));
    let other = json!({"ServiceNamespace": "dynamodb", "ResourceId": "table/x", "ScalableDimension": "dynamodb:table:ReadCapacityUnits", "MinCapacity": 1, "MaxCapacity": 2});
    assert!(
        account
            .refused("RegisterScalableTarget", other)
            .starts_with("ValidationException: This platform scales services")
    );
    let gone = json!({"ServiceNamespace": "ecs", "ResourceId": "service/shop/other", "ScalableDimension": "ecs:service:DesiredCount", "MinCapacity": 1, "MaxCapacity": 2});
    assert_eq!(
        account.refused("RegisterScalableTarget", gone),
        "ValidationException: ECS service doesn't exist: service/shop/other"
    );
    assert_eq!(
        refused(&mut account, "RegisterScalableTarget", json!({"MinCapacity": 5})),
        "ValidationException: Maximum capacity cannot be less than minimum capacity"
    );
    let label = json!({"PolicyName": "p", "PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration":
        {"TargetValue": 10.0, "PredefinedMetricSpecification": {"PredefinedMetricType": "ALBRequestCountPerTarget"}}});
    assert_eq!(
        refused(&mut account, "PutScalingPolicy", label),
        "ValidationException: ResourceLabel is required for the predefined metric type ALBRequestCountPerTarget"
    );
    tracking(&mut account, "cpu", "ECSServiceAverageCPUUtilization", 60.0, json!({}));
    let again = json!({"PolicyName": "cpu2", "PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration":
        {"TargetValue": 10.0, "PredefinedMetricSpecification": {"PredefinedMetricType": "ECSServiceAverageCPUUtilization"}}});
    assert!(refused(&mut account, "PutScalingPolicy", again).contains("Only one TargetTrackingScaling policy"));
    let cron =
        json!({"ScheduledActionName": "x", "Schedule": "cron(0 7 * * *)", "ScalableTargetAction": {"MinCapacity": 1}});
    assert_eq!(
        refused(&mut account, "PutScheduledAction", cron),
        "ValidationException: Invalid schedule expression: cron(0 7 * * *): cron has six fields in AWS, this has 5"
    );
}

#[test]
fn alarms_watch_what_aws_watches() {
    let mut account = account(1, 1, 4);
    let label = "app/shop/50dc6c495c0c9188/targetgroup/web/943f017f100becff";
    let config = json!({"TargetValue": 100.0, "PredefinedMetricSpecification": {"PredefinedMetricType": "ALBRequestCountPerTarget", "ResourceLabel": label}});
    let input = with(
        json!({"PolicyName": "alb", "PolicyType": "TargetTrackingScaling", "TargetTrackingScalingPolicyConfiguration": config}),
    );
    account.call("PutScalingPolicy", input).unwrap();
    tracking(&mut account, "cpu", "ECSServiceAverageCPUUtilizationHighResolution", 50.0, json!({}));
    let alarms = |name: &str| {
        let policy: Policy = account.world.records.get("us-east-1", &format!("{RESOURCE}|{name}")).unwrap();
        wanted(&policy)
            .into_iter()
            .map(|one| (one.is_high, one.threshold, one.period, one.periods, one.measure))
            .collect::<Vec<_>>()
    };
    let metric = |namespace: &str, name: &str, statistic: &str, dimensions: &[(&str, &str)]| Measure::Metric {
        namespace: namespace.into(),
        name: name.into(),
        statistic: statistic.into(),
        unit: None,
        dimensions: dimensions.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
    };
    let requests = metric(
        "AWS/ApplicationELB",
        "RequestCountPerTarget",
        "Sum",
        &[("TargetGroup", "targetgroup/web/943f017f100becff"), ("LoadBalancer", "app/shop/50dc6c495c0c9188")],
    );
    assert_eq!(alarms("alb"), [(true, 100.0, 60, 3, requests.clone()), (false, 90.0, 60, 15, requests)]);
    let cpu = metric("AWS/ECS", "CPUUtilization", "Average", &[("ClusterName", "shop"), ("ServiceName", "web")]);
    assert_eq!(alarms("cpu"), [(true, 50.0, 20, 3, cpu.clone()), (false, 45.0, 20, 15, cpu)]);
}

proptest! {
    /// Whatever is measured, the count stays within bounds, goes up on high alarms only and down on low ones only, and
    /// is kept as an activity exactly when it changes.
    #[test]
    fn no_series_of_alarms_leaves_the_bounds(
        start in 1..8_u32, min in 0..4_u32, room in 0..8_u32,
        alarms in prop::collection::vec((any::<bool>(), 0.0..400.0_f64, 0..400_i64), 1..30),
    ) {
        let (max, mut account) = (min + room, account(start, min, min + room));
        let (policy, high, low) = tracking(&mut account, "cpu", "ECSServiceAverageCPUUtilization", 60.0, json!({}));
        let begun = account.world.records.all::<Activity>("us-east-1").count();
        let mut moved = 0;
        for (is_high, value, later) in alarms {
            account.now += later * 1_000;
            let before = desired(&account);
            let (alarm, threshold) = if is_high { (&high, 60.0) } else { (&low, 54.0) };
            let after = raise(&mut account, &policy, alarm, value, threshold);
            prop_assert!((min..=max).contains(&after));
            let is_right = if is_high { after >= before } else { after <= before };
            prop_assert!(is_right, "{} to {}", before, after);
            moved += usize::from(after != before);
        }
        let all: Vec<Activity> = account.world.records.all::<Activity>("us-east-1").collect();
        let scaled = all.iter().filter(|one| !matches!(one.status, Status::NotScaled(_))).count();
        prop_assert_eq!(scaled, begun + moved);
        prop_assert!(all.iter().filter(|one| one.status == Status::InProgress).count() <= 1);
        prop_assert!(all.iter().all(|one| one.region() == "us-east-1"));
    }
}
