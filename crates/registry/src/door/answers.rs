//! What ECR answers: the documents of repositories and images.

use aws_model::{region, seconds};
use serde::Serialize;
use serde_json::{Value, json};

use crate::{Failure, ImageDetail, ImageId, Registry, Repository};

/// What most answers about one repository begin with.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct About<T> {
    registry_id: String,
    repository_name: String,
    #[serde(flatten)]
    more: T,
}

impl<T> About<T> {
    pub(super) fn new(registry: &Registry, name: &str, more: T) -> Self {
        Self { registry_id: registry.account().to_owned(), repository_name: name.to_owned(), more }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ImageFailure<'a> {
    image_id: &'a ImageId,
    failure_code: &'a str,
    failure_reason: &'a str,
}

impl<'a> From<&'a Failure> for ImageFailure<'a> {
    fn from(failure: &'a Failure) -> Self {
        Self { image_id: &failure.id, failure_code: failure.code, failure_reason: &failure.reason }
    }
}

pub(super) fn repository(registry: &Registry, region: &str, repository: &Repository) -> Value {
    let name = &repository.name;
    let exclusions = Some(&repository.exclusions).filter(|exclusions| !exclusions.is_empty());
    json!({
        "repositoryArn": region::arn("ecr", region, registry.account(), &format!("repository/{name}")),
        "registryId": registry.account(),
        "repositoryName": name,
        "repositoryUri": format!("{}/{name}", registry.host()),
        "createdAt": seconds(repository.created_at),
        "imageTagMutability": repository.mutability,
        "imageTagMutabilityExclusionFilters": exclusions,
        "imageScanningConfiguration": {"scanOnPush": repository.scan_on_push},
        "encryptionConfiguration": repository.encryption,
    })
}

pub(super) fn image_detail(registry: &Registry, name: &str, image: &ImageDetail) -> Value {
    json!({
        "registryId": registry.account(),
        "repositoryName": name,
        "imageDigest": image.digest,
        "imageTags": Some(&image.tags).filter(|tags| !tags.is_empty()),
        "imageSizeInBytes": image.size,
        "imagePushedAt": seconds(image.pushed_at),
        "imageManifestMediaType": image.media_type,
        "artifactMediaType": image.artifact_type,
        "subjectManifestDigest": image.subject,
        "imageScanStatus": image.scan_asked.then(super::scanning::status),
        "imageStatus": "ACTIVE",
    })
}
