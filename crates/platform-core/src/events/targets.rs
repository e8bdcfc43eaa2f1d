//! The operations of a rule's targets.

use aws_model::{AwsError, Document};
use serde::Deserialize;
use serde_json::{Value, json};

use super::page::page;
use super::rule::find;
use super::target;
use super::{limit, wrong};
use crate::operation::read;
use crate::{Change, Cx, Input, Outcome, World};

/// Most targets of a rule (EventBridge's quotas).
const MOST: usize = 5;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Targets {
    rule: String,
    event_bus_name: Option<String>,
    #[serde(default)]
    targets: Vec<Document>,
    #[serde(default)]
    ids: Vec<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

/// Adds targets, in place of those with the same id. One that is refused is listed in `FailedEntries`, and holds up
/// no other.
pub(super) fn put(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let Targets { rule, event_bus_name, targets, .. } = read(input)?;
    let mut rule = find(world, cx, event_bus_name.as_deref(), &rule)?;
    let mut failed = Vec::new();
    for target in targets {
        let id = text(&target, "Id").to_owned();
        if let Err(error) = target::check(world, cx, &rule, &target) {
            // What the call itself must have is refused for all of them (PutTargets validates before it puts).
            if error.code == "ValidationException" {
                return Err(error);
            }
            failed.push(json!({"TargetId": id, "ErrorCode": error.code, "ErrorMessage": error.message}));
            continue;
        }
        match rule.targets.iter_mut().find(|old| text(old, "Id") == id) {
            Some(old) => *old = target,
            None => rule.targets.push(target),
        }
    }
    if rule.targets.len() > MOST {
        return Err(limit());
    }
    let reply = json!({"FailedEntryCount": failed.len(), "FailedEntries": failed});
    Ok(Outcome { reply, changes: vec![Change::put(&rule)] })
}

pub(super) fn remove(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let Targets { rule, event_bus_name, ids, .. } = read(input)?;
    let mut rule = find(world, cx, event_bus_name.as_deref(), &rule)?;
    if ids.is_empty() {
        return Err(wrong("Parameter Ids must be specified."));
    }
    rule.targets.retain(|target| !ids.iter().any(|id| text(target, "Id") == id));
    Ok(Outcome { reply: json!({"FailedEntryCount": 0, "FailedEntries": []}), changes: vec![Change::put(&rule)] })
}

pub(super) fn list(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let Targets { rule, event_bus_name, next_token, limit, .. } = read(input.clone())?;
    let rule = find(world, cx, event_bus_name.as_deref(), &rule)?;
    let mut targets: Vec<(String, Value)> =
        rule.targets.into_iter().map(|target| (text(&target, "Id").to_owned(), Value::Object(target))).collect();
    targets.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(page("Targets", targets, limit, next_token.as_deref()))
}

fn text<'d>(document: &'d Document, name: &str) -> &'d str {
    document.get(name).and_then(Value::as_str).unwrap_or_default()
}
