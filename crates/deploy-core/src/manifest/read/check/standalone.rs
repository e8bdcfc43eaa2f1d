//! Does a standalone service have only the settings that a task has?

use crate::manifest::read::report::Report;
use crate::manifest::read::tree::Tree;
use crate::manifest::{Fault, Manifest};

/// What only a service has that ECS keeps running; a stage says the same words of it.
const OF_A_RUNNING_ONE: [&str; 10] =
    ["name", "target-group", "count", "scaling", "exec", "ingress", "discover", "release", "deployment", "aws-service"];

pub(super) fn check(manifest: &Manifest, tree: &Tree<'_>, report: &mut Report) {
    for (name, _) in manifest.services.iter().filter(|(_, service)| service.is_standalone()) {
        let mut places = vec![(format!("service `{name}`"), vec!["services", name])];
        for stage in manifest.stages.names() {
            places.push((format!("stage `{stage}` of service `{name}`"), vec!["stages", stage, "services", name]));
        }
        for (place, at) in places {
            for key in OF_A_RUNNING_ONE.into_iter().filter(|key| tree.has(&[&at[..], &[key]].concat())) {
                let fault = Fault::SaidOfStandalone { place: place.clone(), key: key.to_owned() };
                let help = "remove it, or remove `standalone`: then ECS keeps its tasks running".to_owned();
                report.add(fault, tree.key(&[&at[..], &[key]].concat()), "said here", Some(help));
            }
        }
    }
}
