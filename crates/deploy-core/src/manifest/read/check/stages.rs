//! Does what a stage overrides exist?

use super::{containers, meant};
use crate::manifest::read::report::Report;
use crate::manifest::read::tree::Tree;
use crate::manifest::{Fault, Manifest};

pub(super) fn check(manifest: &Manifest, tree: &Tree<'_>, report: &mut Report) {
    let services = tree.keys(&["services"]);
    for (stage, overrides) in manifest.stages.iter() {
        for (service, differs) in overrides.services.iter() {
            let table = ["stages", stage, "services", service];
            if !services.contains(&service) {
                let fault = Fault::UnknownService { stage: stage.to_owned(), service: service.to_owned() };
                let help = meant(service, services.iter().copied(), "services");
                report.add(fault, tree.key(&table), "no such service", help);
                continue;
            }
            let known = tree.keys(&["services", service, "containers"]);
            for (container, differs) in differs.containers.iter() {
                let path = ["stages", stage, "services", service, "containers", container];
                if !known.contains(&container) {
                    let fault = Fault::UnknownContainer {
                        user: format!("stage `{stage}`"),
                        container: container.to_owned(),
                        place: format!("service `{service}`"),
                    };
                    let help = meant(container, known.iter().copied(), "its containers");
                    report.add(fault, tree.key(&path), "no such container", help);
                }
                if let Some(image) = &differs.image {
                    containers::image(manifest, image, &[&path[..], &["image"]].concat(), tree, report);
                }
            }
        }
    }
}
