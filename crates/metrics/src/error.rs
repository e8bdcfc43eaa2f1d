//! Why CloudWatch refuses, in its words.

use aws_model::AwsError;
use store::StoreError;

/// A refused operation. The codes are those of Query (botocore, monitoring 2010-08-01).
#[derive(Debug, thiserror::Error)]
pub enum MetricsError {
    /// A value is not allowed.
    #[error("{0}")]
    Invalid(String),
    /// Values do not go together.
    #[error("{0}")]
    Combination(String),
    /// Something that must be there is not.
    #[error("{0}")]
    Missing(String),
    /// What operations refuse that declare no error for it.
    #[error("{0}")]
    Validation(String),
    /// There is no such alarm.
    #[error("{0}")]
    NoAlarm(String),
    /// There is no such resource.
    #[error("{0}")]
    NoResource(String),
    /// The alarm cannot be deleted as it is.
    #[error("{0}")]
    Conflict(String),
    /// A token is not one that was given out.
    #[error("The value for parameter NextToken is not valid.")]
    NoToken,
    /// A text is not the JSON that it has to be.
    #[error("{0}")]
    Malformed(String),
    /// A dashboard is not one.
    #[error("{0}")]
    Dashboard(String),
    /// There is no such dashboard.
    #[error("{0}")]
    NoDashboard(String),
    /// There are as many as there can be.
    #[error("{0}")]
    Limit(String),
    /// The store refused.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The work's task ended without an answer: the platform is going down.
    #[error("the platform is shutting down")]
    Interrupted,
}

impl MetricsError {
    pub(crate) fn invalid(words: impl Into<String>) -> Self {
        Self::Invalid(words.into())
    }

    pub(crate) fn validation(words: impl Into<String>) -> Self {
        Self::Validation(words.into())
    }

    /// Returns the code on the wire.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid(_) => "InvalidParameterValue",
            Self::Combination(_) => "InvalidParameterCombination",
            Self::Missing(_) => "MissingParameter",
            Self::Validation(_) => "ValidationError",
            Self::NoAlarm(_) | Self::NoDashboard(_) => "ResourceNotFound",
            Self::NoResource(_) => "ResourceNotFoundException",
            Self::Conflict(_) => "ResourceConflict",
            Self::NoToken => "InvalidNextToken",
            Self::Malformed(_) => "InvalidFormat",
            Self::Dashboard(_) => "InvalidParameterInput",
            Self::Limit(_) => "LimitExceeded",
            Self::Store(_) | Self::Interrupted => "InternalServiceError",
        }
    }
}

impl From<MetricsError> for AwsError {
    fn from(error: MetricsError) -> Self {
        let status = if matches!(error, MetricsError::Store(_) | MetricsError::Interrupted) { 500 } else { 400 };
        Self::new(error.code(), error.to_string()).with_status(status)
    }
}
