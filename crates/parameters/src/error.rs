//! Why Parameter Store refuses, in its words. None of them holds a value.

use aws_model::AwsError;
use aws_model::tags::TagError;
use store::StoreError;

/// The parameters could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store refused.
    #[error("could not load the parameters")]
    Store(#[from] StoreError),
    /// The key of the secrets does not open the stored values.
    #[error("the key file is not the one that the stored parameters were sealed with")]
    WrongKey,
    /// A row is unreadable.
    #[error("the row `{row}` of the parameters is damaged")]
    Row {
        /// Region, name and version.
        row: String,
        /// What was wrong.
        #[source]
        source: serde_json::Error,
    },
    /// A version or its value is not there.
    #[error("what belongs to parameter `{row}` is missing from the database")]
    Lost {
        /// Region, name and version.
        row: String,
    },
}

/// A refused operation.
#[derive(Debug, thiserror::Error)]
pub enum ParameterError {
    /// `ParameterNotFound`.
    #[error("Parameter {0} not found.")]
    NotFound(String),
    /// `ParameterNotFound`: one of those that AWS keeps for everyone, below `/aws/service`. Their values are ids of
    /// machine images, versions of agents: none of them is here, and one that is made up would be taken for true.
    #[error(
        "Parameter {0} not found. It is a public parameter of AWS; managr's platform keeps none of these, since it has \
         no machine images."
    )]
    Public(String),
    /// `ParameterNotFound`: a reference to a secret that is not there, or has no such version. The words are AWS's,
    /// `null` for no selector too (measured by floci, 2026-09-28).
    #[error("An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret {0} not found.")]
    Secret(String),
    /// `ParameterVersionNotFound`.
    #[error("Systems Manager could not find {what} of {name}. Verify the version and try again.")]
    VersionNotFound {
        /// `version 3` or `label blue`.
        what: String,
        /// The parameter.
        name: String,
    },
    /// `ParameterAlreadyExists`.
    #[error("The parameter already exists. To overwrite this value, set the overwrite option in the request to true.")]
    Exists,
    /// `HierarchyLevelLimitExceededException`.
    #[error("A hierarchy can have a maximum of 15 levels; the parameter name {0} has more.")]
    TooDeep(String),
    /// `HierarchyTypeMismatchException`.
    #[error(
        "Parameter Store doesn't support changing the type of a parameter: {name} is a {present}. Create a new, unique \
         parameter."
    )]
    OtherType {
        /// The parameter.
        name: String,
        /// The type it has.
        present: &'static str,
    },
    /// `ParameterMaxVersionLimitExceeded`.
    #[error(
        "You attempted to create a new version of {name} by calling the PutParameter API with the overwrite flag. \
         Version {oldest}, the oldest version, can't be deleted because it has a label associated with it. Move the \
         label to another version of the parameter, and try again."
    )]
    OldestLabelled {
        /// The parameter.
        name: String,
        /// Its oldest version.
        oldest: i64,
    },
    /// `ParameterVersionLabelLimitExceeded`.
    #[error(
        "A parameter version can have maximum 10 labels. Move one or more labels to another version and try again."
    )]
    TooManyLabels,
    /// `InvalidAllowedPatternException`.
    #[error(
        "The allowed pattern {0} can't be used: it is not a regular expression, or one with look-around or a back-reference, which managr's platform does not have."
    )]
    BadPattern(String),
    /// `ParameterPatternMismatchException`.
    #[error("Parameter value, cannot be validated against allowedPattern: {0}")]
    PatternMismatch(String),
    /// `AccessDeniedException`: a name that only AWS may use.
    #[error("No access to reserved parameter name: {0}.")]
    Reserved(String),
    /// `ValidationException`.
    #[error("{0}")]
    Invalid(String),
    /// `InvalidFilterKey`.
    #[error("{0}")]
    FilterKey(String),
    /// `InvalidFilterOption`.
    #[error("{0}")]
    FilterOption(String),
    /// `InvalidFilterValue`.
    #[error("{0}")]
    FilterValue(String),
    /// `InvalidResourceId`: tags of what is not there.
    #[error("The resource ID isn't valid: there is no parameter {0}.")]
    ResourceId(String),
    /// What cannot be a tag.
    #[error(transparent)]
    Tags(#[from] TagError),
    /// `InvalidKeyId`: the row was tampered with, or swapped.
    #[error("The value of parameter {0} can't be decrypted.")]
    Decryption(String),
    /// The change was not stored.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The change's task ended without an answer: the platform is going down.
    #[error("the platform is shutting down")]
    Interrupted,
}

impl ParameterError {
    pub(crate) fn invalid(words: impl Into<String>) -> Self {
        Self::Invalid(words.into())
    }

    /// Whether it says that a name names nothing, for whatever reason.
    pub(crate) fn names_nothing(&self) -> bool {
        matches!(
            self,
            Self::NotFound(_) | Self::Public(_) | Self::VersionNotFound { .. } | Self::Secret(_) | Self::Invalid(_)
        )
    }

    /// Returns the modelled code (botocore: ssm 2014-11-06).
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) | Self::Public(_) | Self::Secret(_) => "ParameterNotFound",
            Self::VersionNotFound { .. } => "ParameterVersionNotFound",
            Self::Exists => "ParameterAlreadyExists",
            Self::TooDeep(_) => "HierarchyLevelLimitExceededException",
            Self::OtherType { .. } => "HierarchyTypeMismatchException",
            Self::OldestLabelled { .. } => "ParameterMaxVersionLimitExceeded",
            Self::TooManyLabels => "ParameterVersionLabelLimitExceeded",
            Self::BadPattern(_) => "InvalidAllowedPatternException",
            Self::PatternMismatch(_) => "ParameterPatternMismatchException",
            Self::Reserved(_) => "AccessDeniedException",
            Self::Invalid(_) => "ValidationException",
            Self::FilterKey(_) => "InvalidFilterKey",
            Self::FilterOption(_) => "InvalidFilterOption",
            Self::FilterValue(_) => "InvalidFilterValue",
            Self::ResourceId(_) => "InvalidResourceId",
            Self::Tags(error) => error.code,
            Self::Decryption(_) => "InvalidKeyId",
            Self::Store(_) | Self::Interrupted => "InternalServerError",
        }
    }
}

impl From<ParameterError> for AwsError {
    fn from(error: ParameterError) -> Self {
        let ours = matches!(error, ParameterError::Store(_) | ParameterError::Interrupted);
        Self::new(error.code(), error.to_string()).with_status(if ours { 500 } else { 400 })
    }
}
