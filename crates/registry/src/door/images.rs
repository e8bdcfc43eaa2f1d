//! Images: listed, described, fetched, put, deleted.

use aws_model::page::Cut;
use aws_model::{AwsError, Call};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answers::{About, ImageFailure, image_detail};
use super::page::Paging;
use crate::{Failure, ImageDetail, ImageId, PutImage, Registry};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct List {
    repository_name: String,
    #[serde(default)]
    image_ids: Vec<ImageId>,
    #[serde(default)]
    filter: Filter,
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Filter {
    tag_status: Option<String>,
    image_status: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Batch {
    repository_name: String,
    image_ids: Vec<ImageId>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Put {
    repository_name: String,
    image_manifest: String,
    image_manifest_media_type: Option<String>,
    image_tag: Option<String>,
    image_digest: Option<String>,
}

impl Filter {
    /// Every image here is active, so `imageStatus` decides at once.
    fn takes(&self, image: &ImageDetail) -> bool {
        let tags = match self.tag_status.as_deref() {
            Some("TAGGED") => !image.tags.is_empty(),
            Some("UNTAGGED") => image.tags.is_empty(),
            _ => true,
        };
        tags && matches!(self.image_status.as_deref(), None | Some("ACTIVE" | "ANY"))
    }
}

pub(super) async fn list(registry: &Registry, _: &Call, input: List) -> Result<Value, AwsError> {
    let images = registry.list_images(&input.repository_name)?;
    let ids = images.into_iter().filter(|image| input.filter.takes(image)).flat_map(|image| {
        let digest = Some(image.digest.to_string());
        // An entry for each tag; one without a tag for an image that has none.
        let tags = if image.tags.is_empty() { vec![None] } else { image.tags.into_iter().map(Some).collect() };
        tags.into_iter().map(move |tag| ImageId { digest: digest.clone(), tag })
    });
    let key = |id: &ImageId| [id.digest.as_deref(), id.tag.as_deref()].map(Option::unwrap_or_default).join(" ");
    let page = input.paging.cut(ids.collect(), key);
    Ok(json!({"imageIds": page.items, "nextToken": page.next}))
}

pub(super) async fn describe(registry: &Registry, _: &Call, input: List) -> Result<Value, AwsError> {
    let name = &input.repository_name;
    let page = if input.image_ids.is_empty() {
        let images = registry.list_images(name)?.into_iter().filter(|image| input.filter.takes(image)).collect();
        input.paging.cut(images, |image: &ImageDetail| image.digest.to_string())
    } else {
        let mut found: Vec<ImageDetail> = Vec::new();
        for id in input.image_ids {
            let image = self::found(registry, name, id)?;
            if !found.iter().any(|known| known.digest == image.digest) {
                found.push(image);
            }
        }
        Cut { items: found, next: None }
    };
    let details: Vec<Value> = page.items.iter().map(|image| image_detail(registry, name, image)).collect();
    Ok(json!({"imageDetails": details, "nextToken": page.next}))
}

pub(super) async fn batch_get(registry: &Registry, _: &Call, input: Batch) -> Result<Value, AwsError> {
    let Batch { repository_name: name, image_ids } = input;
    let (mut images, mut failures) = (Vec::new(), Vec::new());
    for (id, answer) in image_ids.iter().zip(registry.find_images(&name, &image_ids)?) {
        match answer {
            Ok(image) => {
                let document = json!({
                    "imageId": ImageId { digest: Some(image.digest.to_string()), tag: id.tag.clone() },
                    "imageManifest": String::from_utf8_lossy(&registry.manifest(&image.digest)?),
                    "imageManifestMediaType": image.media_type,
                });
                images.push(About::new(registry, &name, document));
            }
            Err(failure) => failures.push(failure),
        }
    }
    let failures: Vec<ImageFailure<'_>> = failures.iter().map(ImageFailure::from).collect();
    Ok(json!({"images": images, "failures": failures}))
}

pub(super) async fn batch_delete(registry: &Registry, _: &Call, input: Batch) -> Result<Value, AwsError> {
    let (deleted, failures) = registry.delete_images(&input.repository_name, &input.image_ids).await?;
    let failures: Vec<ImageFailure<'_>> = failures.iter().map(ImageFailure::from).collect();
    Ok(json!({"imageIds": deleted, "failures": failures}))
}

pub(super) async fn put(registry: &Registry, _: &Call, input: Put) -> Result<Value, AwsError> {
    let name = input.repository_name;
    let put = PutImage {
        repository: name.clone(),
        manifest: input.image_manifest.clone().into(),
        media_type: input.image_manifest_media_type,
        tag: input.image_tag.clone(),
        digest: input.image_digest,
    };
    let stored = registry.put_image(put).await?;
    if stored.existed {
        let words = format!(
            "Image with digest '{}' and tag '{}' already exists in the repository with name '{name}' in registry with id '{}'",
            stored.digest,
            input.image_tag.as_deref().unwrap_or("null"),
            registry.account()
        );
        return Err(AwsError::new("ImageAlreadyExistsException", words));
    }
    let image = json!({
        "imageId": ImageId { digest: Some(stored.digest.to_string()), tag: input.image_tag },
        "imageManifest": input.image_manifest,
        "imageManifestMediaType": stored.media_type,
    });
    Ok(json!({"image": About::new(registry, &name, image)}))
}

/// Returns the one image that an id names.
pub(super) fn found(registry: &Registry, name: &str, id: ImageId) -> Result<ImageDetail, AwsError> {
    let answer = registry.find_images(name, std::slice::from_ref(&id))?.pop();
    let answer = answer.unwrap_or_else(|| Err(Failure { id, code: "ImageNotFound", reason: String::new() }));
    answer.map_err(|failure| not_found(registry, name, failure))
}

fn not_found(registry: &Registry, name: &str, failure: Failure) -> AwsError {
    match failure.code {
        "ImageNotFound" | "ImageTagDoesNotMatchDigest" => registry.no_image(name, &failure.id).into(),
        _ => AwsError::invalid_parameter(failure.reason),
    }
}
