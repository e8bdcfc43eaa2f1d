//! What of ECS's documents does the platform of one machine serve? The one answer for all parts.
//!
//! The platform refuses by it where something would run, `managr check` and `managr verify local` tell it before,
//! an import lists it, and `docs/compatibility.md` prints it (`table.rs`). Registering a task definition that cannot run
//! here is fine: the document is ECS's. What is in no model is none of these; it is kept, and told of once.

mod awslogs;
mod privileges;
mod table;
mod words;

use std::fmt;

use serde_json::Value;

use crate::Document;
use table::{Excess, Row, Treatment};
pub use words::reference;

/// The architecture of a platform on which nothing will ever run, and which only keeps documents: it refuses nothing of
/// what a task could not be given. For deploys that are rehearsed; no platform that people start has it.
pub const NOWHERE: &str = "nowhere";

/// Something that a document asks for and that is not done here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The member as ECS writes it, and its value where that is what cannot be done.
    pub member: String,
    /// Whose it is.
    pub owner: Owner,
    /// What to do instead.
    pub note: Option<String>,
}

/// Whose a member is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Owner {
    /// The task definition's, by its family.
    TaskDefinition(String),
    /// A volume's, by its name.
    Volume(String),
    /// A container's, by its name.
    Container(String),
    /// A request's: RunTask, CreateService, UpdateService.
    Request,
}

impl Refusal {
    /// Returns what is asked for, and whose it is.
    pub fn subject(&self) -> String {
        let member = &self.member;
        match &self.owner {
            Owner::TaskDefinition(family) => format!("{member} of task definition '{family}'"),
            Owner::Volume(name) => format!("{member} of volume '{name}'"),
            Owner::Container(name) => format!("{member} of container '{name}'"),
            Owner::Request => member.clone(),
        }
    }
}

/// As the platform refuses it.
impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is not supported by this platform", self.subject())?;
        match &self.note {
            Some(note) => write!(f, ": {note}"),
            None => Ok(()),
        }
    }
}

/// Returns everything about a task definition that cannot run here: the task's own, then its volumes', then its
/// containers'. `architecture` is the machine's, in ECS's words; none runs every one. [`NOWHERE`] is the caller's to ask for.
pub fn task_refusals(document: &Document, architecture: Option<&str>) -> Vec<Refusal> {
    let mut found: Vec<(usize, usize, Refusal)> = Vec::new();
    for row in table::TASK.iter().flat_map(Row::members) {
        let (list, member) = match row.path.split_once("[].") {
            Some((list @ ("containerDefinitions" | "volumes"), member)) => (list, member.to_owned()),
            _ => ("", row.path.clone()),
        };
        if list.is_empty() {
            let family = document.get("family").and_then(Value::as_str).unwrap_or_default();
            let refused = refused(row.treatment, &member, document, architecture);
            let owner = || Owner::TaskDefinition(family.to_owned());
            found.extend(refused.into_iter().map(|excess| (0, 0, excess.refusal(&member, owner()))));
            continue;
        }
        let items = document.get(list).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object);
        for (index, item) in items.enumerate() {
            let name = item.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
            let (rank, owner) = match list {
                "volumes" => (1, Owner::Volume(name)),
                _ => (2, Owner::Container(name)),
            };
            let refused = refused(row.treatment, &member, item, architecture);
            found.extend(refused.into_iter().map(|excess| (rank, index, excess.refusal(&member, owner.clone()))));
        }
    }
    // Stable: within one owner the table's order stays.
    found.sort_by_key(|(rank, index, _)| (*rank, *index));
    found.into_iter().map(|(_, _, refusal)| refusal).collect()
}

/// Returns everything about a RunTask, CreateService or UpdateService request that cannot be done here.
pub fn request_refusals(request: &Document) -> Vec<Refusal> {
    let rows = table::REQUEST.iter().flat_map(Row::members);
    let refused = rows.flat_map(|row| {
        let refused = refused(row.treatment, &row.path, request, None);
        refused.into_iter().map(move |excess| excess.refusal(&row.path.replace("[]", ""), Owner::Request))
    });
    refused.collect()
}

/// Returns what is refused of one member, below one object.
fn refused(treatment: Treatment, member: &str, object: &Document, architecture: Option<&str>) -> Vec<Excess> {
    let values = values(object, member);
    match treatment {
        Treatment::Served | Treatment::Kept(_) => Vec::new(),
        Treatment::Refused(instead) => {
            let asked = values.iter().any(|value| asks(value));
            let note = Some(instead.to_owned()).filter(|note| !note.is_empty());
            if asked { vec![Excess { value: String::new(), note }] } else { Vec::new() }
        }
        Treatment::Partly { excess, .. } if values.is_empty() => excess(&Value::Null, architecture),
        Treatment::Partly { excess, .. } => values.into_iter().flat_map(|value| excess(value, architecture)).collect(),
    }
}

/// Whether a value asks for anything: nothing, an empty list and `false` do not.
fn asks(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::Bool(true) | Value::Number(_) => true,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(_) => true,
    }
}

/// Returns the values at a path such as `portMappings[].containerPortRange`.
fn values<'a>(object: &'a Document, path: &str) -> Vec<&'a Value> {
    let (first, rest) = path.split_once('.').map_or((path, None), |(first, rest)| (first, Some(rest)));
    let Some(value) = object.get(first.trim_end_matches("[]")) else { return Vec::new() };
    let items: Vec<&Value> = match (first.ends_with("[]"), value) {
        (true, Value::Array(items)) => items.iter().collect(),
        (true, _) => Vec::new(),
        (false, value) => vec![value],
    };
    match rest {
        None => items,
        Some(rest) => items.into_iter().filter_map(Value::as_object).flat_map(|object| values(object, rest)).collect(),
    }
}

#[cfg(test)]
mod tests;
