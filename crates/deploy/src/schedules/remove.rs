//! Takes schedules away: first what fires them, so that nothing starts any more, then what they started.

use aws::{CallError, Client, ECS, EVENTS, SCHEDULER, items};
use deploy_core::desired::{Desired, ScheduleDoc};
use deploy_core::manifest::Via;
use serde_json::{Value, json};

use crate::down::{gone, remove};
use crate::error::StageError;
use crate::event::{Events, ResourceChange};
use crate::observe::{object, text};
use crate::schedules::started::{by_rule, by_scheduler, family};

/// Removes a stage's schedules and stops their tasks. Safe to repeat; an endpoint without rules has none.
pub(crate) async fn remove_all(client: &Client, desired: &Desired, events: &Events) -> Result<(), StageError> {
    for schedule in &desired.schedules {
        let by_rule = remove_rule(client, &schedule.rule).await?;
        let by_scheduler = remove_scheduled(client, schedule).await?;
        if by_rule || by_scheduler {
            events.resource(ResourceChange::Deleted, "schedule", &schedule.rule);
        }
    }
    for schedule in &desired.schedules {
        for by in [by_rule(&schedule.rule), by_scheduler(&schedule.rule)] {
            stop_tasks(client, &desired.cluster, &by, &schedule.family).await?;
        }
    }
    Ok(())
}

/// Returns whether there was such a rule.
async fn remove_rule(client: &Client, rule: &str) -> Result<bool, StageError> {
    let missing = ["ResourceNotFoundException"];
    let answer = match client.call(&EVENTS, "ListTargetsByRule", object(json!({ "Rule": rule }))).await {
        Err(error) if gone(&error, &missing) || error.is_unserved() => return Ok(false),
        answer => answer?,
    };
    let ids: Vec<Value> = items(&answer, "Targets").iter().filter_map(|target| target.get("Id").cloned()).collect();
    if !ids.is_empty() {
        let input = object(json!({ "Rule": rule, "Ids": ids }));
        remove(client.call(&EVENTS, "RemoveTargets", input).await, &missing)?;
    }
    Ok(remove(client.call(&EVENTS, "DeleteRule", object(json!({ "Name": rule }))).await, &missing)?)
}

/// Returns whether there was such a schedule of EventBridge Scheduler. Who may not ask for one has none.
async fn remove_scheduled(client: &Client, schedule: &ScheduleDoc) -> Result<bool, StageError> {
    let input = object(json!({ "Name": schedule.rule, "GroupName": schedule.group() }));
    match client.call(&SCHEDULER, "DeleteSchedule", input).await {
        Err(error) if error.is_unserved() || (error.is_denied() && schedule.via == Via::Rule) => Ok(false),
        answer => Ok(remove(answer, &["ResourceNotFoundException"])?),
    }
}

/// Stops what a rule or schedule started. Two may have the same beginning of a name, so the family must be the schedule's.
async fn stop_tasks(client: &Client, cluster: &str, by: &str, of: &str) -> Result<(), CallError> {
    let input = object(json!({ "cluster": cluster, "startedBy": by }));
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
    for task in tasks.filter(|task| family(task) == of) {
        let input = object(json!({
            "cluster": cluster, "task": text(task, "taskArn"), "reason": "managr takes the application down",
        }));
        // It may have ended by itself.
        remove(client.call(&ECS, "StopTask", input).await, &["InvalidParameterException"])?;
    }
    Ok(())
}
