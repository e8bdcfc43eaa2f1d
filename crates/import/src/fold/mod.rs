//! One manifest of what was found in several stages.
//!
//! Two passes. First words: what stages share is said once, where they differ the most common value is the
//! base and the others override it. Then the manifest is rendered for each stage and held against what was
//! found ([`raw`]): whatever differs goes to `aws` and `aws-without` tables. So no word needs to be exact
//! for the rendered documents to be equal; words only decide how much of it a person can read.

mod container;
mod images;
mod ingress;
mod names;
mod raw;
pub(crate) mod schedule;
mod service;
mod task;
mod variables;

use std::collections::BTreeMap;

use deploy_core::manifest::{Expression, Named, Schedule, Service, Stage, StageSchedule, StageService};
use deploy_core::{Manifest, diff, parse};
use ecs_model::Document;
use serde_json::Value;

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
    let images = images::references(found, &manifest);
    service::network(found, &mut manifest, &mut left);
    for draft in &mut drafts {
        ingress::words(found, draft, &mut manifest, &mut left);
    }
    ingress::untangle(&mut drafts, &mut left);
    for draft in &mut drafts {
        names::families(draft, &manifest);
        match depth {
            Depth::Words => task::words(draft, &manifest, &images),
            Depth::Raw => task::bare(draft, &manifest),
        }
        schedule::words(found, draft, &manifest, &mut left);
    }
    if depth == Depth::Words {
        variables::declare(found, &mut drafts, &mut manifest);
    }
    raw::patch(found, &mut drafts, &manifest, &mut left);
    service::words(found, &mut drafts, &manifest);
    let manifest = assemble(&drafts, &manifest);
    let faults = match parse("managr.toml", &crate::write::text(&manifest, &[])) {
        Ok(_) => Vec::new(),
        Err(errors) => errors.errors().iter().map(ToString::to_string).collect(),
    };
    (Folded { manifest, left }, faults)
}

/// A service or schedule while its manifest is being made: a schedule in the shape of a service.
struct Draft {
    is_schedule: bool,
    key: String,
    /// A schedule's own container.
    main: String,
    /// Its task definition in each stage that it is in, in the order of the stages.
    versions: Vec<Version>,
    service: Service,
    /// What differs, by the stage's number.
    differs: BTreeMap<usize, StageService>,
    /// A schedule's own words, and what differs of them.
    schedule: Schedule,
    schedule_differs: BTreeMap<usize, StageSchedule>,
}

/// A task definition of one stage.
struct Version {
    stage: usize,
    place: Place,
    /// As it was found.
    document: Document,
    /// In the form that is compared.
    normal: Document,
}

impl Draft {
    fn new(is_schedule: bool, key: &str) -> Self {
        Self {
            is_schedule,
            key: key.to_owned(),
            main: String::new(),
            versions: Vec::new(),
            service: Service::default(),
            differs: BTreeMap::new(),
            schedule: Schedule::default(),
            schedule_differs: BTreeMap::new(),
        }
    }

    /// Returns the names of its containers, in the order in which they were found.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for container in self.versions.iter().flat_map(|version| objects(&version.document, "containerDefinitions")) {
            let name = text(container, "name").to_owned();
            if !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Returns a container in every stage that it is in, in the form that is compared.
    fn container<'a>(&'a self, name: &'a str) -> Vec<(usize, &'a Document)> {
        let in_version = |version: &'a Version| {
            let mut all = objects(&version.normal, "containerDefinitions");
            all.find(|container| text(container, "name") == name).map(|container| (version.stage, container))
        };
        self.versions.iter().filter_map(in_version).collect()
    }
}

/// Returns the services, then the schedules, each with its task definitions.
fn drafts(found: &Found, left: &mut Vec<Left>) -> Vec<Draft> {
    let mut drafts = Drafts { all: Vec::new(), left };
    for (number, stage) in found.stages.iter().enumerate() {
        for service in &stage.services {
            drafts.add(false, &service.key, number, &service.place, service.task_definition.clone());
        }
        for schedule in &stage.schedules {
            match schedule::when(schedule) {
                Ok(_) => {
                    let key = schedule_key(found, &schedule.key);
                    drafts.add(true, &key, number, &schedule.place, schedule::effective(schedule));
                }
                Err(why) => drafts.leave(&format!("schedules.{}", schedule.key), &schedule.place, why),
            }
        }
    }
    let mut drafts = drafts.all;
    drafts.sort_by_key(|draft| draft.is_schedule);
    drafts
}

struct Drafts<'a> {
    all: Vec<Draft>,
    left: &'a mut Vec<Left>,
}

impl Drafts<'_> {
    fn add(&mut self, is_schedule: bool, key: &str, stage: usize, place: &Place, document: Document) {
        let known = self.all.iter().position(|draft| draft.is_schedule == is_schedule && draft.key == key);
        let at = known.unwrap_or_else(|| {
            self.all.push(Draft::new(is_schedule, key));
            self.all.len() - 1
        });
        if self.all[at].versions.iter().any(|version| version.stage == stage) {
            let why = format!("`{key}` is there already in this stage: give one of them another name");
            return self.leave(key, place, why);
        }
        let normal = diff::normalise(&document);
        self.all[at].versions.push(Version { stage, place: place.clone(), document, normal });
    }

    fn leave(&mut self, what: &str, place: &Place, why: String) {
        self.left.push(Left::new(what, place.clone(), why));
    }
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
