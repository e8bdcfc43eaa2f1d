//! Extra tags follow what runs: once a release has succeeded, they name its images.
//!
//! They are for others who name an image by a tag, as Terraform may; task definitions of ours name digests.

use aws::{Client, ECR, items};
use deploy_core::desired::Desired;
use deploy_core::plan::PlannedImage;
use serde_json::{Value, json};

use super::promote::{MEDIA_TYPES, put};
use crate::error::StageError;
use crate::event::{Event, Events, ResourceChange};
use crate::observe::{self, object};

/// Moves the extra tags of a stage's images to the released digests. One that cannot be moved is reported and is
/// no failure: what was released runs.
///
/// # Errors
/// See [`StageError`].
pub async fn follow(
    client: &Client,
    desired: &Desired,
    images: &[PlannedImage],
    events: &Events,
) -> Result<(), StageError> {
    for (spec, image) in desired.images.iter().filter_map(|spec| Some((spec, of(images, &spec.name)?))) {
        // A reference of another registry has no tags of ours.
        let Some((name, digest)) = image.reference.split_once('@') else { continue };
        if !name.ends_with(&format!("/{}", spec.repository)) {
            continue;
        }
        for tag in &spec.extra_tags {
            if observe::image_digest(client, &spec.repository, tag).await?.as_deref() == Some(digest) {
                continue;
            }
            let shown = format!("{}:{tag}", spec.repository);
            match moved(client, &spec.repository, digest, tag).await {
                Ok(true) => events.resource(ResourceChange::Updated, "tag", &format!("{shown}, which is what runs")),
                Ok(false) => {
                    warn(events, format!("{shown} does not follow: the image that runs is not in the registry"))
                }
                Err(error) => warn(events, format!("{shown} does not follow what runs: {error}")),
            }
        }
    }
    Ok(())
}

fn of<'a>(images: &'a [PlannedImage], name: &str) -> Option<&'a PlannedImage> {
    images.iter().find(|image| image.name == name)
}

fn warn(events: &Events, message: String) {
    events.emit(Event::Warning { message });
}

async fn moved(client: &Client, repository: &str, digest: &str, tag: &str) -> Result<bool, StageError> {
    let input = object(json!({
        "repositoryName": repository, "imageIds": [{ "imageDigest": digest }], "acceptedMediaTypes": MEDIA_TYPES,
    }));
    let answer = client.call(&ECR, "BatchGetImage", input).await?;
    let Some(found) = items(&answer, "images").first().and_then(Value::as_object).cloned() else { return Ok(false) };
    put(client, repository, found, tag).await?;
    Ok(true)
}
