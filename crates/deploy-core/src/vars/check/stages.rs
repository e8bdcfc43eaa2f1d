//! Is a name given in one stage and forgotten in another? `local` is this machine, and differs on purpose.

use std::collections::BTreeMap;

use crate::manifest::LOCAL;

use super::finding::{Finding, Rule};
use super::scene::{ContainerScene, Scene, StageScene, listed};

/// Name, stages that have it, stages that lack it.
type Split<'a> = (&'a str, Vec<&'a str>, Vec<&'a str>);

pub(super) fn check(scene: &Scene<'_>, found: &mut Vec<Finding>) {
    let stages: Vec<&StageScene> = scene.stages.iter().filter(|stage| stage.name != LOCAL).collect();
    let mut splits: BTreeMap<Split<'_>, (String, Vec<String>)> = BTreeMap::new();
    for stage in &stages {
        for container in &stage.containers {
            // Compared where the container is, not where it was left out.
            let there = || stages.iter().filter_map(|s| Some((*s, s.container(&container.owner, &container.name)?)));
            for (name, gets) in &container.gets {
                let (have, lack): (Vec<_>, Vec<_>) = there().partition(|(_, twin)| twin.gets.contains_key(name));
                if lack.is_empty() || !have.iter().chain(&lack).any(|(stage, _)| stage.asked) {
                    continue;
                }
                let split = (name.as_str(), names(&have), names(&lack));
                let (_, containers) = splits.entry(split).or_insert_with(|| (gets.path.clone(), Vec::new()));
                if !containers.contains(&container.shown()) {
                    containers.push(container.shown());
                }
            }
        }
    }
    for ((name, have, lack), (path, containers)) in splits {
        let reason = format!("is given in {} and missing in {}", listed(&quoted(&have)), listed(&quoted(&lack)));
        let table = if path.strip_suffix(name).is_some_and(|table| table.ends_with("secrets.")) {
            "secrets"
        } else {
            "variables"
        };
        let first = lack.first().copied().unwrap_or_default();
        let next = format!("add it under [stages.{first}.{table}], or under [{table}] if it is the same everywhere");
        let finding = Finding::new(Rule::OnlyInSomeStages, name, reason, next).of(containers).at(Some(path));
        found.push(match lack[..] {
            [only] => finding.stage(only),
            _ => finding,
        });
    }
}

fn names<'s>(stages: &[(&'s StageScene, &ContainerScene)]) -> Vec<&'s str> {
    stages.iter().map(|(stage, _)| stage.name.as_str()).collect()
}

fn quoted(stages: &[&str]) -> Vec<String> {
    stages.iter().map(|stage| format!("`{stage}`")).collect()
}
