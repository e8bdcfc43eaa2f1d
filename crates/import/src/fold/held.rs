//! Which variables and secrets does each container have, in each stage?

use std::collections::{BTreeMap, BTreeSet};

use aws_model::Document;
use deploy_core::desired::Setting;

use super::{Draft, objects, text};
use crate::Found;
use crate::facts::{key_of, secret};

/// Settings by slot, in one stage.
pub(super) type Holders = BTreeMap<usize, Setting>;

/// A container of a draft, in all of its stages.
pub(super) struct Slot {
    pub(super) draft: usize,
    pub(super) container: String,
    pub(super) stages: BTreeSet<usize>,
    /// Names that it has in any stage.
    pub(super) names: BTreeSet<String>,
}

/// Everything that containers have, by name and stage.
pub(super) struct Held {
    pub(super) slots: Vec<Slot>,
    pub(super) names: BTreeMap<String, BTreeMap<usize, Holders>>,
}

/// Reads what each container has. A list with something in it that the manifest cannot say is left to AWS's words.
pub(super) fn held(found: &Found, drafts: &[Draft]) -> Held {
    let secrets: Vec<Option<String>> = found.stages.iter().map(|stage| secret(stage).map(|(arn, _)| arn)).collect();
    let mut held = Held { slots: Vec::new(), names: BTreeMap::new() };
    for (at, draft) in drafts.iter().enumerate().filter(|(_, draft)| draft.runs.is_none()) {
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
