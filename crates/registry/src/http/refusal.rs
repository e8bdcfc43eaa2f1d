//! Refusals as the distribution specification writes them.

use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::{Body, full, respond};
use crate::Options;
use crate::error::RegistryError;

/// An answer that is an error.
#[derive(Debug)]
pub(super) struct Refusal(Box<Parts>);

#[derive(Debug)]
struct Parts {
    status: StatusCode,
    code: &'static str,
    message: String,
    detail: Value,
    headers: Vec<(&'static str, String)>,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self(Box::new(Parts { status, code, message: message.into(), detail: Value::Null, headers: Vec::new() }))
    }

    pub(super) fn with_header(mut self, name: &'static str, value: String) -> Self {
        self.0.headers.push((name, value));
        self
    }

    pub(super) fn no_such_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "UNSUPPORTED", "The path is not one of the distribution protocol")
    }

    pub(super) fn unsupported() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED", "The operation is unsupported")
    }

    pub(super) fn unauthorized() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", "Not Authorized")
    }

    pub(super) fn name_invalid(name: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "NAME_INVALID", format!("invalid repository name '{name}'"))
    }

    pub(super) fn digest_invalid(message: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "DIGEST_INVALID", message)
    }

    pub(super) fn size_invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "SIZE_INVALID", message)
    }

    pub(super) fn blob_unknown(digest: &str) -> Self {
        let mut refusal = Self::new(StatusCode::NOT_FOUND, "BLOB_UNKNOWN", "blob unknown to registry");
        refusal.0.detail = json!({ "digest": digest });
        refusal
    }

    pub(super) fn out_of_order(message: impl Into<String>) -> Self {
        Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "BLOB_UPLOAD_INVALID", message)
    }

    pub(super) fn range(size: u64) -> Self {
        Self::new(StatusCode::RANGE_NOT_SATISFIABLE, "SIZE_INVALID", "the range is outside of the blob")
            .with_header("content-range", format!("bytes */{size}"))
    }

    pub(super) fn upload_invalid(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID", message)
    }

    pub(super) fn broken_off(reason: String) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "SIZE_INVALID", format!("the request broke off: {reason}"))
    }

    /// ECR's own refusal of a deletion, in the protocol's form.
    pub(super) fn denied(code: &str, reason: String) -> Self {
        Self::new(StatusCode::FORBIDDEN, "DENIED", format!("{code}: {reason}"))
    }

    pub(super) fn too_large(limit: usize) -> Self {
        let message = format!("the manifest is larger than {limit} bytes");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "MANIFEST_INVALID", message)
    }

    pub(super) fn into_response(self, options: &Options) -> Response<Body> {
        let Parts { status, code, message, detail, mut headers } = *self.0;
        let body = json!({"errors": [{"code": code, "message": message, "detail": detail}]});
        headers.push(("content-type", "application/json".to_owned()));
        if status == StatusCode::UNAUTHORIZED {
            let challenge = format!("Basic realm=\"http://{}/\",service=\"ecr.amazonaws.com\"", options.host);
            headers.push(("www-authenticate", challenge));
        }
        respond(status, &headers, full(body.to_string()))
    }
}

impl From<RegistryError> for Refusal {
    fn from(error: RegistryError) -> Self {
        let message = error.to_string();
        let (status, code) = match &error {
            RegistryError::RepositoryNotFound { .. } => (StatusCode::NOT_FOUND, "NAME_UNKNOWN"),
            RegistryError::ImageNotFound { .. } => (StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN"),
            RegistryError::TagImmutable { .. } | RegistryError::TagInvalid { .. } => {
                (StatusCode::BAD_REQUEST, "TAG_INVALID")
            }
            RegistryError::DigestMismatch { .. } => (StatusCode::BAD_REQUEST, "DIGEST_INVALID"),
            RegistryError::LayersMissing { missing, .. } | RegistryError::ImagesMissing { missing, .. } => {
                let mut refusal = Self::new(StatusCode::NOT_FOUND, "MANIFEST_BLOB_UNKNOWN", message);
                refusal.0.detail = json!({ "digests": missing });
                return refusal;
            }
            RegistryError::ReferencedByIndex { .. } => (StatusCode::FORBIDDEN, "DENIED"),
            RegistryError::ManifestInvalid { .. } | RegistryError::NoMediaType => {
                (StatusCode::BAD_REQUEST, "MANIFEST_INVALID")
            }
            RegistryError::UploadNotFound { .. } => (StatusCode::NOT_FOUND, "BLOB_UPLOAD_UNKNOWN"),
            RegistryError::Ingest(images::IngestError::Store(images::StoreError::Mismatch { .. })) => {
                (StatusCode::BAD_REQUEST, "DIGEST_INVALID")
            }
            RegistryError::Ingest(images::IngestError::Unusable | images::IngestError::Interrupted { .. }) => {
                (StatusCode::BAD_REQUEST, "BLOB_UPLOAD_INVALID")
            }
            RegistryError::Blob(images::StoreError::Missing { .. } | images::StoreError::Corrupt { .. }) => {
                (StatusCode::NOT_FOUND, "BLOB_UNKNOWN")
            }
            RegistryError::RepositoryExists { .. }
            | RegistryError::RepositoryNotEmpty { .. }
            | RegistryError::Ingest(_)
            | RegistryError::Blob(_)
            | RegistryError::Store(_)
            | RegistryError::Row { .. } => {
                tracing::error!(error = &error as &dyn std::error::Error, "registry request failed");
                (StatusCode::INTERNAL_SERVER_ERROR, "UNKNOWN")
            }
        };
        Self::new(status, code, message)
    }
}
