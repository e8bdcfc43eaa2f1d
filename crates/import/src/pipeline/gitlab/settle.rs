//! What becomes of what a `.gitlab-ci.yml` says: what managr's jobs replace, and what stays the user's own.

use super::super::analyse::{self, Seen};
use super::super::decide::Decided;
use super::super::ledger::Fate;
use super::super::model::Job;
use super::super::yaml::{self, Member, Node, Value};
use super::super::{Scene, manifest_minutes};
use super::{GLOBAL, MOST, OURS, is_job, written_out};

fn kept(mark: &str) -> Fate {
    Fate::Kept(format!("your {mark}"))
}

/// Says what became of everything, and puts what is the user's own between the marks.
pub(in crate::pipeline) fn settle(scene: &mut Scene, roots: &[Node], seen: &[Seen], decided: &Decided) {
    let jobs = scene.jobs.clone();
    let names: Vec<(String, String)> = jobs
        .iter()
        .zip(seen)
        .enumerate()
        .map(|(at, (job, seen))| (job.key.clone(), now(at, job, seen, decided)))
        .collect();
    let mut hidden: Vec<String> = Vec::new();
    let mut has_tests = false;
    for (index, (job, seen)) in jobs.iter().zip(seen).enumerate() {
        if seen.is_ours() {
            ours(scene, index, job, seen, decided);
        } else {
            has_tests = true;
            own(scene, roots, job, &names, &mut hidden);
        }
    }
    let mut has_settings: Vec<String> = Vec::new();
    let has_own = has_tests;
    for root in roots {
        for entry in root.entries().iter().filter(|entry| !is_job(entry)) {
            global(scene, entry, has_own, &mut has_settings);
        }
    }
    keep_hidden(scene, roots, &hidden);
    stages(scene, roots, has_own);
    if has_tests {
        scene.keep("tests", "script:\n  - echo \"the tests are jobs of their own\"\n".to_owned());
    }
}

fn now(index: usize, job: &Job, seen: &Seen, decided: &Decided) -> String {
    let of = decided.of(index, job);
    let is = |wanted: Option<usize>| wanted.is_some_and(|wanted| of.contains(&wanted));
    let is_production = is(decided.production) && !is(decided.staging);
    match (seen.is_ours(), !seen.deploys.is_empty(), is_production) {
        (false, ..) if OURS.contains(&job.key.as_str()) => format!("{}-own", job.key),
        (false, ..) => job.key.clone(),
        (true, true, true) => "production".to_owned(),
        (true, true, false) => "staging".to_owned(),
        (true, false, true) => "production-plan".to_owned(),
        (true, false, false) => "images".to_owned(),
    }
}

/// What stands above the jobs.
fn global(scene: &mut Scene, entry: &Member, has_own: bool, done: &mut Vec<String>) {
    match entry.key.as_str() {
        // Those of all files are put together.
        "stages" => {}
        "include" => {
            for item in entry.node.one_or_many() {
                let local = item.get("local").and_then(Node::text).or_else(|| item.text());
                let is_read =
                    local.is_some_and(|path| scene.files.iter().any(|file| file == path.trim_start_matches('/')));
                let fate = match is_read {
                    true => Fate::Equal("the file was read with this one".to_owned()),
                    false => Fate::Listed(
                        "it was not read: it is not a file of this repository, or not there; what it adds is not known"
                            .to_owned(),
                    ),
                };
                match entry.node.value {
                    Value::List(_) => scene.ledger.settle_node(item, &fate),
                    _ => scene.ledger.settle(entry, &fate),
                }
            }
        }
        "workflow" => {
            for one in entry.node.entries() {
                let fate = match one.key.as_str() {
                    "rules" => Fate::Listed("managr's file runs for its branch, its tags and merge requests; jobs of yours that run on other events need a line between the marks `your rules`".to_owned()),
                    _ => Fate::Listed("managr's file has a `workflow` of its own, without it".to_owned()),
                };
                scene.ledger.settle(one, &fate);
            }
        }
        key if !GLOBAL.contains(&key) && !key.starts_with('.') => {}
        key if key.starts_with('.') => {
            scene.ledger.settle(entry, &Fate::Equal("it is written out where its anchor is named".to_owned()));
        }
        key => {
            if done.iter().any(|known| known == key) {
                scene.ledger.settle(entry, &Fate::Listed("another file says it too: the first was kept".to_owned()));
            } else if has_own {
                done.push(key.to_owned());
                scene.keep("settings", yaml::members(std::slice::from_ref(entry)));
                scene.ledger.settle(entry, &kept("settings"));
            } else {
                scene.ledger.settle(entry, &Fate::Equal("the jobs that needed it are managr's now".to_owned()));
            }
        }
    }
}

/// The stages of all jobs, theirs and ours, in an order in which theirs and ours stay in order.
fn stages(scene: &mut Scene, roots: &[Node], has_own: bool) {
    let mut all: Vec<String> = Vec::new();
    for root in roots {
        let Some(entry) = root.entry("stages") else { continue };
        all.extend(entry.node.texts().iter().filter_map(|node| node.text()).map(str::to_owned));
        let fate = if has_own { kept("stages") } else { Fate::Equal("managr's file has stages of its own".to_owned()) };
        scene.ledger.settle(entry, &fate);
    }
    if !has_own {
        return;
    }
    let is_one_branch = scene.words.production_branch.is_some()
        && scene.words.production_branch.as_deref() == Some(scene.words.branch.as_deref().unwrap_or("main"));
    let ours: &[&str] =
        if is_one_branch { &["test", "build", "deploy", "plan", "release"] } else { &["test", "build", "deploy"] };
    // Without `stages` GitLab has build, test and deploy.
    for stage in ours {
        if all.iter().any(|known| known == stage) {
            continue;
        }
        let later = ours.iter().skip_while(|other| *other != stage).skip(1);
        let at = later.filter_map(|other| all.iter().position(|known| known == other)).min();
        all.insert(at.unwrap_or(all.len()), (*stage).to_owned());
    }
    let order: Vec<usize> = ours.iter().filter_map(|stage| all.iter().position(|known| known == stage)).collect();
    if !order.is_sorted() {
        // managr's jobs go by `test`, `build`, `deploy`; theirs had another order.
        all.retain(|stage| !ours.contains(&stage.as_str()));
        let more: Vec<String> = all.clone();
        all = ours.iter().map(|stage| (*stage).to_owned()).collect();
        all.extend(more);
        scene.tell(
            "stages",
            yaml::At::default(),
            "managr's jobs go by test, build, deploy: yours are in that order now",
        );
    }
    let written: Vec<Node> = all.iter().map(|stage| Node::text_node(stage, yaml::At::default())).collect();
    let node = Node { value: Value::List(written), at: yaml::At::default() };
    scene.keep("stages", yaml::members(&[Member { key: "stages".to_owned(), at: yaml::At::default(), node }]));
}

/// A job that managr's own jobs replace.
fn ours(scene: &mut Scene, index: usize, job: &Job, seen: &Seen, decided: &Decided) {
    let of = decided.of(index, job);
    let is = |wanted: Option<usize>| wanted.is_some_and(|wanted| of.contains(&wanted));
    let is_production = is(decided.production) && !is(decided.staging);
    let builds = !seen.builds.is_empty() || !seen.pushes.is_empty();
    let deploys = !seen.deploys.is_empty();
    let last = seen.parts.iter().rposition(|part| part.builds).unwrap_or(0);
    let mut moved = Vec::new();
    let before: Vec<&str> = [
        (is(decided.staging), "commands before images"),
        (is(decided.production), "commands before production-plan"),
        (builds && decided.has_previews, "commands before preview"),
    ]
    .into_iter()
    .filter_map(|(is_wanted, mark)| is_wanted.then_some(mark))
    .collect();
    if builds && !before.is_empty() {
        for (part, seen) in job.parts.iter().zip(&seen.parts).take(last) {
            let Some(whole) = part.whole.as_ref().filter(|_| seen.is_own) else { continue };
            for mark in &before {
                scene.keep_once(mark, yaml::items(std::slice::from_ref(whole)));
            }
            moved.push((part.id, format!("your {}", before[0])));
        }
    }
    analyse::account(&mut scene.ledger, seen, &moved);
    let mark = match (deploys, is_production) {
        (true, true) => "settings of production",
        (true, false) => "settings of staging",
        (false, true) => "settings of production-plan",
        (false, false) => "settings of images",
    };
    let is_first = !scene.places.iter().any(|(other, _)| other == mark);
    let mut stays: Vec<Member> = Vec::new();
    for entry in job.node.entries() {
        let text = entry.node.text();
        let fate = match entry.key.as_str() {
            // Their lines have accounts of their own.
            "script" | "before_script" => continue,
            "stage" | "extends" | "needs" | "dependencies" => {
                Fate::Equal("managr's jobs come one after the other".to_owned())
            }
            "image" | "services" => {
                Fate::Equal("managr builds with buildah, which needs no other container".to_owned())
            }
            "variables" => Fate::Equal("its commands were read with it".to_owned()),
            "rules" | "only" | "except" => Fate::Carried("[pipeline]: branches, tags and approval".to_owned()),
            "when" if text == Some("manual") && is_production => Fate::Carried("pipeline.approval".to_owned()),
            "when" if matches!(text, Some("on_success")) => Fate::Equal("jobs run by themselves".to_owned()),
            "artifacts" | "cache" if builds && !deploys => {
                Fate::Equal("images go to the registry, and from there to every job".to_owned())
            }
            "id_tokens" => Fate::Carried("pipeline.auth".to_owned()),
            "allow_failure" if text == Some("false") => Fate::Equal("a job that fails ends the pipeline".to_owned()),
            "interruptible" if text == Some("false") => Fate::Equal("a deploy is not cut off".to_owned()),
            "tags" => {
                let runners: Vec<String> =
                    entry.node.texts().iter().filter_map(|node| node.text()).map(str::to_owned).collect();
                scene.words.runners = runners;
                Fate::Carried("pipeline.runners".to_owned())
            }
            "timeout" => match text.and_then(minutes) {
                Some(timeout) => {
                    scene.words.timeout = scene.words.timeout.max(Some(timeout));
                    Fate::Carried("pipeline.timeout".to_owned())
                }
                None => Fate::Listed("it is not a number of minutes or hours: say `timeout` in [pipeline]".to_owned()),
            },
            "environment" | "resource_group" | "retry" if deploys && is_first && !of.is_empty() => {
                stays.push(entry.clone());
                kept(mark)
            }
            "environment" if deploys => Fate::Carried("stages, or previews".to_owned()),
            _ => Fate::Listed(format!("managr's own job does not say it: write it between the marks `your {mark}`")),
        };
        scene.ledger.settle(entry, &fate);
    }
    if !stays.is_empty() {
        scene.keep(mark, yaml::members(&stays));
    }
}

/// `30m`, `1h 30m`, `30 minutes`.
fn minutes(text: &str) -> Option<deploy_core::manifest::Seconds> {
    let mut total = 0_u32;
    let spaced = text.replace("minutes", "m").replace("minute", "m").replace("hours", "h").replace("hour", "h");
    let plain: String = spaced.chars().filter(|c| !c.is_whitespace()).collect();
    let mut number = String::new();
    for c in plain.chars() {
        match c {
            c if c.is_ascii_digit() => number.push(c),
            'h' => total = total.checked_add(number.parse::<u32>().ok()?.checked_mul(60)?)?,
            'm' => total = total.checked_add(number.parse().ok()?)?,
            _ => return None,
        }
        if !c.is_ascii_digit() {
            number.clear();
        }
    }
    number.is_empty().then(|| manifest_minutes(&total.to_string())).flatten()
}

/// A job that stays, with what it extends.
fn own(scene: &mut Scene, roots: &[Node], job: &Job, names: &[(String, String)], hidden: &mut Vec<String>) {
    let written = roots.iter().find_map(|root| root.entry(&job.key)).cloned();
    let Some(written) = written else { return };
    let mut node = written.node.clone();
    let all: Vec<Member> = roots.iter().flat_map(Node::entries).filter(|entry| is_job(entry)).cloned().collect();
    if let Value::Map(entries) = &mut node.value {
        for entry in entries.iter_mut().filter(|entry| entry.key.ends_with("script")) {
            if has_reference(scene, &entry.node) {
                entry.node.value = Value::List(written_out(scene, &entry.node.clone(), &all, 0));
            }
        }
    }
    if has_reference(scene, &node) {
        let why = "`!reference` in it stands in the new file as the words that it is made of: write it out";
        scene.tell(job.key.clone(), job.at, why);
    }
    for name in node.get("extends").map(Node::texts).unwrap_or_default() {
        hidden.extend(name.text().map(str::to_owned));
    }
    if let Value::Map(entries) = &mut node.value {
        for entry in entries.iter_mut().filter(|entry| entry.key == "needs" || entry.key == "dependencies") {
            renamed(&mut entry.node, names);
        }
    }
    let mut name =
        names.iter().find(|(key, _)| *key == job.key).map_or_else(|| job.key.clone(), |(_, name)| name.clone());
    while scene.places.iter().any(|(mark, lines)| mark == "jobs" && lines.starts_with(&format!("{name}:\n"))) {
        name.push_str("-2");
    }
    if name != job.key {
        scene.tell(
            job.key.clone(),
            job.at,
            format!("managr's file has a job of this name: it is called `{name}` there"),
        );
    }
    scene.keep("jobs", yaml::members(&[Member { key: name, at: job.at, node }]));
    scene.ledger.settle_node(&job.node, &kept("jobs"));
    scene.ledger.settle(&written, &kept("jobs"));
}

fn has_reference(scene: &Scene, node: &Node) -> bool {
    let is_tagged = |line: usize, file: usize| {
        scene
            .texts
            .get(file)
            .and_then(|text| text.lines().nth(line.saturating_sub(1)))
            .is_some_and(|line| line.contains("!reference"))
    };
    match &node.value {
        Value::List(items) => items.iter().any(|item| {
            (matches!(item.value, Value::List(_)) && is_tagged(item.at.line, item.at.file))
                || has_reference(scene, item)
        }),
        Value::Map(entries) => entries.iter().any(|entry| {
            (matches!(entry.node.value, Value::List(_)) && is_tagged(entry.at.line, entry.at.file))
                || has_reference(scene, &entry.node)
        }),
        _ => false,
    }
}

/// Jobs that only others extend, where those stay.
fn keep_hidden(scene: &mut Scene, roots: &[Node], wanted: &[String]) {
    let mut open: Vec<String> = wanted.to_vec();
    let mut done: Vec<String> = Vec::new();
    while let Some(name) = open.pop() {
        if done.contains(&name) || done.len() > MOST {
            continue;
        }
        done.push(name.clone());
        let Some(entry) = roots.iter().find_map(|root| root.entry(&name)).cloned() else { continue };
        if !entry.key.starts_with('.') {
            scene.tell(
                entry.key.clone(),
                entry.at,
                "a job of yours extends it, and it is managr's now: write what it needs into that job",
            );
            continue;
        }
        for name in entry.node.get("extends").map(Node::texts).unwrap_or_default() {
            open.extend(name.text().map(str::to_owned));
        }
        scene.keep("jobs", yaml::members(std::slice::from_ref(&entry)));
        scene.ledger.settle(&entry, &kept("jobs"));
    }
}

/// Names jobs as they are called now.
fn renamed(needs: &mut Node, names: &[(String, String)]) {
    let one = |node: &mut Node| {
        let Value::Text(text, _) = &mut node.value else { return };
        if let Some((_, now)) = names.iter().find(|(key, _)| key == text) {
            now.clone_into(text);
        }
    };
    match &mut needs.value {
        Value::List(items) => {
            for item in items.iter_mut() {
                match &mut item.value {
                    Value::Map(entries) => {
                        entries.iter_mut().filter(|entry| entry.key == "job").for_each(|entry| one(&mut entry.node))
                    }
                    _ => one(item),
                }
            }
            let mut seen: Vec<Option<String>> = Vec::new();
            items.retain(|item| {
                let text = item.text().map(str::to_owned).or_else(|| item.word("job").map(str::to_owned));
                let is_new = text.is_none() || !seen.contains(&text);
                seen.push(text);
                is_new
            });
        }
        _ => one(needs),
    }
}
