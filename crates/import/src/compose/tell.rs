//! What is to be said of things that were carried, and are not what they were?

use deploy_core::manifest::Restart;
use deploy_core::manifest::database::major;

use super::draft::Draft;
use super::hosts;
use super::image::{Origin, known, repository};
use super::mounts::ecs_name;
use super::source::Source;
use crate::{Left, Place};

/// A file that is copied into an image is not changed: the lines that name a sibling are listed.
pub(super) fn of_names_in(source: &mut Source<'_>, file: &str, service: &str, names: &[String]) {
    let Some(text) = source.folder.get(file) else { return };
    for (index, line) in text.lines().enumerate() {
        let Some(new) = hosts::in_text(line.trim(), names) else { continue };
        if deploy_core::lint::credentials::looks_like("", line).is_some() {
            continue;
        }
        let place = Place { source: file.to_owned(), line: Some(index + 1) };
        let why = format!("it names another container: write `{new}`, for the containers of a task share one address");
        source.left.push(Left::new(format!("services.{service}.volumes"), place, why));
    }
}

pub(super) fn of_images(source: &mut Source<'_>, drafts: &[Draft]) {
    for draft in drafts {
        let Origin::Registry(image) = &draft.origin else { continue };
        let Some(known) = known(image) else { continue };
        let here = format!("services.{}", draft.name);
        if let Some(instead) = known.instead {
            let mut why = format!("what it keeps lives as long as the task; in production {instead} is the place for it");
            if let Some(version) = postgres(image) {
                // It stays a container: who reaches it by which variables, and what is in its volume, is not Compose's
                // to tell, and a database that begins empty would not mean the same.
                why.push_str(&format!(
                    ". `[databases.main]` with `version = \"{version}\"` keeps it here, too: take the container out then, \
                     and give the others the database by `variables`"
                ));
            }
            source.leave(here, draft.line, why);
        } else if known.is_tool {
            source.leave(here, draft.line, "it helps while one works on the code, and would run in every stage");
        }
    }
}

/// Returns the major version of Docker's own image of PostgreSQL, if that is one that a database of the manifest may have.
fn postgres(image: &str) -> Option<u32> {
    let (repository, has_host) = repository(image);
    let tag = image.split('@').next()?.rsplit_once(':').map(|(_, tag)| tag)?;
    let is_official = !has_host && matches!(repository, "postgres" | "library/postgres");
    major(tag.split('-').next()?).filter(|_| is_official)
}

/// Docker restarts what ended after a pause that grows (docs.docker.com, "Start containers automatically"); ECS what
/// ran for `restartAttemptPeriod`, 60 s at the least (API reference, ContainerRestartPolicy).
pub(super) fn of_restarts(source: &mut Source<'_>, drafts: &[Draft]) {
    for draft in drafts {
        let (Some(line), Some(restart)) = (draft.restart, &draft.container.restart) else { continue };
        let here = format!("services.{}.restart", draft.name);
        let why = "ECS restarts a container that has run for a minute; one that ends sooner ends its task, and the \
                   service starts another";
        source.leave(here.clone(), line, why);
        if matches!(restart, Restart::Options(options) if options.ignored_exit_codes.contains(&0)) {
            let why =
                "when it ends with 0 its task ends: write `essential = false` if the other containers are to go on";
            source.leave(here, line, why);
        }
    }
}

pub(super) fn of_ports(source: &mut Source<'_>, drafts: &[Draft], front: Option<(usize, u16)>) {
    for (index, draft) in drafts.iter().enumerate() {
        for published in &draft.published {
            let port = published.port.number;
            let shown = published.host.as_ref().map_or_else(|| port.to_string(), |host| format!("{host}:{port}"));
            let why = if front == Some((index, port)) {
                format!(
                    "`{shown}` is the ingress: it listens on 8080 in the local stage and on 80 elsewhere, or as `listener` says"
                )
            } else {
                format!(
                    "`{shown}` is not open to the outside; `managr forward local {port} --container {}` is",
                    ecs_name(&draft.name)
                )
            };
            source.leave(format!("services.{}.ports", draft.name), published.line, why);
        }
    }
}

/// Docker fills a new volume with what the image has at its path; ECS does so only where the image says VOLUME
/// (ECS developer guide, "Use bind mounts with Amazon ECS").
pub(super) fn of_volumes(source: &mut Source<'_>, drafts: &[Draft]) {
    let mut told: Vec<&str> = Vec::new();
    for draft in drafts {
        for (volume, mount) in draft.container.volumes.iter().filter(|(_, mount)| !mount.is_read_only()) {
            if told.contains(&volume) {
                continue;
            }
            told.push(volume);
            let why = format!(
                "the volume `{volume}` begins empty with every task, unless the image says VOLUME {}, and ends with it",
                mount.path()
            );
            source.leave(format!("services.{}.volumes", draft.name), draft.line, why);
        }
    }
}

pub(super) fn of_networks(source: &mut Source<'_>, drafts: &[Draft]) {
    let with: Vec<&Draft> = drafts.iter().filter(|draft| draft.networks.is_some()).collect();
    let Some(line) = with.first().and_then(|draft| draft.networks) else { return };
    let names: Vec<&str> = with.iter().map(|draft| draft.name.as_str()).collect();
    let what = format!("services.{}.networks", names.join("|"));
    source.leave(what, line, "the containers of a task share one network");
}
