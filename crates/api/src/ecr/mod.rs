//! ECR's API over the embedded registry: reads the input, asks [`registry::Registry`], writes
//! the answer. Decides nothing about images.
//!
//! All regions are one registry (a push names none); ARNs are answered in the caller's region.
//! Lifecycle policies, repository policies, scanning and encryption settings are kept and
//! answered; nothing here acts on them.

mod answers;
mod images;
mod input;
mod layers;
mod policies;
mod repositories;

use aws_model::AwsError;
use registry::{Registry, RegistryError};
use serde_json::Value;

use crate::call::{Call, Reply};
use crate::state::State;

/// The operations offered.
pub(crate) const OPERATIONS: &[&str] = &[
    "BatchCheckLayerAvailability",
    "BatchDeleteImage",
    "BatchGetImage",
    "CompleteLayerUpload",
    "CreateRepository",
    "DeleteLifecyclePolicy",
    "DeleteRepository",
    "DeleteRepositoryPolicy",
    "DescribeImages",
    "DescribeRepositories",
    "GetAuthorizationToken",
    "GetDownloadUrlForLayer",
    "GetLifecyclePolicy",
    "GetRepositoryPolicy",
    "InitiateLayerUpload",
    "ListImages",
    "ListTagsForResource",
    "PutImage",
    "PutImageScanningConfiguration",
    "PutImageTagMutability",
    "PutLifecyclePolicy",
    "SetRepositoryPolicy",
    "TagResource",
    "UntagResource",
    "UploadLayerPart",
];

/// Answers a call; the front has checked that the operation is offered.
pub(crate) async fn call(state: &State, call: Call) -> Result<Reply, AwsError> {
    let asked = Asked { registry: &state.registry, region: &call.region, input: input::Fields(&call.input) };
    answer(&call.operation, &asked).await.map(Reply::Json)
}

/// A call, as the operations see it.
struct Asked<'a> {
    registry: &'a Registry,
    region: &'a str,
    input: input::Fields<'a>,
}

async fn answer(operation: &str, asked: &Asked<'_>) -> Result<Value, AwsError> {
    asked.refuse_other_registries()?;
    match operation {
        "BatchCheckLayerAvailability" => layers::check_availability(asked),
        "BatchDeleteImage" => images::batch_delete(asked).await,
        "BatchGetImage" => images::batch_get(asked),
        "CompleteLayerUpload" => layers::complete_upload(asked).await,
        "CreateRepository" => repositories::create(asked).await,
        "DeleteLifecyclePolicy" => policies::delete_lifecycle(asked).await,
        "DeleteRepository" => repositories::delete(asked).await,
        "DeleteRepositoryPolicy" => policies::delete(asked).await,
        "DescribeImages" => images::describe(asked),
        "DescribeRepositories" => repositories::describe(asked),
        "GetAuthorizationToken" => repositories::authorization_token(asked),
        "GetDownloadUrlForLayer" => layers::download_url(asked),
        "GetLifecyclePolicy" => policies::get_lifecycle(asked),
        "GetRepositoryPolicy" => policies::get(asked),
        "InitiateLayerUpload" => layers::initiate_upload(asked).await,
        "ListImages" => images::list(asked),
        "ListTagsForResource" => repositories::tags(asked),
        "PutImage" => images::put(asked).await,
        "PutImageScanningConfiguration" => repositories::put_scanning(asked).await,
        "PutImageTagMutability" => repositories::put_mutability(asked).await,
        "PutLifecyclePolicy" => policies::put_lifecycle(asked).await,
        "SetRepositoryPolicy" => policies::set(asked).await,
        "TagResource" => repositories::tag(asked).await,
        "UntagResource" => repositories::untag(asked).await,
        "UploadLayerPart" => layers::upload_part(asked).await,
        other => Err(AwsError::new("UnknownOperationException", format!("ecr has no operation {other}"))),
    }
}

/// Turns the registry's refusal into ECR's (codes: botocore `ecr/2015-09-21`).
fn refuse(error: RegistryError) -> AwsError {
    let code = match &error {
        RegistryError::RepositoryNotFound { .. } => "RepositoryNotFoundException",
        RegistryError::RepositoryExists { .. } => "RepositoryAlreadyExistsException",
        RegistryError::RepositoryNotEmpty { .. } => "RepositoryNotEmptyException",
        RegistryError::ImageNotFound { .. } => "ImageNotFoundException",
        RegistryError::TagImmutable { .. } => "ImageTagAlreadyExistsException",
        RegistryError::DigestMismatch { .. } => "ImageDigestDoesNotMatchException",
        RegistryError::LayersMissing { .. } => "LayersNotFoundException",
        RegistryError::ImagesMissing { .. } => "ReferencedImagesNotFoundException",
        RegistryError::UploadNotFound { .. } => "UploadNotFoundException",
        RegistryError::ReferencedByIndex { .. }
        | RegistryError::ManifestInvalid { .. }
        | RegistryError::TagInvalid { .. } => "InvalidParameterException",
        RegistryError::Ingest(_) | RegistryError::Blob(_) | RegistryError::Store(_) | RegistryError::Row { .. } => {
            tracing::error!(error = &error as &dyn std::error::Error, "registry call failed");
            return AwsError::server(error.to_string());
        }
    };
    AwsError::new(code, error.to_string())
}

#[cfg(test)]
mod tests;
