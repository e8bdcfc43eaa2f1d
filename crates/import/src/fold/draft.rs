//! What was found of one service or schedule, stage by stage, and the manifest that is being made of it.

use std::collections::BTreeMap;

use aws_model::Document;
use deploy_core::diff;
use deploy_core::manifest::{Schedule, Service, StageSchedule, StageService};

use super::{gate, objects, runs, schedule, schedule_key, standalone, text};
use crate::{Found, FoundSchedule, Left, Place};

/// A service or schedule while its manifest is being made: a schedule in the shape of a service.
pub(super) struct Draft {
    pub(super) is_schedule: bool,
    pub(super) key: String,
    /// A schedule's own container.
    pub(super) main: String,
    /// The service whose task a schedule runs, if it has none of its own.
    pub(super) runs: Option<String>,
    /// Its task definition in each stage that it is in, in the order of the stages.
    pub(super) versions: Vec<Version>,
    pub(super) service: Service,
    /// What differs, by the stage's number.
    pub(super) differs: BTreeMap<usize, StageService>,
    /// Whether containers of managr's own are words of the schedule.
    pub(super) is_gated: bool,
    /// A schedule's own words, and what differs of them.
    pub(super) schedule: Schedule,
    pub(super) schedule_differs: BTreeMap<usize, StageSchedule>,
}

/// A task definition of one stage.
pub(super) struct Version {
    pub(super) stage: usize,
    pub(super) place: Place,
    /// As it was found.
    pub(super) document: Document,
    /// In the form that is compared.
    pub(super) normal: Document,
}

impl Version {
    /// Returns what a schedule starts in a stage, without what its target says over it.
    pub(super) fn of(stage: usize, schedule: &FoundSchedule) -> Self {
        let (place, document) = (schedule.place.clone(), schedule.task_definition.clone());
        let normal = diff::normalise(&document);
        Self { stage, place, document, normal }
    }
}

impl Draft {
    pub(super) fn new(is_schedule: bool, key: &str) -> Self {
        Self {
            is_schedule,
            key: key.to_owned(),
            main: String::new(),
            runs: None,
            is_gated: false,
            versions: Vec::new(),
            service: Service::default(),
            differs: BTreeMap::new(),
            schedule: Schedule::default(),
            schedule_differs: BTreeMap::new(),
        }
    }

    /// Returns the names of its containers, in the order in which they were found.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for container in self.versions.iter().flat_map(|version| objects(&version.document, "containerDefinitions")) {
            let name = text(container, "name").to_owned();
            let is_word = self.is_gated && gate::is_own(container);
            if !is_word && !names.contains(&name) {
                names.push(name);
            }
        }
        names
    }

    /// Returns a container in every stage that it is in, in the form that is compared.
    pub(super) fn container<'a>(&'a self, name: &'a str) -> Vec<(usize, &'a Document)> {
        let in_version = |version: &'a Version| {
            let mut all = objects(&version.normal, "containerDefinitions");
            all.find(|container| text(container, "name") == name).map(|container| (version.stage, container))
        };
        self.versions.iter().filter_map(in_version).collect()
    }
}

/// Returns the services, then the schedules, each with its task definitions.
pub(super) fn drafts(found: &Found, left: &mut Vec<Left>) -> Vec<Draft> {
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
    one_offs(found, left);
    for draft in drafts.iter_mut().filter(|draft| draft.is_schedule) {
        draft.runs = runs::service(found, &draft.key, left);
    }
    standalone::share(found, &mut drafts);
    drafts.iter_mut().filter(|draft| draft.is_schedule && draft.runs.is_none()).for_each(gate::words);
    for draft in drafts.iter().filter(|draft| draft.runs.is_none()) {
        for version in &draft.versions {
            twice(draft, version, left);
        }
    }
    drafts.sort_by_key(|draft| draft.is_schedule);
    drafts
}

/// Tells variables that a container has twice: the last one counts, and is carried.
fn twice(draft: &Draft, version: &Version, left: &mut Vec<Left>) {
    let kind = if draft.is_schedule { "schedules" } else { "services" };
    for container in objects(&version.document, "containerDefinitions") {
        let all: Vec<&Document> = objects(container, "environment").collect();
        let names: Vec<&str> = all.iter().map(|variable| text(variable, "name")).collect();
        for (at, name) in names.iter().enumerate() {
            if names[..at].contains(name) || !names[at + 1..].contains(name) {
                continue;
            }
            let same = all.iter().filter(|variable| text(variable, "name") == *name).all(|other| other == &all[at]);
            let why = if same {
                "it is written more than once, always the same: one is carried; take the others away"
            } else {
                "it is written more than once, with different values: the last one counts in ECS, and is carried; take \
                 the others away"
            };
            let what = format!("{kind}.{}.containers.{}.variables.{name}", draft.key, text(container, "name"));
            left.push(Left::new(what, version.place.clone(), why));
        }
    }
}

/// Tells task definitions that nothing runs by itself: a manifest has services and schedules.
fn one_offs(found: &Found, left: &mut Vec<Left>) {
    for stage in &found.stages {
        for one in &stage.one_offs {
            let family = text(&one.task_definition, "family");
            let normal = diff::normalise(&one.task_definition);
            let without_family = |document: &Document| {
                let mut document = document.clone();
                document.shift_remove("family");
                document
            };
            let same = |service: &&crate::FoundService| {
                without_family(&diff::normalise(&service.task_definition)) == without_family(&normal)
            };
            let how = match stage.services.iter().find(same) {
                Some(service) => format!(
                    "service `{}` has the same containers: `managr run {} --service {} -- COMMAND` starts one of them",
                    service.key, stage.name, service.key
                ),
                None => {
                    "`managr run` starts a command in a container of a service; for containers of its own keep the \
                         definition where it is, or write it as a service with `standalone = true`"
                        .to_owned()
                }
            };
            let why = format!(
                "no service and no schedule runs it in stage `{}`, so it is a command that somebody starts: {how}",
                stage.name
            );
            left.push(Left::new(format!("task definition {family}"), one.place.clone(), why));
        }
    }
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
