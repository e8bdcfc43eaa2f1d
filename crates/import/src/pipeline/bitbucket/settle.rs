//! What becomes of what Bitbucket's pipelines say: what managr's steps replace, and what stays the user's own.

use super::super::analyse::{self, Seen};
use super::super::decide::Decided;
use super::super::ledger::Fate;
use super::super::model::Job;
use super::super::yaml::{self, At, Member, Node, Value};
use super::super::{Scene, manifest_minutes};
use super::steps;

/// Says what became of everything, and puts what is the user's own between the marks.
pub(in crate::pipeline) fn settle(scene: &mut Scene, root: &Node, seen: &[Seen], decided: &Decided) {
    let seen_all = seen;
    top(scene, root);
    let jobs = scene.jobs.clone();
    let mut tests: Option<Node> = None;
    let mut placed: Vec<(String, Node)> = Vec::new();
    for (index, (job, seen)) in jobs.iter().zip(seen).enumerate() {
        if seen.is_ours() {
            ours(scene, index, job, seen, decided);
        } else {
            let is_whole = is_whole(&job.flow, &jobs, seen_all, decided);
            own(scene, root, (index, job), is_whole, decided, &mut tests, &mut placed);
        }
    }
    around(scene, root, seen, decided);
    if tests.is_none() {
        scene.keep("tests", "script:\n  - echo \"no tests were found\"\n".to_owned());
    }
}

fn kept(mark: &str) -> Fate {
    Fate::Kept(format!("your {mark}"))
}

/// What stands above the pipelines.
fn top(scene: &mut Scene, root: &Node) {
    if let Some(image) = root.entry("image") {
        scene.ledger.settle(image, &Fate::Kept("the image of steps of yours".to_owned()));
    }
    if let Some(clone) = root.entry("clone") {
        let depth = clone.node.entry("depth");
        for entry in clone.node.entries() {
            let fate = match depth.is_some_and(|depth| depth.key == entry.key) {
                true => Fate::Equal("the whole history is cloned".to_owned()),
                false => Fate::Listed(
                    "managr's file says `clone: depth: full` and no more: add it to the settings of steps".to_owned(),
                ),
            };
            scene.ledger.settle(entry, &fate);
        }
    }
    if let Some(options) = root.get("options") {
        for entry in options.entries() {
            match (entry.key.as_str(), entry.node.text()) {
                ("max-time", Some(minutes)) if manifest_minutes(minutes).is_some() => {
                    scene.words.timeout = manifest_minutes(minutes);
                    scene.ledger.settle(entry, &Fate::Carried("pipeline.timeout".to_owned()));
                }
                ("size", Some(size)) => {
                    scene.words.size = Some(size.to_owned()).filter(|size| size.len() >= 2);
                    scene.ledger.settle(entry, &Fate::Carried("pipeline.size".to_owned()));
                }
                ("docker", _) => scene.ledger.settle(entry, &Fate::Equal("steps that build ask for docker".to_owned())),
                _ => {}
            }
        }
    }
    let Some(definitions) = root.get("definitions") else { return };
    for entry in definitions.entries() {
        match entry.key.as_str() {
            "services" => {
                for service in entry.node.entries() {
                    if service.key == "docker" {
                        scene.keep("settings of docker", yaml::members(service.node.entries()));
                        scene.ledger.settle(service, &kept("settings of docker"));
                    } else {
                        scene.keep("services", yaml::members(std::slice::from_ref(service)));
                        scene.ledger.settle(service, &kept("services"));
                    }
                }
            }
            "caches" => {
                scene.keep("definitions", yaml::members(std::slice::from_ref(entry)));
                scene.ledger.settle(entry, &kept("definitions"));
            }
            // Steps and pipelines are read where they are named.
            _ => {}
        }
    }
}

/// A step that managr's own steps replace.
fn ours(scene: &mut Scene, index: usize, job: &Job, seen: &Seen, decided: &Decided) {
    let of = decided.of(index, job);
    let is_staging = of.iter().any(|target| Some(*target) == decided.staging);
    let is_production = of.iter().any(|target| Some(*target) == decided.production);
    let deploys = !seen.deploys.is_empty();
    let builds = !seen.builds.is_empty() || !seen.pushes.is_empty();
    let last = seen.parts.iter().rposition(|part| part.builds).unwrap_or(0);
    let mut moved = Vec::new();
    let before: Vec<&str> = [
        (is_staging, "commands before images"),
        (is_production, "commands before production's images"),
        (decided.has_previews, "commands before previews"),
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
    let settings = match (deploys, is_production, is_staging) {
        (true, true, false) => "settings of production",
        (true, ..) => "settings of staging",
        (false, true, false) => "settings of production's images",
        _ => "settings of images",
    };
    let mut stays = Vec::new();
    for entry in job.node.entries() {
        let text = entry.node.text();
        let fate = match entry.key.as_str() {
            "script" => continue_script(scene, entry),
            "name" => Fate::Equal("managr's steps have names of their own".to_owned()),
            "image" => Fate::Equal("managr's steps need git, curl and docker, which their image has".to_owned()),
            "oidc" => Fate::Carried("pipeline.auth".to_owned()),
            "deployment" if deploys && (is_staging || is_production) => {
                stays.push(entry.clone());
                kept(settings)
            }
            "trigger" if text == Some("manual") && is_production => Fate::Carried("pipeline.approval".to_owned()),
            "trigger" if text == Some("automatic") => Fate::Equal("steps run by themselves".to_owned()),
            "size" if text.is_some_and(|size| size.len() >= 2) => {
                scene.words.size = scene.words.size.take().or_else(|| text.map(str::to_owned));
                match scene.words.size.as_deref() == text {
                    true => Fate::Carried("pipeline.size".to_owned()),
                    false => Fate::Listed(
                        "another step has another size, and [pipeline] has one for all that build".to_owned(),
                    ),
                }
            }
            "max-time" if text.and_then(manifest_minutes).is_some() => {
                let minutes = text.and_then(manifest_minutes);
                scene.words.timeout = scene.words.timeout.max(minutes);
                Fate::Carried("pipeline.timeout".to_owned())
            }
            "runs-on" => {
                let runners: Vec<String> =
                    entry.node.texts().iter().filter_map(|node| node.text()).map(str::to_owned).collect();
                scene.words.runners = runners;
                Fate::Carried("pipeline.runners".to_owned())
            }
            "services" | "caches" if builds => {
                stays.push(entry.clone());
                kept(settings)
            }
            "services" | "caches" => Fate::Equal("a deploy builds nothing".to_owned()),
            "artifacts" => Fate::Equal("images go to the registry, and from there to every step".to_owned()),
            "clone" => Fate::Equal("managr's file clones the whole history".to_owned()),
            _ => {
                Fate::Listed(format!("managr's own step does not say it: write it between the marks `your {settings}`"))
            }
        };
        scene.ledger.settle(entry, &fate);
    }
    if scene.places.iter().any(|(mark, _)| mark == settings) {
        // One step stands for several of theirs: what the first says stays.
        return;
    }
    if !stays.is_empty() {
        let has = |key: &str| stays.iter().any(|entry: &Member| entry.key == key);
        let mut lines = String::new();
        if builds && !deploys {
            if !has("services") {
                lines.push_str("services: [docker]\n");
            }
            if !has("caches") {
                lines.push_str("caches: [docker]\n");
            }
        }
        if deploys && builds {
            stays.retain(|entry| entry.key == "deployment");
        }
        lines.push_str(&yaml::members(&stays));
        scene.keep(settings, lines);
    }
}

/// A script has accounts of its own already; a pipe's variables are read with it.
fn continue_script(scene: &mut Scene, entry: &Member) -> Fate {
    for item in entry.node.one_or_many() {
        if let Some(variables) = item.entry("variables") {
            scene.ledger.settle(variables, &Fate::Equal("managr signs in and names images itself".to_owned()));
        }
        if let Some(name) = item.entry("name") {
            scene.ledger.settle(name, &Fate::Equal("managr's steps have names of their own".to_owned()));
        }
    }
    Fate::Equal("managr's own steps do what is needed of it".to_owned())
}

/// A step that stays.
fn own(
    scene: &mut Scene,
    root: &Node,
    (index, job): (usize, &Job),
    is_whole: bool,
    decided: &Decided,
    tests: &mut Option<Node>,
    placed: &mut Vec<(String, Node)>,
) {
    let mut step = job.node.clone();
    let Value::Map(entries) = &mut step.value else {
        return;
    };
    if let (None, Some(image)) = (job.node.entry("image"), root.entry("image")) {
        entries.insert(0, image.clone());
    }
    let kind = job.flow.split('.').next().unwrap_or_default();
    let of = decided.of(index, job);
    let is = |wanted: Option<usize>| wanted.is_some_and(|wanted| of.contains(&wanted));
    let is_before = |wanted: Option<usize>| {
        wanted.is_some_and(|wanted| decided.targets[wanted].jobs.iter().any(|other| *other > index))
    };
    let is_test = tests.is_none()
        && (is_before(decided.staging.or(decided.production)) || matches!(kind, "default" | "pull-requests"));
    let is_same_test = tests.as_ref() == Some(&job.node);
    let (mark, lines) = if is_test || is_same_test {
        *tests = Some(job.node.clone());
        let rest: Vec<Member> = entries.iter().filter(|entry| entry.key != "name").cloned().collect();
        ("tests", yaml::members(&rest))
    } else if is_whole {
        return;
    } else {
        let mark = match (kind, is(decided.staging), is(decided.production)) {
            ("default" | "pull-requests", ..) => "steps of pull requests",
            (_, true, _) if is_before(decided.staging) => "steps before staging",
            (_, _, true) if is_before(decided.production) => "steps before production",
            (_, true, _) => "steps after staging",
            (_, _, true) => "steps after production",
            // A whole pipeline, which `around` keeps.
            _ => return,
        };
        let item = Member { key: "step".to_owned(), at: job.at, node: step };
        let item = Node { value: Value::Map(vec![item]), at: job.at };
        (mark, yaml::items(&[item]))
    };
    let pair = (mark.to_owned(), job.node.clone());
    if !placed.contains(&pair) {
        scene.keep(mark, lines);
        placed.push(pair);
    }
    scene.ledger.settle_node(&job.node, &kept(mark));
}

/// Whether a pipeline stays as it is: nothing in it builds or deploys, and none of ours runs when it does.
fn is_whole(flow: &str, jobs: &[Job], seen: &[Seen], decided: &Decided) -> bool {
    let has_ours = jobs.iter().zip(seen).any(|(job, seen)| job.flow == flow && seen.is_ours());
    !has_ours && flow != "pull-requests.**" && decided.targets.iter().all(|target| target.flow != flow)
}

/// A pipeline of managr's file: its kind, and its name.
type Ours = (&'static str, String);

/// A kind of pipelines, and the mark for those of the user's own.
type Beside = (&'static str, &'static str);

/// Which pipelines managr's file has, and where it has places for others beside them; where it has no such place, the
/// whole kind is the user's.
fn ours_among(scene: &Scene, decided: &Decided) -> (Vec<Ours>, Vec<Beside>) {
    let words = &scene.words;
    let (mut ours, mut places) = (Vec::new(), Vec::new());
    if decided.staging.is_some() {
        ours.push(("pull-requests", "**".to_owned()));
        ours.push(("branches", words.branch.clone().unwrap_or_else(|| "main".to_owned())));
        places.push(("pull-requests", "pull requests"));
    }
    if decided.production.is_some() {
        match &words.production_branch {
            Some(branch) => ours.push(("branches", branch.clone())),
            None => {
                ours.push(("tags", words.tags.clone().unwrap_or_else(|| "v*".to_owned())));
                places.push(("tags", "tags"));
            }
        }
    }
    if decided.staging.is_some() || (decided.production.is_some() && words.production_branch.is_some()) {
        places.push(("branches", "branches"));
    }
    if decided.has_previews && decided.staging.or(decided.production).is_some() {
        ours.extend(["previews-prune", "preview-down"].map(|name| ("custom", name.to_owned())));
        places.push(("custom", "custom pipelines"));
    }
    (ours, places)
}

/// Pipelines that neither build nor deploy, and what stands around steps.
fn around(scene: &mut Scene, root: &Node, seen: &[Seen], decided: &Decided) {
    let jobs = scene.jobs.clone();
    let Some(pipelines) = root.get("pipelines") else { return };
    if let Some(default) = pipelines.entry("default").filter(|_| is_whole("default", &jobs, seen, decided)) {
        scene.keep("pipelines", yaml::members(std::slice::from_ref(default)));
        scene.ledger.settle(default, &kept("pipelines"));
    }
    let (ours, places) = ours_among(scene, decided);
    for kind in pipelines.entries().iter().filter(|kind| kind.key != "default") {
        let place = places.iter().find(|(key, _)| *key == kind.key).map(|(_, mark)| *mark);
        let mut apart: Vec<Member> = Vec::new();
        for named in kind.node.entries() {
            let is_pipeline = named.node.items().iter().any(|item| !item.entries().is_empty());
            if !is_pipeline || !is_whole(&format!("{}.{}", kind.key, named.key), &jobs, seen, decided) {
                continue;
            }
            if ours.iter().any(|(key, name)| *key == kind.key && *name == named.key) {
                let why =
                    "managr's file has a pipeline of its own for it: put these steps between its marks".to_owned();
                scene.ledger.settle(named, &Fate::Listed(why));
                continue;
            }
            scene.ledger.settle(named, &kept(place.unwrap_or("pipelines")));
            match place {
                Some(mark) => scene.keep(mark, yaml::members(std::slice::from_ref(named))),
                None => apart.push(named.clone()),
            }
        }
        if !apart.is_empty() {
            let node = Node { value: Value::Map(apart), at: At::default() };
            scene.keep("pipelines", yaml::members(&[Member { key: kind.key.clone(), at: At::default(), node }]));
        }
    }
    for kind in pipelines.entries() {
        let all = std::iter::once(&kind.node).chain(kind.node.entries().iter().map(|named| &named.node));
        for item in all.flat_map(Node::items) {
            if let Some(fast) = item.get("parallel").and_then(|parallel| parallel.entry("fail-fast")) {
                scene
                    .ledger
                    .settle(fast, &Fate::Listed("steps of yours run one after the other between the marks".to_owned()));
            }
            if item.get("parallel").is_some_and(|parallel| steps(parallel).len() > 1) {
                let at = item.entries().first().map_or(item.at, |entry| entry.at);
                scene.tell(
                    "parallel",
                    at,
                    "steps run one after the other between the marks: write `parallel` around them there",
                );
            }
            for entry in item.get("stage").map(Node::entries).unwrap_or_default() {
                let fate = match entry.key.as_str() {
                    "steps" => continue,
                    "name" => Fate::Equal("managr's steps have names of their own".to_owned()),
                    "deployment" => Fate::Carried("stages".to_owned()),
                    "trigger" => Fate::Carried("pipeline.approval".to_owned()),
                    _ => Fate::Listed("managr's file has no stages: write it in the settings of its steps".to_owned()),
                };
                scene.ledger.settle(entry, &fate);
            }
        }
    }
}
