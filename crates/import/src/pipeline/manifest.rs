//! Which manifest do pipelines make? Images (`images`), stages with where they are, and what runs in them by name.

use deploy_core::manifest::{Manifest, Previews, Stage, StageImage};

use super::Scene;
use super::analyse::{Seen, is_region};
use super::decide::{Decided, variables};
use super::images::{args, differing, images, recipe, tags};
use super::model::{Deploy, Job};
use super::recognise::reference;
use super::yaml::At;
use crate::{Left, names};

pub(super) fn manifest(
    scene: &mut Scene,
    jobs: &[Job],
    seen: &[Seen],
    decided: &Decided,
    app: Option<&str>,
) -> Manifest {
    let mut manifest = Manifest { app: app_name(jobs, seen, app), ..Manifest::default() };
    let mut stages: Vec<(String, Stage)> =
        decided.targets.iter().map(|target| (target.stage.clone(), Stage::default())).collect();
    let found = images(scene, jobs, seen, decided);
    for image in &found {
        let mut spec = recipe(scene, image);
        for (build, ..) in &image.builds[1..] {
            differing(scene, image, build);
        }
        args(scene, image, &mut spec, &mut stages);
        tags(scene, image, jobs, &mut spec, &mut stages);
        manifest.images.insert(image.name.clone(), spec);
    }
    let mut regions: Vec<Option<String>> = Vec::new();
    for (at, target) in decided.targets.iter().enumerate() {
        let stage = &mut stages[at].1;
        let own = target.jobs.iter().flat_map(|job| &seen[*job].deploys);
        stage.cluster = own.clone().find_map(|deploy| deploy.cluster.clone()).filter(|cluster| is_ecs_name(cluster));
        for cluster in own.filter_map(|deploy| deploy.cluster.as_deref()).filter(|cluster| !is_ecs_name(cluster)) {
            let why = match variables(cluster).first() {
                Some(name) => {
                    format!("the cluster's name is in the variable {name}: write it into [stages.{}]", target.stage)
                }
                None => format!("the cluster's name cannot be told: write it into [stages.{}]", target.stage),
            };
            scene.tell(format!("stages.{}.cluster", target.stage), jobs[target.jobs[0]].at, why);
        }
        let hosts = found.iter().flat_map(|image| &image.builds);
        let hosts: Vec<&str> = hosts
            .filter(|(_, of, ..)| of.contains(&at))
            .flat_map(|(_, _, references, _)| references.iter().filter_map(|reference| reference.host.as_deref()))
            .collect();
        let of_host = hosts.iter().find_map(|host| ecr(host));
        let said = target.jobs.iter().find_map(|job| seen[*job].accounts.first().cloned());
        stage.account = of_host.as_ref().map(|(account, _)| account.clone()).or(said);
        let said = target.jobs.iter().flat_map(|job| seen[*job].regions.first().cloned()).next();
        regions.push(of_host.map(|(_, region)| region).or(said));
    }
    match regions.first() {
        Some(Some(first)) if regions.iter().all(|region| region.as_ref() == Some(first)) => {
            manifest.region = Some(first.clone());
        }
        _ => {
            for ((_, stage), region) in stages.iter_mut().zip(regions) {
                stage.region = region;
            }
        }
    }
    services(scene, jobs, seen, decided);
    own_tags(&manifest, &mut stages);
    manifest.stages = stages.into_iter().collect();
    if decided.has_previews {
        previews(scene, jobs, seen, decided, &mut manifest);
    }
    manifest
}

fn is_ecs_name(name: &str) -> bool {
    (1..=255).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

/// Account and region of a registry of ECR.
fn ecr(host: &str) -> Option<(String, String)> {
    let (account, rest) = host.split_once(".dkr.ecr.")?;
    let region = rest.split_once('.')?.0;
    let is_account = account.len() == 12 && account.bytes().all(|b| b.is_ascii_digit());
    (is_account && is_region(region)).then(|| (account.to_owned(), region.to_owned()))
}

fn app_name(jobs: &[Job], seen: &[Seen], given: Option<&str>) -> String {
    let plain = |name: &&String| !name.contains('$');
    let deploys = || seen.iter().flat_map(|seen| &seen.deploys);
    let services: Vec<&String> =
        deploys().flat_map(|deploy| [&deploy.service, &deploy.family]).flatten().filter(plain).collect();
    let clusters = || deploys().filter_map(|deploy| deploy.cluster.as_ref()).filter(plain);
    let found = given.map(names::app_name);
    let found = found.or_else(|| names::app_of(services.iter().map(|name| name.as_str())));
    let found = found.or_else(|| names::app_of(clusters().map(String::as_str)));
    let tags = jobs.iter().zip(seen).flat_map(|(_, seen)| &seen.builds).flat_map(|build| &build.tags);
    let of_repository = || {
        let repository = tags.map(|tag| reference(tag).repository).find(|repository| !repository.contains('$'))?;
        Some(names::app_name(repository.split('/').next().unwrap_or(&repository)))
    };
    let app = found.or_else(of_repository).unwrap_or_else(|| "app".to_owned());
    let app: String = app.chars().take(32).collect();
    app.trim_end_matches('-').to_owned()
}

/// Stages that build an image in different ways need tags that say which.
fn own_tags(manifest: &Manifest, stages: &mut [(String, Stage)]) {
    // Of each image in their order what the stage says of how it is built.
    let built = |stage: &Stage| -> Vec<StageImage> {
        let images = manifest.images.names().map(|name| stage.images.get(name).cloned().unwrap_or_default());
        images.map(|own| StageImage { extra_tags: None, ..own }).collect()
    };
    let all: Vec<_> = stages.iter().map(|(_, stage)| (stage.tag.clone(), built(stage))).collect();
    for (at, (tag, images)) in all.iter().enumerate() {
        let Some(tag) = tag else { continue };
        let clashes = all
            .iter()
            .enumerate()
            .any(|(other, (its, theirs))| other != at && its.as_ref() == Some(tag) && theirs != images);
        if clashes && !tag.contains("{stage}") {
            stages[at].1.tag = Some(format!("{{stage}}-{tag}"));
        }
    }
}

/// What runs is in task definitions, not in pipelines.
fn services(scene: &mut Scene, jobs: &[Job], seen: &[Seen], decided: &Decided) {
    for target in &decided.targets {
        for index in &target.jobs {
            for deploy in &seen[*index].deploys {
                let known = |name: &Option<String>| name.as_ref().filter(|name| is_ecs_name(name)).cloned();
                let what = match (known(&deploy.cluster), known(&deploy.service)) {
                    (Some(cluster), Some(service)) => format!("{}={cluster}/{service}", target.stage),
                    (Some(cluster), None) => format!("{}={cluster}", target.stage),
                    _ => format!("{}=CLUSTER/SERVICE", target.stage),
                };
                let is_named = |deploy: &Deploy| deploy.service.is_some();
                let is_told_elsewhere =
                    !is_named(deploy) && target.jobs.iter().any(|job| seen[*job].deploys.iter().any(is_named));
                let Some(service) = deploy.service.as_ref().or(deploy.family.as_ref()).filter(|_| !is_told_elsewhere)
                else {
                    continue;
                };
                let name = if is_ecs_name(service) { service.as_str() } else { "SERVICE" };
                let why = format!(
                    "what runs in it is not in a pipeline: `managr import service {what} --stdout`, or import terraform or taskdef, makes [services]; put its tables into this manifest"
                );
                scene.tell(format!("service {name} of {}", target.stage), jobs[*index].at, why);
                if deploy.is_forced {
                    let why = "its tasks were started again to take what a tag names then; managr registers a revision with the image's digest, and moves extra-tags after it, for whoever still names the tag, as Terraform may";
                    scene.tell(format!("deploy of {name}"), jobs[*index].at, why);
                }
            }
        }
        if target.is_guessed {
            let why = format!("nothing names its stage: `{}` is a guess by its branch or tag", target.stage);
            scene.tell(format!("stages.{}", target.stage), jobs[target.jobs[0]].at, why);
        }
    }
}

fn previews(scene: &mut Scene, jobs: &[Job], seen: &[Seen], decided: &Decided, manifest: &mut Manifest) {
    let Some(from) = decided.staging.or(decided.production) else { return };
    let at = jobs.iter().zip(seen).find(|(job, seen)| job.when.is_pull_request && !seen.deploys.is_empty());
    let at = at.map_or_else(At::default, |(job, _)| job.at);
    let why = "pull requests deploy: each gets a stage of its own, and needs a `host` in [previews], or it has a load balancer of its own";
    scene.tell("previews", at, why);
    manifest.previews = Some(Previews { from: decided.targets[from].stage.clone(), ..Previews::default() });
}

impl Scene {
    /// Tells something with its place.
    pub(super) fn tell(&mut self, what: impl Into<String>, at: At, why: impl Into<String>) {
        let place = self.place(at);
        self.ledger.tell(Left::new(what, place, why));
    }
}
