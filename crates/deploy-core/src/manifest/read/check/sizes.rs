//! Has Fargate the sizes that tasks ask for, in every stage, and do the containers fit?

use crate::manifest::read::report::Report;
use crate::manifest::read::tree::Tree;
use crate::manifest::size::{Size, advice, is_fargate, memories, settle};
use crate::manifest::{Fault, Manifest, Service};

pub(super) fn check(manifest: &Manifest, tree: &Tree<'_>, report: &mut Report) {
    for (name, service) in manifest.services.iter() {
        let table = ["services", name];
        if let Some(size) = sound(&table, service.cpu, service.memory, tree) {
            let owner = format!("service `{name}`");
            if pair(&owner, size, &table, tree, report) {
                containers(name, service, size, &table, tree, report);
            }
        }
    }
    for (name, schedule) in manifest.schedules.iter() {
        let table = ["schedules", name];
        if let Some(size) = sound(&table, schedule.cpu, schedule.memory, tree) {
            pair(&format!("schedule `{name}`"), size, &table, tree, report);
        }
    }
    for (stage, overrides) in manifest.stages.iter() {
        for (name, differs) in overrides.services.iter() {
            let Some(service) = manifest.services.get(name) else { continue };
            let table = ["stages", stage, "services", name];
            let base_is_sound = sound(&["services", name], service.cpu, service.memory, tree).is_some();
            if !base_is_sound || (differs.cpu.is_none() && differs.memory.is_none()) {
                continue;
            }
            let (cpu, memory) = (differs.cpu.or(service.cpu), differs.memory.or(service.memory));
            if let Some(size) = sound(&table, cpu, memory, tree) {
                let owner = format!("service `{name}` in stage `{stage}`");
                if pair(&owner, size, &table, tree, report) {
                    containers(name, service, size, &table, tree, report);
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

fn containers(name: &str, service: &Service, size: Size, table: &[&str], tree: &Tree<'_>, report: &mut Report) {
    let each = || service.containers.iter().map(|(_, container)| container);
    let cpu = each().filter_map(|c| c.cpu).map(u64::from).sum();
    // What is reserved must fit together; each hard limit must fit alone.
    let reserved: u64 = each().filter_map(|c| c.memory_reservation.or(c.memory)).map(u64::from).sum();
    let highest = each().filter_map(|c| c.memory).map(u64::from).max().unwrap_or(0);
    for (key, what, asked, has) in
        [("cpu", "CPU units", cpu, size.cpu), ("memory", "MiB of memory", reserved.max(highest), size.memory)]
    {
        if asked > u64::from(has) {
            let fault = Fault::TooBig { service: name.to_owned(), what, asked, has };
            let help = format!("raise `{key}` of the service, or lower that of its containers");
            let path = [table, &[key]].concat();
            report.add(fault, tree.value(&path), "this is for all of them", Some(help));
        }
    }
}
