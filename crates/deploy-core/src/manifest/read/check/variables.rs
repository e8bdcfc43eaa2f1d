//! Do variables and secrets name containers that exist, and is each name one or the other?

use super::meant;
use super::task::{Task, tasks};
use crate::manifest::read::report::Report;
use crate::manifest::read::tree::Tree;
use crate::manifest::{Fault, Inherit, Manifest, Names};

pub(super) fn check(manifest: &Manifest, tree: &Tree<'_>, report: &mut Report) {
    let tasks = tasks(manifest);
    let known = containers(&tasks, tree);
    let no_stage: &[&str] = &[];
    let mut places = vec![(no_stage.to_vec(), &manifest.variables, &manifest.secrets)];
    for (name, stage) in manifest.stages.iter() {
        places.push((vec!["stages", name], &stage.variables, &stage.secrets));
    }
    for (at, variables, secrets) in &places {
        for (name, variable) in variables.iter() {
            restriction(&[at, &["variables", name][..]].concat(), variable.containers(), &known, tree, report);
        }
        for (name, secret) in secrets.iter() {
            restriction(&[at, &["secrets", name][..]].concat(), secret.containers.as_deref(), &known, tree, report);
        }
        twice(at, tree, report);
    }
    for (service, spec) in manifest.services.iter() {
        for (container, spec) in spec.containers.iter() {
            let at = ["services", service, "containers", container];
            twice(&at, tree, report);
            inherit(&at, spec.inherit.as_ref(), manifest, tree, report);
        }
    }
    for (schedule, spec) in manifest.schedules.iter() {
        let at = ["schedules", schedule];
        twice(&at, tree, report);
        inherit(&at, spec.inherit.as_ref(), manifest, tree, report);
        for (container, spec) in spec.containers.iter() {
            let at = ["schedules", schedule, "containers", container];
            twice(&at, tree, report);
            inherit(&at, spec.inherit.as_ref(), manifest, tree, report);
        }
    }
}

/// Returns everything that can get a variable.
pub(super) fn containers<'a>(tasks: &'a [Task<'a>], tree: &Tree<'a>) -> Vec<&'a str> {
    tasks.iter().flat_map(|task| task.known(tree)).collect()
}

pub(super) fn restriction(at: &[&str], list: Option<&[String]>, known: &[&str], tree: &Tree<'_>, report: &mut Report) {
    for (index, container) in list.into_iter().flatten().enumerate() {
        if !known.contains(&container.as_str()) {
            let index = index.to_string();
            let fault = Fault::UnknownContainer {
                user: format!("`{}`", at.join(".")),
                container: container.clone(),
                place: "the manifest".to_owned(),
            };
            let help = meant(container, known.iter().copied(), "containers");
            let span = tree.value(&[at, &["containers", &index][..]].concat());
            report.add(fault, span, "no such container", help);
        }
    }
}

/// ECS refuses a container whose environment and secrets share a name.
fn twice(at: &[&str], tree: &Tree<'_>, report: &mut Report) {
    let variables = tree.keys(&[at, &["variables"]].concat());
    for name in tree.keys(&[at, &["secrets"]].concat()) {
        // A stage may also clash with what is declared at the top.
        let first = if variables.contains(&name) {
            [at, &["variables", name]].concat()
        } else if at.first() == Some(&"stages") && tree.has(&["variables", name]) {
            vec!["variables", name]
        } else {
            continue;
        };
        clash(name, at, &first, &[at, &["secrets", name]].concat(), tree, report);
    }
    if at.first() == Some(&"stages") {
        for name in variables.into_iter().filter(|name| tree.has(&["secrets", name])) {
            clash(name, at, &["secrets", name], &[at, &["variables", name]].concat(), tree, report);
        }
    }
}

fn clash(name: &str, at: &[&str], first: &[&str], second: &[&str], tree: &Tree<'_>, report: &mut Report) {
    let fault = Fault::DeclaredTwice { name: name.to_owned(), place: at.join(".") };
    let label = |path: &[&str]| format!("declared in `{}`", path[..path.len() - 1].join("."));
    let labels = vec![(tree.key(second), label(second)), (tree.key(first), label(first))];
    report.add_at(fault, labels, Some("keep it in one of them; a sensitive value belongs in secrets".to_owned()));
}

fn inherit(at: &[&str], inherit: Option<&Inherit>, manifest: &Manifest, tree: &Tree<'_>, report: &mut Report) {
    let Some(Inherit::Parts(parts)) = inherit else { return };
    for (kind, key, names) in [("variable", "variables", &parts.variables), ("secret", "secrets", &parts.secrets)] {
        let Some(Names::Some(names)) = names else { continue };
        let mut known = declared(key, tree);
        let given: Vec<String> =
            manifest.databases.iter().flat_map(|(_, database)| database.given()).map(|(_, v)| v).collect();
        if kind == "secret" {
            known.extend(given.iter().map(String::as_str));
        }
        for (index, name) in names.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let index = index.to_string();
                let path = [at, &["inherit", key, &index][..]].concat();
                let fault = Fault::UnknownVariable {
                    path: [at, &["inherit", key][..]].concat().join("."),
                    kind,
                    name: name.clone(),
                };
                let help = meant(name, known.iter().copied(), "declared");
                report.add(fault, tree.value(&path), "not declared", help);
            }
        }
    }
}

/// Returns the names that the manifest or any stage declares.
fn declared<'a>(key: &str, tree: &Tree<'a>) -> Vec<&'a str> {
    let mut known = tree.keys(&[key]);
    for stage in tree.keys(&["stages"]) {
        known.extend(tree.keys(&["stages", stage, key]));
    }
    known
}
