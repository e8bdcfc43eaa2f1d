//! A task definition in the manifest's words: its size, its volumes, and containers that lean on each other.

use std::collections::BTreeMap;

use deploy_core::Manifest;
use deploy_core::manifest::size::{Size, is_fargate, settle};
use deploy_core::manifest::{Condition, Container, Log, Named, Port, Raw, Volume};
use ecs_model::Document;
use serde_json::Value;

use super::container::{self, waits};
use super::images::{self, References};
use super::names::is_ecs_name;
use super::{Draft, common, named, number, objects, text, texts};

/// An image that is never pulled: what was found stands in `aws`.
pub(super) const NO_IMAGE: &str = "none:none";

/// Puts what a task definition says into words; `images` are the application's own references by stage.
pub(super) fn words(draft: &mut Draft, manifest: &Manifest, images: &[References]) {
    // A schedule has no words for these.
    if !draft.is_schedule {
        words_of_task(draft, manifest);
    }
    for name in draft.names() {
        words_of_container(draft, manifest, images, &name);
    }
    shared_log(draft);
    ports(draft);
    depends_on(draft);
    essential(draft, manifest);
    volumes(draft, manifest);
    sizes(draft, manifest);
    presence(draft, manifest);
}

fn words_of_task(draft: &mut Draft, manifest: &Manifest) {
    draft.service.platform = agreed(draft, manifest, |task| platform(task.get("runtimePlatform")?));
    draft.service.ephemeral_storage = agreed(draft, manifest, |task| {
        let gib = number(task.get("ephemeralStorage")?.get("sizeInGiB")?);
        gib.filter(|gib| (21..=200).contains(gib))
    });
}

fn words_of_container(draft: &mut Draft, manifest: &Manifest, images: &[References], name: &str) {
    let all = draft.container(name);
    let mut container = container::words(manifest, &all);
    container.log = common(manifest, &logs(draft, manifest, &all)).flatten();
    let image = said(&all, |stage, c| images::word(&images[stage], text(c, "image")));
    let command = said(&all, |_, c| texts(c.get("command")?).filter(|words| !words.is_empty()));
    let base = common(manifest, &image).flatten();
    container.image = base.clone().unwrap_or_else(|| NO_IMAGE.to_owned());
    container.command = common(manifest, &command).flatten();
    for (stage, image) in image.into_iter().filter(|(_, image)| image.is_some() && *image != base) {
        draft.differs.entry(stage).or_default().containers.entry(name).image = image;
    }
    for (stage, command) in command.into_iter().filter(|(_, c)| c.is_some() && *c != container.command) {
        draft.differs.entry(stage).or_default().containers.entry(name).command = command;
    }
    draft.service.containers.insert(name, container);
}

/// Names the containers and nothing of them: everything is to be said in AWS's words.
pub(super) fn bare(draft: &mut Draft, manifest: &Manifest) {
    for name in draft.names() {
        draft.service.containers.insert(name, Container { image: NO_IMAGE.to_owned(), ..Container::default() });
    }
    presence(draft, manifest);
}

fn said<T>(all: &[(usize, &Document)], read: impl Fn(usize, &Document) -> Option<T>) -> Vec<(usize, Option<T>)> {
    all.iter().map(|(stage, container)| (*stage, read(*stage, container))).collect()
}

/// Says where things are that are not everywhere.
fn presence(draft: &mut Draft, manifest: &Manifest) {
    let known: Vec<&str> = manifest.stages.names().collect();
    let list = |stages: &[usize]| stages.iter().map(|stage| known[*stage].to_owned()).collect::<Vec<_>>();
    let all: Vec<usize> = draft.versions.iter().map(|version| version.stage).collect();
    for name in draft.names() {
        let there: Vec<usize> = draft.container(&name).iter().map(|(stage, _)| *stage).collect();
        if there != all {
            draft.service.containers.entry(&name).stages = list(&there);
        }
    }
    // A stage that was not found, such as `local`, has the containers that are everywhere: that must be a task.
    let mut everywhere = draft.service.containers.iter().filter(|(_, container)| container.stages.is_empty());
    let is_task = everywhere.any(|(_, container)| container.essential != Some(false));
    if all.len() != known.len() || !is_task {
        draft.service.stages = list(&all);
    }
}

/// Returns what most stages say.
fn agreed<T: PartialEq + Clone>(
    draft: &Draft,
    manifest: &Manifest,
    read: impl Fn(&Document) -> Option<T>,
) -> Option<T> {
    let said: Vec<(usize, Option<T>)> = draft.versions.iter().map(|v| (v.stage, read(&v.normal))).collect();
    common(manifest, &said).flatten()
}

fn platform(value: &Value) -> Option<String> {
    let word = match (value.get("operatingSystemFamily")?.as_str()?, value.get("cpuArchitecture")?.as_str()?) {
        ("LINUX", "X86_64") => "linux/amd64",
        ("LINUX", "ARM64") => "linux/arm64",
        _ => return None,
    };
    Some(word.to_owned())
}

/// Returns where a container's output goes, as far as it is not where everything goes.
fn logs(draft: &Draft, manifest: &Manifest, all: &[(usize, &Document)]) -> Vec<(usize, Option<Log>)> {
    let one = |(number, container): &(usize, &Document)| {
        let log = container.get("logConfiguration").filter(|log| log["logDriver"] == "awslogs");
        let option = |name: &str| {
            let value = log.and_then(|log| log["options"].get(name)?.as_str());
            value.filter(|value| !value.is_empty()).map(str::to_owned)
        };
        let (name, stage) = manifest.stages.iter().nth(*number).expect("a version is of a stage");
        let usual = stage.log_group.clone().unwrap_or_else(|| format!("/{}/{name}", manifest.app));
        let log = Log {
            group: option("awslogs-group").filter(|group| *group != usual),
            prefix: option("awslogs-stream-prefix").filter(|prefix| *prefix != draft.key),
            create_group: log.filter(|log| log["options"].get("awslogs-create-group").is_none()).map(|_| false),
        };
        (*number, (log != Log::default()).then_some(log))
    };
    all.iter().map(one).collect()
}

/// What all containers with a log say of it is said once, for all of them.
fn shared_log(draft: &mut Draft) {
    let has_log = |name: &&String| {
        let all = draft.container(name);
        all.iter()
            .any(|(_, container)| container.get("logConfiguration").is_some_and(|log| log["logDriver"] == "awslogs"))
    };
    let names = draft.names();
    let names: Vec<&String> = names.iter().filter(has_log).collect();
    let logs: Vec<Log> =
        names.iter().map(|name| draft.service.containers.entry(name).log.clone().unwrap_or_default()).collect();
    let Some(first) = logs.first() else { return };
    let shared = Log {
        group: first.group.clone().filter(|group| logs.iter().all(|log| log.group.as_ref() == Some(group))),
        prefix: first.prefix.clone().filter(|prefix| logs.iter().all(|log| log.prefix.as_ref() == Some(prefix))),
        create_group: first.create_group.filter(|create| logs.iter().all(|log| log.create_group == Some(*create))),
    };
    for (name, log) in names.into_iter().zip(&logs) {
        let rest = Log {
            group: log.group.clone().filter(|_| shared.group.is_none()),
            prefix: log.prefix.clone().filter(|_| shared.prefix.is_none()),
            create_group: log.create_group.filter(|_| shared.create_group.is_none()),
        };
        draft.service.containers.entry(name).log = (rest != Log::default()).then_some(rest);
    }
    draft.service.log = (shared != Log::default()).then_some(shared);
}

/// A port has one owner in a task; that of the ingress is said there.
fn ports(draft: &mut Draft) {
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
            && *only == (Port { number: ingress.port, protocol: deploy_core::manifest::Protocol::Tcp })
        {
            container.ports.clear();
        }
    }
}

/// Waits that are the same wherever the container is, and that end.
fn depends_on(draft: &mut Draft) {
    let mut found: BTreeMap<String, Named<Condition>> = BTreeMap::new();
    for name in draft.names() {
        let all = draft.container(&name);
        let Some(first) = all.first().and_then(|(_, container)| waits(container)) else { continue };
        if all.iter().any(|(_, container)| waits(container).as_ref() != Some(&first)) {
            continue;
        }
        let stages: Vec<usize> = all.iter().map(|(stage, _)| *stage).collect();
        let condition = |(other, condition): &(String, String)| {
            let is_there = |stage: &usize| draft.container(other).iter().any(|(there, _)| there == stage);
            let has_check = draft.service.containers.get(other).is_some_and(|other| other.health_check.is_some());
            let condition = match condition.as_str() {
                "START" => Condition::Start,
                "COMPLETE" => Condition::Complete,
                "SUCCESS" => Condition::Success,
                "HEALTHY" if has_check => Condition::Healthy,
                _ => return None,
            };
            stages.iter().all(is_there).then(|| (other.clone(), condition))
        };
        let Some(waits) = first.iter().map(condition).collect::<Option<Vec<_>>>() else { continue };
        if waits.len() == named(waits.clone()).len() {
            found.insert(name, named(waits));
        }
    }
    if !has_cycle(&found) {
        for (name, waits) in found {
            draft.service.containers.entry(&name).depends_on = waits;
        }
    }
}

/// Returns whether taking away containers that wait for nobody left leaves some.
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
fn essential(draft: &mut Draft, manifest: &Manifest) {
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
        let names: Vec<&str> = objects(&version.normal, "containerDefinitions").map(|c| text(c, "name")).collect();
        let is_off = |name: &&str| draft.service.containers.get(name).is_some_and(|c| c.essential == Some(false));
        if names.iter().all(is_off)
            && let Some(first) = names.first()
        {
            draft.service.containers.entry(first).essential = None;
        }
    }
}

/// Volumes are declared if one of them is more than a name, and then all that are mounted.
fn volumes(draft: &mut Draft, manifest: &Manifest) {
    let read = |task: &Document| {
        let count = task.get("volumes")?.as_array()?.len();
        let volumes: Vec<(String, Volume)> = objects(task, "volumes").map(volume).collect();
        let is_sound = volumes.iter().all(|(name, _)| is_ecs_name(name)) && named(volumes.clone()).len() == count;
        is_sound.then(|| named(volumes))
    };
    let volumes: Named<Volume> = agreed(draft, manifest, read).unwrap_or_default();
    for name in draft.names() {
        let container = draft.service.containers.entry(&name);
        if !container.volumes.names().all(|volume| volumes.contains(volume)) {
            container.volumes = Named::default();
        }
    }
    let is_mounted = |volume: &str| draft.service.containers.iter().any(|(_, c)| c.volumes.contains(volume));
    let is_plain = volumes.iter().all(|(_, volume)| volume.aws.is_none());
    if !is_plain && volumes.names().all(is_mounted) {
        draft.service.volumes = volumes;
    }
}

fn volume(volume: &Document) -> (String, Volume) {
    let mut rest = volume.clone();
    rest.shift_remove("name");
    (text(volume, "name").to_owned(), Volume { aws: (!rest.is_empty()).then_some(Raw(rest)) })
}

/// Sizes that Fargate has, and containers that fit in all of them.
fn sizes(draft: &mut Draft, manifest: &Manifest) {
    let read = |task: &Document| {
        let part = |member: &str| text(task, member).parse::<u32>().ok();
        let size = Size { cpu: part("cpu")?, memory: part("memory")? };
        is_fargate(size).then_some(size)
    };
    let base = agreed(draft, manifest, read);
    draft.service.cpu = base.map(|size| size.cpu);
    draft.service.memory = base.map(|size| size.memory);
    let mut sizes = vec![base.unwrap_or_else(|| settle(None, None))];
    for version in &draft.versions {
        let Some(size) = read(&version.normal).filter(|size| Some(*size) != base) else { continue };
        let differs = draft.differs.entry(version.stage).or_default();
        differs.cpu = Some(size.cpu).filter(|cpu| base.is_none_or(|base| base.cpu != *cpu));
        differs.memory = Some(size.memory).filter(|memory| base.is_none_or(|base| base.memory != *memory));
        sizes.push(size);
    }
    let each = || draft.service.containers.iter().map(|(_, container)| container);
    let cpu: u64 = each().filter_map(|c| c.cpu).map(u64::from).sum();
    let reserved: u64 = each().filter_map(|c| c.memory_reservation.or(c.memory)).map(u64::from).sum();
    let highest = each().filter_map(|c| c.memory).map(u64::from).max().unwrap_or(0);
    let fits = |size: &Size| cpu <= u64::from(size.cpu) && reserved.max(highest) <= u64::from(size.memory);
    if !sizes.iter().all(fits) {
        for name in draft.names() {
            let container = draft.service.containers.entry(&name);
            (container.cpu, container.memory, container.memory_reservation) = (None, None, None);
        }
    }
}
