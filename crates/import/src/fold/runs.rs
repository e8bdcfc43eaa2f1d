//! Which schedules run the task of a service, and what do they say over it?
//!
//! A family is no identity: it is the definition that is the same. A schedule that starts a service's task is said as
//! that, so that one revision is registered for both, and never one with the schedule's command in it that could be
//! taken for the service's latest.

use aws_model::Document;
use deploy_core::manifest::pattern::escaped;
use deploy_core::manifest::{Named, Scalar, StageSchedule};
use deploy_core::{Manifest, desired, diff};

use super::{Draft, assemble, common, objects, raw, schedule, schedule_key, text, texts};
use crate::facts::facts;
use crate::{Found, FoundSchedule, FoundStage, Left};

/// Returns the service whose task a schedule runs in every stage that it is in.
pub(super) fn service(found: &Found, key: &str, left: &mut Vec<Left>) -> Option<String> {
    let all: Vec<(&FoundStage, &FoundSchedule)> = found
        .stages
        .iter()
        .filter_map(|stage| Some((stage, stage.schedules.iter().find(|one| schedule_key(found, &one.key) == key)?)))
        .collect();
    let (first, rest) = all.split_first()?;
    let mut services = same(first.0, first.1);
    services.retain(|service| rest.iter().all(|(stage, one)| same(stage, one).contains(service)));
    let service = services.into_iter().next().filter(|_| all.iter().all(|(_, one)| is_sayable(one)));
    if service.is_none() {
        for (stage, one) in &all {
            let family = text(&one.task_definition, "family");
            let is_same = same(stage, one);
            let shares = |other: &&crate::FoundService| {
                text(&other.task_definition, "family") == family && !is_same.contains(&other.key)
            };
            if let Some(other) = stage.services.iter().find(shares) {
                let why = format!(
                    "its task definition and that of service `{}` are two of one family, `{family}`, in stage `{}`: \
                     whoever takes the latest of the family takes either; give one of them a family of its own",
                    other.key, stage.name
                );
                left.push(Left::new(format!("schedules.{key}"), one.place.clone(), why));
            }
        }
    }
    service
}

/// Returns the services of a stage that run the definition which a schedule runs.
fn same(stage: &FoundStage, schedule: &FoundSchedule) -> Vec<String> {
    let definition = |document: &Document| (diff::normalise(document), document.get("tags").cloned());
    let wanted = definition(&schedule.task_definition);
    let all = stage.services.iter().filter(|service| definition(&service.task_definition) == wanted);
    all.map(|service| service.key.clone()).collect()
}

/// Returns whether all that a target says over its task can be said by a schedule.
pub(super) fn is_sayable(schedule: &FoundSchedule) -> bool {
    schedule::input(schedule).is_some() || !has_input(schedule)
}

fn has_input(schedule: &FoundSchedule) -> bool {
    ["Input", "InputPath", "InputTransformer"]
        .iter()
        .any(|member| schedule.target.get(*member).is_some_and(|value| !value.is_null() && value != ""))
}

/// What a schedule says over a service's task, as far as there are words.
#[derive(Clone, PartialEq, Default)]
struct Over {
    container: Option<String>,
    command: Option<Vec<String>>,
    variables: Named<Scalar>,
    cpu: Option<u32>,
    memory: Option<u32>,
}

fn over(input: &Document) -> Over {
    let size = |member: &str| text(input, member).parse().ok();
    let mut over = Over { cpu: size("cpu"), memory: size("memory"), ..Over::default() };
    let all: Vec<&Document> = objects(input, "containerOverrides").collect();
    if let [only] = all[..] {
        over.container = Some(text(only, "name").to_owned());
        let escape = |words: Vec<String>| words.iter().map(|word| escaped(word)).collect();
        over.command = only.get("command").and_then(texts).map(escape);
        for variable in objects(only, "environment") {
            let value = escaped(text(variable, "value"));
            over.variables.insert(text(variable, "name"), Scalar::Text(value));
        }
    }
    over
}

/// Puts what schedules say over services' tasks into words, and what is left of it into `aws`.
pub(super) fn words(found: &Found, drafts: &mut [Draft], manifest: &Manifest) {
    let known: Vec<&str> = manifest.stages.names().collect();
    // A service that is not everywhere takes its schedules with it.
    let listed: Vec<String> =
        drafts.iter().filter(|draft| !draft.service.stages.is_empty()).map(|draft| draft.key.clone()).collect();
    for draft in drafts.iter_mut().filter(|draft| draft.runs.is_some()) {
        if draft.versions.len() != known.len() || draft.runs.as_ref().is_some_and(|service| listed.contains(service)) {
            draft.service.stages = draft.versions.iter().map(|version| known[version.stage].to_owned()).collect();
        }
        let all: Vec<(usize, Over)> =
            overs(found, draft).into_iter().map(|(stage, input)| (stage, over(&input))).collect();
        let member = |read: fn(&Over) -> Option<u32>| {
            common(manifest, &all.iter().map(|(stage, over)| (*stage, read(over))).collect::<Vec<_>>()).flatten()
        };
        let (cpu, memory) = (member(|over| over.cpu), member(|over| over.memory));
        let commands: Vec<_> = all.iter().map(|(stage, over)| (*stage, over.command.clone())).collect();
        let containers: Vec<_> = all.iter().map(|(stage, over)| (*stage, over.container.clone())).collect();
        draft.schedule.command = super::task::list_of_all(manifest, &commands);
        draft.schedule.container = common(manifest, &containers).flatten().filter(|name| !name.is_empty());
        (draft.schedule.cpu, draft.schedule.memory) = (cpu, memory);
        let is_everywhere =
            |name: &str, value: &Scalar| all.iter().all(|(_, over)| over.variables.get(name) == Some(value));
        let shared: Named<Scalar> = all
            .first()
            .into_iter()
            .filter(|_| all.len() > 1)
            .flat_map(|(_, over)| over.variables.iter())
            .filter(|(name, value)| is_everywhere(name, value))
            .map(|(name, value)| (name.to_owned(), value.clone()))
            .collect();
        for (stage, over) in &all {
            let mut variables = over.variables.clone();
            variables.retain(|name, _| !shared.contains(name));
            let command = over.command.clone().filter(|command| Some(command) != draft.schedule.command.as_ref());
            let differs = draft.schedule_differs.entry(*stage).or_default();
            *differs = StageSchedule {
                command,
                variables,
                cpu: over.cpu.filter(|_| over.cpu != cpu),
                memory: over.memory.filter(|_| over.memory != memory),
                ..differs.clone()
            };
        }
        draft.schedule.variables = shared;
    }
    // Not said where it is the one that is meant anyway.
    let all = assemble(drafts, manifest);
    for draft in drafts.iter_mut() {
        let Some(service) = &draft.runs else { continue };
        let is_main = |version: &super::Version| {
            deploy_core::desired::main_container(&all, known[version.stage], service)
                == draft.schedule.container.as_deref()
        };
        // Nor where the one of most stages is not there in each.
        let is_there = |version: &super::Version| {
            let spec = all.services.get(service).zip(draft.schedule.container.as_deref());
            let spec = spec.and_then(|(service, name)| service.containers.get(name));
            spec.is_some_and(|spec| spec.stages.is_empty() || spec.stages.iter().any(|s| s == known[version.stage]))
        };
        if draft.versions.iter().all(is_main) || !draft.versions.iter().all(is_there) {
            draft.schedule.container = None;
        }
    }
    rest(found, drafts, manifest);
}

/// Puts what the words leave out into `aws` and `aws-without`.
fn rest(found: &Found, drafts: &mut [Draft], names: &Manifest) {
    let manifest = assemble(drafts, names);
    for draft in drafts.iter_mut().filter(|draft| draft.runs.is_some()) {
        let mut all = Vec::new();
        for (number, input) in overs(found, draft) {
            let stage = &found.stages[number];
            let made = desired(&manifest, &stage.name, &facts(&manifest, stage)).ok();
            let made = made.and_then(|made| made.schedules.into_iter().find(|doc| doc.name == draft.key));
            let made = made.map(|made| made.overrides).unwrap_or_default();
            let ops = if deploy_core::plan::same_overrides(&made, &input) {
                Default::default()
            } else {
                raw::ops(&made, &input)
            };
            all.push((number, ops));
        }
        let (base, stages) = raw::shared(names, all);
        raw::write(base, &mut draft.schedule.aws, &mut draft.schedule.aws_without);
        for (stage, ops) in stages.into_iter().filter(|(_, ops)| !ops.is_empty()) {
            let differs = draft.schedule_differs.entry(stage).or_default();
            raw::write(ops, &mut differs.aws, &mut differs.aws_without);
        }
    }
}

fn overs(found: &Found, draft: &Draft) -> Vec<(usize, Document)> {
    let one = |version: &super::Version| {
        let schedule = schedule::of(found, draft, version.stage)?;
        Some((version.stage, schedule::input(schedule).unwrap_or_default()))
    };
    draft.versions.iter().filter_map(one).collect()
}
