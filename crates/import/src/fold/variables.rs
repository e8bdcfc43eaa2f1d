//! Which variables and secrets are said once for all, which for some, and which by a container alone?
//!
//! First who inherits: a few containers that have next to nothing of what the others have opt out. Then each
//! name: its value in a stage is the most common one, and it is unrestricted, or restricted to the containers
//! that have it; a container whose value differs says its own. What is alike in all stages is said at the top.

use std::collections::{BTreeMap, BTreeSet};

use deploy_core::Manifest;
use deploy_core::desired::Setting;
use deploy_core::manifest::{ContainerSecret, Inherit, InheritParts, Names, Restriction, Scalar, Secret, Variable};
use ecs_model::Document;

use super::{Draft, common, objects, text};
use crate::Found;
use crate::facts::{key_of, secret};

/// Settings by slot, in one stage.
type Holders = BTreeMap<usize, Setting>;

/// A container of a draft, in all of its stages.
struct Slot {
    draft: usize,
    container: String,
    stages: BTreeSet<usize>,
    /// Names that it has in any stage.
    names: BTreeSet<String>,
}

/// Everything that containers have, by name and stage.
struct Held {
    slots: Vec<Slot>,
    names: BTreeMap<String, BTreeMap<usize, Holders>>,
}

/// How a name is said in one stage: its value, and the containers that it is restricted to.
#[derive(Clone, PartialEq)]
struct Said {
    value: Setting,
    list: Option<Vec<String>>,
}

/// Declares the variables and secrets of all containers.
pub(super) fn declare(found: &Found, drafts: &mut [Draft], manifest: &mut Manifest) {
    let held = held(found, drafts);
    let inheriting = inheriting(&held);
    let shared: BTreeSet<&String> = held.names.keys().filter(|name| is_shared(&held, name, &inheriting)).collect();
    let mut parts: BTreeMap<usize, BTreeSet<String>> = BTreeMap::new();
    for slot in (0..held.slots.len()).filter(|slot| !inheriting.contains(slot)) {
        let all = BTreeSet::from([slot]);
        let has = held.slots[slot].names.iter().filter(|name| shared.contains(name) && is_shared(&held, name, &all));
        parts.insert(slot, has.cloned().collect());
    }
    for (name, stages) in &held.names {
        let covers = |list: &Option<Vec<String>>, slot: usize| match list {
            None => inheriting.contains(&slot) || parts[&slot].contains(name),
            Some(list) => list.contains(&held.slots[slot].container),
        };
        let lists: Vec<Option<Vec<String>>> = stages
            .iter()
            .map(|(stage, holders)| (!shared.contains(name)).then(|| list(&held, *stage, holders)))
            .collect();
        let covered = |holders: &Holders, list: &Option<Vec<String>>| -> Vec<(usize, Setting)> {
            holders.iter().filter(|(slot, _)| covers(list, **slot)).map(|(slot, s)| (*slot, s.clone())).collect()
        };
        // Where no two ever agree there is nothing to share: each says its own.
        let is_private = stages.values().zip(&lists).all(|(holders, list)| all_differ(&covered(holders, list)));
        let mut said: BTreeMap<usize, Said> = BTreeMap::new();
        let mut own: BTreeMap<usize, BTreeMap<usize, Setting>> = BTreeMap::new();
        for ((stage, holders), list) in stages.iter().zip(lists) {
            let value = if is_private { None } else { first_of_most(&covered(holders, &list)) };
            for (slot, setting) in holders {
                if !covers(&list, *slot) || value.as_ref() != Some(setting) {
                    own.entry(*slot).or_default().insert(*stage, setting.clone());
                }
            }
            if let Some(value) = value {
                said.insert(*stage, Said { value, list });
            }
        }
        say(manifest, name, said);
        for (slot, settings) in own {
            say_own(manifest, drafts, &held.slots[slot], name, &settings);
        }
    }
    inherit(manifest, drafts, &held, &shared, &parts);
}

/// Reads what each container has. A list with something in it that the manifest cannot say is left to AWS's words.
fn held(found: &Found, drafts: &[Draft]) -> Held {
    let secrets: Vec<Option<String>> = found.stages.iter().map(|stage| secret(stage).map(|(arn, _)| arn)).collect();
    let mut held = Held { slots: Vec::new(), names: BTreeMap::new() };
    for (at, draft) in drafts.iter().enumerate() {
        for container in draft.names() {
            let all = draft.container(&container);
            let number = held.slots.len();
            let plain: Option<Vec<_>> = all.iter().map(|(_, container)| plain(container)).collect();
            let secret: Option<Vec<_>> =
                all.iter().map(|(stage, container)| sensitive(container, secrets[*stage].as_deref())).collect();
            let mut names = BTreeSet::new();
            for (index, (stage, _)) in all.iter().enumerate() {
                let of_stage = |list: &Option<Vec<Vec<(String, Setting)>>>| {
                    list.as_ref().map(|list| list[index].clone()).unwrap_or_default()
                };
                for (name, setting) in of_stage(&plain).into_iter().chain(of_stage(&secret)) {
                    names.insert(name.clone());
                    held.names.entry(name).or_default().entry(*stage).or_default().insert(number, setting);
                }
            }
            let stages = all.iter().map(|(stage, _)| *stage).collect();
            held.slots.push(Slot { draft: at, container, stages, names });
        }
    }
    held
}

fn plain(container: &Document) -> Option<Vec<(String, Setting)>> {
    let one = |item: &Document| {
        let (name, value) = (text(item, "name"), item.get("value")?.as_str()?);
        (item.len() == 2 && is_variable(name)).then(|| (name.to_owned(), Setting::Plain(value.to_owned())))
    };
    distinct(objects(container, "environment").map(one).collect::<Option<_>>()?)
}

fn sensitive(container: &Document, arn: Option<&str>) -> Option<Vec<(String, Setting)>> {
    let one = |item: &Document| {
        let (name, from) = (text(item, "name"), text(item, "valueFrom"));
        let setting = match key_of(from) {
            Some((of, key)) if Some(of) == arn => Setting::Key(key.to_owned()),
            _ if from.starts_with("arn:") && from.split(':').count() >= 6 => Setting::From(from.to_owned()),
            _ => return None,
        };
        (item.len() == 2 && is_variable(name)).then(|| (name.to_owned(), setting))
    };
    distinct(objects(container, "secrets").map(one).collect::<Option<_>>()?)
}

fn distinct(list: Vec<(String, Setting)>) -> Option<Vec<(String, Setting)>> {
    let names: BTreeSet<&String> = list.iter().map(|(name, _)| name).collect();
    (names.len() == list.len()).then_some(list)
}

/// The manifest's rule for the name of a variable.
fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

/// Returns the slots that inherit: those with the most names, as many of them as make the shortest manifest.
fn inheriting(held: &Held) -> BTreeSet<usize> {
    let mut order: Vec<usize> = (0..held.slots.len()).collect();
    order.sort_by_key(|slot| std::cmp::Reverse(held.slots[*slot].names.len()));
    let cost = |count: usize| {
        let (inside, outside) = order.split_at(count);
        let inside: BTreeSet<usize> = inside.iter().copied().collect();
        let shared: BTreeSet<&String> = held.names.keys().filter(|name| is_shared(held, name, &inside)).collect();
        let restricted = |name: &String| 10 + 5 * held.slots.iter().filter(|slot| slot.names.contains(name)).count();
        let names: usize =
            held.names.keys().map(|name| if shared.contains(name) { 10 } else { restricted(name) }).sum();
        // Without anything that is shared nobody needs to opt out.
        let opt_out = |slot: &usize| 10 + 3 * held.slots[*slot].names.iter().filter(|n| shared.contains(n)).count();
        let outside: usize = if shared.is_empty() { 0 } else { outside.iter().map(opt_out).sum() };
        names + outside
    };
    let best = (1..=order.len()).rev().min_by_key(|count| cost(*count)).unwrap_or(0);
    order.into_iter().take(best).collect()
}

/// Returns whether all of these slots have a name in every stage in which anybody has it.
fn is_shared(held: &Held, name: &str, slots: &BTreeSet<usize>) -> bool {
    let Some(stages) = held.names.get(name) else { return false };
    let mut is_there = false;
    let everywhere = stages.iter().all(|(stage, holders)| {
        slots.iter().filter(|slot| held.slots[**slot].stages.contains(stage)).all(|slot| {
            is_there = true;
            holders.contains_key(slot)
        })
    });
    everywhere && is_there
}

/// Returns the containers that a name can be restricted to: those of whose name all have it.
fn list(held: &Held, stage: usize, holders: &Holders) -> Vec<String> {
    let mut list = Vec::new();
    for slot in holders.keys().map(|slot| &held.slots[*slot]) {
        let mut alike = held
            .slots
            .iter()
            .enumerate()
            .filter(|(_, other)| other.container == slot.container && other.stages.contains(&stage));
        if alike.all(|(number, _)| holders.contains_key(&number)) && !list.contains(&slot.container) {
            list.push(slot.container.clone());
        }
    }
    list
}

fn all_differ(values: &[(usize, Setting)]) -> bool {
    values.len() > 1 && values.iter().enumerate().all(|(at, (_, value))| values[..at].iter().all(|(_, v)| v != value))
}

fn first_of_most(values: &[(usize, Setting)]) -> Option<Setting> {
    let count = |value: &Setting| values.iter().filter(|(_, other)| other == value).count();
    let most = values.iter().map(|(_, value)| count(value)).max()?;
    values.iter().map(|(_, value)| value).find(|value| count(value) == most).cloned()
}

/// Declares a name at the top if every stage has it, and in each stage in which it differs.
fn say(manifest: &mut Manifest, name: &str, said: BTreeMap<usize, Said>) {
    let stages: Vec<String> = manifest.stages.names().map(str::to_owned).collect();
    let is_plain = |said: &Said| matches!(said.value, Setting::Plain(_));
    let is_everywhere = said.len() == stages.len();
    let is_of_one_kind = said.values().all(is_plain) || !said.values().any(is_plain);
    let lists: Vec<(usize, Option<Vec<String>>)> = said.iter().map(|(at, said)| (*at, said.list.clone())).collect();
    // A stage cannot take a restriction away again, so one without wins.
    let list = if lists.iter().any(|(_, list)| list.is_none()) { None } else { common(manifest, &lists).flatten() };
    let has_base = is_everywhere && is_of_one_kind;
    let base_list = if has_base { list } else { None };
    let values: Vec<(usize, Setting)> = said.iter().map(|(at, said)| (*at, said.value.clone())).collect();
    let base = if has_base { common(manifest, &values) } else { None };
    let mut base_secret = None;
    match &base {
        Some(Setting::Plain(value)) => {
            manifest.variables.insert(name, variable(value, base_list.clone()));
        }
        Some(_) => {
            let first = &values[0].1;
            let is_same = values.iter().all(|(_, value)| value == first);
            let secret = if is_same { secret_of(name, first) } else { Secret::default() };
            let secret = Secret { containers: base_list.clone(), ..secret };
            manifest.secrets.insert(name, secret.clone());
            base_secret = Some(secret);
        }
        None => {}
    }
    for (stage, said) in said {
        let list = said.list.filter(|list| !has_base || base_list.as_ref() != Some(list));
        let stage = manifest.stages.entry(&stages[stage]);
        match &said.value {
            Setting::Plain(value) => {
                if base.as_ref() != Some(&said.value) || list.is_some() {
                    stage.variables.insert(name, variable(value, list));
                }
            }
            value => {
                let mut secret = secret_of(name, value);
                if let Some(base) = &base_secret {
                    secret.from = secret.from.filter(|from| base.from.as_ref() != Some(from));
                    secret.key = secret.key.filter(|key| base.key.as_ref() != Some(key));
                }
                secret.containers = list;
                if base_secret.is_none() || secret != Secret::default() {
                    stage.secrets.insert(name, secret);
                }
            }
        }
    }
}

fn variable(value: &str, containers: Option<Vec<String>>) -> Variable {
    let value = Scalar::Text(value.to_owned());
    match containers {
        None => Variable::Value(value),
        containers => Variable::Restricted(Restriction { value, containers }),
    }
}

fn secret_of(name: &str, value: &Setting) -> Secret {
    let own = own_secret(name, value);
    Secret { key: own.key, from: own.from, ..Secret::default() }
}

fn own_secret(name: &str, value: &Setting) -> ContainerSecret {
    match value {
        Setting::Key(key) => ContainerSecret { key: (key != name).then(|| key.clone()), ..ContainerSecret::default() },
        Setting::From(arn) => ContainerSecret { from: Some(arn.clone()), ..ContainerSecret::default() },
        Setting::Plain(_) => ContainerSecret::default(),
    }
}

/// Says what a container has for itself: at its own place if it has it wherever it is, or else in the stages.
/// A secret that differs by stage is left to AWS's words.
fn say_own(manifest: &Manifest, drafts: &mut [Draft], slot: &Slot, name: &str, settings: &BTreeMap<usize, Setting>) {
    let draft = &mut drafts[slot.draft];
    let all: Vec<(usize, Setting)> = settings.iter().map(|(stage, setting)| (*stage, setting.clone())).collect();
    let is_plain = all.iter().all(|(_, setting)| matches!(setting, Setting::Plain(_)));
    let is_same = all.iter().all(|(_, setting)| *setting == all[0].1);
    let mut base = None;
    if slot.stages.iter().eq(settings.keys()) && (is_plain || is_same) {
        base = common(manifest, &all);
        let container = draft.service.containers.entry(&slot.container);
        match &base {
            Some(Setting::Plain(value)) => container.variables.insert(name, Scalar::Text(value.clone())),
            Some(secret) => container.secrets.insert(name, own_secret(name, secret)),
            None => {}
        }
    }
    for (stage, setting) in all {
        if let Setting::Plain(value) = &setting
            && base.as_ref() != Some(&setting)
        {
            let container = draft.differs.entry(stage).or_default().containers.entry(&slot.container);
            container.variables.insert(name, Scalar::Text(value.clone()));
        }
    }
}

/// Says who opts out of what.
fn inherit(
    manifest: &Manifest,
    drafts: &mut [Draft],
    held: &Held,
    shared: &BTreeSet<&String>,
    parts: &BTreeMap<usize, BTreeSet<String>>,
) {
    let declared = |is_secret: bool| -> BTreeSet<String> {
        let stages = manifest.stages.iter().map(|(_, stage)| stage);
        let names: Vec<&str> = if is_secret {
            manifest.secrets.names().chain(stages.flat_map(|stage| stage.secrets.names())).collect()
        } else {
            manifest.variables.names().chain(stages.flat_map(|stage| stage.variables.names())).collect()
        };
        names.into_iter().filter(|name| shared.iter().any(|other| *other == name)).map(str::to_owned).collect()
    };
    let (plain, secret) = (declared(false), declared(true));
    for (slot, has) in parts {
        let names = |all: &BTreeSet<String>| {
            let list: Vec<String> = all.intersection(has).cloned().collect();
            if list.len() == all.len() {
                None
            } else if list.is_empty() {
                Some(Names::All(false))
            } else {
                Some(Names::Some(list))
            }
        };
        let inherit = match (names(&plain), names(&secret)) {
            (None, None) => continue,
            (variables, secrets) if has.is_empty() => {
                debug_assert!(variables.is_some() || secrets.is_some(), "there is something to opt out of");
                Inherit::All(false)
            }
            (variables, secrets) => Inherit::Parts(InheritParts { variables, secrets }),
        };
        let slot = &held.slots[*slot];
        drafts[slot.draft].service.containers.entry(&slot.container).inherit = Some(inherit);
    }
}
