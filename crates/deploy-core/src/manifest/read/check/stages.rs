//! Does what a stage overrides exist?

use super::task::{Task, tasks};
use super::{containers, meant};
use crate::manifest::read::report::Report;
use crate::manifest::read::tree::Tree;
use crate::manifest::{Fault, Manifest, Named, StageContainer};

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
        for (name, differs) in overrides.schedules.iter() {
            if let Some(image) = &differs.image {
                containers::image(manifest, image, &["stages", stage, "schedules", name, "image"], tree, report);
            }
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
