//! Everything that a stage's resources say, opened before it is read, and what readers claim of it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::super::json::{self as text_json, Marks};
use super::super::leaves::Leaf;
use super::super::scope::Instance;
use super::{Estate, sources};
use crate::Place;
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
    /// Why it is unknown, or why it must not be shown.
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
                        let told = sources::of_members(estate, &address, leaf);
                        for member in &members {
                            let told = told.as_ref().and_then(|told| told.get(&member.path).cloned());
                            book.told(estate, (&address, &member.path), &leaf.place, told);
                        }
                        book.containers.insert(address.clone(), members);
                    }
                    None => {
                        let told = sources::of_leaf(estate, &address, leaf);
                        book.told(estate, (&address, &leaf.path), &leaf.place, told);
                    }
                }
            }
            if leaves.is_empty() {
                book.ledger.open(&address, "", instance.item.place.clone());
            }
            book.leaves.insert(address, leaves);
        }
        book
    }

    /// Opens a line of what is written at a place, and told at another.
    fn told(&mut self, estate: &Estate<'_>, line: (&str, &str), written: &Place, told: Option<Place>) {
        let Some(told) = told else { return self.ledger.open(line.0, line.1, written.clone()) };
        // What no file of the folder describes is written nowhere.
        let written = estate.run.folder.contains_key(&written.source).then(|| written.clone());
        self.ledger.open_told(line.0, line.1, told, written);
    }

    /// Returns what a resource says.
    pub(super) fn leaves(&self, instance: &Instance<'_>) -> Vec<Leaf> {
        self.leaves.get(&instance.address()).cloned().unwrap_or_default()
    }

    /// Returns the members of a task definition's containers.
    pub(super) fn containers(&self, address: &str) -> Vec<Container> {
        self.containers.get(address).cloned().unwrap_or_default()
    }

    /// Leaves a whole resource, or what lies beneath a path of it, to Terraform.
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
    let mut all = Vec::new();
    walk(leaf, |path, member, value, marks| {
        all.push(Container { path, member: member.to_vec(), why: unknown(value, marks) });
    })?;
    Some(all)
}

/// Shows each member of a text of container definitions: its line's path, the member, and its value.
pub(super) fn walk(leaf: &Leaf, mut show: impl FnMut(String, &[String], &Json, &Marks)) -> Option<()> {
    let (mut json, marks) = text_json::parse(&leaf.value.as_text()?).ok()?;
    aws_model::shape::recase_containers(&mut json);
    for (index, container) in json.as_array()?.iter().enumerate() {
        let name = container.get("name").and_then(Json::as_str).and_then(|name| marks.text(name).shown());
        let name = name.unwrap_or_else(|| index.to_string());
        let mut tell = |path: &[String], value: &Json, is_beside: bool| {
            // What a variable has beside its name and value has no line of its own: `without_unknown` tells it.
            if !is_beside {
                show(format!("{CONTAINERS}.{}", path.join(".")), path, value, &marks);
            }
        };
        container_members(container, name, &|text| marks.text(text).shown(), &mut tell);
    }
    Some(())
}

/// Returns the first thing in a value that is unknown or must not be shown.
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
