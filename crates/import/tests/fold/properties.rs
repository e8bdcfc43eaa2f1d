//! The promises: whatever was found, the manifest renders to it, and says nothing of one stage in another.

use std::collections::BTreeSet;

use deploy_core::manifest::Service;
use deploy_core::{Desired, Facts, Manifest, desired};
use import::Found;
use import::account::reckon;
use import::prove::Proof;
use proptest::prelude::*;
use serde_json::Value;

use super::generator::found;
use super::{ACCOUNT, proved};

fn made(manifest: &Manifest, stage: &str) -> Desired {
    let facts = Facts { tag: Some("t".to_owned()), account: ACCOUNT.to_owned(), ..Facts::local("registry") };
    desired(manifest, stage, &facts).unwrap()
}

/// Every way is what was found, and where none was found there is none.
fn ways_are_what_was_found(found: &Found, manifest: &Manifest, text: &str) {
    for stage in &found.stages {
        let made = made(manifest, &stage.name);
        for service in &stage.services {
            let doc = made.services.iter().find(|doc| doc.service == service.key).unwrap();
            let (Some(spec), Some(way)) = (&doc.ingress, &service.ingress) else {
                assert_eq!(
                    doc.ingress.is_some(),
                    service.ingress.is_some(),
                    "{} in {}\n{text}",
                    service.key,
                    stage.name
                );
                continue;
            };
            let numbers =
                (spec.port, Some(spec.listener_port), Some(spec.deregistration_delay), u64::from(spec.health.interval));
            let interval = way.health["HealthCheckIntervalSeconds"].as_u64().unwrap();
            assert_eq!(numbers, (way.port, way.listener_port, way.deregistration_delay, interval), "{text}");
            assert_eq!((&spec.hosts, &spec.paths, &spec.container), (&way.hosts, &way.paths, &way.container), "{text}");
            assert_eq!(Some(&spec.target_group), way.target_group.as_ref(), "{text}");
        }
    }
}

/// A deploy changes no rule and no target, whatever they share. Services have no documents here, so that a deploy would
/// make them: what starts their tasks moves with them.
fn rules_stay_as_they_are(found: &Found, manifest: &Manifest, text: &str) {
    let proofs = reckon(text, found, "nobody").unwrap().services;
    for (stage, schedule) in found.stages.iter().flat_map(|stage| stage.schedules.iter().map(move |one| (stage, one))) {
        let said = manifest.schedules.get(&schedule.key).unwrap();
        let runs = said.service.as_ref().and_then(|service| manifest.services.get(service));
        if runs.is_none_or(Service::is_standalone) {
            let is_it = |one: &&Proof| one.stage == stage.name && schedule.rule["Name"] == one.family.as_str();
            let proof = proofs.iter().find(is_it).unwrap();
            assert!(proof.equal, "{proof:#?}\n{text}");
        }
    }
}

/// Returns every plain value and log group of a task definition, with what it is of.
fn values(task: &aws_model::Document) -> Vec<(String, &str)> {
    let mut all = Vec::new();
    for container in task["containerDefinitions"].as_array().unwrap() {
        let name = container["name"].as_str().unwrap();
        for variable in container.get("environment").and_then(Value::as_array).into_iter().flatten() {
            let (variable, value) = (variable["name"].as_str(), variable["value"].as_str());
            all.extend(variable.zip(value).map(|(variable, value)| (format!("{name}.{variable}"), value)));
        }
        let group = container.pointer("/logConfiguration/options/awslogs-group").and_then(Value::as_str);
        all.extend(group.map(|group| (format!("{name} log"), group)));
    }
    all
}

/// Returns whether a value has the name of a stage as a word.
fn names(value: &str, stage: &str) -> bool {
    value.split(|c: char| !c.is_alphanumeric()).any(|word| word == stage)
}

/// A stage that was not found, this machine, has no value that names one that was, unless two stages at least have that
/// very value: and none of their hosts and listeners.
fn local_has_nothing_of_another_stage(found: &Found, manifest: &Manifest, text: &str) {
    let local = made(manifest, "local");
    for service in local.services.iter().filter_map(|service| service.ingress.as_ref()) {
        assert_eq!(service.listener_port, 8080, "{text}");
        assert!(service.hosts.iter().all(|host| host.contains("local")), "{:?}\n{text}", service.hosts);
    }
    let definitions = found.stages.iter().flat_map(|stage| {
        let services = stage.services.iter().map(|service| &service.task_definition);
        services.chain(stage.schedules.iter().map(|schedule| &schedule.task_definition)).map(|task| (&stage.name, task))
    });
    let mut seen: std::collections::BTreeMap<&str, BTreeSet<&String>> = std::collections::BTreeMap::new();
    for (stage, task) in definitions {
        for (_, value) in values(task) {
            seen.entry(value).or_default().insert(stage);
        }
    }
    for task in &local.task_definitions {
        for (what, value) in values(&task.document) {
            let is_shared = seen.get(value).is_some_and(|stages| stages.len() > 1);
            let named = found.stages.iter().find(|stage| names(value, &stage.name));
            assert!(is_shared || named.is_none(), "{what} = {value} of {:?}\n{text}", task.owner);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { max_shrink_iters: 600, ..ProptestConfig::default() })]

    #[test]
    fn whatever_was_found_is_what_the_manifest_renders_to(found in found()) {
        let (folded, text) = proved(&found);
        let fell_back = folded.left.iter().find(|left| left.why.contains("would not be accepted"));
        prop_assert_eq!(fell_back, None, "{}", text);
        ways_are_what_was_found(&found, &folded.manifest, &text);
        rules_stay_as_they_are(&found, &folded.manifest, &text);
        local_has_nothing_of_another_stage(&found, &folded.manifest, &text);
    }
}
