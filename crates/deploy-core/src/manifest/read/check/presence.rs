//! Is everything that a stage needs there in that stage?

use super::meant;
use super::task::{Task, stages, tasks};
use crate::manifest::read::report::Report;
use crate::manifest::read::tree::Tree;
use crate::manifest::{Fault, Manifest, ingress, is_in};

pub(super) fn check(manifest: &Manifest, tree: &Tree<'_>, report: &mut Report) {
    for task in tasks(manifest) {
        let table = [task.kind, task.name];
        list(manifest, &task.owner(), &table, tree, report);
        for container in tree.keys(&[&table[..], &["containers"]].concat()) {
            let path = [&table[..], &["containers", container]].concat();
            list(manifest, &format!("container `{container}`"), &path, tree, report);
        }
        for stage in task.stages(manifest) {
            references(manifest, &task, stage, tree, report);
            emptiness(&task, stage, tree, report);
        }
    }
    overrides(manifest, tree, report);
}

/// A list of stages names stages, and at least one.
pub(super) fn list(manifest: &Manifest, user: &str, table: &[&str], tree: &Tree<'_>, report: &mut Report) {
    let path = [table, &["stages"]].concat();
    if !tree.has(&path) {
        return;
    }
    let at = |spec: &[String], report: &mut Report| {
        if spec.is_empty() {
            let (what, why) = ("a list of stages".to_owned(), "it is empty".to_owned());
            let help = "name the stages that it is in, or leave `stages` out: it is in all of them then".to_owned();
            report.add(Fault::BadText { path: path.join("."), what, why }, tree.value(&path), "here", Some(help));
        }
        for (index, stage) in spec.iter().enumerate() {
            let known = stages(manifest);
            if !known.contains(&stage.as_str()) {
                let index = index.to_string();
                let fault = Fault::UnknownStage { user: user.to_owned(), stage: stage.clone() };
                let help = meant(stage, known, "stages");
                report.add(fault, tree.value(&[&path[..], &[&index]].concat()), "no such stage", help);
            }
        }
    };
    match *table {
        ["services", name] => manifest.services.get(name).iter().for_each(|spec| at(&spec.stages, report)),
        ["schedules", name] => manifest.schedules.get(name).iter().for_each(|spec| at(&spec.stages, report)),
        ["databases", name] => manifest.databases.get(name).iter().for_each(|spec| at(&spec.stages, report)),
        ["services", name, _, container] => {
            let spec = manifest.services.get(name).and_then(|spec| spec.containers.get(container));
            spec.iter().for_each(|spec| at(&spec.stages, report));
        }
        ["schedules", name, _, container] => {
            let spec = manifest.schedules.get(name).and_then(|spec| spec.containers.get(container));
            spec.iter().for_each(|spec| at(&spec.stages, report));
        }
        _ => {}
    }
}

/// What is there may not lean on a container that is not.
fn references(manifest: &Manifest, task: &Task<'_>, stage: &str, tree: &Tree<'_>, report: &mut Report) {
    let mut absent = |user: String, container: &str, path: &[&str]| {
        if !task.service.containers.contains(container) || task.has(container, stage) {
            return;
        }
        let fault = Fault::NotInStage { user, container: container.to_owned(), stage: stage.to_owned() };
        let where_ = task.value(tree, &["containers", container, "stages"]);
        let labels =
            vec![(task.value(tree, path), "needed here".to_owned()), (where_, format!("`{stage}` is not here"))];
        let help = format!("add \"{stage}\" to the stages of `{container}`, or take it from those of what needs it");
        report.add_at(fault, labels, Some(help));
    };
    let differs = manifest.stages.get(stage).and_then(|settings| settings.services.get(task.name));
    let differs = differs.filter(|_| task.kind == "services").and_then(|differs| differs.ingress.as_ref());
    if let Some(ingress) = ingress(&task.service, differs) {
        absent("ingress".to_owned(), &ingress.container, &["ingress", "container"]);
    }
    if let Some(release) = &task.service.release {
        absent("release".to_owned(), &release.container, &["release", "container"]);
    }
    for (waiter, spec) in task.service.containers.iter().filter(|(waiter, _)| task.has(waiter, stage)) {
        // What a stage says of it is looked at where the stage says it.
        let is_said = tree.has(&["stages", stage, task.kind, task.name, "containers", waiter, "depends-on"]);
        for container in spec.depends_on.names().filter(|_| !is_said) {
            absent(format!("depends-on of `{waiter}`"), container, &["containers", waiter, "depends-on", container]);
        }
    }
}

fn emptiness(task: &Task<'_>, stage: &str, tree: &Tree<'_>, report: &mut Report) {
    let all = &task.service.containers;
    let there = || all.iter().filter(|(_, spec)| is_in(&spec.stages, stage));
    let is_essential = |spec: &crate::manifest::Container| spec.essential != Some(false);
    // Another check reports what is missing everywhere.
    let what = if all.is_empty() {
        return;
    } else if there().next().is_none() {
        "container"
    } else if all.iter().any(|(_, spec)| is_essential(spec)) && !there().any(|(_, spec)| is_essential(spec)) {
        "essential container"
    } else {
        return;
    };
    let fault = Fault::EmptyInStage { owner: task.owner(), what, stage: stage.to_owned() };
    let help = format!("give it one there, or take \"{stage}\" from its `stages`");
    report.add(fault, task.key(tree, &[]), "this one", Some(help));
}

/// What a stage says of something that is not in it would have no effect.
fn overrides(manifest: &Manifest, tree: &Tree<'_>, report: &mut Report) {
    let tasks = tasks(manifest);
    for stage in manifest.stages.names() {
        for task in &tasks {
            let table = ["stages", stage, task.kind, task.name];
            if !tree.has(&table) {
                continue;
            }
            let mut absent = |what: String, path: &[&str]| {
                let fault = Fault::OverridesAbsent { stage: stage.to_owned(), what };
                let help = "remove it, or add the stage to its `stages`".to_owned();
                report.add(fault, tree.key(path), "has no effect", Some(help));
            };
            if !task.stages(manifest).any(|there| there == stage) {
                absent(task.owner(), &table);
                continue;
            }
            for container in tree.keys(&[&table[..], &["containers"]].concat()) {
                if task.service.containers.contains(container) && !task.has(container, stage) {
                    let path = [&table[..], &["containers", container]].concat();
                    absent(format!("container `{container}`"), &path);
                }
            }
        }
    }
}
