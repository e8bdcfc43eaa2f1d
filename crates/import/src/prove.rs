//! Does the manifest say what was found?
//!
//! Reads the manifest's text as `managr` would, renders each stage with the facts that were found there, and
//! holds every task definition against the original: order and what ECS fills in aside, they are equal or the
//! differences are told.

use deploy_core::desired::Owner;
use deploy_core::diff::{Change, plain, same_task_definition, task_definition_changes};
use deploy_core::{Desired, Manifest, ManifestErrors, desired, parse};
use ecs_model::Document;
use serde::Serialize;

use crate::facts::facts;
use crate::fold::schedule;
use crate::fold::schedule_key;
use crate::places::UNTOLD;
use crate::{Found, FoundStage, account, ledger};

/// Whether one task definition of one stage is what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Proof {
    /// The stage.
    pub stage: String,
    /// The family that was found.
    pub family: String,
    /// Whether the rendered task definition says to ECS what the original says.
    pub equal: bool,
    /// What differs, a line each: never the value of a secret, of which none is known.
    pub differences: Vec<String>,
}

/// Returns a proof for every task definition that was found; `text` is the manifest's.
///
/// # Errors
/// When the manifest's own reader refuses the text: then nothing can be said.
pub fn prove(text: &str, found: &Found) -> Result<Vec<Proof>, ManifestErrors> {
    let manifest = parse("managr.toml", text)?;
    let mut proofs = Vec::new();
    for stage in &found.stages {
        let rendered = rendered(&manifest, stage);
        let differences = |owner: &Owner, original: &Document| match &rendered {
            Ok(desired) => match started(desired, owner) {
                Some(document) => differences(original, &document),
                None => vec!["the manifest has no such service or schedule in this stage".to_owned()],
            },
            Err(why) => vec![why.clone()],
        };
        of_stage(found, stage, differences, &mut proofs);
    }
    Ok(proofs)
}

/// Returns what a service runs, or what a schedule starts: a service's task with what is said over it, or its own.
pub(crate) fn started(desired: &Desired, owner: &Owner) -> Option<Document> {
    match owner {
        Owner::Service(service) => desired.service_task(service).map(|task| task.document.clone()),
        Owner::Schedule(schedule) => {
            let over = desired.schedules.iter().find(|doc| doc.name == *schedule).map(|doc| &doc.overrides);
            desired.schedule_task(schedule).map(|task| schedule::overridden(&task.document, over))
        }
    }
}

fn rendered(manifest: &Manifest, stage: &FoundStage) -> Result<Desired, String> {
    desired(manifest, &stage.name, &facts(manifest, stage)).map_err(|error| error.to_string())
}

fn of_stage(
    found: &Found,
    stage: &FoundStage,
    differences: impl Fn(&Owner, &Document) -> Vec<String>,
    proofs: &mut Vec<Proof>,
) {
    let mut prove = |owner: &Owner, original: &Document, untold: &[String]| {
        let mut differences = differences(owner, original);
        differences.extend(self::untold(untold));
        let family = original.get("family").and_then(|family| family.as_str()).unwrap_or_default().to_owned();
        proofs.push(Proof { stage: stage.name.clone(), family, equal: differences.is_empty(), differences });
    };
    for service in &stage.services {
        prove(&Owner::Service(service.key.clone()), &service.task_definition, &service.untold.task);
    }
    for one in &stage.schedules {
        prove(&Owner::Schedule(schedule_key(found, &one.key)), &schedule::effective(one), &one.untold.task);
    }
}

fn differences(original: &Document, rendered: &Document) -> Vec<String> {
    let mut told: Vec<String> = task_definition_changes(original, rendered).changes.iter().map(tell).collect();
    // Tags travel beside a definition and are not compared with it.
    let tags = |document: &Document| document.get("tags").filter(|tags| **tags != serde_json::json!([])).cloned();
    if tags(original) != tags(rendered) {
        told.push("tags differ".to_owned());
    }
    let containers = original.get("containerDefinitions").and_then(|list| list.as_array()).into_iter().flatten();
    for container in containers {
        let member = |name: &str| container.get(name).and_then(|value| value.as_str()).unwrap_or_default();
        // Both sides have the same mark, and nothing is the same.
        if member("image").starts_with(UNTOLD) {
            told.push(format!(
                "containers.{}.image: nobody tells it; `{}` stands for it",
                member("name"),
                member("image")
            ));
        }
    }
    if told.is_empty() && !same_task_definition(original, rendered) {
        told.push("they differ in a way that has no words".to_owned());
    }
    told
}

/// Says what nobody can tell: neither document has it, and nothing is equal that is not known.
fn untold(members: &[String]) -> Option<String> {
    (!members.is_empty()).then(|| format!("nobody tells here, and it is listed: {}", members.join(", ")))
}

fn tell(change: &Change) -> String {
    let show = |value: &Option<serde_json::Value>| value.as_ref().map_or_else(|| "nothing".to_owned(), plain);
    format!("{}: found {}, rendered {}", change.path.join("."), show(&change.before), show(&change.after))
}

/// Returns a proof for every service and every rule that was found: would a deploy of this manifest change it, or what
/// stands between it and its requests? Its `family` is the service's or the rule's name.
///
/// # Errors
/// When the manifest's own reader refuses the text.
pub fn prove_services(text: &str, found: &Found) -> Result<Vec<Proof>, ManifestErrors> {
    Ok(services(found, &account::differences(text, found)?))
}

/// Returns the same of what an account has found to differ.
pub fn services(found: &Found, differences: &[account::Difference]) -> Vec<Proof> {
    let mut proofs = Vec::new();
    for stage in &found.stages {
        let mut add = |of: String, name: &str, untold: &[String]| {
            let ours = differences.iter().filter(|one| one.stage == stage.name && one.of == of);
            let differences: Vec<String> = ours.map(|one| one.what.clone()).chain(self::untold(untold)).collect();
            let (stage, equal) = (stage.name.clone(), differences.is_empty());
            proofs.push(Proof { stage, family: name.to_owned(), equal, differences });
        };
        for service in &stage.services {
            let Some(document) = &service.service else { continue };
            let name = document.get("serviceName").and_then(|name| name.as_str()).unwrap_or(&service.key);
            add(ledger::service(&service.key), name, &service.untold.own);
        }
        for one in &stage.schedules {
            let name = one.rule.get("Name").and_then(|name| name.as_str()).unwrap_or(&one.key);
            add(ledger::schedule(&one.key), name, &one.untold.own);
        }
    }
    proofs
}
