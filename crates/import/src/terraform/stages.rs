//! Which stages does a folder describe, and with which values is each evaluated?
//!
//! A file of variables for each, a directory for each, or one evaluation whose `for_each` goes over them.

use std::collections::{BTreeMap, BTreeSet};

use super::files::{Files, Vars, base, parent};
use super::names;
use super::scope::{Instance, Key};
use super::value::Value;
use crate::{Left, Place};

/// One evaluation of a root module.
#[derive(Debug)]
pub(super) struct Evaluation {
    /// Directory of the root module.
    pub(super) root: String,
    /// The stage that all of it is; none if its instances tell.
    pub(super) stage: Option<String>,
    pub(super) values: BTreeMap<String, Value>,
}

/// Files of variables that are for every stage.
const COMMON: [&str; 10] =
    ["terraform", "common", "global", "shared", "default", "defaults", "base", "secrets", "variables", "vars"];

/// Returns the evaluations of a folder, in the order of their files.
pub(super) fn evaluations(files: &Files, left: &mut Vec<Left>) -> Vec<Evaluation> {
    let roots = roots(files, left);
    let mut evaluations = Vec::new();
    for root in &roots {
        let mut common: BTreeMap<String, Value> = BTreeMap::new();
        let mut stages: Vec<(String, BTreeMap<String, Value>)> = Vec::new();
        for vars in files.vars.iter().filter(|vars| belongs(vars, root, &roots)) {
            let values = vars.values.clone();
            match stage_of_file(&vars.path, root) {
                File::Sample => left.push(Left::new(
                    vars.path.clone(),
                    Place { source: vars.path.clone(), line: None },
                    "a sample: its values were not read; put the real file beside it as STAGE.tfvars",
                )),
                File::Common => common.extend(values),
                File::Stage(name) => match stages.iter_mut().find(|(stage, _)| *stage == name) {
                    Some((_, before)) => before.extend(values),
                    None => stages.push((name, values)),
                },
            }
        }
        let directory = base(root);
        if names::is_stage(directory) && roots.len() > 1 {
            for (_, values) in stages {
                common.extend(values);
            }
            let stage = Some(directory.to_owned());
            evaluations.push(Evaluation { root: root.clone(), stage, values: common });
        } else if stages.is_empty() {
            evaluations.push(Evaluation { root: root.clone(), stage: None, values: common });
        } else {
            for (stage, values) in stages {
                let mut all = common.clone();
                all.extend(values);
                evaluations.push(Evaluation { root: root.clone(), stage: Some(stage), values: all });
            }
        }
    }
    evaluations
}

/// Returns directories that no other directory calls, and that lead to something of ECS.
fn roots(files: &Files, left: &mut Vec<Left>) -> Vec<String> {
    let called: BTreeSet<String> = files.modules.values().flat_map(|module| module.calls()).collect();
    let mut roots: Vec<&String> = files.modules.keys().filter(|dir| !called.contains(*dir)).collect();
    if roots.is_empty() {
        roots = files.modules.keys().collect();
    }
    let (with, without): (Vec<_>, Vec<_>) =
        roots.iter().copied().partition(|dir| leads_to_ecs(files, dir, &mut BTreeSet::new()));
    if with.is_empty() {
        return roots.into_iter().cloned().collect();
    }
    for dir in without {
        let place = Place { source: if dir.is_empty() { ".".to_owned() } else { dir.clone() }, line: None };
        left.push(Left::new(place.source.clone(), place, "nothing of ECS in this directory: it stays in Terraform"));
    }
    with.into_iter().cloned().collect()
}

fn leads_to_ecs(files: &Files, dir: &str, seen: &mut BTreeSet<String>) -> bool {
    let Some(module) = files.modules.get(dir) else { return false };
    seen.insert(dir.to_owned())
        && (module.resources.iter().any(|item| item.label(0).starts_with("aws_ecs_"))
            || module.calls().any(|called| leads_to_ecs(files, &called, seen)))
}

/// A file belongs to the root that it is in or below; with one root, every file does.
fn belongs(vars: &Vars, root: &str, roots: &[String]) -> bool {
    let within = |root: &str| root.is_empty() || vars.path.starts_with(&format!("{root}/"));
    match roots {
        [_] => true,
        roots => within(root) && !roots.iter().any(|other| other.len() > root.len() && within(other)),
    }
}

enum File {
    Sample,
    Common,
    Stage(String),
}

fn stage_of_file(path: &str, root: &str) -> File {
    let name = base(path).trim_end_matches(".json").trim_end_matches(".tfvars");
    if let Some(auto) = name.strip_suffix(".auto") {
        let _ = auto;
        return File::Common;
    }
    if name.contains("sample") || name.contains("example") {
        return File::Sample;
    }
    let name = name.strip_prefix("terraform.").unwrap_or(name);
    let directory = base(parent(path));
    match names::stage_in(name) {
        Some(stage) => File::Stage(stage.to_owned()),
        None if parent(path) != root && names::is_stage(directory) => File::Stage(directory.to_owned()),
        None if COMMON.contains(&name) => File::Common,
        None => File::Stage(name.to_owned()),
    }
}

/// Returns the stage that an instance is of, where one evaluation holds several.
pub(super) fn stage_of(instance: &Instance<'_>) -> Option<String> {
    let calls = instance.scope.calls.iter().map(|(label, key)| (label.as_str(), key));
    for (label, key) in calls.chain([(instance.item.label(1), &instance.key)]) {
        if let Key::Name(name) = key {
            if let Some(stage) = names::stage_in(name) {
                return Some(stage.to_owned());
            }
            if over_stages(instance) {
                return Some(name.clone());
            }
        }
        if let Some(stage) = names::stage_in(label) {
            return Some(stage.to_owned());
        }
    }
    let told = ["environment", "env", "stage"].into_iter().find_map(|name| {
        let declared = super::files::Module::named(&instance.scope.module.variables, &[name]).is_some();
        instance.scope.variable(name).ok().filter(|_| declared)?.shown()
    });
    let named = ["family", "name"].into_iter().find_map(|name| {
        let name = instance.given(name)?.shown()?;
        names::stage_in(&name).map(str::to_owned)
    });
    told.or(named)
}

/// `for_each = var.environments`: its keys are stages, whatever they are called.
fn over_stages(instance: &Instance<'_>) -> bool {
    instance.item.attribute("for_each").is_some_and(|expression| {
        let text = expression.to_string().to_lowercase();
        ["environments", "envs", "stages"].iter().any(|word| text.contains(word))
    })
}

/// Returns the names of what is asked by `terraform.workspace`: `local.env[terraform.workspace]` and `lookup`.
pub(super) fn asked_by_workspace(text: &str) -> Vec<&str> {
    let name = |c: char| c.is_alphanumeric() || c == '_' || c == '.' || c == '-';
    text.match_indices("terraform.workspace")
        .filter_map(|(at, _)| {
            let before = text[..at].trim_end();
            let indexed = before.strip_suffix('[');
            let looked_up = before.strip_suffix(',').filter(|before| before.contains("lookup("));
            let before = indexed.or(looked_up)?;
            Some(before.rsplit(|c| !name(c)).next().unwrap_or(before)).filter(|name| !name.is_empty())
        })
        .collect()
}
