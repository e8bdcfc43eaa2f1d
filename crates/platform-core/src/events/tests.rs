//! Rules, from the call to the task.
#![allow(clippy::unwrap_used)]

use aws_model::Service;
use serde_json::{Value, json};

use super::event::seconds;
use super::rule::Rule;
use super::told::{Missed, missed};
use crate::account::{Account, NOW};
use crate::world::{Change, Task, TaskStatus};

/// An account with a cluster and a task definition.
pub(crate) fn account() -> Account {
    let mut account = Account::new();
    account.call("CreateCluster", json!({"clusterName": "main"})).unwrap();
    let containers = json!([{"name": "app", "image": "nginx", "essential": true}]);
    let definition = json!({"family": "job", "containerDefinitions": containers, "networkMode": "awsvpc",
        "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512"});
    account.call_of(Service::Ecs, "RegisterTaskDefinition", definition).unwrap();
    account
}

pub(crate) const CLUSTER: &str = "arn:aws:ecs:us-east-1:123456789012:cluster/main";

/// `EcsParameters` of a target, in either service.
pub(crate) fn parameters() -> Value {
    json!({
        "TaskDefinitionArn": "arn:aws:ecs:us-east-1:123456789012:task-definition/job",
        "TaskCount": 1,
        "LaunchType": "FARGATE",
        "NetworkConfiguration": {"awsvpcConfiguration": {"Subnets": ["subnet-1"], "AssignPublicIp": "DISABLED"}},
    })
}

pub(crate) fn target(more: Value) -> Value {
    let mut target = json!({"Id": "1", "Arn": CLUSTER, "RoleArn": "arn:aws:iam::123456789012:role/r", "EcsParameters": parameters()});
    for (name, value) in more.as_object().unwrap() {
        target[name] = value.clone();
    }
    target
}

fn events(account: &mut Account, name: &str, input: Value) -> Value {
    account.call_of(Service::Events, name, input).unwrap()
}

fn refused(account: &mut Account, name: &str, input: Value) -> String {
    account.call_of(Service::Events, name, input).expect_err(name)
}

fn rule(account: &Account, name: &str) -> Rule {
    account.world.records.get("us-east-1", &format!("default/{name}")).unwrap()
}

fn tasks(account: &Account) -> Vec<Task> {
    let mut tasks: Vec<Task> = account.world.tasks.values().map(|task| (**task).clone()).collect();
    tasks.sort_by_key(|task| task.created_at);
    tasks
}

fn times(account: &Account) -> Vec<String> {
    tasks(account).iter().map(|task| seconds(task.created_at)).collect()
}

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;

/// NOW is 2023-11-14T22:13:20Z.
#[test]
fn a_rule_with_cron_and_a_target_starts_a_task_each_time() {
    let mut account = account();
    let put = json!({"Name": "nightly", "ScheduleExpression": "cron(0 6 * * ? *)", "State": "ENABLED"});
    let reply = events(&mut account, "PutRule", put);
    assert_eq!(reply, json!({"RuleArn": "arn:aws:events:us-east-1:123456789012:rule/nightly"}));
    let over = r#"{"containerOverrides": [{"name": "app", "command": ["rake"]}], "not": "ours"}"#;
    let put = json!({"Rule": "nightly", "Targets": [target(json!({"Input": over}))]});
    assert_eq!(events(&mut account, "PutTargets", put)["FailedEntryCount"], 0);
    account.run_to(NOW + 3 * DAY);
    assert_eq!(times(&account), ["2023-11-15T06:00:00Z", "2023-11-16T06:00:00Z", "2023-11-17T06:00:00Z"]);
    let task = &tasks(&account)[0];
    assert_eq!(task.started_by.as_deref(), Some("events-rule/nightly"));
    assert_eq!((task.group.as_str(), &task.document["launchType"]), ("family:job", &json!("FARGATE")));
    assert_eq!(task.document["overrides"]["containerOverrides"], json!([{"name": "app", "command": ["rake"]}]));
    let story = rule(&account, "nightly").story;
    assert_eq!((story.fired, story.missed, story.failure), (3, 0, None));
}

#[test]
fn who_started_a_task_is_cut_as_aws_cuts_it() {
    assert_eq!(
        super::tasks::started_by("events-rule", "prd-recommend-batch-event"),
        "events-rule/prd-recommend-batch-even"
    );
    let long = super::tasks::started_by("chronos-schedule", "gold-coast-data-lake-refresh");
    assert_eq!(long, "chronos-schedule/gold-coast-data-lak");
}

#[test]
fn all_that_a_target_says_of_tasks_is_asked_of_ecs() {
    let mut account = account();
    events(&mut account, "PutRule", json!({"Name": "r", "ScheduleExpression": "rate(1 minute)"}));
    let mut target = target(json!({}));
    for (name, value) in [
        ("TaskCount", json!(3)),
        ("Group", json!("crew")),
        ("EnableExecuteCommand", json!(true)),
        ("EnableECSManagedTags", json!(true)),
        ("Tags", json!([{"Key": "a", "Value": "b"}])),
        ("PlatformVersion", json!("1.4.0")),
        ("PropagateTags", json!("TASK_DEFINITION")),
    ] {
        target["EcsParameters"][name] = value;
    }
    events(&mut account, "PutTargets", json!({"Rule": "r", "Targets": [target]}));
    account.run_to(NOW + MINUTE);
    let tasks = tasks(&account);
    assert_eq!(tasks.len(), 3);
    assert_eq!((tasks[0].group.as_str(), &tasks[0].document["enableExecuteCommand"]), ("crew", &json!(true)));
    assert_eq!(tasks[0].tags[0], json!({"key": "a", "value": "b"}));
    assert_eq!(tasks[0].tags.len(), 2);
}

#[test]
fn a_rate_counts_from_the_last_change_and_a_rule_that_is_off_is_still() {
    let mut account = account();
    let put = json!({"Name": "r", "ScheduleExpression": "rate(5 minutes)"});
    events(&mut account, "PutRule", put.clone());
    events(&mut account, "PutTargets", json!({"Rule": "r", "Targets": [target(json!({}))]}));
    account.run_to(NOW + 4 * MINUTE);
    assert_eq!(tasks(&account).len(), 0);
    events(&mut account, "PutRule", put);
    account.run_to(NOW + 8 * MINUTE);
    assert_eq!(tasks(&account).len(), 0);
    account.run_to(NOW + 9 * MINUTE);
    assert_eq!(tasks(&account).len(), 1);
    events(&mut account, "DisableRule", json!({"Name": "r"}));
    account.run_to(NOW + 60 * MINUTE);
    assert_eq!(tasks(&account).len(), 1);
    assert_eq!(events(&mut account, "DescribeRule", json!({"Name": "r"}))["State"], "DISABLED");
    events(&mut account, "EnableRule", json!({"Name": "r"}));
    account.run_to(NOW + 65 * MINUTE);
    assert_eq!(tasks(&account).len(), 2);
}

#[test]
fn what_was_missed_is_counted_and_not_caught_up() {
    let mut account = account();
    events(&mut account, "PutRule", json!({"Name": "r", "ScheduleExpression": "rate(1 minute)"}));
    events(&mut account, "PutTargets", json!({"Rule": "r", "Targets": [target(json!({}))]}));
    // The platform was down for an hour and a half minute.
    account.now = NOW + 60 * MINUTE + 30_000;
    account.run_to(account.now);
    assert_eq!(tasks(&account).len(), 1, "the last is half a minute late, which is on time");
    let story = rule(&account, "r").story;
    assert_eq!((story.fired, story.missed, story.missed_at), (1, 59, Some(NOW + 59 * MINUTE)));
    events(&mut account, "PutRule", json!({"Name": "r", "ScheduleExpression": "rate(1 day)"}));
    account.run_to(account.now);
    account.now += 3 * DAY + 2 * MINUTE;
    account.run_to(account.now);
    let story = rule(&account, "r").story;
    assert_eq!((story.fired, story.missed, tasks(&account).len()), (1, 62, 1));
    account.run_to(account.now + DAY);
    assert_eq!(tasks(&account).len(), 2);
    // The operator hears of what is counted as it is counted, and of nothing else.
    let mut later = rule(&account, "r");
    assert_eq!(missed(&account.world, &Change::put(&later)), None);
    later.story.miss(2, NOW);
    let told = missed(&account.world, &Change::put(&later));
    assert_eq!(told, Some(Missed { name: "r".into(), count: 2, last: NOW }));
}

#[test]
fn what_ecs_refuses_is_kept_as_the_last_failure() {
    let mut account = account();
    events(&mut account, "PutRule", json!({"Name": "r", "ScheduleExpression": "rate(1 minute)"}));
    let nowhere = "arn:aws:ecs:us-east-1:123456789012:cluster/none";
    events(&mut account, "PutTargets", json!({"Rule": "r", "Targets": [target(json!({"Arn": nowhere}))]}));
    account.run_to(NOW + MINUTE);
    let failure = rule(&account, "r").story.failure.unwrap();
    assert_eq!((failure.at, failure.target.as_str(), failure.again), (NOW + MINUTE, nowhere, false));
    assert_eq!(failure.error, "ClusterNotFoundException: Cluster not found.");
    // It goes on, and the failure stays until another one.
    events(&mut account, "PutTargets", json!({"Rule": "r", "Targets": [target(json!({}))]}));
    account.run_to(NOW + 3 * MINUTE);
    assert_eq!((tasks(&account).len(), rule(&account, "r").story.failure), (2, Some(failure)));
}

#[test]
fn a_rule_needs_a_schedule_or_a_pattern_that_is_one() {
    let mut account = account();
    let mut check = |input: Value, words: &str| {
        let said = refused(&mut account, "PutRule", input);
        assert!(said.contains(words), "{said}");
    };
    check(
        json!({"Name": "r"}),
        "ValidationException: Parameter(s) EventPattern or ScheduleExpression must be specified.",
    );
    check(json!({"Name": "r", "ScheduleExpression": "rate(1 minutes)"}), "Parameter ScheduleExpression is not valid.");
    check(
        json!({"Name": "r", "ScheduleExpression": "at(2027-01-01T00:00:00)"}),
        "Parameter ScheduleExpression is not valid.",
    );
    check(
        json!({"Name": "r", "EventPattern": "{}"}),
        "InvalidEventPatternException: Event pattern is not valid. Reason: Empty objects",
    );
    check(
        json!({"Name": "r", "EventPattern": "{\"a\": [1]}", "EventBusName": "no"}),
        "ResourceNotFoundException: Event bus no does not exist.",
    );
    account.call_of(Service::Events, "CreateEventBus", json!({"Name": "own"})).unwrap();
    let input = json!({"Name": "r", "ScheduleExpression": "rate(1 day)", "EventBusName": "own"});
    assert!(refused(&mut account, "PutRule", input).contains("only on the default event bus"));
}

#[test]
fn a_target_that_is_not_here_is_refused_by_name_and_holds_up_no_other() {
    let mut account = account();
    events(&mut account, "PutRule", json!({"Name": "r", "ScheduleExpression": "rate(1 day)"}));
    let queue = json!({"Id": "q", "Arn": "arn:aws:sqs:us-east-1:123456789012:q"});
    let letters = target(json!({"Id": "d", "DeadLetterConfig": {"Arn": "arn:aws:sqs:us-east-1:123456789012:q"}}));
    let reply =
        events(&mut account, "PutTargets", json!({"Rule": "r", "Targets": [queue, letters, target(json!({}))]}));
    assert_eq!(reply["FailedEntryCount"], 2);
    let failed = &reply["FailedEntries"];
    assert_eq!((&failed[0]["TargetId"], &failed[0]["ErrorCode"]), (&json!("q"), &json!("NotImplementedException")));
    assert!(failed[0]["ErrorMessage"].as_str().unwrap().contains("(sqs)"));
    assert!(failed[1]["ErrorMessage"].as_str().unwrap().contains("DeadLetterConfig"));
    let kept = events(&mut account, "ListTargetsByRule", json!({"Rule": "r"}));
    assert_eq!(kept["Targets"], json!([target(json!({}))]));
    let named = events(&mut account, "ListRuleNamesByTarget", json!({"TargetArn": CLUSTER}));
    assert_eq!(named["RuleNames"], json!(["r"]));
    let mut no_role = target(json!({}));
    no_role.as_object_mut().unwrap().shift_remove("RoleArn");
    let said = refused(&mut account, "PutTargets", json!({"Rule": "r", "Targets": [no_role]}));
    assert_eq!(said, format!("ValidationException: RoleArn is required for target {CLUSTER}."));
}

#[test]
fn a_rule_is_deleted_once_its_targets_are_gone_and_lists_and_tags_are_told() {
    let mut account = account();
    let tags = json!([{"Key": "team", "Value": "a"}]);
    events(&mut account, "PutRule", json!({"Name": "r", "ScheduleExpression": "rate(1 day)", "Tags": tags}));
    events(&mut account, "PutTargets", json!({"Rule": "r", "Targets": [target(json!({}))]}));
    let arn = "arn:aws:events:us-east-1:123456789012:rule/r";
    assert_eq!(events(&mut account, "ListTagsForResource", json!({"ResourceARN": arn}))["Tags"], tags);
    events(&mut account, "UntagResource", json!({"ResourceARN": arn, "TagKeys": ["team"]}));
    assert_eq!(events(&mut account, "ListTagsForResource", json!({"ResourceARN": arn}))["Tags"], json!([]));
    assert_eq!(events(&mut account, "ListRules", json!({"NamePrefix": "r"}))["Rules"][0]["Arn"], arn);
    assert!(refused(&mut account, "DeleteRule", json!({"Name": "r", "Force": true})).contains("since it has targets"));
    events(&mut account, "RemoveTargets", json!({"Rule": "r", "Ids": ["1"]}));
    events(&mut account, "DeleteRule", json!({"Name": "r"}));
    events(&mut account, "DeleteRule", json!({"Name": "r"}));
    let said = refused(&mut account, "DescribeRule", json!({"Name": "r"}));
    assert_eq!(said, "ResourceNotFoundException: Rule r does not exist on EventBus default.");
    account.run_to(NOW + 3 * DAY);
    assert_eq!(tasks(&account).len(), 0);
}

#[test]
fn the_default_bus_is_always_there_and_others_are_made() {
    let mut account = account();
    let all = events(&mut account, "ListEventBuses", json!({}));
    assert_eq!(
        all["EventBuses"],
        json!([{"Name": "default", "Arn": "arn:aws:events:us-east-1:123456789012:event-bus/default"}])
    );
    events(&mut account, "CreateEventBus", json!({"Name": "own", "Description": "d"}));
    assert!(
        refused(&mut account, "CreateEventBus", json!({"Name": "own"})).starts_with("ResourceAlreadyExistsException")
    );
    assert!(refused(&mut account, "DeleteEventBus", json!({"Name": "default"})).starts_with("ValidationException"));
    let permit = json!({"Action": "events:PutEvents", "Principal": "210987654321", "StatementId": "s"});
    events(&mut account, "PutPermission", permit);
    let policy = events(&mut account, "DescribeEventBus", json!({}))["Policy"].as_str().unwrap().to_owned();
    assert!(policy.contains("arn:aws:iam::210987654321:root"), "{policy}");
    events(&mut account, "RemovePermission", json!({"StatementId": "s"}));
    assert!(events(&mut account, "DescribeEventBus", json!({})).get("Policy").is_none());
    events(&mut account, "PutRule", json!({"Name": "r", "EventPattern": "{\"a\": [1]}", "EventBusName": "own"}));
    assert!(refused(&mut account, "DeleteEventBus", json!({"Name": "own"})).contains("it has rules"));
    events(&mut account, "DeleteRule", json!({"Name": "r", "EventBusName": "own"}));
    events(&mut account, "DeleteEventBus", json!({"Name": "own"}));
    assert_eq!(events(&mut account, "ListEventBuses", json!({}))["EventBuses"].as_array().unwrap().len(), 1);
}

#[test]
fn an_event_that_is_sent_reaches_the_rules_that_wait_for_it_over_buses_too() {
    let mut account = account();
    events(&mut account, "CreateEventBus", json!({"Name": "own"}));
    let pattern = r#"{"source": ["shop"], "detail": {"sum": [{"numeric": [">", 10]}]}}"#;
    events(&mut account, "PutRule", json!({"Name": "pass", "EventPattern": pattern, "EventBusName": "own"}));
    let bus = json!({"Id": "b", "Arn": "arn:aws:events:us-east-1:123456789012:event-bus/default"});
    events(&mut account, "PutTargets", json!({"Rule": "pass", "EventBusName": "own", "Targets": [bus]}));
    events(&mut account, "PutRule", json!({"Name": "job", "EventPattern": r#"{"source": ["shop"]}"#}));
    let template = json!({"InputPathsMap": {"sum": "$.detail.sum"},
        "InputTemplate": r#"{"containerOverrides": [{"name": "app", "environment": [{"name": "SUM", "value": "<sum>"}]}]}"#});
    let own = target(json!({"InputTransformer": template}));
    events(&mut account, "PutTargets", json!({"Rule": "job", "Targets": [own]}));
    let entry = |sum: i64| json!({"Source": "shop", "DetailType": "Sale", "Detail": json!({"sum": sum}).to_string(), "EventBusName": "own"});
    let malformed = json!({"Source": "shop", "DetailType": "Sale", "Detail": "no"});
    let ours = json!({"Source": "aws.ecs", "DetailType": "Sale", "Detail": "{}"});
    let reply = events(&mut account, "PutEvents", json!({"Entries": [entry(5), entry(50), malformed, ours, {}]}));
    assert_eq!(reply["FailedEntryCount"], 3);
    let codes: Vec<&str> =
        reply["Entries"].as_array().unwrap().iter().filter_map(|entry| entry["ErrorCode"].as_str()).collect();
    assert_eq!(codes, ["MalformedDetail", "NotAuthorizedForSourceException", "InvalidArgument"]);
    account.run_to(NOW);
    let tasks = tasks(&account);
    assert_eq!(tasks.len(), 1);
    let over = &tasks[0].document["overrides"]["containerOverrides"][0]["environment"];
    assert_eq!(*over, json!([{"name": "SUM", "value": "50"}]));
    assert_eq!(account.world.records.keys().filter(|key| key.table == "events.published").count(), 0);
}

#[test]
fn an_event_for_a_log_group_is_a_letter_until_it_is_written_or_given_up() {
    let mut account = account();
    events(&mut account, "PutRule", json!({"Name": "r", "EventPattern": r#"{"source": ["shop"]}"#}));
    let logs = json!({"Id": "l", "Arn": "arn:aws:logs:us-east-1:123456789012:log-group:/aws/events/shop:*",
        "InputPath": "$.detail", "RetryPolicy": {"MaximumRetryAttempts": 1}});
    events(&mut account, "PutTargets", json!({"Rule": "r", "Targets": [logs]}));
    let put = json!({"Entries": [{"Source": "shop", "DetailType": "Sale", "Detail": "{\"a\": 1}"}]});
    events(&mut account, "PutEvents", put.clone());
    account.run_to(NOW);
    let letters = |account: &Account| {
        let keys = account.world.records.keys();
        keys.filter_map(|key| super::letter::due(&account.world, key, account.now)).collect::<Vec<_>>()
    };
    let [letter] = &letters(&account)[..] else { panic!("one letter") };
    assert_eq!((letter.group.as_str(), letter.text.as_str()), ("/aws/events/shop", r#"{"a":1}"#));
    let end = |account: &mut Account, refused: Option<aws_model::AwsError>| {
        let letter = letters(account).remove(0);
        let changes = super::letter::posted(&account.world, &letter.delivery, refused.as_ref(), account.now);
        changes.into_iter().for_each(|change| account.apply(change));
    };
    // Our own fault: once more, and no more.
    end(&mut account, Some(aws_model::AwsError::server("full")));
    assert!(letters(&account).is_empty() && rule(&account, "r").story.failure.unwrap().again);
    account.run_to(NOW + 1000);
    end(&mut account, Some(aws_model::AwsError::server("full")));
    account.run_to(NOW + DAY);
    assert!(letters(&account).is_empty() && !rule(&account, "r").story.failure.unwrap().again);
    // A group that is not there is not asked again, and one that is ends it.
    events(&mut account, "PutEvents", put.clone());
    account.run_to(account.now);
    end(&mut account, Some(aws_model::AwsError::new("ResourceNotFoundException", "no group")));
    assert!(!rule(&account, "r").story.failure.unwrap().again);
    events(&mut account, "PutEvents", put);
    account.run_to(account.now);
    end(&mut account, None);
    assert_eq!(account.world.records.keys().filter(|key| key.table == "events.deliveries").count(), 0);
}

#[test]
fn what_happens_to_a_task_is_published_and_a_loop_of_rules_is_no_storm() {
    let mut account = account();
    let pattern = r#"{"source": ["aws.ecs"], "detail-type": ["ECS Task State Change"], "detail": {"lastStatus": ["PROVISIONING"], "clusterArn": ["CLUSTER"]}}"#;
    events(&mut account, "PutRule", json!({"Name": "r", "EventPattern": pattern.replace("CLUSTER", CLUSTER)}));
    events(&mut account, "PutTargets", json!({"Rule": "r", "Targets": [target(json!({}))]}));
    let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-1"]}});
    let run = json!({"cluster": "main", "taskDefinition": "job", "networkConfiguration": network});
    account.call_of(Service::Ecs, "RunTask", run).unwrap();
    account.run_to(NOW + 10_500);
    assert_eq!(tasks(&account).len(), 12, "one that was asked for, and one a second");
}

#[test]
fn a_task_is_told_once_for_each_state_as_the_guide_shows_it() {
    let mut account = account();
    events(&mut account, "PutRule", json!({"Name": "r", "EventPattern": r#"{"source": ["aws.ecs"]}"#}));
    let logs = json!({"Id": "l", "Arn": "arn:aws:logs:us-east-1:123456789012:log-group:g"});
    events(&mut account, "PutTargets", json!({"Rule": "r", "Targets": [logs]}));
    let network = json!({"awsvpcConfiguration": {"subnets": ["subnet-1"]}});
    account
        .call_of(
            Service::Ecs,
            "RunTask",
            json!({"cluster": "main", "taskDefinition": "job", "networkConfiguration": network}),
        )
        .unwrap();
    let mut task = tasks(&account).remove(0);
    for status in [TaskStatus::Pending, TaskStatus::Pending, TaskStatus::Running] {
        task.last_status = status;
        task.version += 1;
        account.apply(Change::Task(task.clone()));
    }
    account.run_to(NOW);
    let keys = account.world.records.keys();
    let letters = keys.filter_map(|key| super::letter::due(&account.world, key, NOW));
    let mut told: Vec<Value> = letters.map(|letter| serde_json::from_str(&letter.text).unwrap()).collect();
    told.sort_by_key(|event| event["detail"]["version"].as_u64());
    let states: Vec<&Value> = told.iter().map(|event| &event["detail"]["lastStatus"]).collect();
    assert_eq!(states, ["PROVISIONING", "PENDING", "RUNNING"]);
    let event = &told[0];
    assert_eq!(event["resources"], json!([task.arn]));
    assert_eq!(event["detail-type"], "ECS Task State Change");
    assert_eq!(event["detail"]["createdAt"], "2023-11-14T22:13:20.000Z");
    assert_eq!(event["detail"]["clusterArn"], CLUSTER);
    assert!(event["detail"].get("tags").is_none());
}
