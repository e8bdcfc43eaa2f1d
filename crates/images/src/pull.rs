//! Brings an image from a registry elsewhere into the store.

use std::fs;
use std::sync::Once;
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use oci_client::client::{ClientConfig, ClientProtocol};
use oci_client::errors::{OciDistributionError, OciErrorCode};
use oci_client::manifest::OciDescriptor;
use oci_client::secrets::RegistryAuth;

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

/// Who asks.
#[derive(Clone, Default)]
pub enum Credentials {
    /// Nobody in particular; public images.
    #[default]
    Anonymous,
    /// A user and password, sent only to the registry of the reference and its token service.
    Password {
        /// The user's name.
        user: String,
        /// The password or token. Never printed.
        password: String,
    },
}

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
        source: OciDistributionError,
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
        source: OciDistributionError,
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

        let (top_bytes, top_digest) = remote.manifest(&reference.0).await?;
        let mut bytes = top_bytes.clone();
        let mut digest = top_digest.clone();
        let mut manifest = remote.parse(&bytes)?;
        if manifest.is_index() {
            let architecture = host_architecture();
            let entry = manifest.entry_for("linux", architecture);
            let entry = entry.ok_or_else(|| PullError::Platform { reference: reference.to_string(), architecture })?;
            (bytes, digest) = remote.manifest(&reference.0.clone_with_digest(entry.digest.to_string())).await?;
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

        // The manifests last: whoever finds one finds all that it refers to.
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
        let descriptor = OciDescriptor {
            digest: blob.digest.to_string(),
            size: i64::try_from(blob.size).unwrap_or(i64::MAX),
            media_type: blob.media_type.clone(),
            urls: (!blob.urls.is_empty()).then(|| blob.urls.clone()),
            ..OciDescriptor::default()
        };
        let answer = remote.client.pull_blob_stream(&remote.reference.0, &descriptor).await;
        let stream = answer.map_err(|error| remote.blame(error))?.stream;
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
    client: oci_client::Client,
    reference: &'a Reference,
    auth: RegistryAuth,
}

impl<'a> Remote<'a> {
    /// A client of its own for each pull: its cache of credentials goes by host alone.
    fn connect(reference: &'a Reference, credentials: &Credentials) -> Result<Self, PullError> {
        ensure_tls_provider();
        let protocol = if reference.is_loopback() { ClientProtocol::Http } else { ClientProtocol::Https };
        let config = ClientConfig {
            protocol,
            connect_timeout: Some(CONNECT),
            read_timeout: Some(SILENCE),
            user_agent: concat!("managr/", env!("CARGO_PKG_VERSION")),
            ..ClientConfig::default()
        };
        let auth = match credentials {
            Credentials::Anonymous => RegistryAuth::Anonymous,
            Credentials::Password { user, password } => RegistryAuth::Basic(user.clone(), password.clone()),
        };
        match oci_client::Client::try_from(config) {
            Ok(client) => Ok(Self { client, reference, auth }),
            Err(source) => Err(PullError::Unreachable { registry: reference.registry().to_owned(), source }),
        }
    }

    async fn manifest(&self, image: &oci_client::Reference) -> Result<(bytes::Bytes, Digest), PullError> {
        let answer = self.client.pull_manifest_raw(image, &self.auth, media::MANIFESTS).await;
        let (bytes, _) = answer.map_err(|error| self.blame(error))?;
        // Not the registry's word: a header may say anything.
        let digest = Digest::of(&bytes);
        Ok((bytes, digest))
    }

    fn parse(&self, bytes: &[u8]) -> Result<Manifest, PullError> {
        Manifest::parse(bytes).map_err(|source| PullError::Document { reference: self.reference.to_string(), source })
    }

    /// Tells whose fault a failure is.
    fn blame(&self, error: OciDistributionError) -> PullError {
        let reference = self.reference.to_string();
        let registry = self.reference.registry().to_owned();
        let verdict = verdict(&error);
        match verdict {
            Verdict::NotFound => PullError::NotFound { reference },
            Verdict::Unauthorized => PullError::Unauthorized { reference, registry },
            Verdict::Unreachable => PullError::Unreachable { registry, source: error },
            Verdict::Other => PullError::Answer { reference, registry, source: error },
        }
    }
}

#[derive(Debug, PartialEq, Eq, Clone, Copy)]
enum Verdict {
    NotFound,
    Unauthorized,
    Unreachable,
    Other,
}

fn verdict(error: &OciDistributionError) -> Verdict {
    match error {
        OciDistributionError::ImageManifestNotFoundError(_) => Verdict::NotFound,
        OciDistributionError::UnauthorizedError { .. } | OciDistributionError::AuthenticationFailure(_) => {
            Verdict::Unauthorized
        }
        OciDistributionError::RegistryError { envelope, .. } => {
            let codes = envelope.errors.iter().map(|e| &e.code);
            codes.fold(Verdict::Other, |verdict, code| match code {
                OciErrorCode::ManifestUnknown
                | OciErrorCode::NameUnknown
                | OciErrorCode::NotFound
                | OciErrorCode::BlobUnknown => Verdict::NotFound,
                OciErrorCode::Unauthorized | OciErrorCode::Denied => Verdict::Unauthorized,
                _ => verdict,
            })
        }
        OciDistributionError::ServerError { code: 404, .. } => Verdict::NotFound,
        OciDistributionError::ServerError { code: 401 | 403, .. } => Verdict::Unauthorized,
        OciDistributionError::ServerError { code: 500.., .. } | OciDistributionError::RequestError(_) => {
            Verdict::Unreachable
        }
        _ => Verdict::Other,
    }
}

/// The TLS library is linked without a default provider; the first user in the process
/// chooses, and a choice already made by another part stands.
fn ensure_tls_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}
