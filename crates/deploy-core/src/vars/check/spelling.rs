//! Are two names one that was written in two ways?

use std::collections::{BTreeMap, BTreeSet};

use crate::vars::near::{self, How, are_slips, is_final_plural, is_word};
use crate::vars::words::words;

use super::finding::{Finding, Rule};
use super::scene::{Given, Scene, listed};

/// Names that programs want in both cases.
const BOTH_CASES: [&str; 5] = ["http proxy", "https proxy", "no proxy", "all proxy", "ftp proxy"];

/// What is known of a declared name.
#[derive(Default)]
struct Name {
    /// Where it is written first.
    path: String,
    /// Who gets it.
    containers: BTreeSet<String>,
    /// Images that those run.
    images: BTreeSet<String>,
    /// Whether one of them is built here.
    is_own: bool,
    /// The words of the name.
    words: Vec<String>,
    /// Plain values that it has anywhere.
    values: BTreeSet<String>,
}

pub(super) fn check(scene: &Scene<'_>, found: &mut Vec<Finding>) {
    let names = names(scene);
    let keys = keys(scene);
    found.extend(pairs(&names).filter_map(|(a, b)| pair(a, b)));
    // Keys that are called like a variable have been looked at, with it.
    let is_new = |(a, b): &(KnownName<'_>, KnownName<'_>)| !names.contains_key(a.0) || !names.contains_key(b.0);
    found.extend(pairs(&keys).filter(is_new).filter_map(|(a, b)| pair(a, b)));
    own_keys(scene, found);
}

/// A variable whose key is nearly its name: `smtpUser` for `SMTP_USER` is a way to write, `SMTP_USR` hardly one.
fn own_keys(scene: &Scene<'_>, found: &mut Vec<Finding>) {
    let mut slips: BTreeMap<(&str, &str), (&str, Vec<String>)> = BTreeMap::new();
    for container in scene.asked().flat_map(|stage| &stage.containers) {
        for (name, gets) in &container.gets {
            let Given::Key(key) = &gets.what else { continue };
            let near = near::unmatched([name.as_str()], [key.as_str()]);
            if near.iter().any(|near| near.how != How::Alike) {
                let (_, containers) = slips.entry((name, key)).or_insert((&gets.path, Vec::new()));
                if !containers.contains(&container.shown()) {
                    containers.push(container.shown());
                }
            }
        }
    }
    for ((name, key), (path, containers)) in slips {
        let reason = format!("is the key `{key}` of the secret: the two differ by what looks like a slip");
        let next = "if one of them is misspelt, call both the same";
        found.push(Finding::new(Rule::NearMiss, name, reason, next).of(containers).at(Some(path.to_owned())));
    }
}

type KnownName<'a> = (&'a str, &'a Name);

fn pairs(names: &BTreeMap<String, Name>) -> impl Iterator<Item = (KnownName<'_>, KnownName<'_>)> {
    let all = move || names.iter().map(|(name, known)| (name.as_str(), known));
    all().enumerate().flat_map(move |(at, first)| all().skip(at + 1).map(move |second| (first, second)))
}

/// Returns what is wrong with two names, if anything.
fn pair(a: KnownName<'_>, b: KnownName<'_>) -> Option<Finding> {
    let (rule, why) = if a.1.words.concat() == b.1.words.concat() {
        if BOTH_CASES.contains(&a.1.words.join(" ").as_str()) {
            return None;
        }
        (Rule::Alike, How::Alike.words())
    } else if are_slips(&a.1.words, &b.1.words) {
        // A list and one of its kind, side by side in one program, are two things.
        let is_list = is_final_plural(&a.1.words, &b.1.words);
        let side_by_side = !a.1.containers.is_disjoint(&b.1.containers) && a.1.values.is_disjoint(&b.1.values);
        if is_list && side_by_side {
            return None;
        }
        (Rule::NearMiss, How::Slip.words())
    } else {
        return None;
    };
    if !meet(a.1, b.1) {
        return None;
    }
    let (odd, other) = if is_odder(a.1, b.1) { (a, b) } else { (b, a) };
    let who = |known: &Name| match known.containers.len() {
        0 => "no container".to_owned(),
        _ => listed(&known.containers.iter().collect::<Vec<_>>()),
    };
    let get = |known: &Name| if known.containers.len() > 1 { "get" } else { "gets" };
    let given = match (who(odd.1), who(other.1)) {
        (few, many) if few == many => format!("{few} {} both", get(odd.1)),
        (few, many) => format!("{few} {} `{}`, {many} {} `{}`", get(odd.1), odd.0, get(other.1), other.0),
    };
    let reason = format!("and `{}` {why}: {given}", other.0);
    let next = "if both mean one thing, call it by one name".to_owned();
    let containers = odd.1.containers.iter().cloned().collect();
    Some(Finding::new(rule, odd.0, reason, next).of(containers).at(Some(odd.1.path.clone())))
}

/// Whether one program may mean both: two foreign ones may well have two names for a
/// thing, and any two that have nothing in common a `port` and a `PORT`.
fn meet(a: &Name, b: &Name) -> bool {
    a.images.is_empty()
        || b.images.is_empty()
        || !a.images.is_disjoint(&b.images)
        || (a.is_own && b.is_own && a.words.len() > 1)
}

/// Whether the first is rather the slip: fewer containers get it, or it has a word that is none.
fn is_odder(a: &Name, b: &Name) -> bool {
    let strange = |name: &Name| name.words.iter().filter(|word| !is_word(word)).count();
    let (few, many) = (a.containers.len(), b.containers.len());
    few < many || (few == many && strange(a) > strange(b))
}

/// Returns every name that is declared for the stages asked about.
fn names(scene: &Scene<'_>) -> BTreeMap<String, Name> {
    let mut names: BTreeMap<String, Name> = BTreeMap::new();
    for stage in scene.asked() {
        for container in &stage.containers {
            for (name, gets) in &container.gets {
                let known = names.entry(name.clone()).or_insert_with(|| Name::new(name));
                if known.path.is_empty() {
                    known.path.clone_from(&gets.path);
                }
                known.containers.insert(container.shown());
                known.images.insert(container.image.clone());
                known.is_own |= container.is_own;
                if let Given::Plain(value) = &gets.what {
                    known.values.insert(value.clone());
                }
            }
        }
        // What reaches no container is declared all the same.
        let own = scene.manifest.stages.get(&stage.name);
        let mut add = |name: &str, path: String| {
            let known = names.entry(name.to_owned()).or_insert_with(|| Name::new(name));
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

/// Returns the keys of the stages' secrets that containers get.
fn keys(scene: &Scene<'_>) -> BTreeMap<String, Name> {
    let mut keys: BTreeMap<String, Name> = BTreeMap::new();
    for container in scene.asked().flat_map(|stage| &stage.containers) {
        for (name, gets) in &container.gets {
            let Given::Key(key) = &gets.what else { continue };
            let known = keys.entry(key.clone()).or_insert_with(|| Name::new(key));
            if known.path.is_empty() {
                known.path.clone_from(&gets.path);
            }
            known.containers.insert(format!("{name} of {}", container.shown()));
        }
    }
    keys
}

impl Name {
    fn new(name: &str) -> Self {
        Self { words: words(name), ..Self::default() }
    }
}
