//! A task definition in the manifest's words: its size, its volumes, and containers that lean on each other.

use aws_model::Document;
use deploy_core::Manifest;
use deploy_core::manifest::pattern::escaped;
use deploy_core::manifest::size::{Size, is_fargate, settle};
use deploy_core::manifest::{Container, Named, Raw, Volume};
use serde_json::Value;

use super::container;
use super::images::{self, References};
use super::names::is_ecs_name;
use super::{Draft, common, log, named, number, objects, pattern, text, texts, together};

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
    log::share(draft);
    together::ports(draft);
    together::depends_on(draft, manifest);
    together::essential(draft, manifest);
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
    let (log, logs) = log::words(&log::logs(draft, manifest, &all), manifest);
    container.log = log;
    let image = said(&all, |stage, c| images::word(&images[stage], text(c, "image")));
    let lists = |member: &str| {
        let words = |c: &Document| texts(c.get(member)?).filter(|words| !words.is_empty());
        said(&all, |_, c| words(c).map(|words| words.iter().map(|word| escaped(word)).collect()))
    };
    let (command, entrypoint) = (lists("command"), lists("entryPoint"));
    let base = common(manifest, &image).flatten();
    let bare = || all.iter().find_map(|(_, container)| images::tagged(text(container, "image")));
    container.image = base.clone().or_else(bare).unwrap_or_else(|| NO_IMAGE.to_owned());
    container.command = list_of_all(manifest, &command);
    container.entrypoint = list_of_all(manifest, &entrypoint);
    for (stage, log) in logs {
        draft.differs.entry(stage).or_default().containers.entry(name).log = Some(log);
    }
    for (stage, image) in image.into_iter().filter(|(_, image)| image.is_some() && *image != base) {
        draft.differs.entry(stage).or_default().containers.entry(name).image = image;
    }
    for (stage, command) in command.into_iter().filter(|(_, c)| c.is_some() && *c != container.command) {
        draft.differs.entry(stage).or_default().containers.entry(name).command = command;
    }
    for (stage, entrypoint) in entrypoint.into_iter().filter(|(_, e)| e.is_some() && *e != container.entrypoint) {
        draft.differs.entry(stage).or_default().containers.entry(name).entrypoint = entrypoint;
    }
    draft.service.containers.insert(name, container);
}

/// Returns what most stages say, unless it is about one of them.
pub(super) fn list_of_all(manifest: &Manifest, said: &[(usize, Option<Vec<String>>)]) -> Option<Vec<String>> {
    let is_same = said.len() > 1 && said.windows(2).all(|pair| pair[0].1 == pair[1].1);
    let names_one = |list: &Vec<String>| list.iter().any(|word| pattern::names_one(word, manifest.stages.names()));
    common(manifest, said).flatten().filter(|list| is_same || !names_one(list))
}

/// Names the containers and nothing of them: everything is to be said in AWS's words.
pub(super) fn bare(draft: &mut Draft, manifest: &Manifest, images: &[References]) {
    for name in draft.names() {
        let image = said(&draft.container(&name), |stage, c| images::word(&images[stage], text(c, "image")));
        let image = common(manifest, &image).flatten().unwrap_or_else(|| NO_IMAGE.to_owned());
        draft.service.containers.insert(name, Container { image, ..Container::default() });
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
    // A stage that is smaller than the base has smaller containers too: what differs is said in AWS's words there.
    let differing: Vec<String> = draft.names().into_iter().filter(|name| asks_differ(&draft.container(name))).collect();
    for names in [differing, draft.names()] {
        if sizes.iter().all(|size| fits(draft, *size)) {
            return;
        }
        for name in names {
            let container = draft.service.containers.entry(&name);
            (container.cpu, container.memory, container.memory_reservation) = (None, None, None);
        }
    }
}

/// Returns whether a container asks for more in one stage than in another.
fn asks_differ(all: &[(usize, &Document)]) -> bool {
    ["cpu", "memory", "memoryReservation"]
        .iter()
        .any(|member| all.windows(2).any(|p| p[0].1.get(*member) != p[1].1.get(*member)))
}

/// Returns whether all containers fit in a task of this size, as the manifest's reader asks.
fn fits(draft: &Draft, size: Size) -> bool {
    let each = || draft.service.containers.iter().map(|(_, container)| container);
    let cpu: u64 = each().filter_map(|c| c.cpu).map(u64::from).sum();
    let reserved: u64 = each().filter_map(|c| c.memory_reservation.or(c.memory)).map(u64::from).sum();
    let highest = each().filter_map(|c| c.memory).map(u64::from).max().unwrap_or(0);
    cpu <= u64::from(size.cpu) && reserved.max(highest) <= u64::from(size.memory)
}
