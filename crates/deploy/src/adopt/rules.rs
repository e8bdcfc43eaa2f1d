//! Which rules of EventBridge start tasks in a cluster?

use aws::{CallError, Client, EVENTS, items};
use aws_model::Document;
use deploy_core::manifest::Via;
use import::live::{Seen, SeenSchedule};
use import::names::stage_of;
use import::{Left, Place};
use serde_json::{Value, json};

use crate::observe::{self, object, text};

/// Looks at the schedules whose target is the cluster and that are not of another stage by their name. What starts tasks
/// there and is not carried is listed.
pub(super) async fn look(client: &Client, seen: &mut Seen, left: &mut Vec<Left>) -> Result<(), CallError> {
    let mut input = object(json!({ "Limit": 100 }));
    loop {
        let answer = match client.call(&EVENTS, "ListRules", input.clone()).await {
            Err(error) if error.is_unserved() || error.is_denied() => {
                let place = Place { source: seen.cluster_name.clone(), line: None };
                let why = format!("EventBridge could not be asked for rules that start tasks: {error}");
                left.push(Left::new("schedules", place, why));
                return Ok(());
            }
            answer => answer?,
        };
        for rule in items(&answer, "Rules").iter().filter_map(Value::as_object) {
            schedule(client, rule, seen, left).await?;
        }
        if !aws::go_on(&mut input, &answer) {
            return Ok(());
        }
    }
}

async fn schedule(client: &Client, rule: &Document, seen: &mut Seen, left: &mut Vec<Left>) -> Result<(), CallError> {
    let name = text(rule, "Name");
    let mut targets = targets(client, name).await?;
    let is_here = |target: &Document| {
        target.contains_key("EcsParameters") && text(target, "Arn").rsplit('/').next() == Some(&seen.cluster_name)
    };
    let Some(first) = targets.iter().position(is_here) else { return Ok(()) };
    let target = targets.remove(first);
    let mut leave = |why: String| {
        let place = Place { source: text(rule, "Arn").to_owned(), line: None };
        left.push(Left::new(format!("rule {name}"), place, why));
    };
    if let Some(other) = stage_of(name).filter(|named| !named.eq_ignore_ascii_case(&seen.stage)) {
        leave(format!("it starts tasks in this cluster, and by its name it is of stage `{other}`: not carried here"));
        return Ok(());
    }
    if text(rule, "ScheduleExpression").is_empty() {
        leave("it starts tasks when something happens and not by the clock: it stays as it is".to_owned());
        return Ok(());
    }
    if targets.iter().any(is_here) {
        leave("it starts tasks of more than one definition: the first is carried, and the others stay".to_owned());
    }
    let definition = target.get("EcsParameters").and_then(|ecs| ecs.get("TaskDefinitionArn")?.as_str());
    match observe::task_definition_with_tags(client, definition.unwrap_or_default()).await? {
        Some(task_definition) => {
            seen.schedules.push(SeenSchedule {
                via: Via::Rule,
                rule: rule.clone(),
                target,
                others: targets,
                task_definition,
            });
        }
        None => leave("the task definition that it starts is not there any more: not carried".to_owned()),
    }
    Ok(())
}

async fn targets(client: &Client, rule: &str) -> Result<Vec<Document>, CallError> {
    let input = object(json!({ "Rule": rule }));
    client.pages(&EVENTS, "ListTargetsByRule", input, "Targets").await
}
