//! Is each sidecar that a service names there, and does some service name each that is there?

use super::meant;
use crate::manifest::read::report::Report;
use crate::manifest::read::tree::Tree;
use crate::manifest::{Fault, Manifest};

pub(super) fn check(manifest: &Manifest, tree: &Tree<'_>, report: &mut Report) {
    let there = tree.keys(&["sidecars"]);
    let mut named: Vec<&str> = Vec::new();
    for service in manifest.services.names() {
        for (index, sidecar) in tree.sidecars(service).into_iter().enumerate() {
            named.push(sidecar);
            if !there.contains(&sidecar) {
                let fault = Fault::UnknownContainer {
                    user: format!("service `{service}`"),
                    container: sidecar.to_owned(),
                    place: "[sidecars]".to_owned(),
                };
                let place = tree.value(&["services", service, "sidecars", &index.to_string()]);
                report.add(fault, place, "no such container", meant(sidecar, there.iter().copied(), "sidecars"));
            }
        }
    }
    for sidecar in there.into_iter().filter(|sidecar| !named.contains(sidecar)) {
        let fault = Fault::UnusedSidecar { sidecar: sidecar.to_owned() };
        let help = format!("name it where it belongs: `sidecars = [\"{sidecar}\"]` in [services.NAME]");
        report.add(fault, tree.key(&["sidecars", sidecar]), "declared here", Some(help));
    }
}
