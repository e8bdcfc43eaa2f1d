//! Are two names one that was written in two ways?

mod slip;
mod vocabulary;

use std::collections::{BTreeMap, BTreeSet};

use crate::vars::words::words;

use super::finding::{Finding, Rule};
use super::scene::{Given, Scene, listed};

pub(super) use slip::is_slip;

/// Names that programs want in both cases.
const BOTH_CASES: [&str; 5] = ["http proxy", "https proxy", "no proxy", "all proxy", "ftp proxy"];

/// What is known of a declared name.
#[derive(Default)]
struct Name {
    /// Where it is written first.
    path: String,
    /// Who gets it.
    containers: BTreeSet<String>,
    /// Whose code that is.
    code: BTreeSet<String>,
    /// Plain values that it has anywhere.
    values: BTreeSet<String>,
}

pub(super) fn check(scene: &Scene<'_>, found: &mut Vec<Finding>) {
    let names = names(scene);
    let keys: BTreeMap<String, Name> = keys(scene, &names);
    for declared in [&names, &keys] {
        let listed: Vec<(&String, &Name)> = declared.iter().collect();
        for (at, (first, known)) in listed.iter().enumerate() {
            for (second, other) in &listed[at + 1..] {
                found.extend(pair((first, known), (second, other)));
            }
        }
    }
}

/// Returns what is wrong with two names, if anything.
fn pair(a: (&str, &Name), b: (&str, &Name)) -> Option<Finding> {
    // Two programs that somebody else wrote may well have two names for a thing.
    let is_shared = a.1.code.is_empty() || b.1.code.is_empty() || !a.1.code.is_disjoint(&b.1.code);
    if !is_shared {
        return None;
    }
    let (rule, why) = if words(a.0).concat() == words(b.0).concat() {
        if BOTH_CASES.contains(&words(a.0).join(" ").as_str()) {
            return None;
        }
        (Rule::Alike, "differ only in case or separators")
    } else if is_slip(a.0, b.0) {
        // A list and one of its kind, side by side in one program, are two things.
        let is_list = slip::is_final_plural(a.0, b.0);
        let side_by_side = !a.1.containers.is_disjoint(&b.1.containers) && a.1.values.is_disjoint(&b.1.values);
        if is_list && side_by_side {
            return None;
        }
        (Rule::NearMiss, "differ by what looks like a slip")
    } else {
        return None;
    };
    // The one that fewer containers get is probably the slip.
    let (odd, other) = if a.1.containers.len() < b.1.containers.len() { (a, b) } else { (b, a) };
    let given = |(name, known): (&str, &Name)| match known.containers.len() {
        0 => format!("`{name}` is at `{}`", known.path),
        _ => format!("`{name}` goes to {}", listed(&known.containers.iter().collect::<Vec<_>>())),
    };
    let reason = format!("and `{}` {why}: {}, {}", other.0, given(odd), given(other));
    let next = "if both mean one thing, call it by one name".to_owned();
    let containers = odd.1.containers.iter().cloned().collect();
    Some(Finding::new(rule, odd.0, reason, next).of(containers).at(Some(odd.1.path.clone())))
}

/// Returns every name that is declared for the stages asked about.
fn names(scene: &Scene<'_>) -> BTreeMap<String, Name> {
    let mut names: BTreeMap<String, Name> = BTreeMap::new();
    for stage in scene.asked() {
        for container in &stage.containers {
            for (name, gets) in &container.gets {
                let known = names.entry(name.clone()).or_default();
                if known.path.is_empty() {
                    known.path.clone_from(&gets.path);
                }
                known.containers.insert(container.shown());
                known.code.insert(container.code.clone());
                if let Given::Plain(value) = &gets.what {
                    known.values.insert(value.clone());
                }
            }
        }
        // What reaches nobody is declared all the same.
        let own = scene.manifest.stages.get(&stage.name);
        let mut add = |name: &str, path: String| {
            let known = names.entry(name.to_owned()).or_default();
            if known.path.is_empty() {
                known.path = path;
            }
        };
        scene.manifest.variables.names().for_each(|name| add(name, format!("variables.{name}")));
        scene.manifest.secrets.names().for_each(|name| add(name, format!("secrets.{name}")));
        if let Some(own) = own {
            let at = |kind: &str, name: &str| format!("stages.{}.{kind}.{name}", stage.name);
            own.variables.names().for_each(|name| add(name, at("variables", name)));
            own.secrets.names().for_each(|name| add(name, at("secrets", name)));
        }
    }
    names
}

/// Returns the keys that secrets name as such; those called like their variable are names already.
fn keys(scene: &Scene<'_>, names: &BTreeMap<String, Name>) -> BTreeMap<String, Name> {
    let mut keys: BTreeMap<String, Name> = BTreeMap::new();
    for container in scene.asked().flat_map(|stage| &stage.containers) {
        for (name, gets) in &container.gets {
            let Given::Key(key) = &gets.what else { continue };
            let known = keys.entry(key.clone()).or_default();
            if known.path.is_empty() {
                known.path.clone_from(&gets.path);
            }
            known.containers.insert(format!("{name} of {}", container.shown()));
        }
    }
    // Pairs of which both are names have been looked at.
    if keys.keys().all(|key| names.contains_key(key)) {
        keys.clear();
    }
    keys
}
