//! Why CloudWatch Logs refuses, in its words.

use aws_model::AwsError;
use aws_model::tags::TagError;
use store::StoreError;

/// A refused operation.
#[derive(Debug, thiserror::Error)]
pub enum LogsError {
    /// There is no such group.
    #[error("The specified log group does not exist.")]
    NoGroup,
    /// There is no such stream.
    #[error("The specified log stream does not exist.")]
    NoStream,
    /// The group is there already.
    #[error("The specified log group already exists")]
    GroupExists,
    /// The stream is there already.
    #[error("The specified log stream already exists")]
    StreamExists,
    /// There is no such metric filter.
    #[error("The specified metric filter does not exist.")]
    NoMetricFilter,
    /// There is no such subscription filter.
    #[error("The specified subscription filter does not exist.")]
    NoSubscription,
    /// There is no such resource policy.
    #[error("Policy with name [{name}] does not exist")]
    NoPolicy {
        /// Its name.
        name: String,
    },
    /// There is no such query.
    #[error("The specified query does not exist.")]
    NoQuery,
    /// There is no such query definition.
    #[error("The specified query definition does not exist.")]
    NoDefinition,
    /// A query is not in the language.
    #[error("{0}")]
    Malformed(String),
    /// There are as many as there can be.
    #[error("Resource limit exceeded.")]
    LimitExceeded,
    /// Something of the request is not allowed.
    #[error("{0}")]
    Invalid(String),
    /// What cannot be a tag.
    #[error(transparent)]
    Tags(#[from] TagError),
    /// The store refused.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The change's task ended without an answer: the platform is going down.
    #[error("the platform is shutting down")]
    Interrupted,
}

impl LogsError {
    pub(crate) fn invalid(words: impl Into<String>) -> Self {
        Self::Invalid(words.into())
    }

    /// Returns the modelled code (botocore: logs 2014-03-28).
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoGroup
            | Self::NoStream
            | Self::NoMetricFilter
            | Self::NoSubscription
            | Self::NoPolicy { .. }
            | Self::NoQuery
            | Self::NoDefinition => "ResourceNotFoundException",
            Self::Malformed(_) => "MalformedQueryException",
            Self::LimitExceeded => "LimitExceededException",
            Self::GroupExists | Self::StreamExists => "ResourceAlreadyExistsException",
            Self::Invalid(_) => "InvalidParameterException",
            Self::Tags(error) => error.code,
            Self::Store(_) | Self::Interrupted => "ServiceUnavailableException",
        }
    }
}

impl From<LogsError> for AwsError {
    fn from(error: LogsError) -> Self {
        let status = if matches!(error, LogsError::Store(_) | LogsError::Interrupted) { 500 } else { 400 };
        Self::new(error.code(), error.to_string()).with_status(status)
    }
}
