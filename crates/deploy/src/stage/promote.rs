//! The images of one stage, under the tags of another: what was tested is what is released, and nothing is built twice.

use aws::{Client, ECR, items};
use aws_model::Document;
use deploy_core::desired::{desired, tag};
use serde_json::{Value, json};

use super::Wanted;
use crate::error::StageError;
use crate::event::{Event, Events, ResourceChange};
use crate::observe::{self, object, text};

/// What an image's manifest may be (API reference, BatchGetImage, `acceptedMediaTypes`).
pub(super) const MEDIA_TYPES: [&str; 4] = [
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
];

/// Gives the images that another stage has of this commit the tags of the wanted one, where they have none. What
/// cannot be found by its commit is left to be built.
///
/// # Errors
/// See [`StageError`].
pub async fn promote(client: &Client, wanted: &Wanted, from: &str, events: &Events) -> Result<(), StageError> {
    let warn = |message: String| events.emit(Event::Warning { message });
    let to = desired(&wanted.manifest, &wanted.stage, &wanted.facts(""))?;
    let template = deploy_core::desired::stage_of(&wanted.manifest, from)?.tag;
    if !tag::is_of_commit(template.as_deref().unwrap_or("{stage}-{commit}")) {
        warn(format!("tags of {from} do not name the commit alone: its images cannot be taken over"));
        return Ok(());
    }
    if wanted.git.dirty {
        warn("the working copy has changes that are in no commit: no image is taken over".to_owned());
        return Ok(());
    }
    let source = desired(&wanted.manifest, from, &wanted.facts(""))?;
    let both = to.images.iter().filter_map(|i| Some((i, source.images.iter().find(|s| s.name == i.name)?)));
    for (image, old_spec) in both {
        let (Some(new), Some(old)) = (&image.tag, &old_spec.tag) else { continue };
        // An image that is built in another way here is not that one, whatever its commit.
        if image.args != old_spec.args || image.target != old_spec.target {
            warn(format!("{} is built differently in {from}: it is built for {}", image.name, wanted.stage));
            continue;
        }
        // Without a commit in it a tag does not say that it is this image.
        if !image.names_commit || observe::image_digest(client, &image.repository, new).await?.is_some() {
            continue;
        }
        match manifest(client, &image.repository, old).await? {
            Some(found) => {
                put(client, &image.repository, found, new).await?;
                events.resource(ResourceChange::Created, "tag", &format!("{}:{new}, which is {old}", image.repository));
            }
            None => warn(format!("{}:{old} is not in the registry: it is built", image.repository)),
        }
    }
    Ok(())
}

async fn manifest(client: &Client, repository: &str, tag: &str) -> Result<Option<Document>, StageError> {
    let input = object(json!({
        "repositoryName": repository, "imageIds": [{ "imageTag": tag }], "acceptedMediaTypes": MEDIA_TYPES,
    }));
    match client.call(&ECR, "BatchGetImage", input).await {
        Err(error) if error.is("RepositoryNotFoundException") => Ok(None),
        answer => Ok(items(&answer?, "images").first().and_then(Value::as_object).cloned()),
    }
}

pub(super) async fn put(client: &Client, repository: &str, image: Document, tag: &str) -> Result<(), StageError> {
    let mut input = object(json!({
        "repositoryName": repository, "imageManifest": text(&image, "imageManifest"), "imageTag": tag,
    }));
    let kind = image.get("imageManifestMediaType").filter(|kind| kind.is_string());
    input.extend(kind.map(|kind| ("imageManifestMediaType".to_owned(), kind.clone())));
    match client.call(&ECR, "PutImage", input).await {
        // Another process was quicker with the same.
        Err(error) if !error.is("ImageAlreadyExistsException") => Err(error.into()),
        _ => Ok(()),
    }
}
