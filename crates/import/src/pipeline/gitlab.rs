//! `.gitlab-ci.yml`, read: jobs, what they extend, and the rules by which they run.
//!
//! Read in GitLab's documentation: `extends` merges mappings deeply and replaces lists; `include:local` is another file
//! of the repository; a job without `rules`, `only` and `except` runs for branches and tags.

mod rules;
mod settle;

use super::Scene;
use super::ledger::Fate;
use super::model::{Job, Part, What};
use super::shapes;
use super::shell::Variables;
use super::yaml::{self, Member, Node, Value};
use crate::Folder;

pub(super) use self::settle::settle;

/// Keys of the file that are no jobs.
const GLOBAL: [&str; 11] = [
    "stages",
    "workflow",
    "include",
    "default",
    "variables",
    "image",
    "services",
    "cache",
    "before_script",
    "after_script",
    "spec",
];

/// Names of jobs in managr's own file.
const OURS: [&str; 9] =
    ["tests", "plan", "preview", "preview-down", "images", "staging", "production-plan", "production", ".managr"];

/// Most files that are included, and most jobs that one extends.
const MOST: usize = 64;

/// Adds the files that are included by `local`, and by those again.
pub(super) fn follow(folder: &Folder, files: &mut Vec<String>) {
    let mut at = 0;
    while let Some(file) = files.get(at).cloned() {
        at += 1;
        let Some(root) = folder.get(&file).and_then(|text| yaml::parse(&file, 0, text).ok()) else { continue };
        for path in included(&root) {
            let path = path.trim_start_matches('/').to_owned();
            if folder.contains_key(&path) && !files.contains(&path) && files.len() < MOST {
                files.push(path);
            }
        }
    }
}

/// Returns the paths that are included from the repository itself.
pub(super) fn included(root: &Node) -> Vec<String> {
    let Some(include) = root.get("include") else { return Vec::new() };
    let mut paths = Vec::new();
    for item in include.one_or_many() {
        let local = item.get("local").map(Node::texts).unwrap_or_default();
        let own = item.text().filter(|text| !text.contains("://"));
        paths.extend(local.iter().filter_map(|node| node.text()).chain(own).map(str::to_owned));
    }
    paths
}

fn is_job(entry: &Member) -> bool {
    !GLOBAL.contains(&entry.key.as_str()) && matches!(entry.node.value, Value::Map(_))
}

/// Reads every job.
pub(super) fn read(scene: &mut Scene, roots: &[Node]) {
    for root in roots {
        scene.ledger.open(root, &shapes::GITLAB);
    }
    // The file itself wins over what it includes.
    let mut all: Vec<Member> = Vec::new();
    for root in roots {
        for entry in root.entries().iter().filter(|entry| is_job(entry)) {
            if all.iter().all(|known| known.key != entry.key) {
                all.push(entry.clone());
            }
        }
    }
    let global = |key: &str| roots.iter().find_map(|root| root.get(key).or_else(|| root.get("default")?.get(key)));
    let mut top = Variables::new();
    for root in roots.iter().rev() {
        variables(root, &mut top);
    }
    let flow = scene.files.first().cloned().unwrap_or_default();
    for entry in all.iter().filter(|entry| !entry.key.starts_with('.')) {
        let node = resolved(&entry.node, &all, 0);
        let mut own = top.clone();
        variables(&node, &mut own);
        for _ in 0..2 {
            let known = own.clone();
            for (name, value) in &mut own {
                let others: Variables =
                    known.iter().filter(|(other, _)| *other != name).map(|(n, v)| (n.clone(), v.clone())).collect();
                *value = super::shell::fill(value, &others);
            }
        }
        let (when, is_manual, is_whole) = rules::when(&node);
        if !is_whole {
            scene.tell(
                format!("{}.rules", entry.key),
                entry.at,
                "its rules were understood in part: see that the new file runs when it should",
            );
        }
        let mut parts = Vec::new();
        let before = node.get("before_script").or_else(|| global("before_script"));
        let is_jobs = node.get("before_script").is_some();
        for (key, lines) in [("before_script", before), ("script", node.get("script"))] {
            for item in lines.map(|node| written_out(scene, node, &all, 0)).unwrap_or_default() {
                let Some(text) = item.text().map(str::to_owned) else { continue };
                let (item, line) = (&item, scene.first_line(&item));
                parts.push(Part {
                    what: What::Script(text),
                    // One text alone is the leaf of its key.
                    id: leaf(&node, key, item, key == "script" || is_jobs),
                    line,
                    step: None,
                    whole: Some(item.clone()),
                    variables: Variables::new(),
                    directory: None,
                });
            }
        }
        let environment = node.get("environment").and_then(|at| at.text().or_else(|| at.word("name")));
        let environment = environment.map(|name| super::shell::fill(name, &own));
        let is_stop = node.get("environment").and_then(|at| at.word("action")) == Some("stop");
        let mut when = when;
        when.is_pull_request |= environment.as_ref().is_some_and(|name| name.starts_with("review"));
        scene.by_tokens |= node.get("id_tokens").is_some();
        scene.jobs.push(Job {
            name: entry.key.clone(),
            key: entry.key.clone(),
            flow: flow.clone(),
            when,
            environment: environment.filter(|name| !is_stop && !name.contains('$')),
            is_manual,
            node,
            at: entry.at,
            parts,
            variables: own,
            outputs: Vec::new(),
        });
    }
}

/// The place of a line's account: a script that is one text is the leaf of its key.
fn leaf(node: &Node, key: &str, item: &Node, is_own: bool) -> yaml::At {
    match node.entry(key).filter(|entry| is_own && entry.node.text().is_some()) {
        Some(entry) => entry.at,
        None => item.at,
    }
}

/// Returns the lines of a script, with those that `!reference [.job, script]` stands for.
fn written_out(scene: &mut Scene, node: &Node, all: &[Member], depth: usize) -> Vec<Node> {
    let mut lines = Vec::new();
    for item in node.one_or_many() {
        match &item.value {
            Value::List(words) if is_reference(scene, item) => {
                scene.ledger.settle_node(item, &Fate::Equal("it is written out".to_owned()));
                let path: Vec<&str> = words.iter().filter_map(Node::text).collect();
                let found = path.split_first().and_then(|(job, keys)| {
                    let job = all.iter().find(|entry| entry.key == *job)?;
                    let job = resolved(&job.node, all, 0);
                    keys.iter().try_fold(job, |node, key| node.get(key).cloned())
                });
                match found.filter(|_| depth < 10) {
                    Some(found) => lines.extend(written_out(scene, &found, all, depth + 1)),
                    None => scene.tell("!reference", item.at, "what it names is not in the files that were read"),
                }
            }
            Value::List(_) => lines.extend(written_out(scene, item, all, depth + 1)),
            _ => lines.push(item.clone()),
        }
        if lines.len() > 4_000 {
            break;
        }
    }
    lines
}

/// The parser drops the tag; the words and the line are there.
fn is_reference(scene: &Scene, node: &Node) -> bool {
    let line = scene.texts.get(node.at.file).and_then(|text| text.lines().nth(node.at.line.checked_sub(1)?));
    line.is_some_and(|line| line.contains("!reference"))
}

fn variables(node: &Node, into: &mut Variables) {
    for entry in node.get("variables").map(Node::entries).unwrap_or_default() {
        if let Some(value) = entry.node.text().or_else(|| entry.node.word("value")) {
            into.insert(entry.key.clone(), value.to_owned());
        }
    }
}

/// A job with what it extends; the nearest wins.
fn resolved(node: &Node, all: &[Member], depth: usize) -> Node {
    let Some(extends) = node.get("extends").filter(|_| depth < MOST) else { return node.clone() };
    let mut merged = Node { value: Value::Map(Vec::new()), at: node.at };
    for name in extends.texts() {
        if let Some(base) =
            all.iter().find(|entry| Some(entry.key.as_str()) == name.text() && !std::ptr::eq(&entry.node, node))
        {
            if depth > 10 {
                break;
            }
            merged = over(&merged, &resolved(&base.node, all, depth + 1));
        }
    }
    over(&merged, node)
}

fn over(base: &Node, own: &Node) -> Node {
    let (Value::Map(first), Value::Map(second)) = (&base.value, &own.value) else { return own.clone() };
    let mut entries = first.clone();
    for entry in second {
        match entries.iter_mut().find(|known| known.key == entry.key) {
            Some(known) => *known = Member { node: over(&known.node, &entry.node), ..entry.clone() },
            None => entries.push(entry.clone()),
        }
    }
    Node { value: Value::Map(entries), at: own.at }
}
