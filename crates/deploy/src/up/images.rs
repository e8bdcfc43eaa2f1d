//! Images: built when their ingredients changed, pushed when the registry lacks them, and
//! pinned by the digest that the registry gives.

use aws::{Client, ECR, items};
use deploy_core::desired::{Desired, ImageSpec};
use ecs_model::Document;
use serde_json::Value;

use super::Wanted;
use crate::build::{self, BuildError, Login, Recipe, Tool};
use crate::error::UpError;
use crate::event::{Event, Events, Outcome};
use crate::observe::{self, text};

/// An image that is in the registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ready {
    /// Name in the manifest.
    pub image: String,
    /// `host/repository@digest`.
    pub reference: String,
}

/// Creates the repositories and puts every image of a stage in them.
///
/// # Errors
/// See [`UpError`].
pub async fn push_all(client: &Client, wanted: &Wanted, events: &Events) -> Result<Vec<Ready>, UpError> {
    let facts = deploy_core::Facts { git: wanted.git.clone(), ..deploy_core::Facts::local("") };
    let outline = deploy_core::desired(&wanted.manifest, &wanted.stage, &facts)?;
    let registry = super::foundation::ensure_repositories(client, &outline, events).await?;
    ensure(client, wanted, &outline, &registry, events).await
}

/// Puts every image of a stage in the registry.
pub(super) async fn ensure(
    client: &Client,
    wanted: &Wanted,
    desired: &Desired,
    registry: &str,
    events: &Events,
) -> Result<Vec<Ready>, UpError> {
    if desired.images.is_empty() {
        return Ok(Vec::new());
    }
    let tool = build::detect(wanted.tool).await?;
    let mut login = None;
    let mut ready = Vec::with_capacity(desired.images.len());
    for image in &desired.images {
        let recipe = recipe(wanted, image);
        let tag = tag(tool, &wanted.stage, image, &recipe).await?;
        let present = observe::image_digest(client, &image.repository, &tag).await?;
        let (tag, digest, outcome) = match present {
            Some(digest) => (tag, digest, Outcome::Unchanged),
            None => {
                let login = match &login {
                    Some(login) => login,
                    None => login.insert(log_in(client, registry).await?),
                };
                let tag = make(client, tool, wanted, image, &recipe, tag, login, events).await?;
                let digest = observe::image_digest(client, &image.repository, &tag).await?;
                let digest = digest.ok_or(UpError::Incomplete { operation: "DescribeImages", member: "the image" })?;
                (tag, digest, Outcome::Created)
            }
        };
        let (image, repository) = (image.name.clone(), &image.repository);
        events.emit(Event::ImageReady { image: image.clone(), reference: format!("{repository}:{tag}"), outcome });
        ready.push(Ready { image, reference: format!("{registry}/{repository}@{digest}") });
    }
    Ok(ready)
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

/// Returns the tag that says what an image is made of.
///
/// # Errors
/// When an ingredient cannot be read.
pub async fn tag(tool: Tool, stage: &str, image: &ImageSpec, recipe: &Recipe) -> Result<String, BuildError> {
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
) -> Result<String, UpError> {
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

/// Asks for a token of the registry.
async fn log_in(client: &Client, registry: &str) -> Result<Login, UpError> {
    let answer = client.call(&ECR, "GetAuthorizationToken", Document::new()).await?;
    let data = items(&answer, "authorizationData").first().and_then(Value::as_object);
    let data = data.ok_or(UpError::Incomplete { operation: "GetAuthorizationToken", member: "a token" })?;
    let plain_http =
        text(data, "proxyEndpoint").starts_with("http://") || aws::endpoint::is_loopback(&format!("http://{registry}"));
    Ok(Login { host: registry.to_owned(), token: text(data, "authorizationToken").to_owned(), plain_http })
}
