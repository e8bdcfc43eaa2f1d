//! What becomes of what workflows say: what managr's jobs replace, and what stays the user's own.

use super::super::analyse::{self, Seen};
use super::super::decide::Decided;
use super::super::ledger::Fate;
use super::super::model::{Job, Part, What};
use super::super::yaml::{self, At, Member, Node, Value};
use super::super::{Scene, manifest_minutes};
use super::{OURS, is_managrs};

fn kept(mark: &str) -> Fate {
    Fate::Kept(format!("your {mark}"))
}

/// Says what became of everything, and puts what is the user's own between the marks.
pub(in crate::pipeline) fn settle(scene: &mut Scene, roots: &[Node], seen: &[Seen], decided: &Decided) {
    let jobs = scene.jobs.clone();
    let mut gates: Vec<String> = Vec::new();
    for (number, root) in roots.iter().enumerate() {
        if is_managrs(scene, number) {
            continue;
        }
        let file = scene.files[number].clone();
        let of: Vec<(usize, &Job, &Seen)> = jobs
            .iter()
            .zip(seen)
            .enumerate()
            .filter(|(_, (job, _))| job.flow == file)
            .map(|(at, (job, seen))| (at, job, seen))
            .collect();
        if !of.iter().any(|(_, _, seen)| seen.is_ours()) {
            for entry in root.entries() {
                scene.ledger.settle(entry, &Fate::Kept(format!("{file}, which stays")));
            }
            continue;
        }
        let names: Vec<(String, String)> =
            of.iter().map(|(_, job, seen)| (job.key.clone(), ours_of(job, seen, decided, of.as_slice()))).collect();
        top(scene, root, of.iter().any(|(_, _, seen)| !seen.is_ours()));
        for (index, job, seen) in &of {
            if seen.is_ours() {
                ours(scene, *index, job, seen, decided);
            } else {
                own(scene, job, &names, &mut gates);
            }
        }
    }
    if !gates.is_empty() {
        let gates: Vec<String> = gates.iter().map(|gate| yaml::in_brackets(gate)).collect();
        scene.keep("settings of tests", format!("needs: [{}]\n", gates.join(", ")));
        scene.keep("tests", "- run: echo \"the tests are jobs of their own\"\n".to_owned());
    }
}

/// The job of ours that stands for one of theirs, or its own name where it stays.
fn ours_of(job: &Job, seen: &Seen, decided: &Decided, all: &[(usize, &Job, &Seen)]) -> String {
    let index = all.iter().find(|(_, other, _)| other.key == job.key).map_or(0, |(index, ..)| *index);
    let of = decided.of(index, job);
    let is_production =
        of.iter().any(|at| Some(*at) == decided.production) && !of.iter().any(|at| Some(*at) == decided.staging);
    match (seen.is_ours(), !seen.deploys.is_empty(), is_production) {
        (false, ..) if OURS.contains(&job.key.as_str()) => format!("{}-own", job.key),
        (false, ..) => job.key.clone(),
        (true, true, true) => "production".to_owned(),
        (true, true, false) => "staging".to_owned(),
        (true, false, true) => "production-plan".to_owned(),
        (true, false, false) => "images".to_owned(),
    }
}

fn top(scene: &mut Scene, root: &Node, has_own: bool) {
    for entry in root.entries() {
        match entry.key.as_str() {
            "name" | "run-name" => {
                scene.ledger.settle(entry, &Fate::Equal("managr's workflow is called managr".to_owned()))
            }
            "on" => events(scene, entry),
            "env" | "defaults" => {
                let is_there = scene
                    .places
                    .iter()
                    .any(|(mark, lines)| mark == "settings" && lines.starts_with(&format!("{}:", entry.key)));
                if is_there {
                    scene.ledger.settle(
                        entry,
                        &Fate::Listed(
                            "another workflow has such settings too: put them to the jobs that need them".to_owned(),
                        ),
                    );
                } else if has_own || entry.key == "env" {
                    scene.keep("settings", yaml::members(std::slice::from_ref(entry)));
                    scene.ledger.settle(entry, &kept("settings"));
                } else {
                    scene
                        .ledger
                        .settle(entry, &Fate::Equal("managr's steps run from the top of the repository".to_owned()));
                }
            }
            "permissions" => {
                scene.by_tokens |= entry.node.word("id-token") == Some("write");
                for one in entry.node.entries() {
                    let fate = match (one.key.as_str(), one.node.text()) {
                        ("id-token", Some("write")) => Fate::Carried("pipeline.auth".to_owned()),
                        ("contents", Some("read")) => Fate::Equal("every job of managr's may read".to_owned()),
                        _ => Fate::Listed(
                            "managr's workflow gives its jobs less: add it to the job of yours that needs it"
                                .to_owned(),
                        ),
                    };
                    scene.ledger.settle(one, &fate);
                }
            }
            "concurrency" => {
                let cancels = entry.node.word("cancel-in-progress") == Some("true");
                let fate = match cancels {
                    true => {
                        Fate::Listed("a run is cut off by the next; managr's workflow lets a deploy end".to_owned())
                    }
                    false => Fate::Equal("one run after the other".to_owned()),
                };
                scene.ledger.settle(entry, &fate);
            }
            _ => {}
        }
    }
}

/// What starts the workflow, beside what managr's own jobs run on.
fn events(scene: &mut Scene, on: &Member) {
    for text in on.node.texts() {
        let fate = match text.text() {
            Some("push" | "pull_request") => {
                Fate::Equal("managr's workflow runs on pushes and pull requests".to_owned())
            }
            _ => Fate::Listed("add it between the marks `your triggers`".to_owned()),
        };
        match on.node.value {
            Value::List(_) => scene.ledger.settle_node(text, &fate),
            _ => scene.ledger.settle(on, &fate),
        }
    }
    for event in on.node.entries() {
        match event.key.as_str() {
            "push" | "pull_request" => {
                if event.node.entries().is_empty() {
                    scene.ledger.settle(event, &Fate::Equal("managr's workflow runs on it".to_owned()));
                }
                for filter in event.node.entries() {
                    let fate = match (event.key.as_str(), filter.key.as_str()) {
                        ("push", "branches" | "tags") => Fate::Carried("[pipeline]".to_owned()),
                        ("pull_request", "branches" | "types") => Fate::Equal("managr's plan is made for every pull request".to_owned()),
                        _ => Fate::Listed("managr's workflow runs whatever was changed: an image that did not change is not built again".to_owned()),
                    };
                    scene.ledger.settle(filter, &fate);
                }
            }
            "release" => scene.ledger.settle(event, &Fate::Carried("pipeline.tags: a release is a tag".to_owned())),
            "workflow_dispatch" | "schedule" => {
                let is_there = scene
                    .places
                    .iter()
                    .any(|(mark, lines)| mark == "triggers" && lines.starts_with(event.key.as_str()));
                if !is_there {
                    scene.keep("triggers", yaml::members(std::slice::from_ref(event)));
                }
                scene.ledger.settle(event, &kept("triggers"));
                let why = "jobs of yours run on it; managr's own run on pushes and pull requests only: by hand it is `managr deploy STAGE`";
                scene.tell(format!("on.{}", event.key), event.at, why);
            }
            _ => {}
        }
    }
}

/// A job that managr's own jobs replace; steps of the user's own in it move into them.
fn ours(scene: &mut Scene, index: usize, job: &Job, seen: &Seen, decided: &Decided) {
    let of = decided.of(index, job);
    let is_production =
        of.iter().any(|at| Some(*at) == decided.production) && !of.iter().any(|at| Some(*at) == decided.staging);
    let name = if is_production { "production" } else { "staging" };
    let last = seen.parts.iter().rposition(|part| part.builds || part.deploys).unwrap_or(0);
    let last_build = seen.parts.iter().rposition(|part| part.builds).unwrap_or(last);
    let mut moved: Vec<(At, String)> = Vec::new();
    for (at, (part, seen_part)) in job.parts.iter().zip(&seen.parts).enumerate() {
        let Some(whole) = part.whole.as_ref().filter(|_| seen_part.is_own && !of.is_empty()) else { continue };
        let mark = match at {
            at if at <= last_build && (!seen.builds.is_empty() || at < last) => format!("steps before {name}"),
            at if at < last => format!("steps before {name}"),
            _ => format!("steps after {name}"),
        };
        scene.keep(&mark, yaml::items(&[with_variables(whole, job)]));
        scene.ledger.settle_node(whole, &kept(&mark));
        moved.push((part.id, format!("your {mark}")));
    }
    analyse::account(&mut scene.ledger, seen, &moved);
    for part in job.parts.iter().filter(|part| !moved.iter().any(|(id, _)| *id == part.id)) {
        let is_script = matches!(part.what, What::Script(_));
        for entry in part.whole.as_ref().map(Node::entries).unwrap_or_default() {
            let fate = match entry.key.as_str() {
                "uses" | "run" => continue,
                "name" | "id" | "shell" => Fate::Equal("managr's steps have names of their own".to_owned()),
                "with" => {
                    with(scene, part, entry);
                    continue;
                }
                "env" => Fate::Equal("its commands were read with it".to_owned()),
                "working-directory" if is_script => Fate::Carried("images: their context".to_owned()),
                _ => Fate::Listed("managr's own steps do not say it".to_owned()),
            };
            scene.ledger.settle(entry, &fate);
        }
    }
    settings(scene, job, seen, is_production);
}

/// What an action was given: what managr does itself needs nothing of it, but not everything is known.
fn with(scene: &mut Scene, part: &Part, entry: &Member) {
    let name = match &part.what {
        What::Uses(name, _) => name.split('@').next().unwrap_or(name),
        What::Script(_) => "",
    };
    for one in entry.node.entries() {
        let fate = match (name, one.key.as_str()) {
            ("docker/build-push-action", "context" | "file" | "target" | "tags" | "build-args" | "platforms") => {
                Fate::Carried("[images]".to_owned())
            }
            (
                "docker/build-push-action",
                "push" | "load" | "cache-from" | "cache-to" | "no-cache" | "pull" | "provenance" | "sbom" | "builder",
            ) => Fate::Equal("managr push builds, pushes and caches as the builder does".to_owned()),
            ("docker/metadata-action", "images" | "tags" | "flavor") => {
                Fate::Carried("[images] and the stage's tag".to_owned())
            }
            ("docker/metadata-action" | "docker/build-push-action", _) => {
                Fate::Listed("[images] has no word for it; labels are LABEL in the Dockerfile".to_owned())
            }
            (
                "aws-actions/amazon-ecs-render-task-definition",
                "environment-variables" | "secrets" | "docker-labels" | "command",
            ) => Fate::Listed(
                "it changes the task definition at the deploy: write it into [variables] or the container".to_owned(),
            ),
            (
                "aws-actions/amazon-ecs-deploy-task-definition",
                "cluster"
                | "service"
                | "task-definition"
                | "wait-for-service-stability"
                | "wait-for-minutes"
                | "force-new-deployment",
            ) => Fate::Carried("stages, and `managr deploy` does it".to_owned()),
            (
                "aws-actions/amazon-ecs-deploy-task-definition",
                "codedeploy-appspec" | "codedeploy-application" | "codedeploy-deployment-group",
            ) => Fate::Listed("managr replaces tasks by rolling them, not by CodeDeploy".to_owned()),
            ("aws-actions/amazon-ecs-deploy-task-definition", _) => {
                Fate::Listed("managr deploy does not do it so".to_owned())
            }
            ("aws-actions/configure-aws-credentials", "role-to-assume") => {
                Fate::Equal("it is the variable AWS_ROLE_ARN of the repository or of its environments".to_owned())
            }
            ("actions/checkout", "fetch-depth" | "ref" | "token" | "persist-credentials") => {
                Fate::Equal("the whole history is checked out".to_owned())
            }
            ("actions/checkout", _) => Fate::Listed("managr's jobs check out without it".to_owned()),
            _ => Fate::Equal("managr signs in and sets its builder up itself".to_owned()),
        };
        scene.ledger.settle(one, &fate);
    }
}

/// A step that moves into another job takes the variables of its job along.
fn with_variables(step: &Node, job: &Job) -> Node {
    let mut step = step.clone();
    let of_job = job.node.get("env").map(|node| node.entries().to_vec()).unwrap_or_default();
    if of_job.is_empty() {
        return step;
    }
    let Value::Map(entries) = &mut step.value else { return step };
    match entries.iter_mut().find(|entry| entry.key == "env") {
        Some(env) => {
            if let Value::Map(own) = &mut env.node.value {
                let more: Vec<Member> =
                    of_job.into_iter().filter(|entry| own.iter().all(|known| known.key != entry.key)).collect();
                own.splice(0..0, more);
            }
        }
        None => {
            let node = Node { value: Value::Map(of_job), at: At::default() };
            entries.push(Member { key: "env".to_owned(), at: At::default(), node });
        }
    }
    step
}

/// The keys of a job that is replaced.
fn settings(scene: &mut Scene, job: &Job, seen: &Seen, is_production: bool) {
    let deploys = !seen.deploys.is_empty();
    let mark = match (deploys, is_production) {
        (true, true) => "settings of production",
        (true, false) => "settings of staging",
        (false, true) => "settings of production-plan",
        (false, false) => "settings of images",
    };
    let is_first = !scene.places.iter().any(|(other, _)| other == mark);
    for entry in job.node.entries() {
        let text = entry.node.text();
        let fate = match entry.key.as_str() {
            "steps" => continue,
            "name" | "outputs" => Fate::Equal("managr's jobs have names of their own".to_owned()),
            "needs" => Fate::Equal("tests, images and deploys come one after the other".to_owned()),
            "if" => Fate::Carried("[pipeline]: branches and tags".to_owned()),
            "runs-on" => match text {
                Some("ubuntu-latest") => Fate::Equal("managr's jobs run on ubuntu-latest".to_owned()),
                _ => {
                    let runners: Vec<String> =
                        entry.node.texts().iter().filter_map(|node| node.text()).map(str::to_owned).collect();
                    scene.words.runners = runners;
                    Fate::Carried("pipeline.runners".to_owned())
                }
            },
            "timeout-minutes" if text.and_then(manifest_minutes).is_some() => {
                scene.words.timeout = scene.words.timeout.max(text.and_then(manifest_minutes));
                Fate::Carried("pipeline.timeout".to_owned())
            }
            "environment" if deploys && is_first && job.environment.is_some() => {
                scene.keep(mark, yaml::members(std::slice::from_ref(entry)));
                kept(mark)
            }
            "environment" if job.environment.is_some() && !deploys => {
                scene.keep(mark, yaml::members(std::slice::from_ref(entry)));
                kept(mark)
            }
            "permissions" => Fate::Equal("managr's jobs ask for what they need".to_owned()),
            "env" => Fate::Equal("its commands were read with it, and steps of yours took it along".to_owned()),
            "concurrency" => Fate::Equal("one run after the other".to_owned()),
            "defaults" => Fate::Carried("images: their context".to_owned()),
            _ => Fate::Listed(format!("managr's own job does not say it: write it between the marks `your {mark}`")),
        };
        scene.ledger.settle(entry, &fate);
    }
}

/// A job that stays.
fn own(scene: &mut Scene, job: &Job, names: &[(String, String)], gates: &mut Vec<String>) {
    let mut node = job.node.clone();
    let mut comes_after = false;
    if let Value::Map(entries) = &mut node.value
        && let Some(needs) = entries.iter_mut().find(|entry| entry.key == "needs")
    {
        comes_after = renamed(&mut needs.node, names);
    }
    let mut name =
        names.iter().find(|(key, _)| *key == job.key).map_or_else(|| job.key.clone(), |(_, name)| name.clone());
    while scene.places.iter().any(|(mark, lines)| mark == "jobs" && lines.starts_with(&format!("{name}:\n"))) {
        name.push_str("-2");
    }
    if name != job.key {
        scene.tell(
            format!("jobs.{}", job.key),
            job.at,
            format!("managr's workflow has a job of this name: it is called `{name}` there"),
        );
    }
    if !comes_after && !job.when.is_apart {
        gates.push(name.clone());
    }
    let entry = Member { key: name, at: job.at, node };
    scene.keep("jobs", yaml::members(&[entry]));
    scene.ledger.settle_node(&job.node, &kept("jobs"));
}

/// Names jobs as they are called now; returns whether it waits for one of ours.
fn renamed(needs: &mut Node, names: &[(String, String)]) -> bool {
    let mut waits = false;
    let one = |node: &mut Node| {
        let Value::Text(text, _) = &mut node.value else { return false };
        let Some((_, now)) = names.iter().find(|(key, _)| key == text) else { return false };
        now.clone_into(text);
        OURS.contains(&now.as_str())
    };
    match &mut needs.value {
        Value::List(items) => {
            for item in items.iter_mut() {
                waits |= one(item);
            }
            let mut seen: Vec<Option<String>> = Vec::new();
            items.retain(|item| {
                let text = item.text().map(str::to_owned);
                let is_new = !seen.contains(&text);
                seen.push(text);
                is_new
            });
        }
        _ => waits = one(needs),
    }
    waits
}
