//! One service: which revision it will run, and what must be asked of it.

use aws_model::Document;
use serde_json::{Value, json};

use super::controller::Controller;
use super::{Action, Mark, Observed, Step, risk, scaling, token};
use crate::desired::{ServiceDoc, update_document};
use crate::diff::{Difference, same_service, same_task_definition, service_changes, task_definition_changes};

/// Which revision an owner of a task definition will run.
pub(super) struct Revision {
    /// ARN, or the token of one that will be registered.
    pub(super) arn: String,
    /// The registration, if there is one.
    pub(super) step: Option<Step>,
}

/// Returns the revision that says what `wanted` says: the one that runs, else the newest of the
/// family, else a new one.
pub(super) fn revision(family: &str, wanted: &Document, running: Option<&str>, observed: &Observed) -> Revision {
    let running = running.and_then(|arn| observed.revisions.get(arn));
    let newest = observed.newest.get(family);
    let is_active = |document: &&Document| document.get("status").is_none_or(|status| status == "ACTIVE");
    let same = |document: &&Document| same_task_definition(wanted, document);
    if let Some(found) = running.into_iter().chain(newest).filter(is_active).find(same) {
        return Revision { arn: text(found, "taskDefinitionArn").to_owned(), step: None };
    }
    let before = running.or(newest);
    let difference = before.map(|before| task_definition_changes(before, wanted)).unwrap_or_default();
    let step = Step {
        mark: if before.is_some() { Mark::Update } else { Mark::Create },
        kind: "task definition".to_owned(),
        name: family.to_owned(),
        detail: before.map(|before| format!("from {}", short(text(before, "taskDefinitionArn")))).unwrap_or_default(),
        risks: risk::of_task_definition(&difference, observed),
        difference,
        action: Action::Register { document: wanted.clone() },
    };
    Revision { arn: token::revision(wanted), step: Some(step) }
}

/// Returns the step that makes a service what it should be; none if it is.
/// `why` is said when its tasks are replaced whatever changes.
pub(super) fn step(service: &ServiceDoc, revision: &str, why: Option<&str>, observed: &Observed) -> Option<Step> {
    let mut request = service.document.clone();
    request.insert("taskDefinition".to_owned(), revision.into());
    let base = |mark, detail: String, difference, risks, action| Step {
        mark,
        kind: "service".to_owned(),
        name: service.name.clone(),
        detail,
        difference,
        risks,
        action,
    };
    let Some(live) = observed.services.get(&service.name) else {
        let count = request.get("desiredCount").and_then(Value::as_u64).unwrap_or_default();
        let words = if count == 1 { "1 task".to_owned() } else { format!("{count} tasks") };
        return Some(base(Mark::Create, words, Difference::default(), Vec::new(), Action::CreateService { request }));
    };
    // A count that belongs to an autoscaler, or that the manifest does not give, is left as it is.
    let is_scaled = observed.scaled.contains(&service.name) && !scaling::is_given_up(service, observed);
    if is_scaled || service.scaling.is_some() || !service.is_counted {
        request.remove("desiredCount");
    }
    leave_alarms(&mut request, live);
    // Its author may have left the ARN's head out.
    let moves = short(text(live, "taskDefinition")) != short(revision);
    let retries = !moves && has_failed(live);
    if !moves && !retries && why.is_none() && same_service(&request, live) {
        return None;
    }
    let mut difference = service_changes(&request, live);
    if moves {
        difference.changes.insert(
            0,
            crate::diff::Change {
                path: vec!["taskDefinition".to_owned()],
                before: Some(short(text(live, "taskDefinition")).into()),
                after: Some(shown(revision).into()),
            },
        );
    }
    let moves_elsewhere = changes_capacity(&request, live);
    let new_tasks = for_new_tasks(&request, live).filter(|_| !moves);
    // ECS refuses another strategy without it, whatever else the request changes.
    let forces = moves_elsewhere || (!moves && (retries || why.is_some() || new_tasks.is_some()));
    let detail = match why {
        Some(why) => why,
        None if retries => "its last deployment failed and is tried again",
        None if moves_elsewhere => "a new deployment: tasks are replaced by such of the other capacity providers",
        None => new_tasks.unwrap_or_default(),
    };
    let mut risks = risk::of_service(&request, live, &difference, moves || forces);
    let other = Controller::stays(live, &request);
    let mut request = update_document(&request);
    if forces {
        request.insert("forceNewDeployment".to_owned(), json!(true));
    }
    if let Some(other) = other {
        match other.refused(&difference, forces) {
            Some(refused) => risks.push(refused),
            None => other.keep_taken(&mut request),
        }
    }
    Some(base(Mark::Update, detail.to_owned(), difference, risks, Action::UpdateService { request }))
}

/// A service that names no alarms is to watch none: ECS keeps those that a request does not name.
fn leave_alarms(request: &mut Document, live: &Document) {
    let watches =
        live.get("deploymentConfiguration").and_then(|configuration| configuration.get("alarms")?.get("enable"));
    let configuration = request.get_mut("deploymentConfiguration").and_then(Value::as_object_mut);
    if let (Some(Value::Bool(true)), Some(configuration)) = (watches, configuration) {
        configuration
            .entry("alarms")
            .or_insert_with(|| json!({ "alarmNames": [], "enable": false, "rollback": false }));
    }
}

/// Returns why tasks are replaced, if a member changes that only new ones have: a task keeps what it was started
/// with, and UpdateService starts none for such a member alone (API reference, UpdateService: "This parameter
/// doesn't trigger a new service deployment"; "To update the tags on all tasks, set forceNewDeployment to true").
fn for_new_tasks(request: &Document, live: &Document) -> Option<&'static str> {
    // An endpoint that never shows a member does not keep it.
    let changes = |name: &str| Some((request.get(name)?, live.get(name)?)).filter(|(wanted, has)| wanted != has);
    if let Some((wanted, _)) = changes("enableExecuteCommand") {
        return Some(match wanted.as_bool() {
            Some(true) => "tasks are replaced so that you can connect to them",
            _ => "tasks are replaced so that they accept no connections",
        });
    }
    let tags = ["enableECSManagedTags", "propagateTags"].into_iter().any(|name| changes(name).is_some());
    tags.then_some("tasks are replaced so that they have other tags")
}

/// Returns whether a service is to run on other capacity providers, or on the same in other shares.
fn changes_capacity(request: &Document, live: &Document) -> bool {
    const MEMBER: &str = "capacityProviderStrategy";
    let items = |document: &Document| {
        let list = document.get(MEMBER).and_then(Value::as_array).cloned().unwrap_or_default();
        let number = |item: &Value, name: &str| item.get(name).and_then(Value::as_i64).unwrap_or(0);
        let mut items: Vec<_> = list
            .iter()
            .map(|item| (item["capacityProvider"].to_string(), number(item, "base"), number(item, "weight")))
            .collect();
        items.sort();
        items
    };
    request.contains_key(MEMBER) && items(request) != items(live)
}

/// Whether the newest deployment of a service was given up.
fn has_failed(live: &Document) -> bool {
    let deployments = live.get("deployments").and_then(Value::as_array);
    let primary = deployments.into_iter().flatten().find(|d| d["status"] == "PRIMARY");
    primary.is_some_and(|d| d["rolloutState"] == "FAILED")
}

pub(super) fn text<'a>(document: &'a Document, name: &str) -> &'a str {
    document.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Returns `family:revision` of an ARN.
pub fn short(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// Returns how a revision is written for people, known or not.
pub(super) fn shown(revision: &str) -> &str {
    if token::is_token(revision) { "the new revision" } else { short(revision) }
}
