//! A service or a schedule as the checks see both: containers that run together.

use std::borrow::Cow;
use std::ops::Range;

use crate::manifest::read::tree::Tree;
use crate::manifest::{LOCAL, Manifest, Service, is_in};

/// Containers that run together, and where they are written.
pub(super) struct Task<'a> {
    /// `services` or `schedules`.
    pub(super) kind: &'static str,
    pub(super) name: &'a str,
    /// A schedule in the shape of a service.
    pub(super) service: Cow<'a, Service>,
    /// A schedule's own container.
    pub(super) main: Option<&'a str>,
    /// Stages that it is in; empty is all.
    stages: &'a [String],
}

/// Returns every service and schedule.
pub(super) fn tasks(manifest: &Manifest) -> Vec<Task<'_>> {
    let services = manifest.services.iter().map(|(name, service)| Task {
        kind: "services",
        name,
        service: Cow::Borrowed(service),
        main: None,
        stages: &service.stages,
    });
    // One that runs the task of a service has none of its own: see `runs`.
    let own = manifest.schedules.iter().filter(|(_, schedule)| schedule.service.is_none());
    let schedules = own.map(|(name, schedule)| {
        let main = schedule.container(name);
        let mut containers = schedule.containers.clone();
        if !containers.contains(main) {
            containers.insert(main, schedule.own_container());
        }
        let service = Service {
            cpu: schedule.cpu,
            memory: schedule.memory,
            volumes: schedule.volumes.clone(),
            containers,
            ..Service::default()
        };
        let main = Some(main);
        Task { kind: "schedules", name, service: Cow::Owned(service), main, stages: &schedule.stages }
    });
    services.chain(schedules).collect()
}

impl<'a> Task<'a> {
    /// Returns what it is called in an error.
    pub(super) fn owner(&self) -> String {
        let kind = if self.kind == "services" { "service" } else { "schedule" };
        format!("{kind} `{}`", self.name)
    }

    /// Returns a path below it.
    pub(super) fn path<'b>(&'b self, rest: &[&'b str]) -> Vec<&'b str> {
        [&[self.kind, self.name], rest].concat()
    }

    pub(super) fn key(&self, tree: &Tree<'_>, rest: &[&str]) -> Range<usize> {
        tree.key(&[&[self.kind, self.name], rest].concat())
    }

    pub(super) fn value(&self, tree: &Tree<'_>, rest: &[&str]) -> Range<usize> {
        tree.value(&[&[self.kind, self.name], rest].concat())
    }

    /// Returns the names of its containers as written, sound or not.
    pub(super) fn known(&'a self, tree: &Tree<'a>) -> Vec<&'a str> {
        let mut known = tree.keys(&self.path(&["containers"]));
        known.extend(self.main.filter(|main| !known.contains(main)));
        known
    }

    /// Returns the stages that it is in, `local` among them.
    pub(super) fn stages<'b>(&'b self, manifest: &'b Manifest) -> impl Iterator<Item = &'b str> {
        stages(manifest).into_iter().filter(|stage| is_in(self.stages, stage))
    }

    /// Returns whether a container is in a stage.
    pub(super) fn has(&self, container: &str, stage: &str) -> bool {
        self.service.containers.get(container).is_some_and(|spec| is_in(&spec.stages, stage))
    }
}

/// Returns the stages of a manifest; `local` is there without being written.
pub(super) fn stages(manifest: &Manifest) -> Vec<&str> {
    let local = Some(LOCAL).filter(|local| !manifest.stages.contains(local));
    manifest.stages.names().chain(local).collect()
}

/// Returns whether two lists of stages have one in common.
pub(super) fn meet(manifest: &Manifest, a: &[String], b: &[String]) -> bool {
    stages(manifest).into_iter().any(|stage| is_in(a, stage) && is_in(b, stage))
}
