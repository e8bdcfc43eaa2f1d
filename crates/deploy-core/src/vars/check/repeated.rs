//! Is something written twice: a value where it changes nothing, a name as variable and as secret?

use std::collections::{BTreeMap, BTreeSet};

use crate::manifest::{LOCAL, Manifest, Named, Scalar};

use super::finding::{Finding, Rule};
use super::scene::{Given, Scene, listed};

pub(super) fn check(scene: &Scene<'_>, found: &mut Vec<Finding>) {
    values(scene, found);
    kinds(scene, found);
}

/// A line that gives a container nothing but what it would have without it, in every stage.
fn values(scene: &Scene<'_>, found: &mut Vec<Finding>) {
    let written = written(scene.manifest);
    // Path of a line: its name, and what it repeats for whom, if it does so wherever it has a say.
    let mut repeats: BTreeMap<&str, (&str, Option<Repeat<'_>>)> = BTreeMap::new();
    for stage in &scene.stages {
        for container in &stage.containers {
            for (name, gets) in container.gets.iter().filter(|(_, gets)| gets.what.is_plain()) {
                let said: Vec<&str> = [&gets.path].into_iter().chain(&gets.over).map(String::as_str).collect();
                for (at, path) in said.iter().enumerate() {
                    let Some(value) = written.get(*path) else { continue };
                    let before = said.get(at + 1).filter(|before| written.get(**before) == Some(value));
                    let first = || (name.as_str(), before.map(|before| Repeat { before, containers: Vec::new() }));
                    let (_, repeat) = repeats.entry(path).or_insert_with(first);
                    match repeat {
                        Some(_) if before.is_none() => *repeat = None,
                        Some(repeat) if !repeat.containers.contains(&container.shown()) => {
                            repeat.containers.push(container.shown());
                        }
                        _ => {}
                    }
                }
            }
        }
    }
    for (path, (name, repeat)) in repeats {
        let Some(Repeat { before, containers }) = repeat else { continue };
        if !is_asked(scene, path) || changes_restriction(scene.manifest, path, name) {
            continue;
        }
        let reason = format!("has the same value as `{before}`, which {} would have anyway", listed(&containers));
        let finding = Finding::new(Rule::Repeated, name, reason, "take this line out");
        let finding = match stage_of(path) {
            Some(stage) => finding.stage(stage),
            None => finding,
        };
        found.push(finding.of(containers).at(Some(path.to_owned())));
    }
}

/// What a line repeats, and who would have it anyway.
struct Repeat<'a> {
    before: &'a str,
    containers: Vec<String>,
}

/// Returns every plain value by its path.
fn written(manifest: &Manifest) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut add = |at: String, variables: &Named<Scalar>| {
        all.extend(variables.iter().map(|(name, value)| (format!("{at}variables.{name}"), value.to_string())));
    };
    for (service, spec) in manifest.services.iter() {
        for (container, spec) in spec.containers.iter() {
            add(format!("services.{service}.containers.{container}."), &spec.variables);
        }
    }
    for (schedule, spec) in manifest.schedules.iter() {
        add(format!("schedules.{schedule}."), &spec.variables);
        for (container, spec) in spec.containers.iter() {
            add(format!("schedules.{schedule}.containers.{container}."), &spec.variables);
        }
    }
    for (stage, spec) in manifest.stages.iter() {
        for (service, spec) in spec.services.iter() {
            for (container, spec) in spec.containers.iter() {
                add(format!("stages.{stage}.services.{service}.containers.{container}."), &spec.variables);
            }
        }
        for (schedule, spec) in spec.schedules.iter() {
            add(format!("stages.{stage}.schedules.{schedule}."), &spec.variables);
            for (container, spec) in spec.containers.iter() {
                add(format!("stages.{stage}.schedules.{schedule}.containers.{container}."), &spec.variables);
            }
        }
    }
    let top = manifest.variables.iter().map(|(name, spec)| (format!("variables.{name}"), spec.value()));
    let staged = manifest.stages.iter().flat_map(|(stage, spec)| {
        spec.variables.iter().map(move |(name, spec)| (format!("stages.{stage}.variables.{name}"), spec.value()))
    });
    all.extend(top.chain(staged));
    all
}

fn stage_of(path: &str) -> Option<&str> {
    path.strip_prefix("stages.")?.split('.').next()
}

fn is_asked(scene: &Scene<'_>, path: &str) -> bool {
    match stage_of(path) {
        Some(stage) => scene.asked().any(|asked| asked.name == stage),
        None => true,
    }
}

/// A stage's line may be there for the containers that it names.
fn changes_restriction(manifest: &Manifest, path: &str, name: &str) -> bool {
    let Some(stage) = stage_of(path).filter(|stage| path == format!("stages.{stage}.variables.{name}")) else {
        return false;
    };
    let own = manifest.stages.get(stage).and_then(|stage| stage.variables.get(name)).and_then(|v| v.containers());
    own.is_some() && own != manifest.variables.get(name).and_then(|variable| variable.containers())
}

/// A name that is plain here and a secret there. `local` may well have a value that is none.
fn kinds(scene: &Scene<'_>, found: &mut Vec<Finding>) {
    let mut by_name: BTreeMap<&str, [BTreeSet<&str>; 2]> = BTreeMap::new();
    for stage in scene.asked().filter(|stage| stage.name != LOCAL || scene.stages.len() == 1) {
        for container in &stage.containers {
            for (name, gets) in &container.gets {
                let kinds = by_name.entry(name).or_default();
                kinds[usize::from(gets.what.is_plain())].insert(&gets.path);
                for path in &gets.over {
                    let is_plain = !path.strip_suffix(name.as_str()).is_some_and(|table| table.ends_with("secrets."));
                    kinds[usize::from(is_plain)].insert(path);
                }
            }
        }
    }
    for (name, [hidden, plain]) in by_name {
        let is_local = |path: &&&str| !path.starts_with("stages.local.");
        let (Some(secret), Some(first)) = (hidden.iter().find(is_local), plain.iter().find(is_local)) else { continue };
        let containers: BTreeSet<String> = scene
            .asked()
            .flat_map(|stage| &stage.containers)
            .filter(|container| container.gets.get(name).is_some_and(|gets| matches!(gets.what, Given::Plain(_))))
            .map(super::scene::ContainerScene::shown)
            .collect();
        let reason = format!("is plain at `{first}` and a secret at `{secret}`");
        let next = "keep one of them; a sensitive value belongs in secrets".to_owned();
        let finding = Finding::new(Rule::TwoKinds, name, reason, next).of(containers.into_iter().collect());
        found.push(finding.at(Some((*first).to_owned())));
    }
}
