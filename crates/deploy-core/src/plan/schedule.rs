//! Schedules: an EventBridge rule that starts a task, changed only where it must be.
//!
//! A change of what fires it makes the one and takes the other away, and never lets both fire: see [`scheduler`].
//!
//! What a target says over the task that it starts is the manifest's if the task is a service's: then it is the whole
//! schedule. A target that starts a task of its own keeps what it has.

use aws_model::Document;
use serde_json::{Value, json};

use super::scheduler::{self, MOVING};
use super::service::{short, shown};
use super::{Action, Mark, ObservedSchedule, Step};
use crate::desired::ScheduleDoc;
use crate::diff::{Change, Difference};

/// What a target is called that a deploy makes.
pub const TARGET_ID: &str = "managr";

/// Returns whether a target names its family without a revision: it starts whatever is the newest.
pub(super) fn follows(running: Option<&str>, family: &str) -> bool {
    running.is_some_and(|running| short(running) == family)
}

/// Returns the change of a member, if it changes; null is one that is not there afterwards.
pub(super) fn changed(name: &str, before: Option<&Value>, after: Value) -> Option<Change> {
    let changes = before != Some(&after);
    let after = Some(after).filter(|after| !after.is_null());
    changes.then(|| Change { path: vec![name.to_owned()], before: before.cloned(), after })
}

/// Returns the step that makes a schedule run a revision; none if it does already.
///
/// A target that is there keeps whatever it has (its role, dead letter queue, the input of a task of its own): only
/// the revision changes, and what is said over a service's task.
pub(super) fn step(
    schedule: &ScheduleDoc,
    cluster_arn: &str,
    revision: &str,
    seen: Option<&ObservedSchedule>,
    scheduled: Option<&Document>,
) -> Option<Step> {
    let mut changes = Vec::new();
    let mut change = |name: &str, before: Option<&Value>, after: Value| changes.extend(changed(name, before, after));
    let leaves = scheduled.filter(|scheduled| scheduler::starts_tasks(scheduled));
    if let Some(leaves) = leaves {
        change("via", Some(&"scheduler".into()), "rule".into());
        if let Some(zone) = leaves.get("ScheduleExpressionTimezone").filter(|zone| *zone != "UTC") {
            change("timezone", Some(zone), "UTC".into());
        }
    }
    let (enabled, described) = settled(schedule, seen.map(|seen| &seen.rule), leaves);
    let member = |name: &str| seen.and_then(|seen| seen.rule.get(name));
    let known = seen.map(|seen| &seen.rule).or(leaves);
    let before = known.and_then(|known| known.get("ScheduleExpression"));
    change("schedule", before, schedule.expression.as_str().into());
    if let Some(enabled) = enabled {
        let before = known.map(|known| known.get("State").cloned().unwrap_or_else(|| "ENABLED".into()));
        change("state", before.as_ref(), state(enabled).into());
    }
    let mut target = match seen.and_then(|seen| seen.target.as_ref()) {
        Some(target) => {
            let mut target = target.clone();
            let before = target.get("EcsParameters").and_then(|ecs| ecs.get("TaskDefinitionArn"));
            let before = before.and_then(Value::as_str).map(short).map(Value::from);
            change("taskDefinition", before.as_ref(), shown(revision).into());
            if let Some(ecs) = target.get_mut("EcsParameters").and_then(Value::as_object_mut) {
                ecs.insert("TaskDefinitionArn".to_owned(), revision.into());
            }
            if schedule.service.is_some() && !says(&target, &schedule.overrides) {
                let before = target.get("Input").cloned();
                change("overrides", before.as_ref(), input(&schedule.overrides));
                say(&mut target, &schedule.overrides);
            }
            target
        }
        None => {
            let before = leaves.and_then(|leaves| target_of(leaves)?.get("EcsParameters")?.get("TaskDefinitionArn"));
            let before = before.and_then(Value::as_str).map(short).map(Value::from);
            change("taskDefinition", before.as_ref(), shown(revision).into());
            let mut target = made(schedule, cluster_arn, revision, leaves.and_then(target_of));
            target.insert("Id".to_owned(), TARGET_ID.into());
            if let Some(before) = unsaid(schedule, leaves.and_then(target_of)) {
                change("overrides", before.as_ref(), input(&schedule.overrides));
            }
            target
        }
    };
    if let Some((before, after)) = retried(&mut target, schedule.retries) {
        change("retries", before.as_ref(), after);
    }
    if changes.is_empty() {
        return None;
    }
    let mut rule = Document::new();
    rule.insert("Name".to_owned(), schedule.rule.as_str().into());
    rule.insert("ScheduleExpression".to_owned(), schedule.expression.as_str().into());
    // PutRule replaces a rule whole: what is not said again is lost (API reference).
    for name in ["Description", "State", "RoleArn", "EventBusName"] {
        if let Some(value) = member(name) {
            rule.insert(name.to_owned(), value.clone());
        }
    }
    if let Some(enabled) = enabled {
        rule.insert("State".to_owned(), state(enabled).into());
    }
    if let Some(described) = described {
        rule.insert("Description".to_owned(), described.into());
    }
    let replaces = leaves.map(|_| scheduler::named(schedule));
    Some(Step {
        mark: if seen.is_some() || leaves.is_some() { Mark::Update } else { Mark::Create },
        kind: "schedule".to_owned(),
        name: schedule.rule.clone(),
        detail: String::new(),
        difference: Difference { changes, unchanged: Vec::new() },
        risks: Vec::new(),
        action: Action::PutSchedule { rule, target, replaces },
    })
}

/// Returns the target of a schedule that does not exist yet: with what the one has that it takes the place of,
/// whichever service that is of.
pub(super) fn made(schedule: &ScheduleDoc, cluster_arn: &str, revision: &str, leaves: Option<&Document>) -> Document {
    let network = &schedule.network["awsvpcConfiguration"];
    let mut vpc = json!({ "Subnets": network["subnets"], "AssignPublicIp": network["assignPublicIp"] });
    if let Some(groups) = network.get("securityGroups") {
        vpc["SecurityGroups"] = groups.clone();
    }
    let mut target = json!({
        "Arn": cluster_arn,
        "RoleArn": schedule.role,
        "EcsParameters": {
            "TaskDefinitionArn": revision, "TaskCount": 1, "LaunchType": "FARGATE",
            "NetworkConfiguration": { "awsvpcConfiguration": vpc },
        },
    });
    for member in ["EcsParameters", "Input", "DeadLetterConfig", "RetryPolicy"] {
        if let Some(value) = leaves.and_then(|leaves| leaves.get(member)) {
            target[member] = value.clone();
        }
    }
    target["EcsParameters"]["TaskDefinitionArn"] = revision.into();
    let mut target = target.as_object().cloned().unwrap_or_default();
    if schedule.service.is_some() || leaves.is_none() {
        say(&mut target, &schedule.overrides);
    }
    target
}

/// Returns what a target says that is left, if the new one says something else over a service's task.
pub(super) fn unsaid(schedule: &ScheduleDoc, leaves: Option<&Document>) -> Option<Option<Value>> {
    let before = leaves.and_then(|leaves| leaves.get("Input").cloned());
    match leaves {
        Some(leaves) if schedule.service.is_none() || says(leaves, &schedule.overrides) => None,
        None if schedule.overrides.is_empty() => None,
        _ => Some(before),
    }
}

/// Says overrides in a target; a target has one of the three (API reference, Target).
pub(super) fn say(target: &mut Document, overrides: &Document) {
    for member in ["Input", "InputPath", "InputTransformer"] {
        target.shift_remove(member);
    }
    if !overrides.is_empty() {
        target.insert("Input".to_owned(), input(overrides));
    }
}

/// Says in a target how often a start is tried again, if that is said and another number; returns both numbers then.
pub(super) fn retried(target: &mut Document, retries: Option<u32>) -> Option<(Option<Value>, Value)> {
    let wanted = Value::from(retries?);
    let policy = target.entry("RetryPolicy").or_insert_with(|| json!({})).as_object_mut()?;
    let before = policy.get("MaximumRetryAttempts").cloned();
    if before.as_ref() == Some(&wanted) {
        return None;
    }
    policy.insert("MaximumRetryAttempts".to_owned(), wanted.clone());
    Some((before, wanted))
}

/// Returns the target of a schedule of EventBridge Scheduler.
pub(super) fn target_of(scheduled: &Document) -> Option<&Document> {
    scheduled.get("Target")?.as_object()
}

/// Returns whether it is to fire, if that must be said, and its description, if that must change: as the manifest says,
/// or as the one does whose place it takes. One that was made to take a place and was not enabled yet, because the
/// deploy was cut off, is enabled now.
pub(super) fn settled(
    schedule: &ScheduleDoc,
    seen: Option<&Document>,
    leaves: Option<&Document>,
) -> (Option<bool>, Option<String>) {
    let was_moving = seen.is_some_and(|seen| seen.get("Description").is_some_and(|said| said == MOVING));
    let of_leaving = leaves.map(|leaves| leaves.get("State").is_none_or(|state| state == "ENABLED"));
    let enabled = schedule.enabled.or(of_leaving).or(was_moving.then_some(true));
    let said = leaves.and_then(|leaves| leaves.get("Description")?.as_str());
    let described = said.filter(|said| *said != MOVING).map(str::to_owned);
    (enabled, described.or(was_moving.then(String::new)))
}

/// Returns overrides as a target's `Input` holds them: JSON as text.
pub(super) fn input(overrides: &Document) -> Value {
    if overrides.is_empty() { Value::Null } else { Value::Object(overrides.clone()).to_string().into() }
}

/// Returns whether a target says these overrides, in whatever order.
pub(super) fn says(target: &Document, overrides: &Document) -> bool {
    if ["InputPath", "InputTransformer"].iter().any(|member| target.get(*member).is_some_and(|value| !value.is_null()))
    {
        return false;
    }
    let said = match target.get("Input") {
        None | Some(Value::Null) => Document::new(),
        Some(Value::String(text)) => match serde_json::from_str(text) {
            Ok(Value::Object(said)) => said,
            _ => return false,
        },
        Some(_) => return false,
    };
    same_overrides(&said, overrides)
}

/// Returns whether two `TaskOverride`s say the same, in whatever order.
pub fn same_overrides(a: &Document, b: &Document) -> bool {
    in_order(a) == in_order(b)
}

/// Returns overrides with lists sorted whose order means nothing, and without what is empty.
fn in_order(overrides: &Document) -> Value {
    fn sort(list: Option<&mut Value>) {
        if let Some(Value::Array(items)) = list {
            items.sort_by_key(|item| item.get("name").map(ToString::to_string));
        }
    }
    let mut all = overrides.clone();
    for container in all.get_mut("containerOverrides").and_then(Value::as_array_mut).into_iter().flatten() {
        sort(container.get_mut("environment"));
        if let Value::Object(members) = container {
            members.retain(|_, value| value.as_array().is_none_or(|items| !items.is_empty()));
        }
    }
    sort(all.get_mut("containerOverrides"));
    all.retain(|_, value| value.as_array().is_none_or(|items| !items.is_empty()));
    let mut all = Value::Object(all);
    all.sort_all_objects();
    all
}

pub(super) fn state(enabled: bool) -> &'static str {
    if enabled { "ENABLED" } else { "DISABLED" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::Via;

    fn step(doc: &ScheduleDoc, cluster: &str, revision: &str, seen: Option<&ObservedSchedule>) -> Option<Step> {
        super::step(doc, cluster, revision, seen, None)
    }

    fn schedule() -> ScheduleDoc {
        ScheduleDoc {
            name: "tick".into(),
            rule: "app-tick-staging".into(),
            family: "app-tick".into(),
            expression: "rate(5 minutes)".into(),
            via: Via::Rule,
            timezone: None,
            group: None,
            retries: None,
            enabled: None,
            container: "tick".into(),
            role: "arn:role".into(),
            network: json!({"awsvpcConfiguration": {"subnets": ["subnet-1"], "assignPublicIp": "DISABLED"}}),
            service: None,
            overrides: Document::new(),
        }
    }

    #[test]
    fn a_target_keeps_what_it_has() {
        let object = |value: Value| value.as_object().cloned().unwrap();
        let target = json!({"Id": "terraform", "RoleArn": "theirs", "Input": "{}",
            "EcsParameters": {"TaskDefinitionArn": "td:1", "Group": "g"}});
        let seen = ObservedSchedule {
            rule: object(
                json!({"Name": "app-tick-staging", "ScheduleExpression": "rate(5 minutes)", "State": "DISABLED"}),
            ),
            target: Some(object(target)),
        };
        let Some(Step { action: Action::PutSchedule { rule, target, .. }, .. }) =
            step(&schedule(), "arn:c", "td:2", Some(&seen))
        else {
            panic!("a step");
        };
        assert_eq!(rule["State"], "DISABLED");
        let expected = json!({"Id": "terraform", "RoleArn": "theirs", "Input": "{}",
            "EcsParameters": {"TaskDefinitionArn": "td:2", "Group": "g"}});
        assert_eq!(Value::Object(target), expected);
        assert_eq!(step(&schedule(), "arn:c", "td:1", Some(&seen)), None);
        let unknown = step(
            &schedule(),
            "arn:c",
            &super::super::token::revision(&json!({"family": "app-tick"}).as_object().cloned().unwrap()),
            Some(&seen),
        )
        .unwrap();
        assert_eq!(unknown.difference.changes[0].after, Some("the new revision".into()));
        assert_eq!(step(&schedule(), "arn:c", "td:1", None).map(|step| step.mark), Some(Mark::Create));
    }

    #[test]
    fn what_is_said_over_a_services_task_is_the_manifests() {
        let over = |command: &str| {
            json!({"containerOverrides": [{"name": "web", "command": [command]}]}).as_object().cloned().unwrap()
        };
        let doc = ScheduleDoc { service: Some("web".into()), overrides: over("clear"), ..schedule() };
        let seen = |input: Value| ObservedSchedule {
            rule: json!({"Name": "app-tick-staging", "ScheduleExpression": "rate(5 minutes)"})
                .as_object()
                .cloned()
                .unwrap(),
            target: json!({"Id": "theirs", "Input": input, "EcsParameters": {"TaskDefinitionArn": "td:1"}})
                .as_object()
                .cloned(),
        };
        let same = "{ \"containerOverrides\": [ { \"command\": [\"clear\"], \"name\": \"web\" } ] }";
        assert_eq!(step(&doc, "arn:c", "td:1", Some(&seen(same.into()))), None);
        for before in [json!("{}"), json!("not json"), Value::Null, json!(same.replace("clear", "other"))] {
            let Some(Step { action: Action::PutSchedule { target, .. }, .. }) =
                step(&doc, "arn:c", "td:1", Some(&seen(before)))
            else {
                panic!("a step");
            };
            assert_eq!(target["Id"], "theirs");
            let input: Value = serde_json::from_str(target["Input"].as_str().unwrap()).unwrap();
            assert_eq!(input, Value::Object(over("clear")));
        }
        let plain = ScheduleDoc { overrides: Document::new(), ..doc };
        let taken = step(&plain, "arn:c", "td:1", Some(&seen(same.into()))).unwrap();
        let Action::PutSchedule { target, .. } = taken.action else { panic!("a schedule") };
        assert!(!target.contains_key("Input"));
        assert_eq!(step(&plain, "arn:c", "td:1", Some(&seen(Value::Null))), None);
    }

    #[test]
    fn a_schedule_fires_or_not_as_the_manifest_says() {
        let seen = |state: &str| ObservedSchedule {
            rule: json!({"Name": "app-tick-staging", "ScheduleExpression": "rate(5 minutes)", "State": state})
                .as_object()
                .cloned()
                .unwrap(),
            target: json!({"EcsParameters": {"TaskDefinitionArn": "td:1"}}).as_object().cloned(),
        };
        let off = ScheduleDoc { enabled: Some(false), ..schedule() };
        let stepped = |seen: Option<&ObservedSchedule>| step(&off, "arn:c", "td:1", seen);
        assert_eq!(stepped(Some(&seen("DISABLED"))), None);
        for step in [stepped(Some(&seen("ENABLED"))), stepped(None)] {
            let Some(Step { difference, action: Action::PutSchedule { rule, .. }, .. }) = step else {
                panic!("a step")
            };
            assert_eq!(rule["State"], "DISABLED");
            assert!(difference.changes.iter().any(|change| change.path == ["state"]));
        }
    }
}
