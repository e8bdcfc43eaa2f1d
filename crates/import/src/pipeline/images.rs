//! Which images do pipelines build, how are they built in which stage, and which tags do they get?

use std::collections::BTreeMap;

use deploy_core::desired::tag;
use deploy_core::lint::credentials;
use deploy_core::manifest::{Image, Scalar, Stage, StageImage};

use super::Scene;
use super::analyse::Seen;
use super::decide::{Decided, template, variables};
use super::model::{Build, Job};
use super::recognise::{Reference, reference};
use crate::names;

/// Tokens that a vendor hands to a job.
const TOKENS: [&str; 5] =
    ["CI_JOB_TOKEN", "CI_REGISTRY_PASSWORD", "GITHUB_TOKEN", "github.token", "BITBUCKET_STEP_OIDC_TOKEN"];

/// An image as pipelines build it.
pub(super) struct BuiltImage {
    pub(super) name: String,
    pub(super) repository: Option<String>,
    /// Each build, and the stages that it is for.
    pub(super) builds: Vec<(Build, Vec<usize>, Vec<Reference>, usize)>,
}

/// What is one image: the same repository, or the same recipe.
pub(super) fn images(scene: &mut Scene, jobs: &[Job], seen: &[Seen], decided: &Decided) -> Vec<BuiltImage> {
    let mut found: Vec<BuiltImage> = Vec::new();
    for (index, (job, here)) in jobs.iter().zip(seen).enumerate() {
        for build in &here.builds {
            let references = pushed(build, &job.flow, jobs, seen);
            if references.is_empty() && !build.pushes {
                if here.is_ours() {
                    let why = "what it builds is pushed nowhere, so it is no image of the manifest: keep it as a step of yours if it is a test";
                    scene.tell("docker build", build.at, why);
                }
                continue;
            }
            let known = references.iter().find(|reference| !reference.repository.contains('$'));
            let repository = known.map(|reference| reference.repository.clone());
            let is_same = |other: &BuiltImage| {
                let (first, ..) = &other.builds[0];
                match (&repository, &other.repository) {
                    (Some(one), Some(two)) if one == two => true,
                    (Some(one), Some(two)) => stageless(one) == stageless(two) && recipe_of(first) == recipe_of(build),
                    _ => recipe_of(first) == recipe_of(build),
                }
            };
            let stages = decided.of(index, job);
            match found.iter_mut().find(|other| is_same(other)) {
                Some(image) => {
                    image.repository = image.repository.take().or(repository);
                    image.builds.push((build.clone(), stages, references, index));
                }
                None => {
                    let name = image_name(repository.as_deref(), build, &found);
                    if repository.is_none() {
                        let unknown: Vec<&str> = references.iter().flat_map(|one| variables(&one.repository)).collect();
                        let why = match unknown.first() {
                            Some(variable) => {
                                format!("its repository is in the variable {variable}: write `repository`")
                            }
                            None => "its repository cannot be told: write `repository`".to_owned(),
                        };
                        scene.tell(format!("images.{name}.repository"), build.at, why);
                    }
                    found.push(BuiltImage {
                        name,
                        repository,
                        builds: vec![(build.clone(), stages, references, index)],
                    });
                }
            }
        }
    }
    for image in &mut found {
        one_repository(scene, image, decided);
    }
    found
}

/// The manifest has one repository for an image; where each stage had its own, production's is taken.
fn one_repository(scene: &mut Scene, image: &mut BuiltImage, decided: &Decided) {
    let known = |references: &[Reference]| {
        let mut all = references.iter().map(|reference| reference.repository.clone());
        all.find(|repository| !repository.contains('$'))
    };
    let all: Vec<String> = image.builds.iter().filter_map(|(_, _, references, _)| known(references)).collect();
    if all.iter().all(|one| Some(one) == all.first()) {
        return;
    }
    let of_production = image.builds.iter().find(|(_, of, ..)| decided.production.is_some_and(|at| of.contains(&at)));
    let taken = of_production.and_then(|(_, _, references, _)| known(references)).or_else(|| all.first().cloned());
    let mut others: Vec<&String> = all.iter().filter(|one| Some(*one) != taken.as_ref()).collect();
    others.dedup();
    let others: Vec<String> = others.iter().map(|one| format!("`{one}`")).collect();
    let why = format!(
        "the manifest has one repository for an image: `{}` is taken, and {} are not pushed to any more; what names those must name this one",
        taken.as_deref().unwrap_or_default(),
        others.join(", ")
    );
    scene.tell(format!("images.{}.repository", image.name), image.builds[0].0.at, why);
    image.repository = taken;
}

/// A repository without the word for its stage: `shop-staging` and `shop-prod` are one image.
fn stageless(repository: &str) -> String {
    match names::stage_of(repository) {
        Some(stage) => repository.replace(stage, ""),
        None => repository.to_owned(),
    }
}

fn recipe_of(build: &Build) -> (String, String, Option<&str>) {
    let context = clean(build.context.as_deref().unwrap_or("."));
    let dockerfile = build.dockerfile.as_deref().map_or_else(|| inside(&context, "Dockerfile"), clean);
    (context, dockerfile, build.target.as_deref())
}

fn inside(context: &str, file: &str) -> String {
    if context == "." { file.to_owned() } else { format!("{context}/{file}") }
}

fn clean(path: &str) -> String {
    let path = path.trim_start_matches("./").trim_end_matches('/');
    if path.is_empty() { ".".to_owned() } else { path.to_owned() }
}

/// Returns every reference that a build ends up under in a registry.
pub(super) fn pushed(build: &Build, flow: &str, jobs: &[Job], seen: &[Seen]) -> Vec<Reference> {
    let full = |text: &str| {
        let Reference { host, repository, tag } = reference(text);
        (host, repository, tag.unwrap_or_else(|| "latest".to_owned()))
    };
    let near: Vec<&Seen> = jobs.iter().zip(seen).filter(|(job, _)| job.flow == flow).map(|(_, seen)| seen).collect();
    let mut called: Vec<String> = build.tags.clone();
    // A tag of a tag; as many rounds as there are.
    for _ in 0..8 {
        let before = called.len();
        for (from, to) in near.iter().flat_map(|seen| &seen.tags) {
            if called.iter().any(|name| full(name) == full(from)) && !called.contains(to) {
                called.push(to.clone());
            }
        }
        if called.len() == before {
            break;
        }
    }
    let pushes: Vec<&(String, bool)> = near.iter().flat_map(|seen| &seen.pushes).collect();
    let is_pushed = |name: &str| {
        let (host, repository, tag) = full(name);
        pushes.iter().any(|(pushed, is_every)| {
            let to = full(pushed);
            (to.0, to.1) == (host.clone(), repository.clone()) && (*is_every || to.2 == tag)
        })
    };
    let mut out: Vec<Reference> = Vec::new();
    let known: Vec<(Option<String>, String)> = called.iter().map(|name| (full(name).0, full(name).1)).collect();
    let of_pushes = pushes.iter().map(|(pushed, _)| pushed).filter(|pushed| {
        let to = full(pushed);
        // A pipe that pushes several tags names the image once.
        to.0.as_deref() == Some("${registry}") && known.iter().any(|(_, repository)| *repository == to.1)
    });
    let own = called.iter().filter(|name| build.pushes && build.tags.contains(name) || is_pushed(name));
    for name in own.chain(of_pushes) {
        let one = reference(name);
        if !out.contains(&one) {
            out.push(one);
        }
    }
    out
}

fn image_name(repository: Option<&str>, build: &Build, found: &[BuiltImage]) -> String {
    let context = build.context.as_deref().map(clean).unwrap_or_default();
    let of_context = context.rsplit('/').next().filter(|name| !name.is_empty() && *name != "." && !name.contains('$'));
    let base = match repository {
        Some(repository) => {
            let last = repository.rsplit('/').next().unwrap_or(repository);
            let short = names::stage_of(last).map_or_else(|| last.to_owned(), |stage| last.replace(stage, ""));
            let short = short.trim_matches(['-', '_', '.']).to_owned();
            if short.is_empty() { "server".to_owned() } else { short }
        }
        None => of_context.unwrap_or("server").to_owned(),
    };
    let plain: String =
        base.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' || c == '_' { c } else { '-' }).collect();
    let plain = plain.trim_start_matches(['-', '_']).chars().take(60).collect::<String>();
    let plain = if plain.is_empty() { "server".to_owned() } else { plain };
    let mut name = plain.clone();
    let mut number = 2;
    while found.iter().any(|other| other.name == name) {
        name = format!("{plain}-{number}");
        number += 1;
    }
    name
}

pub(super) fn recipe(scene: &mut Scene, image: &BuiltImage) -> Image {
    let (build, ..) = &image.builds[0];
    let (context, dockerfile, target) = recipe_of(build);
    let mut spec = Image { target: target.map(str::to_owned), platform: build.platform.clone(), ..Image::default() };
    for (what, value) in [("target", &mut spec.target), ("platform", &mut spec.platform)] {
        if value.as_ref().is_some_and(|value| value.contains('$') || value.is_empty()) {
            scene.tell(format!("images.{}.{what}", image.name), build.at, "it is in a variable: write it yourself");
            *value = None;
        }
    }
    if spec.platform.as_ref().is_some_and(|platform| platform.contains(',')) {
        scene.tell(
            format!("images.{}.platform", image.name),
            build.at,
            "managr builds for one platform: write the one of your tasks",
        );
        spec.platform = None;
    }
    let cannot = |path: &str| path.contains('$') || path.contains("://") || path == "-";
    if cannot(&context) || cannot(&dockerfile) {
        scene.tell(
            format!("images.{}.context", image.name),
            build.at,
            "where it is built from cannot be told: write `context` and `dockerfile`",
        );
    }
    if context != "." && !cannot(&context) {
        spec.context = Some(context.clone());
    }
    if dockerfile != inside(&context, "Dockerfile") && !cannot(&dockerfile) {
        spec.dockerfile = Some(dockerfile);
    }
    spec.repository = image.repository.clone().filter(|repository| is_repository(repository));
    if image.repository.as_ref().is_some_and(|repository| !is_repository(repository)) {
        scene.tell(
            format!("images.{}.repository", image.name),
            build.at,
            "its name is none that ECR takes: write `repository`",
        );
    }
    spec
}

/// ECR's rule, as the manifest has it.
fn is_repository(text: &str) -> bool {
    (2..=256).contains(&text.len())
        && text
            .split(['/', '.', '_', '-'])
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
}

pub(super) fn differing(scene: &mut Scene, image: &BuiltImage, build: &Build) {
    let first = &image.builds[0].0;
    for (what, one, other) in [
        ("context", recipe_of(first).0, recipe_of(build).0),
        ("dockerfile", recipe_of(first).1, recipe_of(build).1),
        ("target", format!("{:?}", first.target), format!("{:?}", build.target)),
    ] {
        if one != other {
            let why = "another job builds the same repository in another way: the first was taken";
            scene.tell(format!("images.{}.{what}", image.name), build.at, why);
        }
    }
}

pub(super) fn args(scene: &mut Scene, image: &BuiltImage, spec: &mut Image, stages: &mut [(String, Stage)]) {
    let count = stages.len();
    // What each stage builds with; a build that is of no stage is of all.
    let mut by_name: BTreeMap<String, Vec<(Vec<usize>, String)>> = BTreeMap::new();
    let mut order: Vec<String> = Vec::new();
    for (build, of, _, job) in &image.builds {
        let of: Vec<usize> = if of.is_empty() { (0..count).collect() } else { of.clone() };
        for (name, value) in &build.args {
            let what = format!("images.{}.args.{name}", image.name);
            let when = &scene.whens[*job];
            let value = value
                .clone()
                .or_else(|| scene.variables[*job].get(name).cloned())
                .unwrap_or_else(|| format!("${{{name}}}"));
            let asked = variables(&value);
            let from_secrets = asked.iter().any(|name| name.starts_with("secrets.") || TOKENS.contains(name));
            let looks = credentials::looks_like(name, &value).is_some()
                || asked.iter().any(|asked| credentials::looks_like(asked, "a value").is_some())
                || credentials::looks_like(name, "a value").is_some();
            if from_secrets || looks {
                scene.tell(what, build.at, "it is a secret by its source or its name, and build arguments show in the image's history: hand it to the container as a secret, or fetch it in the Dockerfile by another way");
                continue;
            }
            if let Some(unknown) = asked.first() {
                let why = match template(&value, when) {
                    Ok(_) => "it tells the commit or its like, and `args` has no placeholders: `tag` and labels tell which commit it is".to_owned(),
                    Err(_) => format!("its value is the variable {unknown} of the repository, or of an environment: write it into args, of the stage where it differs"),
                };
                scene.tell(what, build.at, why);
                continue;
            }
            let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
            if !is_name {
                scene.tell(what, build.at, "it has no name");
                continue;
            }
            if !order.contains(name) {
                order.push(name.clone());
            }
            by_name.entry(name.clone()).or_default().push((of.clone(), value));
        }
    }
    for name in order {
        let values = &by_name[&name];
        let is_alike = values.iter().all(|(_, value)| *value == values[0].1);
        let covered: Vec<usize> = values.iter().flat_map(|(of, _)| of.clone()).collect();
        if count == 0 || (is_alike && (0..count).all(|stage| covered.contains(&stage) || !is_built(image, stage))) {
            spec.args.insert(name, Scalar::Text(values[0].1.clone()));
            continue;
        }
        for (of, value) in values {
            for stage in of {
                let own: &mut StageImage = stages[*stage].1.images.entry(&image.name);
                own.args.insert(name.clone(), Scalar::Text(value.clone()));
            }
        }
    }
}

/// Whether a stage has a build of its own.
fn is_built(image: &BuiltImage, stage: usize) -> bool {
    image.builds.iter().any(|(_, of, ..)| of.contains(&stage))
}

pub(super) fn tags(
    scene: &mut Scene,
    image: &BuiltImage,
    jobs: &[Job],
    spec: &mut Image,
    stages: &mut [(String, Stage)],
) {
    let mut extra: Vec<Vec<String>> = vec![Vec::new(); stages.len()];
    for (build, of, references, job) in &image.builds {
        let when = &jobs[*job].when;
        for reference in references {
            let tag = reference.tag.clone().unwrap_or_else(|| "latest".to_owned());
            let made = match template(&tag, when) {
                Ok(made) => made,
                Err(variable) => {
                    let why = format!(
                        "a tag is made of the variable {variable}, which `tag` has no placeholder for: managr's tags name the stage and the commit"
                    );
                    scene.tell(format!("images.{}", image.name), build.at, why);
                    continue;
                }
            };
            if tag::check_template(&made).is_err() {
                let why = "a tag is none that an image can have, as far as it can be told: say `tag` or `extra-tags` yourself";
                scene.tell(format!("images.{}", image.name), build.at, why);
                continue;
            }
            if made.contains("{pr}") {
                // That is the preview's, whose tags name the stage and the commit.
                continue;
            }
            for stage in of {
                let (name, settings) = &mut stages[*stage];
                let names_commit = made.contains("{commit}") || made.contains("{git-tag}");
                let default = format!("{name}-{{commit}}");
                if names_commit && settings.tag.as_ref().is_none_or(|known| *known == made) {
                    settings.tag = Some(made.clone());
                    if made == default {
                        settings.tag = None;
                    }
                } else if !extra[*stage].contains(&made) && Some(&made) != settings.tag.as_ref() && made != default {
                    extra[*stage].push(made.clone());
                }
            }
            if of.is_empty() && !made.contains('{') && !spec.extra_tags.contains(&made) {
                spec.extra_tags.push(made);
            }
        }
    }
    let built: Vec<usize> = (0..stages.len()).filter(|stage| is_built(image, *stage)).collect();
    let shared: Vec<String> = match built.first() {
        Some(first) => {
            extra[*first].iter().filter(|tag| built.iter().all(|stage| extra[*stage].contains(tag))).cloned().collect()
        }
        None => Vec::new(),
    };
    for tag in shared.iter().filter(|tag| built.len() > 1 && !tag.contains('{')) {
        let why = format!(
            "`{tag}` is pushed for {}: it follows whichever was deployed last, as it did before",
            built.iter().map(|stage| stages[*stage].0.as_str()).collect::<Vec<_>>().join(" and ")
        );
        scene.tell(format!("images.{}.extra-tags", image.name), image.builds[0].0.at, why);
    }
    let are_alike = built.iter().all(|stage| extra[*stage].len() == shared.len());
    if are_alike && built.len() == stages.len() {
        spec.extra_tags.extend(shared);
        return;
    }
    for stage in built {
        if !extra[stage].is_empty() {
            stages[stage].1.images.entry(&image.name).extra_tags = Some(extra[stage].clone());
        }
    }
}
