//! Does the manifest say what was found?
//!
//! Reads the manifest's text as `managr` would, renders each stage with the facts that were found there, and
//! holds every task definition against the original: order and what ECS fills in aside, they are equal or the
//! differences are told.

use deploy_core::desired::Owner;
use deploy_core::diff::{Change, plain, same_task_definition, task_definition_changes};
use deploy_core::{Desired, Manifest, desired, parse};
use ecs_model::Document;
use serde::Serialize;

use crate::facts::facts;
use crate::fold::schedule;
use crate::fold::schedule_key;
use crate::{Found, FoundStage};

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
pub fn prove(text: &str, found: &Found) -> Vec<Proof> {
    let manifest = match parse("managr.toml", text) {
        Ok(manifest) => manifest,
        Err(errors) => {
            let why: Vec<String> = errors.errors().iter().map(|e| format!("the manifest is refused: {e}")).collect();
            return all(found, |_, _, _| why.clone());
        }
    };
    all(found, |stage, owner, original| match rendered(&manifest, stage) {
        Ok(desired) => match desired.task_definitions.iter().find(|task| task.owner == *owner) {
            Some(task) => differences(original, &task.document),
            None => vec!["the manifest has no such service or schedule in this stage".to_owned()],
        },
        Err(why) => vec![why],
    })
}

fn rendered(manifest: &Manifest, stage: &FoundStage) -> Result<Desired, String> {
    desired(manifest, &stage.name, &facts(manifest, stage)).map_err(|error| error.to_string())
}

fn all(found: &Found, differences: impl Fn(&FoundStage, &Owner, &Document) -> Vec<String>) -> Vec<Proof> {
    let mut proofs = Vec::new();
    for stage in &found.stages {
        let mut prove = |owner: &Owner, original: &Document| {
            let differences = differences(stage, owner, original);
            let family = original.get("family").and_then(|family| family.as_str()).unwrap_or_default().to_owned();
            proofs.push(Proof { stage: stage.name.clone(), family, equal: differences.is_empty(), differences });
        };
        for service in &stage.services {
            prove(&Owner::Service(service.key.clone()), &service.task_definition);
        }
        for one in &stage.schedules {
            prove(&Owner::Schedule(schedule_key(found, &one.key)), &schedule::effective(one));
        }
    }
    proofs
}

fn differences(original: &Document, rendered: &Document) -> Vec<String> {
    let mut told: Vec<String> = task_definition_changes(original, rendered).changes.iter().map(tell).collect();
    // Tags travel beside a definition and are not compared with it.
    let tags = |document: &Document| document.get("tags").filter(|tags| **tags != serde_json::json!([])).cloned();
    if tags(original) != tags(rendered) {
        told.push("tags differ".to_owned());
    }
    if told.is_empty() && !same_task_definition(original, rendered) {
        told.push("they differ in a way that has no words".to_owned());
    }
    told
}

fn tell(change: &Change) -> String {
    let show = |value: &Option<serde_json::Value>| value.as_ref().map_or_else(|| "nothing".to_owned(), plain);
    format!("{}: found {}, rendered {}", change.path.join("."), show(&change.before), show(&change.after))
}
