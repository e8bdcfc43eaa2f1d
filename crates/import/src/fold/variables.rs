//! Which variables and secrets are said once for all, which for some, and which by a container alone?
//!
//! First who inherits: a few containers that have next to nothing of what the others have opt out. Then each
//! name: its value in a stage is the most common one, and it is unrestricted, or restricted to the containers
//! that have it; a container whose value differs says its own. What is alike in all stages is said at the top.

use std::collections::{BTreeMap, BTreeSet};

use deploy_core::Manifest;
use deploy_core::desired::Setting;
use deploy_core::manifest::{Inherit, InheritParts, Names};

use super::Draft;
use super::held::{Held, Holders, held};
use super::say::{Said, say, say_own};
use crate::Found;

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
        // If nothing is shared, no container needs to opt out.
        let opt_out = |slot: &usize| 10 + 3 * held.slots[*slot].names.iter().filter(|n| shared.contains(n)).count();
        let outside: usize = if shared.is_empty() { 0 } else { outside.iter().map(opt_out).sum() };
        names + outside
    };
    let best = (1..=order.len()).rev().min_by_key(|count| cost(*count)).unwrap_or(0);
    order.into_iter().take(best).collect()
}

/// Returns whether all of these slots have a name in every stage in which any slot has it.
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
