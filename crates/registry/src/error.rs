//! Why the registry refuses. Messages are ECR's own; the OCI side and the ECR API turn the
//! same refusal into their own codes.

use images::Digest;

/// A refusal.
#[derive(Debug, thiserror::Error)]
pub enum RegistryError {
    /// No such repository.
    #[error("The repository with name '{name}' does not exist in the registry with id '{account}'")]
    RepositoryNotFound {
        /// The repository.
        name: String,
        /// The registry.
        account: String,
    },
    /// The name is taken.
    #[error("The repository with name '{name}' already exists in the registry with id '{account}'")]
    RepositoryExists {
        /// The repository.
        name: String,
        /// The registry.
        account: String,
    },
    /// It has images and `force` was not given.
    #[error(
        "The repository with name '{name}' in registry with id '{account}' cannot be deleted because it still contains images"
    )]
    RepositoryNotEmpty {
        /// The repository.
        name: String,
        /// The registry.
        account: String,
    },
    /// No such image.
    #[error(
        "The image with imageId {id} does not exist within the repository with name '{name}' in the registry with id '{account}'"
    )]
    ImageNotFound {
        /// The image, in ECR's words.
        id: String,
        /// The repository.
        name: String,
        /// The registry.
        account: String,
    },
    /// An immutable tag would move.
    #[error(
        "The image tag '{tag}' already exists in the '{name}' repository and cannot be overwritten because the tag is immutable."
    )]
    TagImmutable {
        /// The tag.
        tag: String,
        /// The repository.
        name: String,
    },
    /// The bytes have another digest than the caller says.
    #[error("The provided digest '{wanted}' does not match the digest of the manifest '{actual}'")]
    DigestMismatch {
        /// What the caller says.
        wanted: String,
        /// What it is.
        actual: Digest,
    },
    /// The manifest refers to blobs that were not pushed to this repository.
    #[error(
        "Layers with digests '[{}]' required for pushing image into repository with name '{name}' in the registry with id '{account}' do not exist",
        list(missing)
    )]
    LayersMissing {
        /// The blobs.
        missing: Vec<Digest>,
        /// The repository.
        name: String,
        /// The registry.
        account: String,
    },
    /// The index refers to manifests that were not pushed to this repository.
    #[error(
        "Images with digests '[{}]' required for pushing image into repository with name '{name}' in the registry with id '{account}' do not exist",
        list(missing)
    )]
    ImagesMissing {
        /// The manifests.
        missing: Vec<Digest>,
        /// The repository.
        name: String,
        /// The registry.
        account: String,
    },
    /// An index in the repository needs the image.
    #[error("Requested image referenced by manifest list: [{index}]")]
    ReferencedByIndex {
        /// The index.
        index: Digest,
    },
    /// The manifest cannot be used.
    #[error("Invalid parameter at 'ImageManifest' failed to satisfy constraint: '{reason}'")]
    ManifestInvalid {
        /// What is wrong with it.
        reason: String,
    },
    /// Neither the manifest nor the caller says what it is.
    #[error("image manifest mediatype not provided in manifest or parameter")]
    NoMediaType,
    /// The tag is not one.
    #[error("Invalid parameter at 'imageTag' failed to satisfy constraint: 'must be a valid tag'; got '{tag}'")]
    TagInvalid {
        /// The text.
        tag: String,
    },
    /// The upload is unknown, finished, or another repository's.
    #[error("Upload with id '{id}' for repository with name '{name}' in registry with id '{account}' cannot be found")]
    UploadNotFound {
        /// The upload.
        id: String,
        /// The repository.
        name: String,
        /// The registry.
        account: String,
    },
    /// A piece of an upload failed.
    #[error(transparent)]
    Ingest(#[from] images::IngestError),
    /// A blob could not be read or written.
    #[error(transparent)]
    Blob(#[from] images::StoreError),
    /// The database refused.
    #[error("could not store the registry's change")]
    Store(#[from] store::StoreError),
    /// A row of the database is not readable.
    #[error("row `{key}` of the registry's table `{table}` is not readable")]
    Row {
        /// The table.
        table: &'static str,
        /// The row.
        key: String,
        /// The parser's complaint.
        #[source]
        source: serde_json::Error,
    },
}

fn list(digests: &[Digest]) -> String {
    digests.iter().map(Digest::as_str).collect::<Vec<_>>().join(", ")
}
