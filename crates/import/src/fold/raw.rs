//! What do the words leave out? Renders the manifest for each stage and puts what differs from what was
//! found into `aws` and `aws-without` tables.
//!
//! What is the same in all stages of a thing is said once; what differs is said in each of them.

use std::collections::BTreeMap;

use aws_model::Document;
use deploy_core::desired::Owner;
use deploy_core::manifest::Raw;
use deploy_core::{Manifest, desired, diff};
use serde_json::Value;

use super::{Draft, Version, assemble, common, objects, pattern, text};
use crate::facts::facts;
use crate::places::is_no_image;
use crate::{Found, Left};

/// A member that is to be set, or taken out; objects are opened, so a value is a scalar or a list.
type Ops = BTreeMap<Vec<String>, Option<Value>>;

/// Makes every rendered task definition equal to the one that was found.
pub(super) fn patch(found: &Found, drafts: &mut [Draft], names: &Manifest, left: &mut Vec<Left>) {
    let manifest = assemble(drafts, names);
    let mut rendered: Vec<Vec<Rendered>> = drafts.iter().map(|_| Vec::new()).collect();
    for (number, stage) in found.stages.iter().enumerate() {
        let Ok(desired) = desired(&manifest, &stage.name, &facts(&manifest, stage)) else { continue };
        for (draft, rendered) in drafts.iter().zip(&mut rendered) {
            let owner = owner(draft);
            if let Some(version) = draft.versions.iter().find(|version| version.stage == number)
                && let Some(task) = desired.task_definitions.iter().find(|task| task.owner == owner)
            {
                rendered.push(Rendered::new(&task.document, version));
            }
        }
    }
    for (draft, rendered) in drafts.iter_mut().zip(rendered) {
        if rendered.len() == draft.versions.len() {
            one(draft, &rendered, names, left);
        }
    }
}

pub(super) fn owner(draft: &Draft) -> Owner {
    if draft.is_schedule { Owner::Schedule(draft.key.clone()) } else { Owner::Service(draft.key.clone()) }
}

/// A rendered task definition in the form that is compared.
struct Rendered {
    task: Document,
    /// With its containers as they are under the network mode that was found: what a port means depends on it.
    containers: Document,
}

impl Rendered {
    fn new(document: &Document, found: &Version) -> Self {
        let mut there = document.clone();
        match found.document.get("networkMode") {
            Some(mode) => drop(there.insert("networkMode".to_owned(), mode.clone())),
            None => drop(there.shift_remove("networkMode")),
        }
        Self { task: diff::normalise(document), containers: diff::normalise(&there) }
    }
}

fn one(draft: &mut Draft, rendered: &[Rendered], names: &Manifest, left: &mut Vec<Left>) {
    let mut task: Vec<(usize, Ops)> = Vec::new();
    let mut containers: BTreeMap<String, Vec<(usize, Ops)>> = BTreeMap::new();
    for (version, rendered) in draft.versions.iter().zip(rendered) {
        let (mut before, mut after) = (rendered.task.clone(), version.normal.clone());
        before.shift_remove("containerDefinitions");
        after.shift_remove("containerDefinitions");
        // Not compared, because they travel beside a definition; but nothing is lost.
        if let Some(tags) = version.document.get("tags").filter(|tags| tags.as_array().is_some_and(|t| !t.is_empty())) {
            after.insert("tags".to_owned(), tags.clone());
        }
        task.push((version.stage, ops(&before, &after)));
        for after in objects(&version.normal, "containerDefinitions") {
            let name = text(after, "name");
            let mut all = objects(&rendered.containers, "containerDefinitions");
            let Some(before) = all.find(|before| text(before, "name") == name) else { continue };
            let mut ops = ops(before, after);
            // A place to be filled in is no image that ECS would take.
            if is_no_image(text(after, "image")) {
                ops.remove(&vec!["image".to_owned()]);
            }
            containers.entry(name.to_owned()).or_default().push((version.stage, ops));
        }
        let nulls = |document: &Document| holds_null(&Value::Object(document.clone()));
        if nulls(&version.normal) {
            let why = "a list in it holds a null, which TOML does not have: take it out";
            left.push(Left::new(draft.key.clone(), version.place.clone(), why));
        }
    }
    let (base, stages) = shared(names, task);
    write(base, &mut draft.service.aws, &mut draft.service.aws_without);
    for (stage, ops) in stages {
        let differs = draft.differs.entry(stage).or_default();
        write(ops, &mut differs.aws, &mut differs.aws_without);
    }
    for (name, all) in containers {
        let (base, stages) = shared(names, all);
        if let Some(container) = draft.service.containers.get_mut(&name) {
            write(base, &mut container.aws, &mut container.aws_without);
        }
        for (stage, ops) in stages.into_iter().filter(|(_, ops)| !ops.is_empty()) {
            let container = draft.differs.entry(stage).or_default().containers.entry(&name);
            write(ops, &mut container.aws, &mut container.aws_without);
        }
    }
}

/// Returns what makes one document of another.
pub(super) fn ops(before: &Document, after: &Document) -> Ops {
    let mut found = Ops::new();
    compare(&mut Vec::new(), before, after, &mut found);
    found
}

fn compare(path: &mut Vec<String>, before: &Document, after: &Document, found: &mut Ops) {
    for (name, value) in after {
        path.push(name.clone());
        match (before.get(name), value) {
            (Some(before), value) if before == value => {}
            (Some(Value::Object(before)), Value::Object(after)) => compare(path, before, after, found),
            (_, Value::Object(after)) if !after.is_empty() => compare(path, &Document::new(), after, found),
            (_, value) => drop(found.insert(path.clone(), Some(value.clone()))),
        }
        path.pop();
    }
    for name in before.keys().filter(|name| !after.contains_key(*name)) {
        path.push(name.clone());
        found.insert(path.clone(), None);
        path.pop();
    }
}

/// Returns what is done in every stage, and what is left for each.
pub(super) fn shared(names: &Manifest, stages: Vec<(usize, Ops)>) -> (Ops, Vec<(usize, Ops)>) {
    let mut base = Ops::new();
    let Some((_, first)) = stages.first() else { return (base, stages) };
    for path in first.keys() {
        let all: Vec<(usize, Option<Value>)> =
            stages.iter().filter_map(|(stage, ops)| Some((*stage, ops.get(path)?.clone()))).collect();
        let is_everywhere = all.len() == stages.len();
        let is_of_one_kind = all.iter().all(|(_, value)| value.is_some()) || all.iter().all(|(_, v)| v.is_none());
        if is_everywhere && is_of_one_kind {
            let value = common(names, &all).filter(|value| !is_of_a_stage(names, value.as_ref(), &all));
            base.extend(value.map(|value| (path.clone(), value)));
        }
    }
    let rest = stages.into_iter().map(|(stage, mut ops)| {
        ops.retain(|path, value| base.get(path) != Some(value));
        (stage, ops)
    });
    let rest = rest.collect();
    (base, rest)
}

/// Returns whether a value names a stage, and is not that of two stages at least: no other may have it.
fn is_of_a_stage(names: &Manifest, value: Option<&Value>, all: &[(usize, Option<Value>)]) -> bool {
    fn names_one(value: &Value, stages: &Manifest) -> bool {
        match value {
            Value::String(text) => pattern::names_one(text, stages.stages.names()),
            Value::Array(items) => items.iter().any(|item| names_one(item, stages)),
            Value::Object(members) => members.values().any(|member| names_one(member, stages)),
            _ => false,
        }
    }
    let is_shared = all.len() > 1 && all.iter().all(|(_, other)| other.as_ref() == value);
    !is_shared && value.is_some_and(|value| names_one(value, names))
}

pub(super) fn write(ops: Ops, aws: &mut Option<Raw>, without: &mut Vec<String>) {
    for (path, value) in ops {
        match value {
            Some(value) => set(&mut aws.get_or_insert_default().0, &path, value),
            None => without.push(path.join(".")),
        }
    }
}

fn set(document: &mut Document, path: &[String], value: Value) {
    match path {
        [] => {}
        [last] => drop(document.insert(last.clone(), value)),
        [first, rest @ ..] => {
            let inner = document.entry(first.clone()).or_insert_with(|| Value::Object(Document::new()));
            if let Value::Object(inner) = inner {
                set(inner, rest, value);
            }
        }
    }
}

/// TOML has no null; those that are members were taken out by ECS's own rules.
fn holds_null(value: &Value) -> bool {
    match value {
        Value::Array(items) => items.iter().any(|item| item.is_null() || holds_null(item)),
        Value::Object(members) => members.values().any(holds_null),
        _ => false,
    }
}
