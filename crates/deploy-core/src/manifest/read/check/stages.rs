//! Does what a stage overrides exist?

use super::task::{Task, tasks};
use super::{containers, meant};
use crate::manifest::read::report::Report;
use crate::manifest::read::tree::Tree;
use crate::manifest::{Condition, Fault, Manifest, Named, StageContainer, StageIngress, StageService, is_in};

pub(super) fn check(manifest: &Manifest, tree: &Tree<'_>, report: &mut Report) {
    let tasks = tasks(manifest);
    for (stage, overrides) in manifest.stages.iter() {
        for kind in ["services", "schedules"] {
            let known = tree.keys(&[kind]);
            for name in tree.keys(&["stages", stage, kind]).into_iter().filter(|name| !known.contains(name)) {
                let (stage, owner) = (stage.to_owned(), name.to_owned());
                let fault = match kind {
                    "services" => Fault::UnknownService { stage: stage.clone(), service: owner },
                    _ => Fault::UnknownSchedule { stage: stage.clone(), schedule: owner },
                };
                let (help, what) = (meant(name, known.iter().copied(), kind), &kind[..kind.len() - 1]);
                report.add(fault, tree.key(&["stages", &stage, kind, name]), format!("no such {what}"), help);
            }
        }
        let services = overrides.services.iter().map(|(name, differs)| ("services", name, &differs.containers));
        let schedules = overrides.schedules.iter().map(|(name, differs)| ("schedules", name, &differs.containers));
        for (kind, name, differs) in services.chain(schedules) {
            let Some(task) = tasks.iter().find(|task| task.kind == kind && task.name == name) else { continue };
            containers_of(manifest, stage, task, differs, tree, report);
        }
        for (name, differs) in overrides.services.iter() {
            ingress(manifest, stage, name, differs, tree, report);
        }
        for (name, differs) in overrides.schedules.iter() {
            if let Some(image) = &differs.image {
                containers::image(manifest, image, &["stages", stage, "schedules", name, "image"], tree, report);
            }
        }
    }
}

/// The way that a stage says is a whole one, to a container that is there.
fn ingress(manifest: &Manifest, stage: &str, name: &str, differs: &StageService, tree: &Tree<'_>, report: &mut Report) {
    let (Some(service), Some(StageIngress::Differs(own))) = (manifest.services.get(name), &differs.ingress) else {
        return;
    };
    let path = ["stages", stage, "services", name, "ingress"];
    let at = |key: &'static str| [&path[..], &[key]].concat();
    let is_there = tree.has(&["services", name, "ingress"]);
    for key in ["container", "port"].into_iter().filter(|key| !is_there && !tree.has(&at(key))) {
        let fault = Fault::MissingKey { key: key.to_owned(), table: path.join(".") };
        let help = format!("the service has no `ingress` that would say it: write `{key}` here");
        report.add(fault, tree.key(&path), format!("`{key}` belongs here"), Some(help));
    }
    if let Some(container) = &own.container
        && !service.containers.get(container).is_some_and(|spec| is_in(&spec.stages, stage))
    {
        let fault = Fault::UnknownContainer {
            user: format!("ingress in stage `{stage}`"),
            container: container.clone(),
            place: format!("service `{name}`"),
        };
        let help = meant(container, service.containers.names(), "its containers");
        report.add(fault, tree.value(&at("container")), "no such container there", help);
    }
    // ELBv2 refuses a health check that may still run when the next one begins.
    if let Some(health) = &own.health_check
        && let (Some(timeout), interval) = (health.timeout, health.interval.map_or(10, |time| time.0))
        && timeout.0 >= interval
    {
        let path = [&path[..], &["health-check", "timeout"]].concat();
        let range = format!("less than the interval, {interval}s");
        let fault = Fault::OutOfRange { path: path.join("."), range, found: timeout.to_string() };
        report.add(fault, tree.value(&path), "out of range", None);
    }
}

/// What containers wait for in a stage is there in that stage, and the waits end.
fn waits(stage: &str, task: &Task<'_>, differs: &Named<StageContainer>, tree: &Tree<'_>, report: &mut Report) {
    let mut service = task.service.clone().into_owned();
    service.containers.retain(|name, _| task.has(name, stage));
    for (name, differs) in differs.iter() {
        service.containers.get_mut(name).iter_mut().for_each(|spec| differs.apply(spec));
    }
    for (waiter, differs) in differs.iter() {
        for (container, condition) in differs.depends_on.iter().flat_map(Named::iter) {
            let path = ["stages", stage, task.kind, task.name, "containers", waiter, "depends-on", container];
            let Some(spec) = service.containers.get(container) else {
                let fault = Fault::UnknownContainer {
                    user: format!("depends-on of `{waiter}` in stage `{stage}`"),
                    container: container.to_owned(),
                    place: task.owner(),
                };
                let help =
                    meant(container, service.containers.names().filter(|name| *name != waiter), "its containers");
                report.add(fault, tree.key(&path), "no such container there", help);
                continue;
            };
            let checks =
                spec.health_check.is_some() || spec.aws.as_ref().is_some_and(|raw| raw.0.contains_key("healthCheck"));
            if *condition == Condition::Healthy && !checks {
                let fault = Fault::NoHealthCheck { container: container.to_owned(), waiter: waiter.to_owned() };
                let help =
                    format!("add `health-check = {{ command = \"...\" }}` to `{container}`, or wait for \"start\"");
                report.add(fault, tree.value(&path), "would wait for ever", Some(help));
            }
        }
    }
    if differs.iter().any(|(_, differs)| differs.depends_on.is_some()) {
        for cycle in super::graph::cycles(&service) {
            let cycle = cycle.iter().map(|container| (*container).to_owned()).collect();
            let span = tree.key(&["stages", stage, task.kind, task.name]);
            let help = format!("take one of these waits away in stage `{stage}`");
            report.add(Fault::DependencyCycle { owner: task.owner(), cycle }, span, "here", Some(help));
        }
    }
}

fn containers_of(
    manifest: &Manifest,
    stage: &str,
    task: &Task<'_>,
    differs: &Named<StageContainer>,
    tree: &Tree<'_>,
    report: &mut Report,
) {
    waits(stage, task, differs, tree, report);
    let known = task.known(tree);
    for (container, differs) in differs.iter() {
        let path = ["stages", stage, task.kind, task.name, "containers", container];
        if !known.contains(&container) {
            let fault = Fault::UnknownContainer {
                user: format!("stage `{stage}`"),
                container: container.to_owned(),
                place: task.owner(),
            };
            let help = meant(container, known.iter().copied(), "its containers");
            report.add(fault, tree.key(&path), "no such container", help);
        }
        if let Some(image) = &differs.image {
            containers::image(manifest, image, &[&path[..], &["image"]].concat(), tree, report);
        }
    }
}
