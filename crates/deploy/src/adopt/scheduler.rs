//! Which schedules of EventBridge Scheduler start tasks in a cluster?

use aws::{CallError, Client, SCHEDULER};
use aws_model::Document;
use deploy_core::manifest::Via;
use import::live::{Seen, SeenSchedule};
use import::names::stage_of;
use import::{Left, Place};
use serde_json::{Value, json};

use crate::observe::{self, object, text};
use crate::schedules::scheduled;

/// Looks at the schedules whose target is the cluster and that are not of another stage by their name. Reports what
/// starts tasks there and is not carried.
pub(super) async fn look(client: &Client, seen: &mut Seen, left: &mut Vec<Left>) -> Result<(), CallError> {
    let all = match client.pages(&SCHEDULER, "ListSchedules", object(json!({ "MaxResults": 100 })), "Schedules").await {
        Err(error) if error.is_unserved() || error.is_denied() => {
            let place = Place { source: seen.cluster_name.clone(), line: None };
            let why = format!("EventBridge Scheduler could not be asked for schedules that start tasks: {error}");
            left.push(Left::new("schedules", place, why));
            return Ok(());
        }
        answer => answer?,
    };
    let is_here = |target: &Document| text(target, "Arn").rsplit('/').next() == Some(&seen.cluster_name);
    let here = all.into_iter().filter(|one| one.get("Target").and_then(Value::as_object).is_some_and(is_here));
    for summary in here.collect::<Vec<_>>() {
        schedule(client, &summary, seen, left).await?;
    }
    Ok(())
}

async fn schedule(client: &Client, summary: &Document, seen: &mut Seen, left: &mut Vec<Left>) -> Result<(), CallError> {
    let name = text(summary, "Name");
    let mut leave = |why: String| {
        let place = Place { source: text(summary, "Arn").to_owned(), line: None };
        left.push(Left::new(format!("schedule {name}"), place, why));
    };
    if let Some(other) = stage_of(name).filter(|named| !named.eq_ignore_ascii_case(&seen.stage)) {
        leave(format!("it starts tasks in this cluster, and by its name it is of stage `{other}`: not carried here"));
        return Ok(());
    }
    // It may be gone since the list was made: one that ends deletes itself.
    let Some(mut rule) = scheduled(client, name, text(summary, "GroupName")).await? else { return Ok(()) };
    let Some(Value::Object(target)) = rule.shift_remove("Target") else { return Ok(()) };
    let definition = target.get("EcsParameters").and_then(|ecs| ecs.get("TaskDefinitionArn")?.as_str());
    match observe::task_definition_with_tags(client, definition.unwrap_or_default()).await? {
        Some(task_definition) => {
            seen.schedules.push(SeenSchedule {
                via: Via::Scheduler,
                rule,
                target,
                others: Vec::new(),
                task_definition,
            });
        }
        None => leave("the task definition that it starts is not there any more: not carried".to_owned()),
    }
    Ok(())
}
