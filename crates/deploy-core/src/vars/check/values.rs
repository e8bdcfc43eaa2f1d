//! Does every secret that is declared have a value, and is every value declared?

use std::collections::{BTreeMap, BTreeSet};

use crate::manifest::LOCAL;
use crate::vars::near;

use super::finding::{Finding, Rule};
use super::scene::{Given, Scene, StageScene, listed};
use super::seen::{Keys, Seen, StageSeen};

pub(super) fn check(scene: &Scene<'_>, seen: &Seen, found: &mut Vec<Finding>) {
    for stage in scene.asked() {
        let Some(known) = seen.stages.get(&stage.name) else { continue };
        if known.is_tracked {
            found.push(tracked(stage));
        }
        let missing = without_value(stage, known);
        let used = stage.keys();
        let spare: BTreeSet<&str> = in_secret(known).chain(in_file(known)).filter(|key| !used.contains(key)).collect();
        // A key that lacks a value, and a value that lacks a key: one name, written in two ways.
        let pairs = near::unmatched(missing.iter().copied(), spare.iter().copied());
        let pairs: BTreeMap<&str, &str> =
            pairs.iter().flat_map(|pair| [(pair.wanted, pair.given), (pair.given, pair.wanted)]).collect();
        if known.keys == Some(Keys::Absent) && !missing.is_empty() {
            found.push(no_secret(stage, &missing));
        } else {
            found.extend(missing.iter().map(|key| no_value(scene, (stage, known), seen, key, &pairs)));
        }
        found.extend(spare.iter().map(|key| unused(scene, stage, known, key, &pairs)));
    }
}

/// A file with values, in the repository. On this machine they may well be harmless.
fn tracked(stage: &StageScene) -> Finding {
    let file = stage.desired.secrets_file.as_deref().unwrap_or("the secrets-file");
    let reason = format!(
        "is in the repository, and holds the secrets of `{}`: everyone who has the repository can read them",
        stage.name
    );
    let next =
        format!("`git rm --cached {file}`, a line for it in .gitignore, and new values: its history keeps these");
    let at = format!("stages.{}.secrets-file", stage.name);
    let finding = Finding::new(Rule::TrackedFile, file, reason, next).stage(&stage.name).at(Some(at));
    if stage.name == LOCAL { finding.only_a_warning() } else { finding }
}

fn in_secret(known: &StageSeen) -> impl Iterator<Item = &str> {
    let keys = match &known.keys {
        Some(Keys::These(keys)) => Some(keys),
        _ => None,
    };
    keys.into_iter().flatten().map(String::as_str)
}

fn in_file(known: &StageSeen) -> impl Iterator<Item = &str> {
    known.file.iter().flatten().map(String::as_str)
}

/// Returns the keys that are known to have no value, and that no deploy would give one.
pub(super) fn without_value<'s>(stage: &'s StageScene, known: &StageSeen) -> BTreeSet<&'s str> {
    // Nothing was looked at that could have told.
    if known.keys.is_none() && known.file.is_none() {
        return BTreeSet::new();
    }
    let specs = || stage.desired.secret.iter().flat_map(|secret| &secret.keys);
    let is_written = |key: &str| {
        let made_up = specs().any(|spec| spec.key == key && spec.generate);
        stage.keeps_secret() && (made_up || known.file.as_ref().is_some_and(|file| file.contains(key)))
    };
    stage.keys().into_iter().filter(|key| !known.has_value(key) && !is_written(key)).collect()
}

fn no_secret(stage: &StageScene, missing: &BTreeSet<&str>) -> Finding {
    let name = stage.desired.secret.as_ref().map_or("", |secret| secret.name.as_str());
    let keys: Vec<&str> = missing.iter().copied().collect();
    let reason = format!("is not there, and holds the secrets of `{}`: {} have no value", stage.name, listed(&keys));
    let next = keys.first().map(|key| format!("`managr vars set {} {key} --secret` makes it", stage.name));
    Finding::new(Rule::NoValue, name, reason, next.unwrap_or_default()).stage(&stage.name)
}

fn no_value(
    scene: &Scene<'_>,
    (stage, known): (&StageScene, &StageSeen),
    seen: &Seen,
    key: &str,
    pairs: &BTreeMap<&str, &str>,
) -> Finding {
    let place = match (&known.keys, &stage.desired.secrets_file) {
        (None, Some(file)) => format!("in `{file}`"),
        (Some(_), Some(file)) => format!("in the stage's secret, nor in `{file}`"),
        _ => "in the stage's secret".to_owned(),
    };
    let mut reason = format!("is declared and has no value {place}");
    let others: Vec<String> = scene
        .stages
        .iter()
        .filter(|other| seen.stages.get(&other.name).is_some_and(|seen| seen.has_value(key)))
        .map(|other| format!("`{}`", other.name))
        .collect();
    if !others.is_empty() {
        reason.push_str(&format!("; stage {} has one", listed(&others)));
    }
    let next = match (pairs.get(key), &stage.desired.secrets_file) {
        (Some(near), _) => format!("`{near}` has a value that nothing uses: give both the same name"),
        (None, Some(file)) => format!("add a line `{key}=...` to `{file}`"),
        (None, None) => format!("`managr vars set {} {key} --secret`", stage.name),
    };
    let (path, containers) = users(stage, key);
    let finding = Finding::new(Rule::NoValue, key, reason, next).stage(&stage.name);
    finding.of(containers).at(path.or_else(|| Some(declared(scene, stage, key))))
}

/// Returns where a key that reaches no container is declared.
fn declared(scene: &Scene<'_>, stage: &StageScene, key: &str) -> String {
    let own = scene.manifest.stages.get(&stage.name);
    let uses = |(name, spec): (&str, &crate::manifest::Secret)| spec.key.as_deref().unwrap_or(name) == key;
    let in_stage = own.and_then(|own| own.secrets.iter().find(|secret| uses(*secret)));
    let at_top = || scene.manifest.secrets.iter().find(|secret| uses(*secret));
    match (in_stage, at_top()) {
        (Some((name, _)), _) => format!("stages.{}.secrets.{name}", stage.name),
        (None, Some((name, _))) => format!("secrets.{name}"),
        (None, None) => format!("secrets.{key}"),
    }
}

/// Returns where a key was first written, and who gets it.
fn users(stage: &StageScene, key: &str) -> (Option<String>, Vec<String>) {
    let uses = stage.containers.iter().filter_map(|container| {
        let gets = container.gets.values().find(|gets| gets.what == Given::Key(key.to_owned()))?;
        Some((gets.path.clone(), container.shown()))
    });
    let (paths, containers): (Vec<String>, Vec<String>) = uses.unzip();
    (paths.into_iter().next(), containers)
}

fn unused(
    scene: &Scene<'_>,
    stage: &StageScene,
    known: &StageSeen,
    key: &str,
    pairs: &BTreeMap<&str, &str>,
) -> Finding {
    let is_kept = in_secret(known).any(|kept| kept == key);
    let file = stage.desired.secrets_file.as_deref().unwrap_or("its secrets-file");
    let place = if is_kept { "in the stage's secret".to_owned() } else { format!("in `{file}`") };
    let mut reason = format!("has a value {place}, and no secret of the manifest uses it");
    let plain = stage.containers.iter().filter_map(|c| c.gets.get(key)).find(|gets| gets.what.is_plain());
    if plain.is_some() {
        reason.push_str("; the manifest gives it as a plain variable");
    }
    let remove = if is_kept {
        format!("`managr vars unset {} {key}`", stage.name)
    } else {
        format!("take its line out of `{file}`")
    };
    let next = match pairs.get(key) {
        Some(near) => format!("`{near}` is declared and has no value: call both the same"),
        None if scene.manifest.variables.contains(key) => format!("move it to [secrets], or {remove}"),
        None => format!("declare it (`{key} = {{}}` under [secrets]), or {remove}"),
    };
    Finding::new(Rule::UnusedValue, key, reason, next).stage(&stage.name).at(plain.map(|gets| gets.path.clone()))
}
