//! Does the manifest say what was found?
//!
//! Reads the manifest's text as `managr` would, renders each stage with the facts that were found there, and holds
//! every task definition against the original: order and what ECS fills in aside, they are equal or the differences are
//! reported.

use aws_model::Document;
use deploy_core::diff::{Change, plain, same_task_definition, task_definition_changes};
use deploy_core::{Desired, Manifest, ManifestErrors, desired, parse};
use serde::Serialize;

use crate::facts::facts;
use crate::fold::schedule;
use crate::fold::schedule_key;
use crate::places::UNTOLD;
use crate::{Found, FoundSchedule, FoundStage};

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
    Ok(found.stages.iter().flat_map(|stage| of_stage(&manifest, found, stage)).collect())
}

fn of_stage(manifest: &Manifest, found: &Found, stage: &FoundStage) -> Vec<Proof> {
    let rendered = desired(manifest, &stage.name, &facts(manifest, stage)).map_err(|error| error.to_string());
    let services = stage.services.iter().map(|service| {
        let made = |desired: &Desired| {
            let task = desired.service_task(&service.key)?;
            let told = differences(&service.task_definition, &task.document);
            Some(told.into_iter().chain(untold(&service.untold.task)).collect())
        };
        (&service.task_definition, rendered.as_ref().map(made))
    });
    let schedules = stage.schedules.iter().map(|one| {
        let key = schedule_key(found, &one.key);
        let made = |desired: &Desired| {
            let task = &desired.schedule_task(&key)?.document;
            let over = desired.schedules.iter().find(|doc| doc.name == key && doc.service.is_some());
            let mut told = differences(&registered(desired, &key, one), task);
            // What starts in the end is another promise than what is registered.
            let started = over.map(|doc| schedule::overridden(task, Some(&doc.overrides)));
            let starts = started.map(|started| differences(&schedule::effective(one), &started)).unwrap_or_default();
            told.extend(starts.into_iter().filter(|line| !told.contains(line)).collect::<Vec<_>>());
            told.extend(untold(&one.untold.task));
            Some(told)
        };
        (&one.task_definition, rendered.as_ref().map(made))
    });
    let proof = |(original, made): (&Document, Result<Option<Vec<String>>, &String>)| {
        let differences = match made {
            Ok(Some(differences)) => differences,
            Ok(None) => vec!["the manifest has no such service or schedule in this stage".to_owned()],
            Err(why) => vec![why.clone()],
        };
        let family = original.get("family").and_then(|family| family.as_str()).unwrap_or_default().to_owned();
        Proof { stage: stage.name.clone(), family, equal: differences.is_empty(), differences }
    };
    services.chain(schedules).map(proof).collect()
}

/// Returns what a deploy registers of what was found of a schedule: the definition as it is where what the target says
/// over it is the manifest's, or else with it.
pub(crate) fn registered(desired: &Desired, key: &str, found: &FoundSchedule) -> Document {
    let says_over = desired.schedules.iter().any(|doc| doc.name == key && doc.service.is_some());
    if says_over { found.task_definition.clone() } else { schedule::effective(found) }
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

/// Names the unknown members: neither document has them, and what is unknown is never equal.
pub(crate) fn untold(members: &[String]) -> Option<String> {
    (!members.is_empty()).then(|| format!("nobody tells here, and it is listed: {}", members.join(", ")))
}

fn tell(change: &Change) -> String {
    let show = |value: &Option<serde_json::Value>| value.as_ref().map_or_else(|| "nothing".to_owned(), plain);
    format!("{}: found {}, rendered {}", change.path.join("."), show(&change.before), show(&change.after))
}
