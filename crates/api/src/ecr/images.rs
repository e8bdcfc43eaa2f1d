//! Images: listed, described, fetched, put, deleted.

use aws_model::AwsError;
use bytes::Bytes;
use registry::{Failure, ImageDetail, ImageId, PutImage};
use serde_json::{Value, json};

use super::answers::{failure, image_id, listed};
use super::input::invalid;
use super::{Asked, refuse};

pub(super) fn list(asked: &Asked<'_>) -> Result<Value, AwsError> {
    let images = asked.registry.list_images(asked.input.repository_name()?).map_err(refuse)?;
    let wanted = tag_status(asked)?;
    let ids = images.into_iter().filter(wanted).flat_map(|image| {
        let digest = Some(image.digest.to_string());
        // An entry for each tag; one without a tag for an image that has none.
        let tags = if image.tags.is_empty() { vec![None] } else { image.tags.into_iter().map(Some).collect() };
        tags.into_iter().map(move |tag| ImageId { digest: digest.clone(), tag })
    });
    let key = |id: &ImageId| [id.digest.as_deref(), id.tag.as_deref()].map(Option::unwrap_or_default).join(" ");
    let (page, token) = asked.page(ids.collect(), key)?;
    Ok(listed("imageIds", page.iter().map(image_id).collect(), token))
}

pub(super) fn describe(asked: &Asked<'_>) -> Result<Value, AwsError> {
    let name = asked.input.repository_name()?;
    if let Some(ids) = asked.input.image_ids()?.filter(|ids| !ids.is_empty()) {
        let mut found: Vec<ImageDetail> = Vec::new();
        for answer in asked.registry.find_images(name, &ids).map_err(refuse)? {
            let image = answer.map_err(|failure| not_found(asked, name, failure))?;
            if !found.iter().any(|known| known.digest == image.digest) {
                found.push(image);
            }
        }
        return Ok(listed("imageDetails", found.iter().map(|i| asked.image_detail(name, i)).collect(), None));
    }
    let images = asked.registry.list_images(name).map_err(refuse)?;
    let images = images.into_iter().filter(tag_status(asked)?).collect();
    let (page, token) = asked.page(images, |image: &ImageDetail| image.digest.to_string())?;
    Ok(listed("imageDetails", page.iter().map(|i| asked.image_detail(name, i)).collect(), token))
}

pub(super) fn batch_get(asked: &Asked<'_>) -> Result<Value, AwsError> {
    let name = asked.input.repository_name()?;
    let ids = asked.input.image_ids()?.ok_or_else(|| invalid("imageIds", "Member must not be null"))?;
    let (mut images, mut failures) = (Vec::new(), Vec::new());
    for (id, answer) in ids.iter().zip(asked.registry.find_images(name, &ids).map_err(refuse)?) {
        match answer {
            Ok(image) => {
                let id = ImageId { digest: Some(image.digest.to_string()), tag: id.tag.clone() };
                images.push(image_document(asked, name, &id, &image)?);
            }
            Err(reason) => failures.push(failure(&reason)),
        }
    }
    Ok(json!({ "images": images, "failures": failures }))
}

pub(super) async fn batch_delete(asked: &Asked<'_>) -> Result<Value, AwsError> {
    let name = asked.input.repository_name()?;
    let ids = asked.input.image_ids()?.ok_or_else(|| invalid("imageIds", "Member must not be null"))?;
    let (deleted, failures) = asked.registry.delete_images(name, &ids).await.map_err(refuse)?;
    Ok(json!({
        "imageIds": deleted.iter().map(image_id).collect::<Vec<_>>(),
        "failures": failures.iter().map(failure).collect::<Vec<_>>(),
    }))
}

pub(super) async fn put(asked: &Asked<'_>) -> Result<Value, AwsError> {
    let input = asked.input;
    let name = input.repository_name()?;
    let manifest = input.required("imageManifest")?;
    let tag = input.text("imageTag")?;
    let put = PutImage {
        repository: name.to_owned(),
        manifest: Bytes::copy_from_slice(manifest.as_bytes()),
        media_type: input.text("imageManifestMediaType")?.map(str::to_owned),
        tag: tag.map(str::to_owned),
        digest: input.text("imageDigest")?.map(str::to_owned),
    };
    let stored = asked.registry.put_image(put).await.map_err(refuse)?;
    if stored.existed {
        let words = format!(
            "Image with digest '{}' and tag '{}' already exists in the repository with name '{name}' in registry with id '{}'",
            stored.digest,
            tag.unwrap_or("null"),
            asked.registry.account()
        );
        return Err(AwsError::new("ImageAlreadyExistsException", words));
    }
    let id = ImageId { digest: Some(stored.digest.to_string()), tag: tag.map(str::to_owned) };
    let image = json!({
        "imageId": image_id(&id),
        "imageManifest": manifest,
        "imageManifestMediaType": stored.media_type,
    });
    Ok(json!({ "image": asked.about(name, image) }))
}

fn image_document(asked: &Asked<'_>, name: &str, id: &ImageId, image: &ImageDetail) -> Result<Value, AwsError> {
    let manifest = asked.registry.manifest(&image.digest).map_err(refuse)?;
    let document = json!({
        "imageId": image_id(id),
        "imageManifest": String::from_utf8_lossy(&manifest),
        "imageManifestMediaType": image.media_type,
    });
    Ok(asked.about(name, document))
}

fn not_found(asked: &Asked<'_>, name: &str, failure: Failure) -> AwsError {
    match failure.code {
        "ImageNotFound" | "ImageTagDoesNotMatchDigest" => refuse(asked.registry.no_image(name, &failure.id)),
        _ => AwsError::invalid_parameter(failure.reason),
    }
}

/// Reads `filter.tagStatus`. Every image here is active, so `imageStatus` decides at once.
fn tag_status(asked: &Asked<'_>) -> Result<impl Fn(&ImageDetail) -> bool + use<>, AwsError> {
    let filter = asked.input.object("filter")?;
    let text = |name| filter.map(|filter| filter.text(name)).transpose().map(Option::flatten);
    let tagged = match text("tagStatus")? {
        None | Some("ANY") => None,
        Some("TAGGED") => Some(true),
        Some("UNTAGGED") => Some(false),
        Some(_) => return Err(invalid("tagStatus", "Member must satisfy enum value set: [TAGGED, ANY, UNTAGGED]")),
    };
    let any = match text("imageStatus")? {
        None | Some("ACTIVE" | "ANY") => true,
        Some("ARCHIVED" | "ACTIVATING") => false,
        Some(_) => {
            let constraint = "Member must satisfy enum value set: [ACTIVE, ARCHIVED, ACTIVATING, ANY]";
            return Err(invalid("imageStatus", constraint));
        }
    };
    Ok(move |image: &ImageDetail| any && tagged.is_none_or(|tagged| tagged != image.tags.is_empty()))
}
