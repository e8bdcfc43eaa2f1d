//! Images, volumes and ports of containers; who an ingress, a release and a stage point at.

use super::meant;
use crate::manifest::read::report::Report;
use crate::manifest::read::tree::Tree;
use crate::manifest::{Container, Fault, Manifest, Port, Protocol, Service};
use crate::suggest::nearest;

/// Containers of one task definition (ECS quota, not adjustable).
const MOST_CONTAINERS: usize = 10;

pub(super) fn check(manifest: &Manifest, tree: &Tree<'_>, report: &mut Report) {
    for (name, service) in manifest.services.iter() {
        let path = ["services", name];
        if tree.has(&["services", name, "containers"]) && tree.keys(&["services", name, "containers"]).is_empty() {
            let fault = Fault::NoContainers { service: name.to_owned() };
            let help = format!("add a table [services.{name}.containers.NAME] with an `image`");
            report.add(fault, tree.key(&path), "this service", Some(help));
        }
        if service.containers.len() > MOST_CONTAINERS {
            let (service, count) = (name.to_owned(), service.containers.len());
            let fault = Fault::TooManyContainers { service, count, most: MOST_CONTAINERS };
            report.add(fault, tree.key(&path), "this service", Some("split it in two services".to_owned()));
        }
        references(name, service, tree, report);
        ports(name, service, tree, report);
        for (container, spec) in service.containers.iter() {
            let path = ["services", name, "containers", container, "image"];
            image(manifest, &spec.image, &path, tree, report);
            volumes(name, service, container, spec, tree, report);
        }
        for volume in service.volumes.names() {
            if !service.containers.iter().any(|(_, container)| container.volumes.contains(volume)) {
                let fault = Fault::UnusedVolume { service: name.to_owned(), volume: volume.to_owned() };
                report.add(fault, tree.key(&["services", name, "volumes", volume]), "declared here", None);
            }
        }
    }
    for (name, schedule) in manifest.schedules.iter() {
        image(manifest, &schedule.image, &["schedules", name, "image"], tree, report);
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

fn references(name: &str, service: &Service, tree: &Tree<'_>, report: &mut Report) {
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
fn ports(name: &str, service: &Service, tree: &Tree<'_>, report: &mut Report) {
    let mut taken: Vec<(Port, &str)> = Vec::new();
    for (container, spec) in service.containers.iter() {
        for (index, port) in spec.ports.iter().enumerate() {
            let Some((_, first)) = taken.iter().find(|(other, _)| other == port) else {
                taken.push((*port, container));
                continue;
            };
            let index = index.to_string();
            let fault = Fault::PortTaken {
                service: name.to_owned(),
                first: (*first).to_owned(),
                second: container.to_owned(),
                port: match port.protocol {
                    Protocol::Tcp => port.number.to_string(),
                    Protocol::Udp => format!("{}/udp", port.number),
                },
            };
            let here = tree.value(&["services", name, "containers", container, "ports", &index]);
            let help = "containers of a task share one network: give each its own port";
            report.add(fault, here, "taken", Some(help.to_owned()));
        }
    }
}

fn volumes(name: &str, service: &Service, container: &str, spec: &Container, tree: &Tree<'_>, report: &mut Report) {
    let declared = tree.keys(&["services", name, "volumes"]);
    let mut paths: Vec<(&str, &str)> = Vec::new();
    for (volume, mount) in spec.volumes.iter() {
        let here = ["services", name, "containers", container, "volumes", volume];
        if !service.volumes.is_empty() && !declared.contains(&volume) {
            let fault = Fault::UnknownVolume {
                service: name.to_owned(),
                container: container.to_owned(),
                volume: volume.to_owned(),
            };
            let help = meant(volume, declared.iter().copied(), "declared volumes");
            report.add(fault, tree.key(&here), "not declared", help);
        }
        match paths.iter().find(|(path, _)| *path == mount.path()) {
            Some((_, other)) => {
                let fault = Fault::MountedTwice { container: container.to_owned(), path: mount.path().to_owned() };
                let before = tree.value(&["services", name, "containers", container, "volumes", other]);
                let labels = vec![(tree.value(&here), "again here".to_owned()), (before, "first here".to_owned())];
                report.add_at(fault, labels, None);
            }
            None => paths.push((mount.path(), volume)),
        }
    }
}
