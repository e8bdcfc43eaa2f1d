//! Why Secrets Manager refuses, in its words.

use std::io;
use std::path::PathBuf;

use aws_model::AwsError;
use aws_model::tags::TagError;
use store::StoreError;

/// The secrets could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The store refused.
    #[error("could not load the secrets")]
    Store(#[from] StoreError),
    /// The key file could not be made or read.
    #[error("could not use key file {}", path.display())]
    Key {
        /// The key file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Others than its owner may read the key.
    #[error("key file {} has mode {mode:03o}; it must be 600 (chmod 600 it, and consider its secrets known)", path.display())]
    Exposed {
        /// The key file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The file is not 32 bytes long.
    #[error("key file {} is damaged: {length} bytes, not 32", path.display())]
    Damaged {
        /// The key file.
        path: PathBuf,
        /// Its length.
        length: usize,
    },
    /// There are sealed values and no key.
    #[error("key file {} is missing, but there are secrets sealed with it: put it back, or start with another data directory", path.display())]
    Missing {
        /// Where it should be.
        path: PathBuf,
    },
    /// The key does not open the stored values.
    #[error("the key file is not the one that the stored secrets were sealed with")]
    WrongKey,
    /// A document is unreadable.
    #[error("the row of secret `{arn}` is damaged")]
    Row {
        /// Whose.
        arn: String,
        /// What was wrong.
        #[source]
        source: serde_json::Error,
    },
    /// A version's value is not there.
    #[error("a value of secret `{arn}` is missing from the database")]
    Lost {
        /// Whose.
        arn: String,
    },
    /// The kernel gave no random bytes.
    #[error("no random bytes for a key: {0}")]
    Random(getrandom::Error),
}

/// A refused operation.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// `ResourceNotFoundException`.
    #[error("{0}")]
    NotFound(String),
    /// `ResourceExistsException`.
    #[error("{0}")]
    Exists(String),
    /// `InvalidParameterException`.
    #[error("{0}")]
    InvalidParameter(String),
    /// `InvalidRequestException`.
    #[error("{0}")]
    InvalidRequest(String),
    /// What cannot be a tag.
    #[error(transparent)]
    Tags(#[from] TagError),
    /// `LimitExceededException`.
    #[error("{0}")]
    Limit(String),
    /// `DecryptionFailure`: the row was tampered with, or swapped.
    #[error("Secrets Manager can't decrypt the protected secret text using the provided KMS key.")]
    Decryption,
    /// The change was not stored.
    #[error("{0}")]
    Store(#[from] StoreError),
    /// The change's task ended without an answer: the platform is going down.
    #[error("the platform is shutting down")]
    Interrupted,
}

impl SecretError {
    pub(crate) fn not_found() -> Self {
        Self::NotFound("Secrets Manager can't find the specified secret.".to_owned())
    }

    pub(crate) fn parameter(words: impl Into<String>) -> Self {
        Self::InvalidParameter(words.into())
    }

    pub(crate) fn request(words: impl Into<String>) -> Self {
        Self::InvalidRequest(words.into())
    }

    pub(crate) fn deleted() -> Self {
        Self::request("You can't perform this operation on the secret because it was marked for deletion.")
    }

    /// Returns the modelled code (botocore: secretsmanager 2017-10-17).
    pub fn code(&self) -> &'static str {
        match self {
            Self::NotFound(_) => "ResourceNotFoundException",
            Self::Exists(_) => "ResourceExistsException",
            Self::InvalidParameter(_) => "InvalidParameterException",
            Self::InvalidRequest(_) => "InvalidRequestException",
            Self::Tags(error) => error.code,
            Self::Limit(_) => "LimitExceededException",
            Self::Decryption => "DecryptionFailure",
            Self::Store(_) | Self::Interrupted => "InternalServiceError",
        }
    }
}

impl From<SecretError> for AwsError {
    fn from(error: SecretError) -> Self {
        let status = if matches!(error, SecretError::Store(_) | SecretError::Interrupted) { 500 } else { 400 };
        Self::new(error.code(), error.to_string()).with_status(status)
    }
}
