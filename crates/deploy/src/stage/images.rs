//! Images: built when their ingredients changed, pushed when the registry lacks them, and
//! pinned by the digest that the registry gives.

use std::collections::BTreeMap;

use aws::{Client, ECR, items};
use aws_model::Document;
use deploy_core::desired::{Desired, ImageSpec};
use deploy_core::gate::IMAGE;
use deploy_core::plan::PlannedImage;
use futures_util::future::try_join_all;
use serde_json::{Value, json};

use super::Wanted;
use crate::build::{self, BuildError, Login, Recipe, Tool};
use crate::error::StageError;
use crate::event::{Event, Events, ResourceChange};
use crate::gate;
use crate::observe::{self, object, text};

/// Which images go into a release.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ImageChoice {
    /// The tag of every image, which must be in the registry.
    pub tag: Option<String>,
    /// References in place of images of the manifest, by name.
    pub given: BTreeMap<String, String>,
    /// Whether an image that the registry lacks is an error instead of being built.
    pub never_build: bool,
}

/// The registry's host, and images as far as they are known.
#[derive(Debug, Clone, Default)]
pub struct Images {
    /// Host (and port) of the registry; none if no repository is there.
    pub registry: Option<String>,
    /// Images, in the order of the manifest.
    pub images: Vec<PlannedImage>,
}

/// Puts every image of a stage in the registry.
///
/// # Errors
/// See [`StageError`].
pub async fn push_all(client: &Client, wanted: &Wanted, events: &Events) -> Result<Images, StageError> {
    let outline = outline(client, wanted)?;
    if wanted.git.dirty && outline.images.iter().any(|image| image.names_commit && is_built_here(wanted, image)) {
        let message = "the working copy has changes that are in no commit: their images get tags of their own";
        events.emit(Event::Warning { message: message.to_owned() });
    }
    let mut found = look_in(client, wanted, &outline).await?;
    if found.images.iter().all(|image| !image.missing) {
        for image in &found.images {
            ready(events, image, ResourceChange::Unchanged);
        }
        return Ok(found);
    }
    let registry = ensure_repositories(client, &outline, events).await?;
    found.registry = Some(registry.clone());
    let missing_gate = found.images.iter_mut().find(|image| image.missing && image.name == IMAGE);
    if let (Some(spec), Some(image)) = (&outline.gate, missing_gate) {
        gate::ensure(client, &registry, spec, image, events).await?;
        ready(events, image, ResourceChange::Created);
        // Without a tool there may be nothing left that one is needed for.
        if found.images.iter().all(|image| !image.missing) {
            return Ok(found);
        }
    }
    let tool = build::detect(wanted.tool).await?;
    let mut login = None;
    for (spec, image) in outline.images.iter().zip(&mut found.images) {
        if !image.missing {
            ready(events, image, ResourceChange::Unchanged);
            continue;
        }
        let recipe = recipe(wanted, spec);
        let login = match &login {
            Some(login) => login,
            None => login.insert(log_in(client, &registry).await?),
        };
        let tag = tag(tool, &wanted.stage, spec, &recipe).await?;
        let tag = make(client, tool, wanted, spec, &recipe, tag, login, events).await?;
        let digest = observe::image_digest(client, &spec.repository, &tag).await?;
        let digest = digest.ok_or(StageError::Incomplete { operation: "DescribeImages", member: "the image" })?;
        image.tag = format!("{}:{tag}", spec.repository);
        image.reference = format!("{registry}/{}@{digest}", spec.repository);
        image.missing = false;
        ready(events, image, ResourceChange::Created);
    }
    Ok(found)
}

fn ready(events: &Events, image: &PlannedImage, outcome: ResourceChange) {
    let (image, reference) = (image.name.clone(), image.tag.clone());
    events.emit(Event::ImageReady { image, reference, outcome });
}

fn is_built_here(wanted: &Wanted, image: &ImageSpec) -> bool {
    wanted.images.tag.is_none() && !wanted.images.given.contains_key(&image.name)
}

/// Returns the images of a stage as the registry has them now; builds nothing.
///
/// # Errors
/// [`StageError::ImageMissing`] for one that may not be built and is not there.
pub async fn look(client: &Client, wanted: &Wanted) -> Result<Images, StageError> {
    look_in(client, wanted, &outline(client, wanted)?).await
}

fn outline(client: &Client, wanted: &Wanted) -> Result<Desired, StageError> {
    let endpoint = client.endpoint(&ECR);
    let host = endpoint.split_once("://").map_or(endpoint.as_str(), |(_, rest)| rest);
    Ok(deploy_core::desired(&wanted.manifest, &wanted.stage, &wanted.facts(host))?)
}

async fn look_in(client: &Client, wanted: &Wanted, outline: &Desired) -> Result<Images, StageError> {
    if outline.images.is_empty() && outline.gate.is_none() {
        return Ok(Images::default());
    }
    let gate = gate::look(client, outline).await?;
    // Without a build tool the ingredients of an image cannot be told; a tag that names a commit
    // needs none.
    let needs_tool = outline.images.iter().any(|image| !image.is_settled && is_built_here(wanted, image));
    let tool = if needs_tool { build::detect(wanted.tool).await.ok() } else { None };
    let images = try_join_all(outline.images.iter().map(|spec| one(client, wanted, spec, tool))).await?;
    let registry = images.iter().find_map(|(registry, _)| registry.clone());
    Ok(Images { registry, images: images.into_iter().map(|(_, image)| image).chain(gate).collect() })
}

async fn one(
    client: &Client,
    wanted: &Wanted,
    spec: &ImageSpec,
    tool: Option<Tool>,
) -> Result<(Option<String>, PlannedImage), StageError> {
    let name = spec.name.clone();
    if let Some(reference) = wanted.images.given.get(&name) {
        let reference = pinned(client, &name, reference).await?;
        let tag = reference.split_once('/').map_or(reference.as_str(), |(_, rest)| rest).to_owned();
        return Ok((None, PlannedImage { name, tag, reference, missing: false }));
    }
    let repository = observe::repository(client, &spec.repository).await?;
    let host = repository.and_then(|found| Some(text(&found, "repositoryUri").split_once('/')?.0.to_owned()));
    let tag = match (&wanted.images.tag, tool) {
        (Some(tag), _) => Some(tag.clone()),
        (None, _) if spec.is_settled && spec.tag.is_some() => spec.tag.clone(),
        (None, Some(tool)) => Some(tag(tool, &wanted.stage, spec, &recipe(wanted, spec)).await?),
        (None, None) => None,
    };
    let digest = match (&tag, &host) {
        (Some(tag), Some(_)) => observe::image_digest(client, &spec.repository, tag).await?,
        _ => None,
    };
    let may_build = wanted.images.tag.is_none() && !wanted.images.never_build;
    if digest.is_none() && !may_build {
        let tag = tag.unwrap_or_else(|| wanted.stage.clone());
        return Err(StageError::ImageMissing { image: name, repository: spec.repository.clone(), tag });
    }
    let shown = format!("{}:{}", spec.repository, tag.as_deref().or(spec.tag.as_deref()).unwrap_or(&wanted.stage));
    let reference = match (&host, &digest) {
        (Some(host), Some(digest)) => format!("{host}/{}@{digest}", spec.repository),
        _ => spec.reference.clone(),
    };
    Ok((host, PlannedImage { name, tag: shown, reference, missing: digest.is_none() }))
}

/// Pins a reference to the digest that its tag points at, where it is in a registry that the
/// endpoint knows; any other stays as it was given.
async fn pinned(client: &Client, image: &str, reference: &str) -> Result<String, StageError> {
    let Some((host, rest)) = reference.split_once('/') else { return Ok(reference.to_owned()) };
    let Some((repository, tag)) = rest.rsplit_once(':').filter(|(rest, _)| !rest.contains('@')) else {
        return Ok(reference.to_owned());
    };
    let found = observe::repository(client, repository).await?;
    let uri = found.map(|found| text(&found, "repositoryUri").to_owned());
    if uri.as_deref() != Some(format!("{host}/{repository}").as_str()) {
        return Ok(reference.to_owned());
    }
    let missing =
        || StageError::ImageMissing { image: image.to_owned(), repository: repository.to_owned(), tag: tag.to_owned() };
    let digest = observe::image_digest(client, repository, tag).await?.ok_or_else(missing)?;
    Ok(format!("{host}/{repository}@{digest}"))
}

/// Returns when an image of the endpoint's registry was pushed, in seconds since the epoch.
///
/// # Errors
/// See [`aws::CallError`].
pub(crate) async fn pushed_at(client: &Client, reference: &str) -> Result<Option<f64>, aws::CallError> {
    let Some((_, rest)) = reference.split_once('/') else { return Ok(None) };
    let (repository, id) = match rest.split_once('@') {
        Some((name, digest)) => (name.split(':').next().unwrap_or(name), json!({ "imageDigest": digest })),
        None => match rest.rsplit_once(':') {
            Some((name, tag)) => (name, json!({ "imageTag": tag })),
            None => return Ok(None),
        },
    };
    let found = match observe::image(client, repository, id).await {
        // Names that only another registry takes.
        Err(error) if error.is("InvalidParameterException") => None,
        found => found?,
    };
    Ok(found.and_then(|image| image.get("imagePushedAt")?.as_f64()))
}

/// Returns how an image of the manifest is built.
pub fn recipe(wanted: &Wanted, image: &ImageSpec) -> Recipe {
    Recipe {
        name: image.name.clone(),
        context: wanted.directory.join(&image.context),
        dockerfile: wanted.directory.join(&image.dockerfile),
        target: image.target.clone(),
        platform: image.platform.clone(),
        args: image.args.clone(),
    }
}

/// Returns the tag of an image: the stage's, where it names a commit; else one that also says
/// what the image is made of.
///
/// # Errors
/// When an ingredient cannot be read.
pub async fn tag(tool: Tool, stage: &str, image: &ImageSpec, recipe: &Recipe) -> Result<String, BuildError> {
    if let Some(tag) = image.tag.as_ref().filter(|_| image.is_settled) {
        return Ok(tag.clone());
    }
    let fingerprint = build::fingerprint_of(tool, recipe).await?;
    let base = image.tag.as_deref().unwrap_or(stage);
    Ok(format!("{base}-{}", &fingerprint[..12]))
}

/// Builds and pushes; returns the tag that was pushed.
#[expect(clippy::too_many_arguments, reason = "the one place where the tool, the recipe and the registry meet")]
async fn make(
    client: &Client,
    tool: Tool,
    wanted: &Wanted,
    image: &ImageSpec,
    recipe: &Recipe,
    tag: String,
    login: &Login,
    events: &Events,
) -> Result<String, StageError> {
    let full = |tag: &str| format!("{}/{}:{tag}", login.host, image.repository);
    let mut tag = tag;
    if !build::is_built(tool, &full(&tag)).await {
        build::build(tool, recipe, &full(&tag), events).await?;
        // A base image that was pulled by this build has an id only now.
        let now = self::tag(tool, &wanted.stage, image, recipe).await?;
        if now != tag {
            build::build(tool, recipe, &full(&now), events).await?;
            tag = now;
            if observe::image_digest(client, &image.repository, &tag).await?.is_some() {
                return Ok(tag);
            }
        }
    }
    build::push(tool, &image.name, &full(&tag), login, events).await?;
    Ok(tag)
}

/// Creates the repositories that are missing; returns the registry's host.
async fn ensure_repositories(client: &Client, desired: &Desired, events: &Events) -> Result<String, StageError> {
    let mut registry = String::new();
    for name in &desired.repositories {
        let found = observe::repository(client, name).await?;
        let outcome = if found.is_some() { ResourceChange::Unchanged } else { ResourceChange::Created };
        let repository = match found {
            Some(repository) => repository,
            None => {
                let answer = client.call(&ECR, "CreateRepository", object(json!({ "repositoryName": name }))).await?;
                answer.get("repository").and_then(Value::as_object).cloned().unwrap_or_default()
            }
        };
        let uri = text(&repository, "repositoryUri");
        let (host, _) = uri
            .split_once('/')
            .ok_or(StageError::Incomplete { operation: "DescribeRepositories", member: "repositoryUri" })?;
        host.clone_into(&mut registry);
        events.resource(outcome, "repository", name);
    }
    Ok(registry)
}

/// Asks for a token of the registry.
async fn log_in(client: &Client, registry: &str) -> Result<Login, StageError> {
    let answer = client.call(&ECR, "GetAuthorizationToken", Document::new()).await?;
    let data = items(&answer, "authorizationData").first().and_then(Value::as_object);
    let data = data.ok_or(StageError::Incomplete { operation: "GetAuthorizationToken", member: "a token" })?;
    let plain_http =
        text(data, "proxyEndpoint").starts_with("http://") || aws::endpoint::is_loopback(&format!("http://{registry}"));
    Ok(Login { host: registry.to_owned(), token: text(data, "authorizationToken").to_owned(), plain_http })
}
