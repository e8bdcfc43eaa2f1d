//! Would two things end up under one name in AWS, or at one place of a listener?

use super::task::meet;
use crate::manifest::read::report::Report;
use crate::manifest::read::tree::Tree;
use crate::manifest::{Fault, Manifest};

pub(super) fn check(manifest: &Manifest, tree: &Tree<'_>, report: &mut Report) {
    for name in manifest.schedules.names().filter(|name| tree.has(&["services", name])) {
        let labels = vec![
            (tree.key(&["schedules", name]), "a schedule".to_owned()),
            (tree.key(&["services", name]), "a service".to_owned()),
        ];
        let help = "their task definitions would be of one family: rename one of them".to_owned();
        report.add_at(Fault::NameTaken { name: name.to_owned() }, labels, Some(help));
    }
    ingresses(manifest, tree, report);
    let mut taken: Vec<(String, &str)> = Vec::new();
    for (image, spec) in manifest.images.iter() {
        let repository = spec.repository.clone().unwrap_or_else(|| format!("{}/{image}", manifest.app));
        match taken.iter().find(|(other, _)| *other == repository) {
            Some((_, first)) => {
                let labels = vec![
                    (tree.value(&["images", image, "repository"]), "pushed here".to_owned()),
                    (tree.value(&["images", first, "repository"]), "and this too".to_owned()),
                ];
                let (first, second) = ((*first).to_owned(), image.to_owned());
                let help = "both get the stage's tag, so one would overwrite the other".to_owned();
                report.add_at(Fault::RepositoryTaken { first, second, repository }, labels, Some(help));
            }
            None => taken.push((repository, image)),
        }
    }
}

/// One listener sends a request to one service: two that say the same of host and path would take it
/// from each other at every `up`.
fn ingresses(manifest: &Manifest, tree: &Tree<'_>, report: &mut Report) {
    let with_ingress: Vec<_> = manifest
        .services
        .iter()
        .filter_map(|(name, service)| Some((name, service.ingress.as_ref()?, &service.stages)))
        .collect();
    for (index, (second, its, stages)) in with_ingress.iter().enumerate() {
        let same = |other: &crate::manifest::Ingress| {
            (other.listener, &other.host, &other.path) == (its.listener, &its.host, &its.path)
        };
        let Some((first, ..)) =
            with_ingress[..index].iter().find(|(_, other, there)| same(other) && meet(manifest, there, stages))
        else {
            continue;
        };
        let labels = vec![
            (tree.key(&["services", second, "ingress"]), "this one".to_owned()),
            (tree.key(&["services", first, "ingress"]), "and this one".to_owned()),
        ];
        let (first, second) = ((*first).to_owned(), (*second).to_owned());
        let help = "give one of them a `host` or a `path` of its own, or another `listener` port".to_owned();
        report.add_at(Fault::IngressTaken { first, second }, labels, Some(help));
    }
}
