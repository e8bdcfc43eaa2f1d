//! Everything that a stage's resources say, opened before it is read, and what readers claim of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::super::json::{self as text_json, Marks};
use super::super::leaves::Leaf;
use super::super::scope::Instance;
use super::Estate;
use crate::ledger::{Account, Claim, Ledger};
use crate::lines::container_members;

/// The argument whose text is a document of its own.
pub(super) const CONTAINERS: &str = "container_definitions";

/// The lines of a stage.
#[derive(Debug, Default)]
pub(super) struct Book {
    pub(super) ledger: Ledger,
    leaves: BTreeMap<String, Vec<Leaf>>,
    /// Addresses of task definitions that a service or a schedule runs.
    pub(super) ran: BTreeSet<String>,
    /// What starts task definitions by the clock and stays with Terraform, by the definitions' addresses.
    pub(super) started: BTreeMap<String, String>,
    /// Members of container definitions by their task definition: the path, and the member of the document.
    containers: BTreeMap<String, Vec<Container>>,
}

/// A member of a container definition.
#[derive(Debug, Clone)]
pub(super) struct Container {
    /// Path of its line, such as `container_definitions.web.image`.
    pub(super) path: String,
    /// Container, then names of members; environment and secrets by the variable's name.
    pub(super) member: Vec<String>,
    /// What it cannot be told by, or what it must not be shown for.
    pub(super) why: Option<String>,
}

impl Book {
    /// Opens a line for everything that a stage's resources say.
    pub(super) fn open(estate: &Estate<'_>) -> Self {
        let mut book = Self::default();
        for instance in &estate.instances {
            let address = instance.address();
            let leaves = instance.leaves();
            for leaf in &leaves {
                let members = (instance.kind() == "aws_ecs_task_definition" && leaf.path == CONTAINERS)
                    .then(|| members(leaf))
                    .flatten();
                match members {
                    Some(members) => {
                        for member in &members {
                            book.ledger.open(&address, &member.path, leaf.place.clone());
                        }
                        book.containers.insert(address.clone(), members);
                    }
                    None => book.ledger.open(&address, &leaf.path, leaf.place.clone()),
                }
            }
            if leaves.is_empty() {
                book.ledger.open(&address, "", instance.item.place.clone());
            }
            book.leaves.insert(address, leaves);
        }
        book
    }

    /// Returns what a resource says.
    pub(super) fn leaves(&self, instance: &Instance<'_>) -> Vec<Leaf> {
        self.leaves.get(&instance.address()).cloned().unwrap_or_default()
    }

    /// Returns the members of a task definition's containers.
    pub(super) fn containers(&self, address: &str) -> Vec<Container> {
        self.containers.get(address).cloned().unwrap_or_default()
    }

    /// Leaves a whole resource, or what lies beneath a path of it, to whoever keeps it.
    pub(super) fn keep(&mut self, address: &str, path: &str, why: &str) {
        self.ledger.claim(address, path, Claim::Is(Account::Owner(format!("Terraform: {why}"))));
    }

    /// Lists what lies beneath a path.
    pub(super) fn list(&mut self, address: &str, path: &str, why: impl Into<String>) {
        self.ledger.claim(address, path, Claim::Is(Account::Listed(why.into())));
    }

    /// Says that something became a member of a document.
    pub(super) fn became(&mut self, address: &str, path: &str, object: &str, member: String) {
        self.ledger.claim(address, path, Claim::Became { object: object.to_owned(), member });
    }
}

/// Returns the members of a text of container definitions; nothing if it cannot be read as such.
fn members(leaf: &Leaf) -> Option<Vec<Container>> {
    let (mut json, marks) = text_json::parse(&leaf.value.as_text()?).ok()?;
    aws_model::shape::recase_containers(&mut json);
    let mut all = Vec::new();
    for (index, container) in json.as_array()?.iter().enumerate() {
        let name = container.get("name").and_then(Json::as_str).and_then(|name| marks.text(name).shown());
        let name = name.unwrap_or_else(|| index.to_string());
        let mut tell = |path: &[String], value: &Json, is_beside: bool| {
            // What a variable has beside its name and value has no line of its own: `without_unknown` tells it.
            if !is_beside {
                let why = unknown(value, &marks);
                all.push(Container { path: format!("{CONTAINERS}.{}", path.join(".")), member: path.to_vec(), why });
            }
        };
        container_members(container, name, &|text| marks.text(text).shown(), &mut tell);
    }
    Some(all)
}

/// Returns the first thing in a value that cannot be told or must not be shown.
fn unknown(value: &Json, marks: &Marks) -> Option<String> {
    match value {
        Json::String(text) => {
            let text = marks.text(text);
            let unknown = text.unknowns().next().map(|unknown| format!("cannot be evaluated: {unknown}"));
            unknown.or_else(|| text.secrets().next().map(|of| format!("holds the sensitive value of {of}")))
        }
        Json::Array(items) => items.iter().find_map(|item| unknown(item, marks)),
        Json::Object(members) => members.values().find_map(|member| unknown(member, marks)),
        _ => None,
    }
}
