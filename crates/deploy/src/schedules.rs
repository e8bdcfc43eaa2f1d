//! Takes schedules away: first the rules, so that nothing starts any more, then what they started.

use aws::{CallError, Client, ECS, EVENTS, items};
use aws_model::Document;
use deploy_core::desired::{Desired, ScheduleDoc};
use serde_json::{Value, json};

use crate::down::{gone, remove};
use crate::error::StageError;
use crate::event::{Events, ResourceChange};
use crate::observe::{object, text};

/// Removes a stage's schedules and stops their tasks. Safe to repeat; where nobody serves rules there are none.
pub(crate) async fn remove_all(client: &Client, desired: &Desired, events: &Events) -> Result<(), StageError> {
    for schedule in &desired.schedules {
        remove_rule(client, &schedule.rule, events).await?;
    }
    for schedule in &desired.schedules {
        stop_tasks(client, &desired.cluster, schedule).await?;
    }
    Ok(())
}

async fn remove_rule(client: &Client, rule: &str, events: &Events) -> Result<(), StageError> {
    let missing = ["ResourceNotFoundException"];
    let answer = match client.call(&EVENTS, "ListTargetsByRule", object(json!({ "Rule": rule }))).await {
        Err(error) if gone(&error, &missing) || error.is_unserved() => return Ok(()),
        answer => answer?,
    };
    let ids: Vec<Value> = items(&answer, "Targets").iter().filter_map(|target| target.get("Id").cloned()).collect();
    if !ids.is_empty() {
        let input = object(json!({ "Rule": rule, "Ids": ids }));
        remove(client.call(&EVENTS, "RemoveTargets", input).await, &missing)?;
    }
    if remove(client.call(&EVENTS, "DeleteRule", object(json!({ "Name": rule }))).await, &missing)? {
        events.resource(ResourceChange::Deleted, "schedule", rule);
    }
    Ok(())
}

/// What AWS writes into `startedBy`: the rule's name behind a prefix, cut at 36 characters
/// (`platform-core/src/events/tasks.rs` says where that was seen).
fn started_by(rule: &str) -> String {
    format!("events-rule/{rule}").chars().take(36).collect()
}

/// Stops what a rule started. Two rules may have the same beginning of a name, so the family must be the schedule's.
async fn stop_tasks(client: &Client, cluster: &str, schedule: &ScheduleDoc) -> Result<(), CallError> {
    let input = object(json!({ "cluster": cluster, "startedBy": started_by(&schedule.rule) }));
    let listed = match client.call(&ECS, "ListTasks", input).await {
        Err(error) if gone(&error, &["ClusterNotFoundException"]) => return Ok(()),
        answer => answer?,
    };
    let arns = items(&listed, "taskArns");
    if arns.is_empty() {
        return Ok(());
    }
    let described = client.call(&ECS, "DescribeTasks", object(json!({ "cluster": cluster, "tasks": arns }))).await?;
    let tasks = items(&described, "tasks").iter().filter_map(Value::as_object);
    for task in tasks.filter(|task| family(task) == schedule.family) {
        let input = object(json!({
            "cluster": cluster, "task": text(task, "taskArn"), "reason": "managr takes the application down",
        }));
        // It may have ended by itself.
        remove(client.call(&ECS, "StopTask", input).await, &["InvalidParameterException"])?;
    }
    Ok(())
}

fn family(task: &Document) -> &str {
    let revision = text(task, "taskDefinitionArn").rsplit('/').next().unwrap_or_default();
    revision.split(':').next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_started_a_task_is_asked_as_aws_writes_it() {
        assert_eq!(started_by("prd-recommend-batch-event"), "events-rule/prd-recommend-batch-even");
        assert_eq!(started_by("nightly"), "events-rule/nightly");
    }
}
