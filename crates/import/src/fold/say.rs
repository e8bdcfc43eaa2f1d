//! A variable or secret as a line of the manifest: at the top, in a stage, or of a container alone.

use std::collections::BTreeMap;

use deploy_core::Manifest;
use deploy_core::desired::Setting;
use deploy_core::manifest::pattern::escaped;
use deploy_core::manifest::{ContainerSecret, Restriction, Scalar, Secret, Variable};

use super::held::Slot;
use super::pattern::names_one;
use super::{Draft, common};

/// How a name is said in one stage: its value, and the containers that it is restricted to.
#[derive(Clone, PartialEq)]
pub(super) struct Said {
    pub(super) value: Setting,
    pub(super) list: Option<Vec<String>>,
}

/// Declares a name at the top if every stage has it, and in each stage in which it differs.
pub(super) fn say(manifest: &mut Manifest, name: &str, said: BTreeMap<usize, Said>) {
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
    let base = base.filter(|base| !is_of_a_stage(manifest, base, values.iter().map(|(_, value)| value)));
    let has_base = base.is_some();
    let base_list = base_list.filter(|_| has_base);
    let mut base_secret = None;
    match &base {
        Some(Setting::Plain(value)) => {
            manifest.variables.insert(name, variable(value, base_list.clone()));
        }
        Some(_) => {
            let first = &values[0].1;
            let names_one = |arn: &String| names_one(arn, manifest.stages.names());
            let is_own = values.len() == 1 && matches!(first, Setting::From(arn) if names_one(arn));
            let is_same = !is_own && values.iter().all(|(_, value)| value == first);
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
    let value = plain(value);
    match containers {
        None => Variable::Value(value),
        containers => Variable::Restricted(Restriction { value, containers }),
    }
}

/// A value as it stands, with no pattern in it.
fn plain(value: &str) -> Scalar {
    Scalar::Text(escaped(value))
}

/// Returns whether a plain value names a stage and is not the same in two stages at least: no other stage may have it.
fn is_of_a_stage<'a>(manifest: &Manifest, value: &Setting, all: impl Iterator<Item = &'a Setting> + Clone) -> bool {
    let Setting::Plain(text) = value else { return false };
    let is_seen_everywhere = all.clone().count() > 1 && all.clone().all(|other| other == value);
    !is_seen_everywhere && names_one(text, manifest.stages.names())
}

fn secret_of(name: &str, value: &Setting) -> Secret {
    let own = own_secret(name, value);
    Secret { key: own.key, from: own.from, ..Secret::default() }
}

fn own_secret(name: &str, value: &Setting) -> ContainerSecret {
    match value {
        Setting::Key(key) => ContainerSecret { key: (key != name).then(|| key.clone()), ..ContainerSecret::default() },
        Setting::From(arn) => ContainerSecret { from: Some(arn.clone()), ..ContainerSecret::default() },
        // No import has a database: they are made of documents.
        Setting::Plain(_) | Setting::Part { .. } => ContainerSecret::default(),
    }
}

/// Says what a container has for itself: at its own place if it has it wherever it is, or else in the stages.
/// A secret that differs by stage is left to AWS's words.
pub(super) fn say_own(
    manifest: &Manifest,
    drafts: &mut [Draft],
    slot: &Slot,
    name: &str,
    settings: &BTreeMap<usize, Setting>,
) {
    let draft = &mut drafts[slot.draft];
    let all: Vec<(usize, Setting)> = settings.iter().map(|(stage, setting)| (*stage, setting.clone())).collect();
    let is_plain = all.iter().all(|(_, setting)| matches!(setting, Setting::Plain(_)));
    let is_same = all.iter().all(|(_, setting)| *setting == all[0].1);
    let mut base = None;
    if slot.stages.iter().eq(settings.keys()) && (is_plain || is_same) {
        base = common(manifest, &all);
        base = base.filter(|base| !is_of_a_stage(manifest, base, all.iter().map(|(_, value)| value)));
        let container = draft.service.containers.entry(&slot.container);
        match &base {
            Some(Setting::Plain(value)) => container.variables.insert(name, plain(value)),
            Some(secret) => container.secrets.insert(name, own_secret(name, secret)),
            None => {}
        }
    }
    for (stage, setting) in all {
        if let Setting::Plain(value) = &setting
            && base.as_ref() != Some(&setting)
        {
            let container = draft.differs.entry(stage).or_default().containers.entry(&slot.container);
            container.variables.insert(name, plain(value));
        }
    }
}
