//! Where does the output go? Said where it is not where everything goes, once for all containers if it can be.

use deploy_core::Manifest;
use deploy_core::manifest::Log;
use ecs_model::Document;

use super::Draft;

/// Returns where a container's output goes, as far as it is not where everything goes.
pub(super) fn logs(draft: &Draft, manifest: &Manifest, all: &[(usize, &Document)]) -> Vec<(usize, Option<Log>)> {
    let one = |(number, container): &(usize, &Document)| {
        let log = container.get("logConfiguration").filter(|log| log["logDriver"] == "awslogs");
        let option = |name: &str| {
            let value = log.and_then(|log| log["options"].get(name)?.as_str());
            value.filter(|value| !value.is_empty()).map(str::to_owned)
        };
        let (name, stage) = manifest.stages.iter().nth(*number).expect("a version is of a stage");
        let usual = stage.log_group.clone().unwrap_or_else(|| format!("/{}/{name}", manifest.app));
        let log = Log {
            group: option("awslogs-group").filter(|group| *group != usual),
            prefix: option("awslogs-stream-prefix").filter(|prefix| *prefix != draft.key),
            create_group: log.filter(|log| log["options"].get("awslogs-create-group").is_none()).map(|_| false),
        };
        (*number, (log != Log::default()).then_some(log))
    };
    all.iter().map(one).collect()
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
