//! Schedules of EventBridge Scheduler: which zones know, and rules of EventBridge do not.
//!
//! UpdateSchedule replaces a schedule whole (API reference), so that what is there is said again, whatever its origin:
//! windows, start and end, a key, dead letters. What belongs to the manifest is changed in it, and nothing else.
//!
//! One that takes the place of a rule, or a rule that takes the place of one, is made asleep beside the other, which is
//! taken away, and only then wakes: at no instant do both fire ([`super::schedule_calls`]). A deploy that is cut off in between leaves one that sleeps and says [`MOVING`]: the
//! next deploy wakes it.

use aws_model::Document;
use serde_json::{Value, json};

use super::schedule::{changed, made, retried, say, says, settled, state, target_of, unsaid};
use super::service::{short, shown};
use super::{Action, Mark, ObservedSchedule, Step};
use crate::desired::ScheduleDoc;
use crate::diff::Difference;

/// Description of a rule or schedule that is about to take the place of another one, and is still asleep. Not what a
/// [`super::token`] begins with.
pub const MOVING: &str = "takes the place of the one of this name for managr, and is enabled once that is gone";

/// What GetSchedule answers and no request has.
const COMPUTED: [&str; 3] = ["Arn", "CreationDate", "LastModificationDate"];

/// Returns the words by which a schedule is named to EventBridge Scheduler.
pub(super) fn named(schedule: &ScheduleDoc) -> Document {
    let mut named = Document::new();
    named.insert("Name".to_owned(), schedule.rule.as_str().into());
    named.insert("GroupName".to_owned(), schedule.group().into());
    named
}

/// Returns whether a schedule starts tasks by EventBridge's own words for that: whatever else it does is not ours.
pub(super) fn starts_tasks(scheduled: &Document) -> bool {
    target_of(scheduled).is_some_and(|target| target.contains_key("EcsParameters"))
}

/// Returns a request that says all of a schedule again.
pub fn said_again(scheduled: &Document) -> Document {
    scheduled
        .iter()
        .filter(|(name, value)| !COMPUTED.contains(&name.as_str()) && !value.is_null())
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// Returns the step that makes a schedule run a revision; none if it does already. `rule` is the rule of the same name.
pub(super) fn step(
    schedule: &ScheduleDoc,
    cluster_arn: &str,
    revision: &str,
    seen: Option<&Document>,
    rule: Option<&ObservedSchedule>,
) -> Option<Step> {
    let mut changes = Vec::new();
    let mut change = |name: &str, before: Option<&Value>, after: Value| changes.extend(changed(name, before, after));
    let leaves = rule.filter(|rule| rule.target.is_some());
    if leaves.is_some() {
        change("via", Some(&"rule".into()), "scheduler".into());
    }
    let mut request = seen.map_or_else(|| named(schedule), said_again);
    let member = |name: &str| seen.or(leaves.map(|leaves| &leaves.rule)).and_then(|known| known.get(name)).cloned();
    change("schedule", member("ScheduleExpression").as_ref(), schedule.expression.as_str().into());
    let zone = if seen.is_some() { member("ScheduleExpressionTimezone") } else { None };
    // UTC is no news in one that is new, or that was a rule.
    if seen.is_some() || schedule.timezone.is_some() {
        let zone = zone.or_else(|| seen.or(leaves.map(|leaves| &leaves.rule)).map(|_| "UTC".into()));
        change("timezone", zone.as_ref(), schedule.zone().into());
    }
    let (enabled, described) = settled(schedule, seen, leaves.map(|leaves| &leaves.rule));
    if let Some(enabled) = enabled {
        let known = seen.or(leaves.map(|leaves| &leaves.rule));
        let before = known.map(|known| known.get("State").cloned().unwrap_or_else(|| "ENABLED".into()));
        change("state", before.as_ref(), state(enabled).into());
        request.insert("State".to_owned(), state(enabled).into());
    }
    if let Some(described) = described {
        // An empty one is none: "Length Constraints: Minimum length of 0" is of a member that is there.
        request.shift_remove("Description");
        if !described.is_empty() {
            request.insert("Description".to_owned(), described.into());
        }
    }
    request.insert("ScheduleExpression".to_owned(), schedule.expression.as_str().into());
    request.insert("ScheduleExpressionTimezone".to_owned(), schedule.zone().into());
    request.entry("FlexibleTimeWindow").or_insert_with(|| json!({ "Mode": "OFF" }));
    let mut target = match seen.and_then(target_of) {
        Some(target) => {
            let mut target = target.clone();
            let before = running(&target).map(short).map(Value::from);
            change("taskDefinition", before.as_ref(), shown(revision).into());
            let parameters = target.entry("EcsParameters").or_insert_with(|| json!({})).as_object_mut();
            if let Some(parameters) = parameters {
                parameters.insert("TaskDefinitionArn".to_owned(), revision.into());
            }
            if schedule.service.is_some() && !says(&target, &schedule.overrides) {
                let before = target.get("Input").cloned();
                change("overrides", before.as_ref(), super::schedule::input(&schedule.overrides));
                say(&mut target, &schedule.overrides);
            }
            target
        }
        None => {
            let leaving = leaves.and_then(|leaves| leaves.target.as_ref());
            let before = leaving.and_then(running).map(short).map(Value::from);
            change("taskDefinition", before.as_ref(), shown(revision).into());
            if let Some(before) = unsaid(schedule, leaving) {
                change("overrides", before.as_ref(), super::schedule::input(&schedule.overrides));
            }
            made(schedule, cluster_arn, revision, leaving)
        }
    };
    if let Some((before, after)) = retried(&mut target, schedule.retries) {
        change("retries", before.as_ref(), after);
    }
    request.insert("Target".to_owned(), Value::Object(target));
    if changes.is_empty() {
        return None;
    }
    let id = |leaves: &ObservedSchedule| Some(leaves.target.as_ref()?.get("Id")?.as_str()?.to_owned());
    Some(Step {
        mark: if seen.is_some() || leaves.is_some() { Mark::Update } else { Mark::Create },
        kind: "schedule".to_owned(),
        name: schedule.rule.clone(),
        detail: String::new(),
        difference: Difference { changes, unchanged: Vec::new() },
        risks: Vec::new(),
        action: Action::SetSchedule { request, is_there: seen.is_some(), replaces: leaves.and_then(id) },
    })
}

/// Returns the task definition that a target starts.
pub(super) fn running(target: &Document) -> Option<&str> {
    target.get("EcsParameters")?.get("TaskDefinitionArn")?.as_str()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Via;

    fn object(value: Value) -> Document {
        value.as_object().cloned().unwrap()
    }

    fn schedule() -> ScheduleDoc {
        ScheduleDoc {
            name: "tick".into(),
            rule: "app-tick-prod".into(),
            family: "app-tick".into(),
            expression: "cron(0 6 * * ? *)".into(),
            via: Via::Scheduler,
            timezone: Some("Europe/Berlin".into()),
            group: None,
            retries: None,
            enabled: None,
            container: "tick".into(),
            role: "arn:role".into(),
            network: json!({"awsvpcConfiguration": {"subnets": ["s"], "assignPublicIp": "DISABLED"}}),
            service: None,
            overrides: Document::new(),
        }
    }

    fn rule(state: &str) -> ObservedSchedule {
        ObservedSchedule {
            rule: object(json!({"Name": "app-tick-prod", "ScheduleExpression": "cron(0 6 * * ? *)", "State": state,
                "Description": "their words"})),
            target: Some(object(json!({"Id": "theirs", "RoleArn": "arn:old", "Input": "{}",
                "EcsParameters": {"TaskDefinitionArn": "td:1", "Group": "g"}}))),
        }
    }

    fn done(step: Option<Step>) -> (Document, bool, Option<String>, String) {
        let Some(Step { action: Action::SetSchedule { request, is_there, replaces }, difference, .. }) = step else {
            panic!("{step:?}")
        };
        let changed: Vec<String> = difference.changes.iter().map(|change| change.path.join(".")).collect();
        (request, is_there, replaces, changed.join(" "))
    }

    #[test]
    fn a_new_one_says_its_zone_and_no_window() {
        let (request, is_there, replaces, _) = done(step(&schedule(), "arn:c", "td:1", None, None));
        assert_eq!((is_there, replaces), (false, None));
        let expected = json!({
            "Name": "app-tick-prod", "GroupName": "default", "ScheduleExpression": "cron(0 6 * * ? *)",
            "ScheduleExpressionTimezone": "Europe/Berlin", "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {"Arn": "arn:c", "RoleArn": "arn:role", "EcsParameters": {"TaskDefinitionArn": "td:1",
                "TaskCount": 1, "LaunchType": "FARGATE",
                "NetworkConfiguration": {"awsvpcConfiguration": {"Subnets": ["s"], "AssignPublicIp": "DISABLED"}}}}});
        assert_eq!(Value::Object(request), expected);
    }

    #[test]
    fn what_is_there_is_said_again_whole_and_only_what_differs_is_changed() {
        let (mut seen, ..) = done(step(&schedule(), "arn:c", "td:1", None, None));
        let theirs = json!({"Arn": "arn:s", "CreationDate": 1.5, "EndDate": 9.0, "KmsKeyArn": "k", "State": "DISABLED",
            "FlexibleTimeWindow": {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 5}});
        seen.extend(object(theirs));
        seen["Target"]["DeadLetterConfig"] = json!({"Arn": "queue"});
        assert_eq!(step(&schedule(), "arn:c", "td:1", Some(&seen), None), None);
        let later = ScheduleDoc { timezone: None, retries: Some(3), ..schedule() };
        let (request, is_there, replaces, changed) = done(step(&later, "arn:c", "td:2", Some(&seen), None));
        assert_eq!((is_there, replaces, changed.as_str()), (true, None, "timezone taskDefinition retries"));
        let mut expected = seen.clone();
        expected.retain(|name, _| !["Arn", "CreationDate"].contains(&name.as_str()));
        expected["ScheduleExpressionTimezone"] = "UTC".into();
        expected["Target"]["EcsParameters"]["TaskDefinitionArn"] = "td:2".into();
        expected["Target"]["RetryPolicy"] = json!({"MaximumRetryAttempts": 3});
        assert_eq!(request, expected);
    }

    #[test]
    fn one_that_takes_the_place_of_a_rule_keeps_what_that_has() {
        for state in ["ENABLED", "DISABLED"] {
            let (request, is_there, replaces, changed) =
                done(step(&schedule(), "arn:c", "td:1", None, Some(&rule(state))));
            assert_eq!((is_there, replaces.as_deref()), (false, Some("theirs")));
            assert_eq!(changed, "via timezone");
            assert_eq!((&request["State"], &request["Description"]), (&json!(state), &json!("their words")));
            let target = json!({"Arn": "arn:c", "RoleArn": "arn:role", "Input": "{}",
                "EcsParameters": {"TaskDefinitionArn": "td:1", "Group": "g"}});
            assert_eq!(request["Target"], target);
        }
        // Without a task to start, it is not managr's to take away.
        let other = ObservedSchedule { target: None, ..rule("ENABLED") };
        assert_eq!(done(step(&schedule(), "arn:c", "td:1", None, Some(&other))).2, None);
    }

    #[test]
    fn one_that_a_deploy_left_asleep_is_woken_by_the_next() {
        let (mut seen, ..) = done(step(&schedule(), "arn:c", "td:1", None, None));
        seen.extend(object(json!({"State": "DISABLED", "Description": MOVING})));
        let (request, _, replaces, changed) = done(step(&schedule(), "arn:c", "td:1", Some(&seen), None));
        assert_eq!((replaces, changed.as_str()), (None, "state"));
        assert_eq!((&request["State"], request.get("Description")), (&json!("ENABLED"), None));
        // Or the rule is still there: it is what tells whether it fires.
        let (request, _, replaces, _) = done(step(&schedule(), "arn:c", "td:1", Some(&seen), Some(&rule("DISABLED"))));
        assert_eq!((&request["State"], replaces.as_deref()), (&json!("DISABLED"), Some("theirs")));
        let off = ScheduleDoc { enabled: Some(false), ..schedule() };
        assert_eq!(step(&off, "arn:c", "td:1", Some(&seen), None), None);
    }

    #[test]
    fn a_rule_takes_the_place_of_a_schedule_in_the_same_way() {
        let (mut seen, ..) = done(step(&schedule(), "arn:c", "td:1", None, None));
        seen.insert("State".into(), "DISABLED".into());
        let back = ScheduleDoc { via: Via::Rule, timezone: None, ..schedule() };
        let found = super::super::schedule::step(&back, "arn:c", "td:1", None, Some(&seen));
        let Some(Step { action: Action::PutSchedule { rule, target, replaces }, difference, .. }) = found else {
            panic!("a step")
        };
        assert_eq!(replaces, Some(object(json!({"Name": "app-tick-prod", "GroupName": "default"}))));
        assert_eq!(
            (&rule["State"], &target["Id"], &target["RoleArn"]),
            (&json!("DISABLED"), &json!("managr"), &json!("arn:role"))
        );
        let changed: Vec<String> = difference.changes.iter().map(|change| change.path.join(".")).collect();
        assert_eq!(changed.join(" "), "via timezone");
        // What calls another operation of AWS is not ours.
        seen["Target"] = json!({"Arn": "arn:aws:scheduler:::aws-sdk:ecs:runTask", "Input": "{}"});
        let there = ObservedSchedule {
            target: Some(object(json!({"Id": "a", "EcsParameters": {"TaskDefinitionArn": "td:1"}}))),
            rule: object(json!({"ScheduleExpression": "cron(0 6 * * ? *)"})),
        };
        assert_eq!(super::super::schedule::step(&back, "arn:c", "td:1", Some(&there), Some(&seen)), None);
    }
}
