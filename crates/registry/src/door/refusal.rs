//! The registry's refusals in ECR's words (codes: botocore `ecr/2015-09-21`).

use aws_model::{AwsError, Document};
use serde_json::Value;

use crate::{Registry, RegistryError};

/// Returns ECR's refusal of a parameter.
pub(super) fn invalid(parameter: &str, constraint: &str) -> AwsError {
    AwsError::invalid_parameter(format!(
        "Invalid parameter at '{parameter}' failed to satisfy constraint: '{constraint}'"
    ))
}

/// Returns ECR's refusal of something of a repository that is not there.
pub(super) fn missing(code: &'static str, what: &str, registry: &Registry, name: &str) -> AwsError {
    let account = registry.account();
    let words =
        format!("{what} does not exist for the repository with name '{name}' in the registry with id '{account}'");
    AwsError::new(code, words)
}

/// Another account's registry has nothing.
pub(super) fn of_other_registry(registry: &Registry, input: &Document) -> Option<AwsError> {
    let other = input.get("registryId")?.as_str().filter(|id| *id != registry.account())?;
    let named = input.get("repositoryName").or_else(|| input.get("repositoryNames")?.get(0));
    let name = named.and_then(Value::as_str).unwrap_or("*");
    let words = format!("The repository with name '{name}' does not exist in the registry with id '{other}'");
    Some(AwsError::new("RepositoryNotFoundException", words))
}

impl From<RegistryError> for AwsError {
    fn from(error: RegistryError) -> Self {
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
            | RegistryError::NoMediaType
            | RegistryError::TagInvalid { .. } => "InvalidParameterException",
            RegistryError::Ingest(_) | RegistryError::Blob(_) | RegistryError::Store(_) | RegistryError::Row { .. } => {
                tracing::error!(error = &error as &dyn std::error::Error, "registry call failed");
                return AwsError::server(error.to_string());
            }
        };
        AwsError::new(code, error.to_string())
    }
}
