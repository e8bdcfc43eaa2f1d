//! What gets into a document? Only what is known and may be shown; everything else is noted, with what to do.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::super::json::Marks;
use super::super::value::{Text, Value};
use super::Estate;
use crate::{Left, Place};

/// What was noted about one stage while its documents were made.
#[derive(Debug, Default)]
pub(super) struct Notes {
    left: Vec<Left>,
    /// Members of the document that is being made, whose values are unknown.
    untold: Vec<String>,
    /// Variables that several containers leave in the same way, by name and reason.
    variables: BTreeMap<(String, String), (Place, Vec<String>)>,
    /// What is unknown, and which variables of containers it was for.
    pub(super) wanted: BTreeMap<String, Vec<String>>,
}

impl Notes {
    /// Notes something that was left.
    pub(super) fn push(&mut self, what: impl Into<String>, place: &Place, why: impl Into<String>) {
        self.left.push(Left::new(what, place.clone(), why));
    }

    /// Notes a variable of a container.
    pub(super) fn variable(&mut self, name: &str, container: &str, place: &Place, why: String) {
        let noted = self.variables.entry((name.to_owned(), why));
        let (_, containers) = noted.or_insert_with(|| (place.clone(), Vec::new()));
        if !containers.iter().any(|known| known == container) {
            containers.push(container.to_owned());
        }
    }

    /// Notes what a variable of a container would have needed.
    pub(super) fn want(&mut self, unknown: &str, name: &str) {
        let names = self.wanted.entry(unknown.to_owned()).or_default();
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }

    /// Notes a member of the document that is being made, whose value is unknown.
    pub(super) fn untold(&mut self, member: impl Into<String>) {
        let member = member.into();
        if !self.untold.contains(&member) {
            self.untold.push(member);
        }
    }

    /// Returns the unknown members of the document that was made, and begins the next.
    pub(super) fn take_untold(&mut self) -> Vec<String> {
        std::mem::take(&mut self.untold)
    }

    /// Returns everything that was noted.
    pub(super) fn finish(&mut self, estate: &Estate<'_>) -> Vec<Left> {
        let mut left = std::mem::take(&mut self.left);
        for ((name, why), (place, containers)) in std::mem::take(&mut self.variables) {
            let what = format!("variable {name} of {} in stage {}", containers.join(", "), estate.stage);
            left.push(Left::new(what, place, why));
        }
        left
    }
}

/// Where in a document something is, for what is noted about it.
pub(super) struct Spot<'s> {
    pub(super) what: &'s str,
    pub(super) place: &'s Place,
    pub(super) stage: &'s str,
}

/// Returns a document of values; what cannot be carried is noted and taken out.
pub(super) fn document(values: &BTreeMap<String, Value>, spot: &Spot<'_>, notes: &mut Notes) -> Map<String, Json> {
    let mut marks = Marks::default();
    let json = marks.document(&Value::Map(values.clone()));
    match settled(json, &marks, "", spot, notes) {
        Some(Json::Object(document)) => document,
        _ => Map::new(),
    }
}

/// Returns a part of a document with its marks resolved, or nothing if it cannot be carried, which is noted.
///
/// A list of scalars is carried whole or not at all: half a command is another command.
pub(super) fn settled(json: Json, marks: &Marks, path: &str, spot: &Spot<'_>, notes: &mut Notes) -> Option<Json> {
    match json {
        Json::Null => None,
        Json::String(marked) => match marks.text(&marked).shown() {
            Some(text) => Some(Json::String(text)),
            None => {
                refuse(&marks.text(&marked), path, spot, notes);
                None
            }
        },
        Json::Array(values) => {
            let scalars = !values.is_empty() && values.iter().all(|value| !value.is_object() && !value.is_array());
            let mut settled_one = |value: Json| {
                let name = value.get("name").and_then(Json::as_str).unwrap_or("").to_owned();
                let path = if name.is_empty() { path.to_owned() } else { format!("{path}[{name}]") };
                settled(value, marks, &path, spot, notes)
            };
            if scalars {
                return values.into_iter().map(settled_one).collect::<Option<_>>().map(Json::Array);
            }
            Some(Json::Array(values.into_iter().filter_map(&mut settled_one).collect()))
        }
        Json::Object(values) => {
            let mut kept = Map::new();
            for (key, value) in values {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                if let Some(value) = settled(value, marks, &path, spot, notes) {
                    kept.insert(key, value);
                }
            }
            Some(Json::Object(kept))
        }
        other => Some(other),
    }
}

fn refuse(text: &Text, path: &str, spot: &Spot<'_>, notes: &mut Notes) {
    let why = match text.unknowns().next() {
        Some(unknown) => unknown.to_owned(),
        None => {
            let from = text.secrets().next().unwrap_or("a sensitive value");
            format!("the sensitive value of {from}")
        }
    };
    unknown_member(path, &why, spot, notes);
}

/// Notes an unknown member, once for each, and returns why it is left.
pub(super) fn unknown_member(path: &str, why: &str, spot: &Spot<'_>, notes: &mut Notes) -> String {
    let what = match path.rsplit('.').next().unwrap_or(path) {
        // Every service and schedule of a stage has the same.
        "subnets" | "Subnets" => format!("subnets of stage {}", spot.stage),
        "securityGroups" | "SecurityGroups" => format!("security groups of stage {}", spot.stage),
        _ => format!("{path} of {} in stage {}", spot.what, spot.stage),
    };
    let why = why_unknown(path, why, spot.stage);
    notes.untold(path);
    if !notes.left.iter().any(|left| left.what == what) {
        notes.push(what, spot.place, why.clone());
    }
    why
}

/// Says why a member is left.
pub(super) fn why_unknown(path: &str, why: &str, stage: &str) -> String {
    match why.strip_prefix("the sensitive value of ") {
        Some(from) => {
            format!("holds the sensitive value of {from}, which is not written down: give it as a secret variable")
        }
        None => format!("cannot be evaluated: {why}{}", advice(path, stage)),
    }
}

/// What the user can do about a member that is missing.
fn advice(path: &str, stage: &str) -> String {
    match path.rsplit('.').next().unwrap_or(path) {
        "subnets" | "Subnets" => format!("; write the ids into [stages.{stage}] subnets = [\"subnet-...\"]"),
        "securityGroups" | "SecurityGroups" => {
            format!("; write the ids into [stages.{stage}] security-groups = [\"sg-...\"]")
        }
        "executionRoleArn" => format!("; write it into [stages.{stage}] execution-role = \"...\""),
        "taskRoleArn" => format!("; write it into [stages.{stage}] task-role = \"...\""),
        _ => "; add it to the manifest by hand".to_owned(),
    }
}
