//! Would two things end up under one name in AWS, or at one place of a listener?

use super::task::stages;
use crate::manifest::pattern::sample;
use crate::manifest::read::report::Report;
use crate::manifest::read::tree::Tree;
use crate::manifest::{Fault, IngressDiffers, Manifest, OneOrMany, StageIngress};

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
    discovers(manifest, tree, report);
    hosts(manifest, tree, report);
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
/// from each other at every `up`. Each stage has its own say, `local` too.
fn ingresses(manifest: &Manifest, tree: &Tree<'_>, report: &mut Report) {
    let mut told: Vec<(String, String)> = Vec::new();
    for stage in stages(manifest) {
        let there = manifest.in_stage(stage);
        let settings = manifest.stages.get(stage);
        let ways: Vec<_> = there
            .services
            .iter()
            .filter_map(|(name, service)| {
                let ingress = service.ingress.clone()?;
                let listener = ingress.listener.or(settings.and_then(|settings| settings.listener));
                let host = ingress.host.or_else(|| settings.and_then(|settings| settings.host.clone()));
                Some((name, (listener, host.map(sorted), ingress.path.map(sorted))))
            })
            .collect();
        for (index, (second, its)) in ways.iter().enumerate() {
            let Some((first, _)) = ways[..index].iter().find(|(_, other)| other == its) else { continue };
            let pair = ((*first).to_owned(), (*second).to_owned());
            if told.contains(&pair) {
                continue;
            }
            told.push(pair.clone());
            let place = |service: &str| {
                let all = ["services", service, "ingress"];
                if tree.has(&all) {
                    tree.key(&all)
                } else {
                    tree.key(&["stages", stage, "services", service, "ingress"])
                }
            };
            let labels = vec![(place(second), "this one".to_owned()), (place(first), "and this one".to_owned())];
            let (first, second) = pair;
            let help = "give one of them a `host` or a `path` of its own, or another `listener` port".to_owned();
            report.add_at(Fault::IngressTaken { first, second }, labels, Some(help));
        }
    }
}

/// One name leads to one service: who asks for it would reach the tasks of either. Each pair is reported once.
fn discovers(manifest: &Manifest, tree: &Tree<'_>, report: &mut Report) {
    let mut told: Vec<(String, String)> = Vec::new();
    for stage in stages(manifest) {
        let there = manifest.in_stage(stage);
        let names: Vec<_> =
            there.services.iter().filter_map(|(s, spec)| Some((s, spec.discover.as_deref()?))).collect();
        for (index, (second, name)) in names.iter().enumerate() {
            let Some((first, _)) = names[..index].iter().find(|(_, other)| other == name) else { continue };
            let pair = ((*first).to_owned(), (*second).to_owned());
            if told.contains(&pair) {
                continue;
            }
            told.push(pair.clone());
            let place = |service: &str| {
                let own = ["stages", stage, "services", service, "discover"];
                if tree.has(&own) { tree.value(&own) } else { tree.value(&["services", service, "discover"]) }
            };
            let labels = vec![(place(second), "this one".to_owned()), (place(first), "and this one".to_owned())];
            let (first, second) = pair;
            let (name, stage) = ((*name).to_owned(), stage.to_owned());
            let help = "give one of them another name before the first dot".to_owned();
            report.add_at(Fault::DiscoverTaken { first, second, name, stage }, labels, Some(help));
        }
    }
}

fn sorted(texts: OneOrMany) -> Vec<String> {
    let mut texts = texts.items().to_vec();
    texts.sort();
    texts
}

/// A host has no braces but those of `{stage}`.
fn hosts(manifest: &Manifest, tree: &Tree<'_>, report: &mut Report) {
    let mut all: Vec<(Vec<&str>, &OneOrMany)> = Vec::new();
    for (name, service) in manifest.services.iter() {
        let host = service.ingress.as_ref().and_then(|ingress| ingress.host.as_ref());
        all.extend(host.map(|host| (vec!["services", name, "ingress", "host"], host)));
    }
    for (stage, settings) in manifest.stages.iter() {
        all.extend(settings.host.as_ref().map(|host| (vec!["stages", stage, "host"], host)));
        for (name, service) in settings.services.iter() {
            if let Some(StageIngress::Differs(IngressDiffers { host: Some(host), .. })) = &service.ingress {
                all.push((vec!["stages", stage, "services", name, "ingress", "host"], host));
            }
        }
    }
    for (path, host) in all {
        for why in host.items().iter().filter_map(|host| sample(host).err()) {
            let fault = Fault::BadText { path: path.join("."), what: "a host".to_owned(), why };
            report.add(fault, tree.value(&path), "here", None);
        }
    }
}
