//! Containers of a task that depend on each other: ports, waits, and whose end is the task's end.

use std::collections::BTreeMap;

use aws_model::Document;
use deploy_core::Manifest;
use deploy_core::manifest::{Condition, Named, Port, Protocol};

use super::container::waits;
use super::{Draft, common, gate, named, objects, text};

/// A port has one owner in a task; that of the ingress is said there.
pub(super) fn ports(draft: &mut Draft) {
    let mut taken: Vec<Port> = Vec::new();
    let ingress = draft.service.ingress.clone();
    for name in draft.names() {
        let Some(container) = draft.service.containers.get_mut(&name) else { continue };
        if container.ports.iter().any(|port| taken.contains(port)) {
            container.ports.clear();
        }
        taken.extend(container.ports.iter().copied());
        let said = ingress.as_ref().filter(|ingress| ingress.container == name);
        if let ([only], Some(ingress)) = (container.ports.as_slice(), said)
            && *only == (Port { number: ingress.port, protocol: Protocol::Tcp })
        {
            container.ports.clear();
        }
    }
}

/// Waits of each stage that end: what most stages say, and what differs in a stage.
pub(super) fn depends_on(draft: &mut Draft, manifest: &Manifest) {
    let mut said: BTreeMap<String, Vec<(usize, Waits)>> = BTreeMap::new();
    for name in draft.names() {
        let all = draft.container(&name);
        let each = |(stage, container): &(usize, &Document)| Some((*stage, conditions(draft, *stage, container)?));
        said.extend(all.iter().map(each).collect::<Option<Vec<_>>>().map(|each| (name.clone(), each)));
    }
    let mut base: BTreeMap<String, Waits> = BTreeMap::new();
    for (name, stages) in &said {
        let found = common(manifest, stages).unwrap_or_default();
        // A stage that was not found has the containers that are everywhere: it may wait for no other.
        let is_there = |other: &str| draft.container(other).len() == draft.versions.len();
        let is_everywhere = is_there(name);
        let is_sound = !is_everywhere || found.names().all(is_there);
        base.insert(name.clone(), if is_sound { found } else { Waits::default() });
    }
    let of_stage = |stage: usize| -> BTreeMap<String, Waits> {
        let own = |(name, all): (&String, &Vec<(usize, Waits)>)| {
            Some((name.clone(), all.iter().find(|(other, _)| *other == stage)?.1.clone()))
        };
        said.iter().filter_map(own).collect()
    };
    if has_cycle(&base) || draft.versions.iter().any(|version| has_cycle(&of_stage(version.stage))) {
        return;
    }
    for (name, stages) in said {
        let all = base.remove(&name).unwrap_or_default();
        for (stage, own) in stages.into_iter().filter(|(_, own)| *own != all) {
            draft.differs.entry(stage).or_default().containers.entry(&name).depends_on = Some(own);
        }
        draft.service.containers.entry(&name).depends_on = all;
    }
}

type Waits = Named<Condition>;

/// Returns what a container of a stage waits for; none if the manifest cannot say all of it.
fn conditions(draft: &Draft, stage: usize, container: &Document) -> Option<Waits> {
    let found = if container.contains_key("dependsOn") { waits(container)? } else { Vec::new() };
    let condition = |(other, condition): &(String, String)| {
        let is_there = draft.container(other).iter().any(|(there, _)| *there == stage);
        let has_check = draft.service.containers.get(other).is_some_and(|other| other.health_check.is_some());
        let condition = match condition.as_str() {
            "START" => Condition::Start,
            "COMPLETE" => Condition::Complete,
            "SUCCESS" => Condition::Success,
            "HEALTHY" if has_check => Condition::Healthy,
            _ => return None,
        };
        is_there.then(|| (other.clone(), condition))
    };
    let found = found.iter().filter(|(other, _)| !gate::is_awaited(draft, other));
    let said = found.map(condition).collect::<Option<Vec<_>>>()?;
    let waits = named(said.clone());
    (waits.len() == said.len()).then_some(waits)
}

/// Returns whether containers are left after removing, again and again, those that wait for no remaining one.
fn has_cycle(waits: &BTreeMap<String, Named<Condition>>) -> bool {
    let mut open = waits.clone();
    loop {
        let before = open.len();
        let names: Vec<String> = open.keys().cloned().collect();
        open.retain(|_, waits| waits.names().any(|other| names.iter().any(|name| name == other)));
        if open.len() == before {
            return before > 0;
        }
    }
}

/// Said only where it is not what follows from the waits.
pub(super) fn essential(draft: &mut Draft, manifest: &Manifest) {
    for name in draft.names() {
        let is_awaited =
            draft.service.containers.iter().any(|(_, other)| {
                matches!(other.depends_on.get(&name), Some(Condition::Complete | Condition::Success))
            });
        // A default, so not there where it is true.
        let said: Vec<(usize, bool)> =
            draft.container(&name).iter().map(|(stage, c)| (*stage, c.get("essential").is_none())).collect();
        let is_essential = common(manifest, &said).unwrap_or(true);
        if !is_essential && !is_awaited {
            draft.service.containers.entry(&name).essential = Some(false);
        }
    }
    // ECS wants one in every stage, and what is most common in each need not be so in one.
    for version in &draft.versions {
        let names = objects(&version.normal, "containerDefinitions").map(|c| text(c, "name"));
        let names: Vec<&str> = names.filter(|name| !gate::is_awaited(draft, name)).collect();
        let is_off = |name: &&str| draft.service.containers.get(name).is_some_and(|c| c.essential == Some(false));
        if names.iter().all(is_off)
            && let Some(first) = names.first()
        {
            draft.service.containers.entry(first).essential = None;
        }
    }
}
