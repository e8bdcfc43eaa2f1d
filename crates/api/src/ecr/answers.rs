//! What ECR answers: the documents of repositories and images.

use aws_model::seconds;
use registry::{Failure, ImageDetail, ImageId, Repository};
use serde_json::{Map, Value, json};

use super::Asked;

impl Asked<'_> {
    pub(super) fn arn(&self, name: &str) -> String {
        format!("arn:aws:ecr:{}:{}:repository/{name}", self.region, self.registry.account())
    }

    pub(super) fn repository(&self, repository: &Repository) -> Value {
        let mut document = json!({
            "repositoryArn": self.arn(&repository.name),
            "registryId": self.registry.account(),
            "repositoryName": repository.name,
            "repositoryUri": format!("{}/{}", self.registry.host(), repository.name),
            "createdAt": seconds(repository.created_at),
            "imageTagMutability": repository.mutability,
            "imageScanningConfiguration": {"scanOnPush": repository.scan_on_push},
            "encryptionConfiguration": repository.encryption,
        });
        if !repository.exclusions.is_empty() {
            document["imageTagMutabilityExclusionFilters"] = json!(repository.exclusions);
        }
        document
    }

    /// The members that most answers about one repository begin with.
    pub(super) fn about(&self, name: &str, more: Value) -> Value {
        let mut document = Map::new();
        document.insert("registryId".to_owned(), self.registry.account().into());
        document.insert("repositoryName".to_owned(), name.into());
        if let Value::Object(more) = more {
            document.extend(more);
        }
        document.into()
    }

    pub(super) fn image_detail(&self, name: &str, image: &ImageDetail) -> Value {
        let mut document = json!({
            "imageDigest": image.digest,
            "imageSizeInBytes": image.size,
            "imagePushedAt": seconds(image.pushed_at),
            "imageManifestMediaType": image.media_type,
            "imageStatus": "ACTIVE",
        });
        if !image.tags.is_empty() {
            document["imageTags"] = json!(image.tags);
        }
        if let Some(artifact_type) = &image.artifact_type {
            document["artifactMediaType"] = json!(artifact_type);
        }
        if let Some(subject) = &image.subject {
            document["subjectManifestDigest"] = json!(subject);
        }
        self.about(name, document)
    }
}

pub(super) fn image_id(id: &ImageId) -> Value {
    let mut document = Map::new();
    if let Some(digest) = &id.digest {
        document.insert("imageDigest".to_owned(), digest.as_str().into());
    }
    if let Some(tag) = &id.tag {
        document.insert("imageTag".to_owned(), tag.as_str().into());
    }
    document.into()
}

pub(super) fn failure(failure: &Failure) -> Value {
    json!({"imageId": image_id(&failure.id), "failureCode": failure.code, "failureReason": failure.reason})
}

/// Adds `nextToken` where there is more.
pub(super) fn listed(name: &str, items: Vec<Value>, token: Option<String>) -> Value {
    let mut document = Map::new();
    document.insert(name.to_owned(), items.into());
    if let Some(token) = token {
        document.insert("nextToken".to_owned(), token.into());
    }
    document.into()
}
