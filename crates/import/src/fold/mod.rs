//! One manifest of what was found in several stages.
//!
//! Two passes. First words: what stages share is said once, where they differ the most common value is the
//! base and the others override it. Then the manifest is rendered for each stage and held against what was
//! found (`raw`): whatever differs goes to `aws` and `aws-without` tables. So no word needs to be exact
//! for the rendered documents to be equal; words only decide how much of it a person can read.

mod container;
mod discover;
mod draft;
pub(crate) mod gate;
mod held;
mod images;
pub(crate) mod ingress;
mod log;
mod names;
mod pattern;
mod raw;
mod runs;
mod say;
pub(crate) mod scaling;
pub(crate) mod schedule;
mod service;
mod shorten;
mod standalone;
mod task;
mod together;
mod variables;

pub(crate) use self::container::ULIMITS;
pub(crate) use self::service::is_default as is_default_of_service;

use aws_model::Document;
use deploy_core::manifest::{Expression, Named, Stage, StageSchedule, StageService};
use deploy_core::{Manifest, parse};
use serde_json::Value;

use self::draft::{Draft, Version, drafts};
use crate::{Found, Left, Place};

/// A manifest, and what it does not say.
#[derive(Debug, Clone, PartialEq)]
pub struct Folded {
    /// The manifest.
    pub manifest: Manifest,
    /// What could not be carried, that of the source first.
    pub left: Vec<Left>,
}

/// Returns one manifest of what was found in all stages.
pub fn fold(found: &Found) -> Folded {
    let (folded, faults) = folded(found, Depth::Words);
    if faults.is_empty() {
        return folded;
    }
    // The words are at odds with each other in a way that this module does not foresee: AWS's own words never are.
    let (mut plain, _) = self::folded(found, Depth::Raw);
    let why =
        format!("it is written in AWS's own words, because managr's would not be accepted: {}", faults.join("; "));
    plain.left.push(Left::new("services and schedules", Place::default(), why));
    plain
}

/// How much is said in the manifest's own words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    Words,
    Raw,
}

fn folded(found: &Found, depth: Depth) -> (Folded, Vec<String>) {
    let mut left = found.left.clone();
    let mut drafts = drafts(found, &mut left);
    let mut manifest = names::manifest(found, &drafts);
    images::declare(found, &drafts, &mut manifest, &mut left);
    let places = images::places(found, &drafts, &mut manifest, &mut left);
    let images = images::references(found, &manifest, &places);
    service::network(found, &mut manifest, &mut left);
    let ways: Vec<Vec<ingress::Way>> =
        drafts.iter_mut().map(|draft| ingress::words(found, draft, &manifest, &mut left)).collect();
    ingress::stages(&mut drafts, &ways, &mut manifest);
    for draft in &mut drafts {
        if draft.runs.is_none() {
            names::families(draft, &manifest);
        }
        match depth {
            _ if draft.runs.is_some() => {}
            Depth::Words => task::words(draft, &manifest, &images),
            Depth::Raw => task::bare(draft, &manifest, &images),
        }
        schedule::words(found, draft, &manifest, &mut left);
    }
    if depth == Depth::Words {
        variables::declare(found, &mut drafts, &mut manifest);
    }
    ingress::untangle(&mut drafts, &manifest, &mut left);
    runs::words(found, &mut drafts, &manifest);
    raw::patch(found, &mut drafts, &manifest, &mut left);
    drafts.iter_mut().filter(|draft| !draft.is_schedule).for_each(|draft| discover::words(found, draft));
    drafts.iter_mut().filter(|draft| !draft.is_schedule).for_each(|draft| scaling::words(found, draft, &mut left));
    service::words(found, &mut drafts, &manifest);
    let mut manifest = shorten::shorten(found, assemble(&drafts, &manifest));
    ingress::local(&mut manifest);
    names::guard(&mut manifest, found);
    let faults = match parse("managr.toml", &crate::write::text(&manifest, &[])) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.errors().iter().map(ToString::to_string).collect(),
    };
    (Folded { manifest, left }, faults)
}

/// Returns what a schedule is called in the manifest, where services and schedules share their names.
pub(crate) fn schedule_key(found: &Found, key: &str) -> String {
    let is_service = found.stages.iter().flat_map(|stage| &stage.services).any(|service| service.key == key);
    if is_service { format!("{key}-schedule") } else { key.to_owned() }
}

/// Returns the manifest with all drafts in it.
fn assemble(drafts: &[Draft], names: &Manifest) -> Manifest {
    let mut manifest = names.clone();
    let stages: Vec<String> = manifest.stages.names().map(str::to_owned).collect();
    for draft in drafts {
        if draft.is_schedule {
            manifest.schedules.insert(draft.key.as_str(), schedule::assembled(draft));
        } else {
            manifest.services.insert(draft.key.as_str(), draft.service.clone());
        }
        for version in &draft.versions {
            let stage: &mut Stage = manifest.stages.entry(&stages[version.stage]);
            if draft.is_schedule {
                let differs = schedule::differs(draft, version.stage);
                if differs != StageSchedule::default() {
                    stage.schedules.insert(draft.key.as_str(), differs);
                }
            } else if let Some(differs) = draft.differs.get(&version.stage)
                && let differs = without_empty(differs.clone())
                && differs != StageService::default()
            {
                stage.services.insert(draft.key.as_str(), differs);
            }
        }
    }
    manifest
}

/// Takes out containers that nothing is said of.
fn without_empty(mut differs: StageService) -> StageService {
    differs.containers.retain(|_, container| *container != Default::default());
    differs
}

/// Returns the most common value; of those that are equally common, that of the last stage named like
/// production, or else the first.
fn common<T: PartialEq + Clone>(manifest: &Manifest, values: &[(usize, T)]) -> Option<T> {
    let count = |value: &T| values.iter().filter(|(_, other)| other == value).count();
    let most = values.iter().map(|(_, value)| count(value)).max()?;
    let mut tied = values.iter().filter(|(_, value)| count(value) == most);
    let is_production = |stage: usize| {
        manifest.stages.names().nth(stage).is_some_and(|name| name.to_ascii_lowercase().starts_with("prod"))
    };
    let production = tied.clone().rfind(|(stage, _)| is_production(*stage));
    production.or_else(|| tied.next()).map(|(_, value)| value.clone())
}

fn objects<'a>(document: &'a Document, member: &str) -> impl Iterator<Item = &'a Document> {
    document.get(member).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

fn text<'a>(document: &'a Document, member: &str) -> &'a str {
    document.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// Returns a value if every member of its object was understood.
fn only<'a>(value: &'a Value, members: &[&str]) -> Option<&'a Document> {
    value.as_object().filter(|object| object.keys().all(|key| members.contains(&key.as_str())))
}

/// Returns the texts of a list that has nothing else.
fn texts(value: &Value) -> Option<Vec<String>> {
    value.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

fn number<T: TryFrom<u64>>(value: &Value) -> Option<T> {
    T::try_from(value.as_u64()?).ok()
}

/// A schedule of which nothing is known yet has an expression all the same.
fn expression(text: &str) -> Expression {
    Expression(text.to_owned())
}

fn named<T>(entries: impl IntoIterator<Item = (String, T)>) -> Named<T> {
    entries.into_iter().collect()
}
