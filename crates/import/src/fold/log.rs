//! Where does the output go? Said where it is not where everything goes, once for all containers if it can be.

use aws_model::Document;
use deploy_core::Manifest;
use deploy_core::manifest::Log;

use super::{Draft, common, pattern};

/// Returns where a container's output goes, as far as it is not where everything goes.
pub(super) fn logs(draft: &Draft, manifest: &Manifest, all: &[(usize, &Document)]) -> Vec<(usize, LogDestination)> {
    let one = |(number, container): &(usize, &Document)| {
        let log = container.get("logConfiguration").filter(|log| log["logDriver"] == "awslogs");
        let option = |name: &str| {
            let value = log.and_then(|log| log["options"].get(name)?.as_str());
            value.filter(|value| !value.is_empty()).map(str::to_owned)
        };
        let (name, stage) = manifest.stages.iter().nth(*number).expect("a version is of a stage");
        let usual = stage.log_group.clone().unwrap_or_else(|| format!("/{}/{name}", manifest.app));
        let said = Log {
            group: option("awslogs-group").filter(|group| *group != usual),
            prefix: option("awslogs-stream-prefix").filter(|prefix| *prefix != draft.key),
            create_group: log.filter(|log| log["options"].get("awslogs-create-group").is_none()).map(|_| false),
        };
        (*number, LogDestination { log: said, usual: (usual, draft.key.clone()), has_log: log.is_some() })
    };
    all.iter().map(one).collect()
}

/// Returns what all stages say of a log, and what each says in its place. A group is what one stage has unless all have
/// it: no other stage may write to it.
pub(super) fn words(all: &[(usize, LogDestination)], manifest: &Manifest) -> (Option<Log>, Vec<(usize, Log)>) {
    let same = |group: &Option<String>| all.iter().all(|(_, found)| found.log.group == *group);
    let most: Vec<(usize, Log)> = all.iter().map(|(stage, found)| (*stage, found.log.clone())).collect();
    let mut base = common(manifest, &most).unwrap_or_default();
    base.group = base.group.filter(|group| all.len() > 1 && same(&Some(group.clone())));
    if all.len() == 1 {
        let is_of_it = |text: &String| pattern::names_one(text, manifest.stages.names());
        base.group = most[0].1.group.clone().filter(|group| !is_of_it(group));
        base.prefix = base.prefix.filter(|prefix| !is_of_it(prefix));
    }
    let mut stages = Vec::new();
    for (stage, found) in all {
        let part = |base: &Option<String>, own: &Option<String>, usual: &String| {
            if base == own { None } else { Some(own.as_ref().unwrap_or(usual).clone()) }
        };
        let differs = Log {
            group: part(&base.group, &found.log.group, &found.usual.0),
            prefix: part(&base.prefix, &found.log.prefix, &found.usual.1),
            create_group: if base.create_group == found.log.create_group {
                None
            } else {
                Some(found.log.create_group.unwrap_or(true))
            },
        };
        // A container without a log of this kind is said in AWS's words.
        if differs != Log::default() && found.has_log {
            stages.push((*stage, differs));
        }
    }
    ((base != Log::default()).then_some(base), stages)
}

/// Where a container's output goes in one stage.
pub(super) struct LogDestination {
    /// As far as it is not where everything goes.
    log: Log,
    /// Group and prefix that it has without saying.
    usual: (String, String),
    has_log: bool,
}

/// What all containers with a log say of it is said once, for all of them.
pub(super) fn share(draft: &mut Draft) {
    let has_log = |name: &&String| {
        let all = draft.container(name);
        all.iter()
            .any(|(_, container)| container.get("logConfiguration").is_some_and(|log| log["logDriver"] == "awslogs"))
    };
    let names = draft.names();
    let names: Vec<&String> = names.iter().filter(has_log).collect();
    let logs: Vec<Log> =
        names.iter().map(|name| draft.service.containers.entry(name).log.clone().unwrap_or_default()).collect();
    let Some(first) = logs.first() else { return };
    let shared = Log {
        group: first.group.clone().filter(|group| logs.iter().all(|log| log.group.as_ref() == Some(group))),
        prefix: first.prefix.clone().filter(|prefix| logs.iter().all(|log| log.prefix.as_ref() == Some(prefix))),
        create_group: first.create_group.filter(|create| logs.iter().all(|log| log.create_group == Some(*create))),
    };
    for (name, log) in names.into_iter().zip(&logs) {
        let rest = Log {
            group: log.group.clone().filter(|_| shared.group.is_none()),
            prefix: log.prefix.clone().filter(|_| shared.prefix.is_none()),
            create_group: log.create_group.filter(|_| shared.create_group.is_none()),
        };
        draft.service.containers.entry(name).log = (rest != Log::default()).then_some(rest);
    }
    draft.service.log = (shared != Log::default()).then_some(shared);
}
