//! `bitbucket-pipelines.yml`, read: pipelines by branch, tag and pull request, each a list of steps.

mod settle;

use super::Scene;
use super::model::{Job, Part, What, When};
use super::shapes;
use super::shell::Variables;
use super::yaml::{At, Node};

pub(super) use self::settle::settle;

/// Reads every step of every pipeline.
pub(super) fn read(scene: &mut Scene, root: &Node) {
    scene.ledger.open(root, &shapes::BITBUCKET);
    let Some(pipelines) = root.get("pipelines") else { return };
    for kind in pipelines.entries() {
        match kind.key.as_str() {
            "default" => pipeline(scene, "default", &When::default(), &kind.node),
            _ => {
                for named in kind.node.entries() {
                    let mut when = When::default();
                    match kind.key.as_str() {
                        "branches" => when.branches = names(&named.key),
                        "tags" => when.tags = names(&named.key),
                        "pull-requests" => when.is_pull_request = true,
                        _ => when.is_apart = true,
                    }
                    pipeline(scene, &format!("{}.{}", kind.key, named.key), &when, &named.node);
                }
            }
        }
    }
}

/// `{main,develop}` is two.
fn names(pattern: &str) -> Vec<String> {
    match pattern.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')) {
        Some(inner) => inner.split(',').map(|name| name.trim().to_owned()).collect(),
        None => vec![pattern.to_owned()],
    }
}

fn pipeline(scene: &mut Scene, flow: &str, when: &When, node: &Node) {
    for item in node.items() {
        let stage = item.get("stage");
        let steps = match (item.get("step"), item.get("parallel"), stage) {
            (Some(step), ..) => vec![step],
            (_, Some(parallel), _) => steps(parallel),
            (_, _, Some(stage)) => stage.get("steps").map(steps).unwrap_or_default(),
            _ => Vec::new(),
        };
        let of_stage = |key: &str| stage.and_then(|stage| stage.word(key));
        for step in steps {
            let environment = step.word("deployment").or_else(|| of_stage("deployment"));
            let is_manual = [step.word("trigger"), of_stage("trigger")].contains(&Some("manual"));
            scene.by_tokens |= step.word("oidc") == Some("true");
            let name = step.word("name").unwrap_or(flow).to_owned();
            let parts = parts(scene, step);
            scene.jobs.push(Job {
                key: name.clone(),
                name,
                flow: flow.to_owned(),
                when: when.clone(),
                environment: environment.map(str::to_owned),
                is_manual,
                node: step.clone(),
                at: step.entries().first().map_or(step.at, |entry| entry.at),
                parts,
                variables: Variables::new(),
                outputs: Vec::new(),
            });
        }
    }
}

fn steps(node: &Node) -> Vec<&Node> {
    let items = node.get("steps").unwrap_or(node);
    items.items().iter().filter_map(|item| item.get("step")).collect()
}

fn parts(scene: &Scene, step: &Node) -> Vec<Part> {
    let mut parts = Vec::new();
    for item in step.get("script").map(Node::one_or_many).unwrap_or_default() {
        let part = |what: What, id: At, line: usize| Part {
            what,
            id,
            line,
            step: None,
            whole: Some(item.clone()),
            variables: Variables::new(),
            directory: None,
        };
        match (item.text(), item.entry("pipe")) {
            (Some(text), _) => parts.push(part(What::Script(text.to_owned()), item.at, scene.first_line(item))),
            (None, Some(pipe)) => {
                let with = item.get("variables").map(|node| node.entries().to_vec()).unwrap_or_default();
                let name = pipe.node.text().unwrap_or_default().to_owned();
                parts.push(part(What::Uses(name, with), pipe.at, pipe.at.line));
            }
            _ => {}
        }
    }
    parts
}
