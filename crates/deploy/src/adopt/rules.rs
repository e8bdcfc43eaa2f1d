//! Which rules of EventBridge start tasks in a cluster?

use aws::{CallError, Client, EVENTS, items};
use aws_model::Document;
use import::names::{key_of, stage_of};
use import::{FoundSchedule, Left, Place};
use serde_json::{Value, json};

use crate::observe::{self, object, text};

/// Returns the schedules whose target is the cluster and that are not of another stage by their name; none when
/// nobody serves rules, or when the caller may not ask.
pub(super) async fn schedules(
    client: &Client,
    cluster: &str,
    app: &str,
    stage: &str,
    left: &mut Vec<Left>,
) -> Result<Option<Vec<FoundSchedule>>, CallError> {
    let mut found = Vec::new();
    let mut input = object(json!({ "Limit": 100 }));
    loop {
        let answer = match client.call(&EVENTS, "ListRules", input.clone()).await {
            Err(error) if error.is_unserved() || error.is_denied() => return Ok(None),
            answer => answer?,
        };
        for rule in items(&answer, "Rules").iter().filter_map(Value::as_object) {
            let is_timed = !text(rule, "ScheduleExpression").is_empty();
            let is_others = stage_of(text(rule, "Name")).is_some_and(|named| !named.eq_ignore_ascii_case(stage));
            if is_timed && !is_others {
                found.extend(schedule(client, rule, cluster, (app, stage), left).await?);
            }
        }
        match answer.get("NextToken").filter(|token| !token.is_null()) {
            Some(token) => input.insert("NextToken".to_owned(), token.clone()),
            None => return Ok(Some(found)),
        };
    }
}

async fn schedule(
    client: &Client,
    rule: &Document,
    cluster: &str,
    (app, stage): (&str, &str),
    left: &mut Vec<Left>,
) -> Result<Option<FoundSchedule>, CallError> {
    let name = text(rule, "Name");
    let answer = client.call(&EVENTS, "ListTargetsByRule", object(json!({ "Rule": name }))).await?;
    let mut targets = items(&answer, "Targets").iter().filter_map(Value::as_object);
    let is_here = |target: &&Document| {
        target.contains_key("EcsParameters") && text(target, "Arn").rsplit('/').next() == Some(cluster)
    };
    let Some(target) = targets.find(is_here).cloned() else { return Ok(None) };
    let definition = target.get("EcsParameters").and_then(|ecs| ecs.get("TaskDefinitionArn")?.as_str());
    let Some(definition) = observe::task_definition_with_tags(client, definition.unwrap_or_default()).await? else {
        return Ok(None);
    };
    let others = targets.filter(is_here).count();
    if others > 0 {
        let place = Place { source: text(rule, "Arn").to_owned(), line: None };
        let why = format!(
            "its rule has {others} more that start tasks here, and a schedule of the manifest starts one: they stay as they \
             are with the revisions that they start, and no deploy moves them"
        );
        left.push(Left::new(format!("targets of rule {name}"), place, why));
    }
    Ok(Some(FoundSchedule {
        key: key_of(name, app, stage),
        task_definition: definition,
        rule: rule.clone(),
        target,
        place: Place { source: text(rule, "Arn").to_owned(), line: None },
    }))
}
