//! An error as AWS answers it: a modelled code, a message that names the field, whose fault.

use std::borrow::Cow;

/// What a refused call answers. The code is the modelled one (botocore `service-2.json`),
/// without a namespace; the front adds what its protocol wants around it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct AwsError {
    /// The modelled error code, e.g. `ClientException`.
    pub code: Cow<'static, str>,
    /// Words for the caller; names the field or the resource.
    pub message: String,
    /// The HTTP status.
    pub status: u16,
}

impl AwsError {
    /// Returns a caller's error (HTTP 400).
    pub fn new(code: impl Into<Cow<'static, str>>, message: impl Into<String>) -> Self {
        Self { code: code.into(), message: message.into(), status: 400 }
    }

    /// Returns the same error with another HTTP status.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        self.status = status;
        self
    }

    /// Returns a fault of the platform itself (HTTP 500), which clients may retry.
    pub fn server(message: impl Into<String>) -> Self {
        Self::new("ServerException", message).with_status(500)
    }

    /// Returns ECS's `ClientException`.
    pub fn client(message: impl Into<String>) -> Self {
        Self::new("ClientException", message)
    }

    /// Returns ECS's `InvalidParameterException`.
    pub fn invalid_parameter(message: impl Into<String>) -> Self {
        Self::new("InvalidParameterException", message)
    }
}

/// Returns an error and what caused it, in one line: for logs, and for protocols that have one field for it.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        words = format!("{words}: {inner}");
        cause = inner.source();
    }
    words
}
