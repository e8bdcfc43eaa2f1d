//! Workflows of GitHub, read: jobs of steps, and the events that start them.

mod settle;

use super::Scene;
use super::model::{Job, Part, What, When};
use super::shapes;
use super::shell::Variables;
use super::yaml::{Member, Node};

pub(super) use self::settle::settle;

/// Names of jobs in managr's own workflow.
const OURS: [&str; 8] =
    ["tests", "plan", "preview", "preview-down", "images", "staging", "production-plan", "production"];

/// Reads every job of every workflow.
pub(super) fn read(scene: &mut Scene, roots: &[Node]) {
    for (number, root) in roots.iter().enumerate() {
        if is_managrs(scene, number) {
            continue;
        }
        scene.ledger.open(root, &shapes::GITHUB);
        let triggers = triggers(root);
        let top = variables(root);
        for entry in root.get("jobs").map(Node::entries).unwrap_or_default() {
            job(scene, number, entry, &triggers, &top);
        }
    }
}

fn is_managrs(scene: &Scene, number: usize) -> bool {
    deploy_core::pipeline::is_ours(&scene.texts[number])
}

/// What `on` says of pushes and pull requests.
fn triggers(root: &Node) -> When {
    let mut when = When::default();
    let Some(on) = root.get("on") else { return when };
    let event = |name: &str, node: Option<&Node>, when: &mut When| {
        let list = |key: &str| -> Vec<String> {
            let texts = node.and_then(|node| node.get(key)).map(Node::texts).unwrap_or_default();
            texts.iter().filter_map(|text| text.text()).map(str::to_owned).collect()
        };
        match name {
            "push" => {
                when.branches.extend(list("branches"));
                when.tags.extend(list("tags"));
                if when.branches.is_empty() && when.tags.is_empty() {
                    when.branches.push("*".to_owned());
                }
            }
            "release" => when.tags.push("v*".to_owned()),
            "pull_request" | "pull_request_target" | "merge_group" => when.is_pull_request = true,
            _ => when.is_apart = true,
        }
    };
    for text in on.texts() {
        event(text.text().unwrap_or_default(), None, &mut when);
    }
    for entry in on.entries() {
        event(&entry.key, Some(&entry.node), &mut when);
    }
    when
}

fn variables(node: &Node) -> Variables {
    let mut found = Variables::new();
    for entry in node.get("env").map(Node::entries).unwrap_or_default() {
        let Some(value) = entry.node.text() else { continue };
        found.insert(format!("env.{}", entry.key), value.to_owned());
        found.insert(entry.key.clone(), value.to_owned());
    }
    found
}

fn job(scene: &mut Scene, number: usize, entry: &Member, triggers: &When, top: &Variables) {
    let node = &entry.node;
    let mut all = top.clone();
    all.extend(variables(node));
    // A value may name another; two rounds are as many as people write.
    for _ in 0..2 {
        let known = all.clone();
        for value in all.values_mut() {
            *value = super::shell::fill(value, &known);
        }
    }
    let condition = node.word("if").unwrap_or_default();
    let (when, is_whole) = narrowed(triggers, condition);
    if !is_whole {
        let at = node.entry("if").map_or(entry.at, |entry| entry.at);
        scene.tell(
            format!("jobs.{}.if", entry.key),
            at,
            "its condition was understood in part: see that the new file runs when it should",
        );
    }
    let environment = node.get("environment").and_then(|at| at.text().or_else(|| at.word("name")));
    let environment = environment.map(|name| super::shell::fill(name, &all));
    let directory = node.get("defaults").and_then(|node| node.get("run")?.word("working-directory"));
    let steps = node.get("steps").map(Node::items).unwrap_or_default();
    let parts = steps.iter().filter_map(|step| part(scene, step, directory)).collect();
    let outputs = node.get("outputs").map(Node::entries).unwrap_or_default();
    let outputs = outputs.iter().filter_map(|entry| Some((entry.key.clone(), entry.node.text()?.to_owned()))).collect();
    if node.get("permissions").and_then(|node| node.word("id-token")) == Some("write") {
        scene.by_tokens = true;
    }
    scene.jobs.push(Job {
        name: node.word("name").unwrap_or(&entry.key).to_owned(),
        key: entry.key.clone(),
        flow: scene.files[number].clone(),
        when,
        environment,
        is_manual: false,
        node: node.clone(),
        at: entry.at,
        parts,
        variables: all,
        outputs,
    });
}

/// Narrows what starts a job by its condition; also returns whether the whole condition was understood.
fn narrowed(triggers: &When, condition: &str) -> (When, bool) {
    let mut when = triggers.clone();
    let plain = condition.replace("${{", "").replace("}}", "").replace('"', "'");
    if plain.trim().is_empty() {
        return (when, true);
    }
    if plain.contains('!') || plain.contains("not ") {
        return (when, false);
    }
    let (mut branches, mut is_tag, mut is_pull, mut is_whole) = (Vec::new(), false, false, true);
    for term in plain.split("&&").flat_map(|part| part.split("||")) {
        let term = term.trim().trim_matches(['(', ')']).trim();
        let quoted = term.split('\'').nth(1);
        match (term, quoted) {
            (term, Some(name)) if term.contains("github.ref") && name.starts_with("refs/heads/") => {
                branches.push(name["refs/heads/".len()..].to_owned());
            }
            (term, Some(name)) if term.contains("refs/tags") || (term.contains("ref_type") && name == "tag") => {
                is_tag = true
            }
            (term, Some(name)) if term.contains("github.ref_name") || term.contains("base_ref") => {
                branches.push(name.to_owned())
            }
            (term, Some("pull_request")) if term.contains("event_name") => is_pull = true,
            (term, Some("push" | "workflow_dispatch" | "release")) if term.contains("event_name") => {}
            ("success()" | "always()", _) => {}
            _ => is_whole = false,
        }
    }
    if !branches.is_empty() {
        when.branches = branches;
        when.tags.clear();
        when.is_pull_request = false;
    } else if is_tag {
        when.branches.clear();
        if when.tags.is_empty() {
            when.tags.push("v*".to_owned());
        }
        when.is_pull_request = false;
    } else if is_pull {
        (when.branches, when.tags, when.is_pull_request) = (Vec::new(), Vec::new(), true);
    }
    (when, is_whole)
}

fn part(scene: &Scene, step: &Node, directory: Option<&str>) -> Option<Part> {
    let own = variables(step);
    let name = step.word("id").map(str::to_owned);
    let whole = Some(step.clone());
    if let Some(run) = step.entry("run") {
        let text = run.node.text()?.to_owned();
        let directory =
            step.word("working-directory").or(directory).map(str::to_owned).or_else(|| Some(".".to_owned()));
        let line = scene.first_line(&run.node);
        return Some(Part { what: What::Script(text), id: run.at, line, step: name, whole, variables: own, directory });
    }
    let uses = step.entry("uses")?;
    let with = step.get("with").map(|node| node.entries().to_vec()).unwrap_or_default();
    let what = What::Uses(uses.node.text()?.to_owned(), with);
    Some(Part { what, id: uses.at, line: uses.at.line, step: name, whole, variables: own, directory: None })
}

/// Decides `A == 'b' && 'c' || 'd'` where A is known.
pub(super) fn choice(expression: &str, known: &Variables) -> String {
    let plain = expression.trim().trim_start_matches("${").trim_end_matches('}').trim();
    let decided = || {
        let (asked, rest) = plain.split_once("==")?;
        let (value, rest) = rest.split_once("&&")?;
        let (yes, no) = rest.split_once("||")?;
        let quoted = |text: &str| Some(text.trim().strip_prefix('\'')?.strip_suffix('\'')?.to_owned());
        let is_so = *known.get(asked.trim())? == quoted(value)?;
        if is_so { quoted(yes) } else { quoted(no) }
    };
    decided().unwrap_or_else(|| expression.to_owned())
}
