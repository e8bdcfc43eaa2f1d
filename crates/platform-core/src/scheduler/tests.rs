//! Schedules, from the call to the task.
#![allow(clippy::unwrap_used)]

use aws_model::Service;
use serde_json::{Value, json};

use super::Schedule;
use crate::account::{Account, NOW};
use crate::events::event::seconds;
use crate::events::tests::{CLUSTER, account, parameters};

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

fn call(account: &mut Account, name: &str, input: Value) -> Value {
    account.call_of(Service::Scheduler, name, input).unwrap()
}

fn refused(account: &mut Account, name: &str, input: Value) -> String {
    account.call_of(Service::Scheduler, name, input).expect_err(name)
}

fn schedule(expression: &str, more: Value) -> Value {
    let target = json!({"Arn": CLUSTER, "RoleArn": "arn:aws:iam::123456789012:role/r", "EcsParameters": parameters()});
    let mut input =
        json!({"Name": "s", "ScheduleExpression": expression, "Target": target, "FlexibleTimeWindow": {"Mode": "OFF"}});
    for (name, value) in more.as_object().unwrap() {
        input[name] = value.clone();
    }
    input
}

fn times(account: &Account) -> Vec<String> {
    let mut times: Vec<i64> = account.world.tasks.values().map(|task| task.created_at).collect();
    times.sort_unstable();
    times.into_iter().map(seconds).collect()
}

fn kept(account: &Account) -> Option<Schedule> {
    account.world.records.get("us-east-1", "default/s")
}

#[test]
fn a_schedule_fires_by_its_own_clock_on_the_wall() {
    let mut account = account();
    // New York leaves daylight saving behind on the 5th of November 2023; it is five hours behind then.
    let input = schedule("cron(30 9 ? * TUE-WED *)", json!({"ScheduleExpressionTimezone": "America/New_York"}));
    let reply = call(&mut account, "CreateSchedule", input);
    assert_eq!(reply, json!({"ScheduleArn": "arn:aws:scheduler:us-east-1:123456789012:schedule/default/s"}));
    account.run_to(NOW + 8 * DAY);
    assert_eq!(times(&account), ["2023-11-15T14:30:00Z", "2023-11-21T14:30:00Z", "2023-11-22T14:30:00Z"]);
    let task = account.world.tasks.values().next().unwrap();
    assert_eq!(task.started_by.as_deref(), Some("chronos-schedule/s"));
}

#[test]
fn a_rate_begins_at_once_or_at_its_start_and_ends_with_its_end() {
    let mut account = account();
    call(&mut account, "CreateSchedule", schedule("rate(10 minutes)", json!({})));
    account.run_to(NOW + 25 * MINUTE);
    assert_eq!(times(&account), ["2023-11-14T22:13:20Z", "2023-11-14T22:23:20Z", "2023-11-14T22:33:20Z"]);
    // What is changed is counted from the change.
    call(&mut account, "UpdateSchedule", schedule("rate(1 hour)", json!({})));
    account.run_to(NOW + 85 * MINUTE);
    assert_eq!(times(&account)[3..], ["2023-11-14T23:38:20Z"]);

    let mut account = super::tests::account();
    let (start, end) = (NOW / 1000 + 3600, NOW / 1000 + 3600 + 1200);
    call(&mut account, "CreateSchedule", schedule("rate(10 minutes)", json!({"StartDate": start, "EndDate": end})));
    account.run_to(NOW + DAY);
    assert_eq!(times(&account), ["2023-11-14T23:13:20Z", "2023-11-14T23:23:20Z", "2023-11-14T23:33:20Z"]);
    assert_eq!(kept(&account).unwrap().next, None);
}

#[test]
fn once_is_once_and_what_is_over_may_go() {
    let mut account = account();
    let input = schedule(
        "at(2023-11-15T00:30:00)",
        json!({"ActionAfterCompletion": "DELETE", "ScheduleExpressionTimezone": "Europe/Berlin"}),
    );
    call(&mut account, "CreateSchedule", input);
    assert!(kept(&account).is_some());
    account.run_to(NOW + DAY);
    assert_eq!(times(&account), ["2023-11-14T23:30:00Z"]);
    assert!(kept(&account).is_none());
    assert!(refused(&mut account, "GetSchedule", json!({"Name": "s"})).starts_with("ResourceNotFoundException"));
}

#[test]
fn the_moment_in_a_window_is_chosen_once_and_kept() {
    let mut account = account();
    let window = json!({"FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 30}});
    call(&mut account, "CreateSchedule", schedule("cron(0 * * * ? *)", window));
    let mut seen = Vec::new();
    for hour in 1..20 {
        let planned = kept(&account).unwrap();
        let (time, moment) = (planned.planned.unwrap(), planned.next.unwrap());
        assert!((time..time + 30 * MINUTE).contains(&moment));
        seen.push(moment - time);
        account.run_to(moment);
        assert_eq!(times(&account).len(), hour);
    }
    seen.sort_unstable();
    assert!(seen[15] - seen[3] > 5 * MINUTE, "{seen:?}");
    assert_eq!(kept(&account).unwrap().story.missed, 0);
    // Three hours of no platform: not caught up.
    account.now += 4 * 60 * MINUTE;
    account.run_to(account.now);
    assert!(kept(&account).unwrap().story.missed >= 3 && times(&account).len() <= 20);
}

#[test]
fn the_universal_target_is_the_request_of_run_task() {
    let mut account = account();
    let request = json!({"Cluster": "main", "TaskDefinition": "job", "Count": 2,
        "NetworkConfiguration": {"AwsvpcConfiguration": {"Subnets": ["subnet-1"]}},
        "Overrides": {"ContainerOverrides": [{"Name": "app", "Command": ["at", "<aws.scheduler.scheduled-time>"]}]}});
    let target = json!({"Arn": "arn:aws:scheduler:::aws-sdk:ecs:runTask", "RoleArn": "arn:aws:iam::123456789012:role/r",
        "Input": request.to_string()});
    call(&mut account, "CreateSchedule", schedule("rate(1 day)", json!({"Target": target})));
    account.run_to(NOW);
    let tasks: Vec<_> = account.world.tasks.values().collect();
    assert_eq!(tasks.len(), 2);
    let command = &tasks[0].document["overrides"]["containerOverrides"][0]["command"];
    assert_eq!(*command, json!(["at", "2023-11-14T22:13:20Z"]));
}

#[test]
fn what_a_schedule_cannot_have_is_refused_by_name() {
    let mut account = account();
    let target = |arn: &str, more: Value| {
        let mut target = json!({"Arn": arn, "RoleArn": "arn:aws:iam::123456789012:role/r"});
        for (name, value) in more.as_object().unwrap() {
            target[name] = value.clone();
        }
        json!({ "Target": target })
    };
    let dead =
        json!({"EcsParameters": parameters(), "DeadLetterConfig": {"Arn": "arn:aws:sqs:us-east-1:123456789012:q"}});
    let cases = [
        ("rate(1 minutes)", json!({}), "Invalid Schedule Expression rate(1 minutes)."),
        (
            "rate(1 day)",
            json!({"ScheduleExpressionTimezone": "Moon/Sea"}),
            "Invalid Schedule Expression Timezone Moon/Sea.",
        ),
        ("rate(1 day)", json!({"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}}), "MaximumWindowInMinutes is required"),
        ("rate(1 day)", json!({"StartDate": 1, "EndDate": 2}), "cannot be earlier than 5 minutes ago"),
        ("rate(1 day)", target("arn:aws:sqs:us-east-1:123456789012:q", json!({})), "(sqs)"),
        (
            "rate(1 day)",
            target("arn:aws:scheduler:::aws-sdk:sqs:sendMessage", json!({"Input": "{}"})),
            "sqs:sendMessage",
        ),
        ("rate(1 day)", target(CLUSTER, json!({})), "EcsParameters is required"),
        ("rate(1 day)", target(CLUSTER, dead), "DeadLetterConfig"),
        ("rate(1 day)", json!({"GroupName": "none"}), "ResourceNotFoundException: Schedule group none does not exist."),
    ];
    for (expression, more, words) in cases {
        let said = refused(&mut account, "CreateSchedule", schedule(expression, more));
        assert!(said.contains(words), "{said}");
    }
}

#[test]
fn groups_hold_schedules_and_take_them_along() {
    let mut account = account();
    call(&mut account, "CreateScheduleGroup", json!({"Name": "g", "Tags": [{"Key": "a", "Value": "b"}]}));
    assert!(refused(&mut account, "CreateScheduleGroup", json!({"Name": "default"})).starts_with("ConflictException"));
    let arn = "arn:aws:scheduler:us-east-1:123456789012:schedule-group/g";
    assert_eq!(
        call(&mut account, "ListTagsForResource", json!({"ResourceArn": arn}))["Tags"],
        json!([{"Key": "a", "Value": "b"}])
    );
    let token = json!({"GroupName": "g", "ClientToken": "t", "State": "DISABLED", "Description": "old"});
    let first = call(&mut account, "CreateSchedule", schedule("rate(1 day)", token.clone()));
    assert_eq!(first, call(&mut account, "CreateSchedule", schedule("rate(1 day)", token)), "the same call again");
    let again = schedule("rate(1 day)", json!({"GroupName": "g"}));
    assert!(refused(&mut account, "CreateSchedule", again.clone()).starts_with("ConflictException"));
    let got = call(&mut account, "GetSchedule", json!({"Name": "s", "GroupName": "g"}));
    assert_eq!(
        (&got["State"], &got["Target"]["RetryPolicy"]["MaximumRetryAttempts"]),
        (&json!("DISABLED"), &json!(185))
    );
    // UpdateSchedule replaces: what is not said again is the default.
    call(&mut account, "UpdateSchedule", again);
    let got = call(&mut account, "GetSchedule", json!({"Name": "s", "GroupName": "g"}));
    assert!(got["State"] == "ENABLED" && got.get("Description").is_none());
    let listed = call(&mut account, "ListSchedules", json!({"GroupName": "g", "State": "ENABLED"}));
    assert_eq!(listed["Schedules"][0]["Target"], json!({"Arn": CLUSTER}));
    assert_eq!(call(&mut account, "ListScheduleGroups", json!({}))["ScheduleGroups"].as_array().unwrap().len(), 2);
    call(&mut account, "DeleteScheduleGroup", json!({"Name": "g"}));
    assert_eq!(call(&mut account, "ListSchedules", json!({}))["Schedules"], json!([]));
    account.run_to(NOW + 3 * DAY);
    assert!(times(&account).is_empty());
}
