//! Has Fargate the sizes that tasks ask for, in every stage, and do the containers fit?

use super::task::{Task, tasks};
use crate::manifest::read::report::Report;
use crate::manifest::read::tree::Tree;
use crate::manifest::size::{Size, advice, is_fargate, memories, settle};
use crate::manifest::{Fault, Manifest};

pub(super) fn check(manifest: &Manifest, tree: &Tree<'_>, report: &mut Report) {
    for task in &tasks(manifest) {
        let table = task.path(&[]);
        let Some(size) = sound(&table, task.service.cpu, task.service.memory, tree) else { continue };
        if pair(&task.owner(), size, &table, tree, report) {
            containers(manifest, task, None, size, &table, tree, report);
        }
        for (stage, overrides) in manifest.stages.iter() {
            let (cpu, memory) = match (overrides.services.get(task.name), overrides.schedules.get(task.name)) {
                (Some(differs), _) if task.kind == "services" => (differs.cpu, differs.memory),
                (_, Some(differs)) if task.kind == "schedules" => (differs.cpu, differs.memory),
                _ => continue,
            };
            let table = ["stages", stage, task.kind, task.name];
            if cpu.is_none() && memory.is_none() {
                continue;
            }
            let (cpu, memory) = (cpu.or(task.service.cpu), memory.or(task.service.memory));
            if let Some(size) = sound(&table, cpu, memory, tree) {
                let owner = format!("{} in stage `{stage}`", task.owner());
                if pair(&owner, size, &table, tree, report) {
                    containers(manifest, task, Some(stage), size, &table, tree, report);
                }
            }
        }
    }
}

/// Returns the settled size, unless a part of it was written and is not sound.
fn sound(table: &[&str], cpu: Option<u32>, memory: Option<u32>, tree: &Tree<'_>) -> Option<Size> {
    let lost = |key: &str, value: Option<u32>| value.is_none() && tree.has(&[table, &[key]].concat());
    (!lost("cpu", cpu) && !lost("memory", memory)).then(|| settle(cpu, memory))
}

fn pair(owner: &str, size: Size, table: &[&str], tree: &Tree<'_>, report: &mut Report) -> bool {
    if is_fargate(size) {
        return true;
    }
    let mut labels = Vec::new();
    for (key, label) in [("memory", "this memory"), ("cpu", "this cpu")] {
        let path = [table, &[key]].concat();
        if tree.has(&path) {
            labels.push((tree.value(&path), label.to_owned()));
        }
    }
    if memories(size.cpu).is_empty() {
        labels.retain(|(_, label)| label == "this cpu");
    }
    if labels.is_empty() {
        labels.push((tree.key(table), "here".to_owned()));
    }
    let fault = Fault::FargateSize { owner: owner.to_owned(), cpu: size.cpu, memory: size.memory };
    report.add_at(fault, labels, Some(advice(size)));
    false
}

/// Holds the containers against the size of a stage, or else of every stage that does not say its own.
fn containers(
    manifest: &Manifest,
    task: &Task<'_>,
    only: Option<&str>,
    size: Size,
    table: &[&str],
    tree: &Tree<'_>,
    report: &mut Report,
) {
    let asked = |stage: &str| {
        let each = || task.service.containers.iter().filter(|(name, _)| task.has(name, stage)).map(|(_, c)| c);
        let cpu: u64 = each().filter_map(|c| c.cpu).map(u64::from).sum();
        // What is reserved must fit together; each hard limit must fit alone.
        let reserved: u64 = each().filter_map(|c| c.memory_reservation.or(c.memory)).map(u64::from).sum();
        let highest = each().filter_map(|c| c.memory).map(u64::from).max().unwrap_or(0);
        (cpu, reserved.max(highest))
    };
    let own =
        |stage: &&str| ["cpu", "memory"].iter().any(|key| tree.has(&["stages", stage, task.kind, task.name, key]));
    let all: Vec<&str> = match only {
        Some(stage) => vec![stage],
        None => task.stages(manifest).filter(|stage| !own(stage)).collect(),
    };
    let most = |part: fn((u64, u64)) -> u64| all.iter().map(|stage| part(asked(stage))).max().unwrap_or(0);
    let (cpu, memory) = (most(|both| both.0), most(|both| both.1));
    for (key, what, asked, has) in
        [("cpu", "CPU units", cpu, size.cpu), ("memory", "MiB of memory", memory, size.memory)]
    {
        if asked > u64::from(has) {
            let fault = Fault::TooBig { owner: task.owner(), what, asked, has };
            let help = format!("raise `{key}` of the task, or lower that of its containers");
            let path = [table, &[key]].concat();
            report.add(fault, tree.value(&path), "this is for all of them", Some(help));
        }
    }
}
