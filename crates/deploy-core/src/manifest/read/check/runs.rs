//! Is the service there whose task a schedule runs, and does the schedule say only what it can say over it?

use super::meant;
use super::task::stages;
use crate::manifest::read::report::Report;
use crate::manifest::read::tree::Tree;
use crate::manifest::{Fault, Manifest, is_in};

/// What a schedule with a task of its own may say, and one that runs a service's may not.
const OF_A_TASK: [&str; 10] = [
    "image",
    "entrypoint",
    "secrets",
    "inherit",
    "user",
    "working-directory",
    "volumes",
    "log",
    "containers",
    "family",
];

/// What is kept by containers of managr's own in the task. An override adds none (ECS API reference, `TaskOverride`).
const OF_A_GATE: [&str; 2] = ["overlap", "timeout"];

pub(super) fn check(manifest: &Manifest, tree: &Tree<'_>, report: &mut Report) {
    for (name, schedule) in manifest.schedules.iter() {
        let Some(service) = &schedule.service else { continue };
        let here = ["schedules", name, "service"];
        if !tree.has(&["services", service]) {
            let fault = Fault::UnknownRun { schedule: name.to_owned(), service: service.clone() };
            let help = meant(service, manifest.services.names(), "services");
            report.add(fault, tree.value(&here), "no such service", help);
            continue;
        }
        let mut places = vec![(format!("schedule `{name}`"), vec!["schedules", name])];
        for stage in manifest.stages.names() {
            places.push((format!("stage `{stage}` of schedule `{name}`"), vec!["stages", stage, "schedules", name]));
        }
        for (place, at) in places {
            for key in OF_A_TASK.into_iter().filter(|key| tree.has(&[&at[..], &[key]].concat())) {
                let fault =
                    Fault::SaidByService { place: place.clone(), key: key.to_owned(), service: service.clone() };
                let help = "remove it, or remove `service`: then the schedule has a task of its own".to_owned();
                report.add(fault, tree.key(&[&at[..], &[key]].concat()), "said here", Some(help));
            }
            for key in OF_A_GATE.into_iter().filter(|key| tree.has(&[&at[..], &[key]].concat())) {
                let fault = Fault::NeedsOwnTask { place: place.clone(), key, service: service.clone() };
                let help = "remove `service` and write `image` and `command`: then the schedule has a task of its own";
                report.add(fault, tree.key(&[&at[..], &[key]].concat()), "said here", Some(help.to_owned()));
            }
        }
        let Some(spec) = manifest.services.get(service) else { continue };
        if let Some(container) = &schedule.container
            && !tree.has(&["services", service, "containers", container])
        {
            let fault = Fault::UnknownContainer {
                user: format!("schedule `{name}`"),
                container: container.clone(),
                place: format!("service `{service}`"),
            };
            let help = meant(container, spec.containers.names(), "its containers");
            report.add(fault, tree.value(&["schedules", name, "container"]), "no such container", help);
        }
        let absent = stages(manifest).into_iter().find(|stage| {
            let has = |container: &String| spec.containers.get(container).is_none_or(|spec| is_in(&spec.stages, stage));
            is_in(&schedule.stages, stage)
                && !(is_in(&spec.stages, stage) && schedule.container.as_ref().is_none_or(has))
        });
        if let Some(stage) = absent {
            let (schedule, service, stage) = (name.to_owned(), service.clone(), stage.to_owned());
            let help = format!(
                "give the schedule `stages` in which the service is, or add \"{stage}\" to those of the service"
            );
            report.add(Fault::RunNotInStage { schedule, service, stage }, tree.value(&here), "not there", Some(help));
        }
    }
}
