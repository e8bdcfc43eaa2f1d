//! Do the containers of a task wait for each other in an order that ends?

use super::meant;
use super::task::{Task, tasks};
use crate::manifest::read::report::Report;
use crate::manifest::read::tree::Tree;
use crate::manifest::{Condition, Fault, Manifest, Service};

pub(super) fn check(manifest: &Manifest, tree: &Tree<'_>, report: &mut Report) {
    for task in &tasks(manifest) {
        for (container, spec) in task.service.containers.iter() {
            for (other, condition) in spec.depends_on.iter() {
                edge(task, (container, other, *condition), tree, report);
            }
        }
        for cycle in cycles(&task.service) {
            let labels = cycle
                .windows(2)
                .map(|pair| {
                    let span = task.key(tree, &["containers", pair[0], "depends-on", pair[1]]);
                    (span, format!("`{}` waits for `{}`", pair[0], pair[1]))
                })
                .collect();
            let cycle = cycle.iter().map(|container| (*container).to_owned()).collect();
            let help = "take one of these waits away".to_owned();
            report.add_at(Fault::DependencyCycle { owner: task.owner(), cycle }, labels, Some(help));
        }
        essential(task, tree, report);
    }
}

fn edge(task: &Task<'_>, edge: (&str, &str, Condition), tree: &Tree<'_>, report: &mut Report) {
    let (waiter, container, condition) = edge;
    let here = task.path(&["containers", waiter, "depends-on", container]);
    let known = task.known(tree);
    if !known.contains(&container) {
        let fault = Fault::UnknownContainer {
            user: format!("depends-on of `{waiter}`"),
            container: container.to_owned(),
            place: task.owner(),
        };
        let help = meant(container, known.into_iter().filter(|known| *known != waiter), "its containers");
        return report.add(fault, tree.key(&here), "no such container", help);
    }
    let Some(spec) = task.service.containers.get(container) else { return };
    let asked_to_end = match condition {
        Condition::Complete => Some("complete"),
        Condition::Success => Some("succeed"),
        Condition::Start | Condition::Healthy => None,
    };
    if let (Some(condition), Some(true)) = (asked_to_end, spec.essential) {
        let fault =
            Fault::EssentialDependency { container: container.to_owned(), waiter: waiter.to_owned(), condition };
        let marked = task.value(tree, &["containers", container, "essential"]);
        let labels =
            vec![(tree.key(&here), "waits for its end".to_owned()), (marked, "the task would stop with it".to_owned())];
        report.add_at(fault, labels, Some("leave `essential` out: a container that is waited on to end is not".into()));
    }
    let checks = tree.has(&task.path(&["containers", container, "health-check"]))
        || spec.aws.as_ref().is_some_and(|raw| raw.0.contains_key("healthCheck"));
    if condition == Condition::Healthy && !checks {
        let fault = Fault::NoHealthCheck { container: container.to_owned(), waiter: waiter.to_owned() };
        let help = format!("add `health-check = {{ command = \"...\" }}` to `{container}`, or wait for \"start\"");
        report.add(fault, tree.value(&here), "would wait for ever", Some(help));
    }
}

fn essential(task: &Task<'_>, tree: &Tree<'_>, report: &mut Report) {
    let all_off = task.service.containers.iter().all(|(_, container)| container.essential == Some(false));
    if !task.service.containers.is_empty() && all_off {
        let fault = Fault::NoEssentialContainer { owner: task.owner() };
        let help = "ECS wants at least one container whose end stops the task".to_owned();
        report.add(fault, task.key(tree, &[]), "this one", Some(help));
    }
}

/// Returns each cycle once, starting at its first container in the order of the manifest.
pub(super) fn cycles(service: &Service) -> Vec<Vec<&str>> {
    let mut found: Vec<Vec<&str>> = Vec::new();
    let mut done: Vec<&str> = Vec::new();
    for start in service.containers.names() {
        // An explicit stack: a manifest may chain more containers than a thread has stack for.
        let mut trail: Vec<(&str, usize)> = vec![(start, 0)];
        while let Some((container, next)) = trail.pop() {
            if next == 0 && done.contains(&container) {
                continue;
            }
            let Some((other, _)) = service.containers.get(container).and_then(|c| c.depends_on.iter().nth(next)) else {
                done.push(container);
                continue;
            };
            trail.push((container, next + 1));
            match trail.iter().position(|(seen, _)| *seen == other) {
                Some(at) => {
                    let mut cycle: Vec<&str> = trail[at..].iter().map(|(seen, _)| *seen).collect();
                    cycle.push(other);
                    found.push(cycle);
                }
                None => trail.push((other, 0)),
            }
        }
    }
    found
}
