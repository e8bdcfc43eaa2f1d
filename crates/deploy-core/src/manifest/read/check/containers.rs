//! Images, volumes and ports of containers; who an ingress, a release and a stage point at.

use super::meant;
use super::task::{Task, meet, tasks};
use crate::gate::{GATE, WATCH};
use crate::manifest::read::report::Report;
use crate::manifest::read::tree::Tree;
use crate::manifest::{Container, Fault, Manifest, Overlap, Port, Protocol, Schedule};
use crate::suggest::nearest;

/// Containers of one task definition (ECS quota, not adjustable).
const MOST_CONTAINERS: usize = 10;

pub(super) fn check(manifest: &Manifest, tree: &Tree<'_>, report: &mut Report) {
    for task in &tasks(manifest) {
        if tree.has(&task.path(&["containers"])) && task.known(tree).is_empty() {
            let fault = Fault::NoContainers { owner: task.owner() };
            let help = format!("add a table [services.{}.containers.NAME] with an `image`", task.name);
            report.add(fault, task.key(tree, &[]), "this service", Some(help));
        }
        let in_stage = |stage| task.service.containers.names().filter(|name| task.has(name, stage)).count();
        let count = task.stages(manifest).map(|stage| in_stage(stage) + own(manifest, task, stage)).max().unwrap_or(0);
        if count > MOST_CONTAINERS {
            let fault = Fault::TooManyContainers { owner: task.owner(), count, most: MOST_CONTAINERS };
            report.add(fault, task.key(tree, &[]), "this one", Some("split it in two services".to_owned()));
        }
        if task.stages(manifest).any(|stage| own(manifest, task, stage) > 0) {
            reserved(task, tree, report);
        }
        references(task, tree, report);
        ports(manifest, task, tree, report);
        for (container, spec) in task.service.containers.iter() {
            image(manifest, &spec.image, &task.path(&["containers", container, "image"]), tree, report);
            volumes(task, container, spec, tree, report);
        }
        for volume in task.service.volumes.names() {
            if !task.service.containers.iter().any(|(_, container)| container.volumes.contains(volume)) {
                let fault = Fault::UnusedVolume { owner: task.owner(), volume: volume.to_owned() };
                report.add(fault, task.key(tree, &["volumes", volume]), "declared here", None);
            }
        }
    }
    for (name, schedule) in manifest.schedules.iter().filter(|(_, schedule)| schedule.service.is_none()) {
        image(manifest, &schedule.image, &["schedules", name, "image"], tree, report);
        own_container(name, schedule, tree, report);
    }
}

/// Returns how many containers of managr's own a schedule's task has in a stage.
fn own(manifest: &Manifest, task: &Task<'_>, stage: &str) -> usize {
    let Some(schedule) = manifest.schedules.get(task.name).filter(|_| task.kind == "schedules") else { return 0 };
    let differs = manifest.stages.get(stage).and_then(|settings| settings.schedules.get(task.name));
    let overlap = differs.and_then(|differs| differs.overlap).or(schedule.overlap).unwrap_or_default();
    let timeout = differs.and_then(|differs| differs.timeout).or(schedule.timeout);
    usize::from(overlap != Overlap::Allow) + usize::from(timeout.is_some())
}

/// Names of containers that managr puts into a schedule's task.
fn reserved(task: &Task<'_>, tree: &Tree<'_>, report: &mut Report) {
    for name in [GATE, WATCH].into_iter().filter(|name| task.service.containers.contains(name)) {
        let (what, why) =
            ("a name of a schedule's container".to_owned(), "one of managr's own is called so".to_owned());
        let path = task.path(&["containers", name]);
        let place = if tree.has(&path) { tree.key(&path) } else { task.key(tree, &[]) };
        report.add(Fault::BadName { name: name.to_owned(), what, why }, place, "here", None);
    }
}

/// A schedule's own container is written in one place: the schedule's table, or a table of its own.
fn own_container(name: &str, schedule: &Schedule, tree: &Tree<'_>, report: &mut Report) {
    let container = schedule.container(name);
    let has = |key: &str| tree.has(&["schedules", name, key]);
    if !tree.has(&["schedules", name, "containers", container]) {
        if !has("image") {
            let help = format!("add `image`, or a table [schedules.{name}.containers.{container}] with one");
            let fault = Fault::NoImage { schedule: name.to_owned() };
            report.add(fault, tree.key(&["schedules", name]), "this schedule", Some(help));
        }
        return;
    }
    let keys = ["image", "command", "entrypoint", "variables", "secrets", "inherit", "user", "working-directory"];
    for key in keys.into_iter().filter(|key| has(key)) {
        let fault = Fault::SaidTwice { schedule: name.to_owned(), key };
        let help = format!("move it to [schedules.{name}.containers.{container}]");
        report.add(fault, tree.key(&["schedules", name, key]), "said here", Some(help));
    }
}

/// A word without tag, digest or registry is a name from `[images]`: a typing mistake must not become a pull.
pub(super) fn image(manifest: &Manifest, image: &str, path: &[&str], tree: &Tree<'_>, report: &mut Report) {
    let written = tree.has(path);
    if !written || image.is_empty() || image.contains([':', '/', '@']) || tree.has(&["images", image]) {
        return;
    }
    let user = path[..path.len() - 1].join(".");
    let near = nearest(image, manifest.images.names());
    let mut help = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
    help.push_str(&format!("An image of a registry is written with its tag, such as \"{image}:latest\"."));
    let fault = Fault::UnknownImage { image: image.to_owned(), user };
    report.add(fault, tree.value(path), "not in [images]", Some(help));
}

fn references(task: &Task<'_>, tree: &Tree<'_>, report: &mut Report) {
    let (name, service) = (task.name, &task.service);
    let ingress = service.ingress.as_ref().map(|ingress| ("ingress", &ingress.container));
    let release = service.release.as_ref().map(|release| ("release", &release.container));
    let known = tree.keys(&["services", name, "containers"]);
    for (user, container) in ingress.into_iter().chain(release) {
        let path = ["services", name, user, "container"];
        if !tree.has(&path) || known.contains(&container.as_str()) {
            continue;
        }
        let fault = Fault::UnknownContainer {
            user: user.to_owned(),
            container: container.clone(),
            place: format!("service `{name}`"),
        };
        let help = meant(container, known.iter().copied(), "its containers");
        report.add(fault, tree.value(&path), "no such container", help);
    }
}

/// Containers of a task share one network namespace, so a port has one owner.
fn ports(manifest: &Manifest, task: &Task<'_>, tree: &Tree<'_>, report: &mut Report) {
    let mut taken: Vec<(Port, &str, &Container)> = Vec::new();
    for (container, spec) in task.service.containers.iter() {
        for (index, port) in spec.ports.iter().enumerate() {
            let is_other = |(other, _, first): &&(Port, _, &Container)| {
                other == port && meet(manifest, &first.stages, &spec.stages)
            };
            let Some((_, first, _)) = taken.iter().find(is_other) else {
                taken.push((*port, container, spec));
                continue;
            };
            let index = index.to_string();
            let fault = Fault::PortTaken {
                owner: task.owner(),
                first: (*first).to_owned(),
                second: container.to_owned(),
                port: match port.protocol {
                    Protocol::Tcp => port.number.to_string(),
                    Protocol::Udp => format!("{}/udp", port.number),
                },
            };
            let here = task.value(tree, &["containers", container, "ports", &index]);
            let help = "containers of a task share one network: give each its own port";
            report.add(fault, here, "taken", Some(help.to_owned()));
        }
    }
}

fn volumes(task: &Task<'_>, container: &str, spec: &Container, tree: &Tree<'_>, report: &mut Report) {
    let declared = tree.keys(&task.path(&["volumes"]));
    let mut paths: Vec<(&str, &str)> = Vec::new();
    for (volume, mount) in spec.volumes.iter() {
        let here = task.path(&["containers", container, "volumes", volume]);
        if !task.service.volumes.is_empty() && !declared.contains(&volume) {
            let fault = Fault::UnknownVolume {
                owner: task.owner(),
                container: container.to_owned(),
                volume: volume.to_owned(),
            };
            let help = meant(volume, declared.iter().copied(), "declared volumes");
            report.add(fault, tree.key(&here), "not declared", help);
        }
        match paths.iter().find(|(path, _)| *path == mount.path()) {
            Some((_, other)) => {
                let fault = Fault::MountedTwice { container: container.to_owned(), path: mount.path().to_owned() };
                let before = task.value(tree, &["containers", container, "volumes", other]);
                let labels = vec![(tree.value(&here), "again here".to_owned()), (before, "first here".to_owned())];
                report.add_at(fault, labels, None);
            }
            None => paths.push((mount.path(), volume)),
        }
    }
}
