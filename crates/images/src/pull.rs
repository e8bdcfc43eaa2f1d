//! Brings an image from a registry elsewhere into the store.

use std::fs;
use std::time::Duration;

use distribution::{Client, FetchError, Settings};
use futures_util::{StreamExt, TryStreamExt};

use crate::digest::Digest;
use crate::document::{Descriptor, DocumentError, Manifest, host_architecture, media};
use crate::ingest::IngestError;
use crate::limits::Excess;
use crate::reference::Reference;
use crate::store::{ImageStore, Pulled, StoreError, blocking};

/// Layers fetched at once.
const WIDTH: usize = 4;
const CONNECT: Duration = Duration::from_secs(10);
/// How long a registry may be silent in the middle of an answer.
const SILENCE: Duration = Duration::from_secs(60);
/// How long a manifest, or the beginning of a layer, may take.
const DOCUMENT: Duration = Duration::from_secs(120);

pub use distribution::Credentials;

/// How far a pull has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress {
    /// The reference is resolved and the layers are known.
    Resolved {
        /// The manifest for this machine.
        digest: Digest,
        /// Layers that have to be fetched.
        layers: usize,
        /// Their bytes.
        bytes: u64,
    },
    /// Some of a layer has arrived.
    Layer {
        /// The layer's blob.
        digest: Digest,
        /// Bytes so far.
        received: u64,
        /// Bytes in all.
        size: u64,
    },
}

/// Why an image could not be pulled.
#[derive(Debug, thiserror::Error)]
pub enum PullError {
    /// The registry does not have it.
    #[error("image `{reference}` was not found in its registry")]
    NotFound {
        /// The image.
        reference: String,
    },
    /// The registry wants (other) credentials. Docker Hub says so of images that do not exist, too.
    #[error("registry `{registry}` refused access to `{reference}`: it does not exist or needs authorization")]
    Unauthorized {
        /// The image.
        reference: String,
        /// The registry's host.
        registry: String,
    },
    /// The registry cannot be spoken to.
    #[error("registry `{registry}` could not be reached")]
    Unreachable {
        /// The registry's host.
        registry: String,
        /// Why.
        #[source]
        source: FetchError,
    },
    /// The registry answered with something that makes no sense or broke off.
    #[error("registry `{registry}` gave no usable answer for `{reference}`")]
    Answer {
        /// The image.
        reference: String,
        /// The registry's host.
        registry: String,
        /// Why.
        #[source]
        source: FetchError,
    },
    /// The transfer of a layer broke off.
    #[error("transfer of layer `{layer}` of `{reference}` broke off: {reason}")]
    Interrupted {
        /// The image.
        reference: String,
        /// The blob.
        layer: Digest,
        /// The transport's words.
        reason: String,
    },
    /// The image is for other machines only.
    #[error("image `{reference}` has no manifest for linux/{architecture}")]
    Platform {
        /// The image.
        reference: String,
        /// This machine's architecture.
        architecture: &'static str,
    },
    /// The image is more than this machine takes in.
    #[error("image `{reference}` is too large: {excess}")]
    TooMuch {
        /// The image.
        reference: String,
        /// Which limit was met.
        excess: Excess,
    },
    /// The registry delivers something else than the manifest announces.
    #[error("layer `{layer}` of `{reference}` has {delivered}, but the manifest says {announced} bytes")]
    Size {
        /// The image.
        reference: String,
        /// The blob.
        layer: Digest,
        /// What the manifest says.
        announced: u64,
        /// What arrived: bytes, in words.
        delivered: String,
    },
    /// The manifest is not understood.
    #[error("manifest of `{reference}` is not usable")]
    Document {
        /// The image.
        reference: String,
        /// What is wrong with it.
        #[source]
        source: DocumentError,
    },
    /// What arrived could not be stored, or is not what it should be.
    #[error("could not store image `{reference}`")]
    Store {
        /// The image.
        reference: String,
        /// Why.
        #[source]
        source: StoreError,
    },
}

impl ImageStore {
    /// Fetches an image and returns the digest that the reference means now (an index's, if it
    /// names one; only this machine's part of it is fetched). What is here already is not
    /// fetched again. `progress` is called often and must return at once.
    ///
    /// Registries on this machine are spoken to in plain HTTP, all others over TLS.
    pub async fn pull(
        &self,
        reference: &Reference,
        credentials: &Credentials,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<Digest, PullError> {
        let remote = Remote::connect(reference, credentials)?;
        let store = |source| PullError::Store { reference: reference.to_string(), source };

        let limit = self.inner.limits.manifest_bytes;
        let (top_bytes, top_digest) = remote.manifest(None, limit).await?;
        let mut bytes = top_bytes.clone();
        let mut digest = top_digest.clone();
        let mut manifest = remote.parse(&bytes)?;
        if manifest.is_index() {
            let architecture = host_architecture();
            let entry = manifest.entry_for("linux", architecture);
            let entry = entry.ok_or_else(|| PullError::Platform { reference: reference.to_string(), architecture })?;
            (bytes, digest) = remote.manifest(Some(&entry.digest), limit).await?;
            manifest = remote.parse(&bytes)?;
        }

        let missing: Vec<&Descriptor> =
            manifest.config.iter().chain(&manifest.layers).filter(|d| self.stat(&d.digest).is_none()).collect();
        self.check_announced(&manifest)
            .map_err(|excess| PullError::TooMuch { reference: reference.to_string(), excess })?;
        let size = missing.iter().map(|d| d.size).sum();
        progress(Progress::Resolved { digest: digest.clone(), layers: missing.len(), bytes: size });
        let transfers: Vec<_> = missing.iter().map(|blob| self.fetch(&remote, blob, progress)).collect();
        let fetched = futures_util::stream::iter(transfers).buffer_unordered(WIDTH).try_collect::<()>().await;
        if let Err(error) = fetched {
            // Otherwise what has arrived is kept for an hour, so that another try fetches the rest.
            if matches!(&error, PullError::Store { source, .. } if source.is_full()) {
                self.drop_fetched(missing.iter().map(|d| d.digest.clone()).collect()).await;
            }
            return Err(error);
        }

        // The manifests last: a reader that finds one finds all that it refers to.
        self.put_document(bytes, Some(&digest)).await.map_err(store)?;
        self.put_document(top_bytes, Some(&top_digest)).await.map_err(store)?;
        self.remember(reference, &top_digest).await.map_err(store)?;
        self.keep([&top_digest, &digest].into_iter().chain(manifest.blobs().map(|d| &d.digest)));
        Ok(top_digest)
    }

    /// Refuses an image that is too large by its own word, before anything of it is fetched.
    fn check_announced(&self, manifest: &Manifest) -> Result<(), Excess> {
        let limits = &self.inner.limits;
        let excess = |what, limit| Err(Excess { of: "image", what, limit });
        if manifest.layers.len() > limits.layers {
            return excess("layers", limits.layers as u64);
        }
        if manifest.config.as_ref().is_some_and(|config| config.size > limits.config_bytes) {
            return excess("bytes in its configuration", limits.config_bytes);
        }
        let sum = manifest.layers.iter().map(|layer| layer.size).fold(0, u64::saturating_add);
        if sum > limits.blob_bytes {
            return excess("compressed bytes in all its layers", limits.blob_bytes);
        }
        Ok(())
    }

    /// Gives the disk back what arrived of an image for which there was no room.
    async fn drop_fetched(&self, digests: Vec<Digest>) {
        let store = self.clone();
        blocking(move || {
            for digest in digests {
                store.inner.held.lock().forget(&digest);
                let path = store.inner.blob_path(&digest);
                if path.exists()
                    && let Err(error) = store.take_one(&digest, &path)
                {
                    tracing::warn!(%digest, %error, "a layer of a failed pull could not be removed");
                }
            }
        })
        .await;
    }

    async fn fetch(
        &self,
        remote: &Remote<'_>,
        blob: &Descriptor,
        progress: &(dyn Fn(Progress) + Send + Sync),
    ) -> Result<(), PullError> {
        let _alone = self.inner.fetching.lock(&blob.digest).await;
        if self.stat(&blob.digest).is_some() {
            return Ok(()); // another pull was quicker
        }
        let reference = || remote.reference.to_string();
        let store = |source| PullError::Store { reference: reference(), source };
        let answer = remote.client.blob(&blob.digest.to_string(), &blob.urls).await;
        let stream = answer.map_err(|error| remote.blame(error))?;
        let mut received = 0;
        let counted = stream.inspect_ok(|piece| {
            received += piece.len() as u64;
            progress(Progress::Layer { digest: blob.digest.clone(), received, size: blob.size });
        });
        let ingest = self.begin_blob().await.map_err(store)?;
        let broken = |error| match error {
            IngestError::Store(source) => store(source),
            other => {
                PullError::Interrupted { reference: reference(), layer: blob.digest.clone(), reason: other.to_string() }
            }
        };
        // One byte too many is known to be one before the rest of an endless stream has arrived.
        let announced = blob.size;
        let wrong = |delivered| {
            let (reference, layer) = (reference(), blob.digest.clone());
            PullError::Size { reference, layer, announced, delivered }
        };
        let mut seen = 0;
        let mut over = false;
        let bounded = counted.map_err(|error| error.to_string()).take_while(|piece| {
            seen += piece.as_ref().map_or(0, |piece| piece.len() as u64);
            over = seen > announced;
            std::future::ready(!over)
        });
        let size = ingest.append(bounded).await.map_err(broken)?;
        if over {
            return Err(wrong("more".to_owned()));
        }
        if size != announced {
            return Err(wrong(format!("{size} bytes")));
        }
        ingest.finish(&blob.digest).await.map_err(broken)
    }

    async fn remember(&self, reference: &Reference, digest: &Digest) -> Result<(), StoreError> {
        let path = self.inner.pulled_path(reference);
        let temp = self.inner.temp_path();
        let record = Pulled { reference: reference.to_string(), digest: digest.clone() };
        let bytes = serde_json::to_vec(&record).expect("a record of strings");
        blocking(move || {
            fs::write(&temp, bytes).and_then(|()| fs::rename(&temp, &path)).map_err(StoreError::disk("write", &path))
        })
        .await
    }
}

/// One registry, for one pull.
struct Remote<'a> {
    client: Client,
    reference: &'a Reference,
}

impl<'a> Remote<'a> {
    /// Makes a client for one pull: the token that it gets holds for one repository.
    fn connect(reference: &'a Reference, credentials: &Credentials) -> Result<Self, PullError> {
        let plain = reference.is_loopback();
        let settings = Settings { plain, connect: CONNECT, silence: SILENCE, document: DOCUMENT };
        match Client::new(reference.0.clone(), credentials.clone(), settings) {
            Ok(client) => Ok(Self { client, reference }),
            Err(source) => Err(PullError::Unreachable { registry: reference.registry().to_owned(), source }),
        }
    }

    async fn manifest(&self, digest: Option<&Digest>, limit: u64) -> Result<(bytes::Bytes, Digest), PullError> {
        let digest = digest.map(ToString::to_string);
        let answer = self.client.manifest(digest.as_deref(), media::MANIFESTS, limit).await;
        let bytes = answer.map_err(|error| self.blame(error))?;
        let digest = Digest::of(&bytes);
        Ok((bytes, digest))
    }

    fn parse(&self, bytes: &[u8]) -> Result<Manifest, PullError> {
        Manifest::parse(bytes).map_err(|source| PullError::Document { reference: self.reference.to_string(), source })
    }

    /// Tells whose fault a failure is.
    fn blame(&self, error: FetchError) -> PullError {
        let reference = self.reference.to_string();
        let registry = self.reference.registry().to_owned();
        match error {
            FetchError::NotFound => PullError::NotFound { reference },
            FetchError::Unauthorized => PullError::Unauthorized { reference, registry },
            error if error.is_passing() => PullError::Unreachable { registry, source: error },
            error => PullError::Answer { reference, registry, source: error },
        }
    }
}
