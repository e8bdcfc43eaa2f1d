//! From a manifest's digest to directories that can be mounted.

use std::collections::HashSet;
use std::fs::{self, File};
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::StreamExt;
use parking_lot::Mutex;

use crate::digest::Digest;
use crate::document::{ConfigBlob, Descriptor, DocumentError, ImageConfig, Manifest, host_architecture};
use crate::extract::{ExtractError, extract};
use crate::hold::Lease;
#[cfg(doc)]
use crate::limits::Limits;
use crate::limits::{Excess, Room};
use crate::store::{ImageStore, ManifestError, OpenStore, StoreError, blocking, remove_any};

/// An image that is ready to be mounted. It stays on the disk while `lease` lives.
#[derive(Debug, Clone)]
pub struct Unpacked {
    /// The manifest for this machine; another than was asked for if that was an index.
    pub digest: Digest,
    /// One directory per distinct layer, **topmost first**: the order of overlayfs's
    /// `lowerdir=` option. Never to be written to. Empty for an image without layers.
    pub lower_dirs: Vec<PathBuf>,
    /// How the image says it is run.
    pub config: ImageConfig,
    /// The image's layers as the manifest lists them, lowest first.
    pub layers: Vec<Layer>,
    /// Keeps blobs and directories from being swept; hold it for as long as they are mounted.
    pub lease: Lease,
}

/// One layer of an image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// The digest of the blob, compressed as it is.
    pub digest: Digest,
    /// The digest of its content, uncompressed.
    pub diff_id: Digest,
    /// The blob's size in bytes.
    pub size: u64,
}

/// Why an image could not be made ready.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The index has nothing for this machine.
    #[error("image `{digest}` has no manifest for linux/{architecture}")]
    Platform {
        /// The index.
        digest: Digest,
        /// This machine's architecture.
        architecture: &'static str,
    },
    /// The manifest or configuration makes no sense.
    #[error("image `{digest}` is not usable")]
    Document {
        /// The document.
        digest: Digest,
        /// What is wrong with it.
        #[source]
        source: DocumentError,
    },
    /// Manifest and configuration disagree.
    #[error("image `{digest}` lists {layers} layers, but its configuration {diff_ids}")]
    Layers {
        /// The manifest.
        digest: Digest,
        /// Layers in the manifest.
        layers: usize,
        /// Layers in the configuration.
        diff_ids: usize,
    },
    /// A layer's archive could not be extracted.
    #[error("could not unpack layer `{layer}` of image `{digest}`")]
    Layer {
        /// The manifest.
        digest: Digest,
        /// The layer's blob.
        layer: Digest,
        /// Why.
        #[source]
        source: ExtractError,
    },
    /// The image is more than this machine takes in.
    #[error("image `{digest}` is too large: {excess}")]
    TooMuch {
        /// The manifest.
        digest: Digest,
        /// Which limit was met.
        excess: Excess,
    },
    /// A layer's blob has another size than the manifest says.
    #[error("layer `{layer}` of image `{digest}` has {actual} bytes, but the manifest says {wanted}")]
    Size {
        /// The manifest.
        digest: Digest,
        /// The layer's blob.
        layer: Digest,
        /// What the manifest says.
        wanted: u64,
        /// What is here.
        actual: u64,
    },
    /// Two layers have the same short name; the second cannot be kept.
    #[error("layers `{diff_id}` and `{other}` have the same short name")]
    Collision {
        /// The layer wanted.
        diff_id: Digest,
        /// The one that is there, or what its record says.
        other: String,
    },
    /// Content is missing or corrupt, or the disk refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl ImageStore {
    /// Makes an image ready to be mounted and returns where its layers are.
    ///
    /// Safe to repeat and to call from many tasks at once: a layer is extracted once, and
    /// shared by all images that have it. An index is answered for this machine's platform.
    ///
    /// # Errors
    /// As of [`UnpackError`]; layers that this call had unpacked until then are removed again.
    pub async fn ensure_unpacked(&self, manifest: &Digest) -> Result<Unpacked, UnpackError> {
        self.ensure_unpacked_within(manifest, 0).await
    }

    /// As [`ensure_unpacked`](Self::ensure_unpacked), for a caller who has room for `bytes` where that is more than
    /// what every image may have ([`Limits`]).
    ///
    /// # Errors
    /// As [`ensure_unpacked`](Self::ensure_unpacked).
    pub async fn ensure_unpacked_within(&self, manifest: &Digest, bytes: u64) -> Result<Unpacked, UnpackError> {
        let (store, asked, wanted) = (self.clone(), manifest.clone(), manifest.clone());
        let (digest, manifest, config) = blocking(move || store.load(&asked)).await?;
        let config_digest = manifest.config.as_ref().map(|c| c.digest.clone());
        let layers: Vec<Layer> = manifest
            .layers
            .iter()
            .zip(&config.rootfs.diff_ids)
            .map(|(l, diff_id)| Layer { digest: l.digest.clone(), diff_id: diff_id.clone(), size: l.size })
            .collect();

        // Leased before looking: what is there from now on stays.
        let mut digests: HashSet<Digest> = [wanted, digest.clone()].into_iter().chain(config_digest).collect();
        digests.extend(layers.iter().flat_map(|l| [l.digest.clone(), l.diff_id.clone()]));
        let lease = Lease::new(&self.inner.held, digests);

        let job =
            Job { image: digest.clone(), room: Room::new(self.inner.limits.with_room(bytes)), made: Arc::default() };
        let mut once = HashSet::new();
        let distinct: Vec<Layer> = layers.iter().filter(|l| once.insert(&l.diff_id)).cloned().collect();
        let width = std::thread::available_parallelism().map_or(2, usize::from);
        // All of them, also after a failure: what is still being unpacked then ends, and is gone
        // before anything is answered.
        let failed = futures_util::stream::iter(distinct)
            .map(|layer| async { self.ensure_layer(&job, layer).await.inspect_err(|_| job.room.close()) })
            .buffer_unordered(width)
            .filter_map(|done| std::future::ready(done.err()))
            .collect::<Vec<_>>()
            .await;
        // The first is the cause of the others.
        if let Some(error) = failed.into_iter().next() {
            drop(lease);
            let (store, made) = (self.clone(), job.made.clone());
            blocking(move || store.take_back(&made.lock())).await;
            return Err(error);
        }

        let mut seen = HashSet::new();
        // A layer that occurs twice counts where it is uppermost: there it covers all that
        // it contributes below, and overlayfs refuses the same directory twice.
        let topmost_first = layers.iter().rev().filter(|l| seen.insert(&l.diff_id));
        let lower_dirs = topmost_first.map(|l| self.inner.layer_path(&l.diff_id).join("fs")).collect();
        Ok(Unpacked { digest, lower_dirs, config: config.config.unwrap_or_default(), layers, lease })
    }

    /// Reads how an image says it is run, without unpacking it.
    pub async fn image_config(&self, manifest: &Digest) -> Result<ImageConfig, UnpackError> {
        let (store, asked) = (self.clone(), manifest.clone());
        let (_, _, config) = blocking(move || store.load(&asked)).await?;
        Ok(config.config.unwrap_or_default())
    }

    /// Reads the documents of an image for this machine.
    pub(crate) fn load(&self, asked: &Digest) -> Result<(Digest, Manifest, ConfigBlob), UnpackError> {
        let unusable = |digest: &Digest| {
            let digest = digest.clone();
            move |error| match error {
                ManifestError::Store(error) => UnpackError::Store(error),
                ManifestError::Document(source) => UnpackError::Document { digest, source },
            }
        };
        let limits = &self.inner.limits;
        let too_much = |digest: &Digest, what, limit| UnpackError::TooMuch {
            digest: digest.clone(),
            excess: Excess { of: "image", what, limit },
        };
        let small = |digest: &Digest| match self.size(digest) {
            Some(size) if size > limits.manifest_bytes => {
                Err(too_much(digest, "bytes in its manifest", limits.manifest_bytes))
            }
            _ => Ok(()),
        };
        let mut digest = asked.clone();
        small(&digest)?;
        let mut manifest = self.manifest(&digest).map_err(unusable(&digest))?;
        if manifest.is_index() {
            let architecture = host_architecture();
            let entry = manifest.entry_for("linux", architecture);
            let Some(Descriptor { digest: chosen, .. }) = entry else {
                return Err(UnpackError::Platform { digest, architecture });
            };
            digest = chosen.clone();
            small(&digest)?;
            manifest = self.manifest(&digest).map_err(unusable(&digest))?;
        }
        let config_digest = match &manifest.config {
            Some(config) => config.digest.clone(),
            None => {
                let source = DocumentError::Unsupported { what: "an index within an index".to_owned() };
                return Err(UnpackError::Document { digest, source });
            }
        };
        if manifest.layers.len() > limits.layers {
            return Err(too_much(&digest, "layers", limits.layers as u64));
        }
        if self.size(&config_digest).is_some_and(|size| size > limits.config_bytes) {
            return Err(too_much(&digest, "bytes in its configuration", limits.config_bytes));
        }
        let config = ConfigBlob::parse(&self.read_document(&config_digest)?)
            .map_err(|source| UnpackError::Document { digest: config_digest, source })?;
        let (layers, diff_ids) = (manifest.layers.len(), config.rootfs.diff_ids.len());
        if layers != diff_ids {
            return Err(UnpackError::Layers { digest, layers, diff_ids });
        }
        Ok((digest, manifest, config))
    }

    async fn ensure_layer(&self, job: &Job, layer: Layer) -> Result<(), UnpackError> {
        if self.inner.has_layer(&layer.diff_id)? {
            return self.charge(job, &layer);
        }
        let gate = self.inner.unpacking.lock(&layer.diff_id).await;
        let (store, job) = (self.clone(), job.clone());
        // Goes on without us if the caller gives up, and keeps the gate until it is done.
        let work = tokio::task::spawn_blocking(move || {
            let _gate = gate;
            if store.inner.has_layer(&layer.diff_id)? {
                return store.charge(&job, &layer);
            }
            store.unpack_layer(&job, &layer)
        });
        match work.await {
            Ok(result) => result,
            Err(error) => std::panic::resume_unwind(error.into_panic()),
        }
    }

    /// Charges an image for a layer that another one brought.
    fn charge(&self, job: &Job, layer: &Layer) -> Result<(), UnpackError> {
        let (bytes, entries) = self.inner.layer_cost(&layer.diff_id).unwrap_or((layer.size, 0));
        job.room
            .take_bytes(bytes)
            .and_then(|()| job.room.take_entries(entries))
            .map_err(|excess| UnpackError::TooMuch { digest: job.image.clone(), excess })
    }

    fn unpack_layer(&self, job: &Job, layer: &Layer) -> Result<(), UnpackError> {
        let blob = self.open_blob(&layer.digest)?;
        let path = self.inner.blob_path(&layer.digest);
        let actual = blob.metadata().map_err(StoreError::disk("read", &path))?.len();
        if actual != layer.size {
            // Cut short or grown on the disk, it heals like any other damage; else the manifest lies.
            if self.is_rotten(&layer.digest)? {
                self.discard(&layer.digest);
                return Err(StoreError::Corrupt { digest: layer.digest.clone() }.into());
            }
            let (digest, layer, wanted) = (job.image.clone(), layer.digest.clone(), layer.size);
            return Err(UnpackError::Size { digest, layer, wanted, actual });
        }
        let temp = TempDir::create(&self.inner)?;
        let root = temp.path.join("fs");
        let cost = match extract(blob, &layer.diff_id, &root, &job.room) {
            Ok(cost) => cost,
            Err(source) => {
                // Hashing the blob each time would cost as much as inflating it; the diff_id
                // finds the same damage, so the blob is asked only who is to blame.
                if source.may_be_corruption() && self.is_rotten(&layer.digest)? {
                    self.discard(&layer.digest);
                    return Err(StoreError::Corrupt { digest: layer.digest.clone() }.into());
                }
                return Err(UnpackError::Layer { digest: job.image.clone(), layer: layer.digest.clone(), source });
            }
        };
        temp.commit(&self.inner, &layer.diff_id, cost)?;
        job.made.lock().push(layer.diff_id.clone());
        Ok(())
    }

    /// Removes layers of an image that turned out to be unusable, unless another caller has them.
    fn take_back(&self, made: &[Digest]) {
        for diff_id in made {
            let path = self.inner.layer_path(diff_id);
            if let Err(error) = self.take_one(diff_id, &path) {
                tracing::warn!(layer = %diff_id, %error, "a layer of an unusable image could not be removed");
            }
        }
    }

    fn is_rotten(&self, digest: &Digest) -> Result<bool, StoreError> {
        use sha2::Digest as _;
        let mut hasher = sha2::Sha256::new();
        let path = self.inner.blob_path(digest);
        std::io::copy(&mut self.open_blob(digest)?, &mut hasher).map_err(StoreError::disk("read", &path))?;
        Ok(Digest::from_hasher(hasher) != *digest)
    }
}

impl OpenStore {
    fn has_layer(&self, diff_id: &Digest) -> Result<bool, UnpackError> {
        match fs::read_to_string(self.layer_path(diff_id).join("diff_id")) {
            Ok(found) if found == diff_id.as_str() => Ok(true),
            Ok(other) => Err(UnpackError::Collision { diff_id: diff_id.clone(), other }),
            Err(_) => Ok(false),
        }
    }

    /// Returns what an unpacked layer cost: bytes of its archive and entries. Layers of earlier
    /// versions have no record of it.
    fn layer_cost(&self, diff_id: &Digest) -> Option<(u64, u64)> {
        let text = fs::read_to_string(self.layer_path(diff_id).join("cost")).ok()?;
        let (bytes, entries) = text.trim().split_once(' ')?;
        Some((bytes.parse().ok()?, entries.parse().ok()?))
    }
}

/// One image that is being unpacked.
#[derive(Clone)]
struct Job {
    /// Its manifest.
    image: Digest,
    room: Room,
    /// The layers that were not there before.
    made: Arc<Mutex<Vec<Digest>>>,
}

/// A layer under extraction; removed unless it is committed.
struct TempDir {
    path: PathBuf,
}

impl TempDir {
    fn create(inner: &OpenStore) -> Result<Self, StoreError> {
        let temp = Self { path: inner.temp_path() };
        let root = temp.path.join("fs");
        fs::create_dir_all(&root).map_err(StoreError::disk("create", &root))?;
        // An archive need not mention its root; containers of every user must pass it.
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(&root, open).map_err(StoreError::disk("create", &root))?;
        Ok(temp)
    }

    fn commit(self, inner: &OpenStore, diff_id: &Digest, (bytes, entries): (u64, u64)) -> Result<(), StoreError> {
        let cost = self.path.join("cost");
        fs::write(&cost, format!("{bytes} {entries}\n")).map_err(StoreError::disk("write", &cost))?;
        let record = self.path.join("diff_id");
        fs::write(&record, diff_id.as_str()).map_err(StoreError::disk("write", &record))?;
        let flush = |path: &PathBuf| File::open(path).and_then(|f| Ok(rustix::fs::syncfs(&f)?));
        // Durable before it gets its name: a layer that exists is whole, power cuts included.
        flush(&self.path).map_err(StoreError::disk("flush", &self.path))?;
        let target = inner.layer_path(diff_id);
        fs::rename(&self.path, &target).map_err(StoreError::disk("store", &target))
    }
}

impl Drop for TempDir {
    fn drop(&mut self) {
        if let Err(error) = remove_any(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "could not remove an unfinished layer");
        }
    }
}

impl ImageStore {
    /// Keeps an image that is in use (by a container that a restart adopted, say) from being
    /// swept, without unpacking it again.
    pub async fn lease(&self, manifest: &Digest) -> Result<Lease, UnpackError> {
        Ok(self.ensure_unpacked(manifest).await?.lease)
    }
}
