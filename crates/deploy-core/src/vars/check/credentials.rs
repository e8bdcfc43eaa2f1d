//! Is a credential in plain sight? Names it, never shows it.

use std::collections::BTreeMap;

use crate::lint::credentials::{ACCESS_KEY, NAMED, looks_like};
use crate::manifest::LOCAL;

use super::finding::{Finding, Rule};
use super::live::running;
use super::scene::{Given, Scene, listed};
use super::seen::Seen;

/// Who gets a plain value that was written at one place.
#[derive(Default)]
struct Seeing<'a> {
    stages: Vec<&'a str>,
    containers: Vec<String>,
}

pub(super) fn check(scene: &Scene<'_>, seen: &Seen, found: &mut Vec<Finding>) {
    let mut written: BTreeMap<(&str, &str, &'static str), Seeing<'_>> = BTreeMap::new();
    for stage in scene.asked() {
        for container in &stage.containers {
            for (name, gets) in &container.gets {
                let Given::Plain(value) = &gets.what else { continue };
                let Some(kind) = looks_like(name, value) else { continue };
                let seeing = written.entry((name, &gets.path, kind)).or_default();
                add(&mut seeing.stages, stage.name.as_str());
                add(&mut seeing.containers, container.shown());
            }
        }
    }
    for ((name, path, kind), seeing) in written {
        let reason = format!(
            "looks like {kind}, and is plain: everyone who may describe the task of {} can read it",
            listed(&seeing.containers)
        );
        let elsewhere = seeing.stages.iter().find(|stage| **stage != LOCAL);
        let stage = elsewhere.or(seeing.stages.first()).copied().unwrap_or(LOCAL);
        let next = remedy(name, kind, stage);
        let finding = Finding::new(Rule::PlainCredential, name, reason, next);
        let finding = finding.of(seeing.containers).at(Some(path.to_owned()));
        let finding = if path.starts_with("stages.") { finding.stage(stage) } else { finding };
        // A password of a database on this machine is no secret, if its name is all that tells.
        let is_here = seeing.stages == [LOCAL] && kind == NAMED;
        found.push(if is_here && path.starts_with("stages.") { finding.only_a_warning() } else { finding });
    }
    live(scene, seen, found);
}

fn remedy(name: &str, kind: &str, stage: &str) -> String {
    if kind == ACCESS_KEY {
        return "delete the key, and let the task role give the container its credentials".to_owned();
    }
    format!("declare it as `{name} = {{}}` under [secrets] instead, and `managr vars set {stage} {name} --secret`")
}

fn add<T: PartialEq>(list: &mut Vec<T>, item: T) {
    if !list.contains(&item) {
        list.push(item);
    }
}

/// What was added by hand where it runs.
fn live(scene: &Scene<'_>, seen: &Seen, found: &mut Vec<Finding>) {
    for stage in scene.asked() {
        let Some(known) = seen.stages.get(&stage.name) else { continue };
        let mut by_name: BTreeMap<(String, &'static str), Vec<String>> = BTreeMap::new();
        for one in running(stage, known) {
            for (name, has) in &one.has {
                let Given::Plain(value) = has else { continue };
                let wanted = one.wanted.and_then(|wanted| wanted.gets.get(name));
                if wanted.is_some_and(|gets| gets.what.is_plain()) {
                    continue;
                }
                if let Some(kind) = looks_like(name, value) {
                    by_name.entry((name.clone(), kind)).or_default().push(one.shown());
                }
            }
        }
        for ((name, kind), containers) in by_name {
            let reason = format!(
                "looks like {kind}, and is plain where {} runs in `{}`: everyone who may describe the task can read it",
                listed(&containers),
                stage.name
            );
            let next = format!("it has been seen: make a new one, and {}", remedy(&name, kind, &stage.name));
            found.push(Finding::new(Rule::PlainCredential, name, reason, next).stage(&stage.name).of(containers));
        }
    }
}
