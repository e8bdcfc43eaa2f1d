//! The embedded container registry: ECR's truth (repositories, images, tags, settings), and
//! the OCI distribution protocol over it.
//!
//! Blobs are not kept here. What is pushed goes straight into the [`images::ImageStore`]
//! that containers are started from, so an image pushed is not stored twice.
//!
//! On AWS each region has its own registry, but the host of a push names no region. There is **one** set of
//! repositories; the API answers ARNs in the caller's region.

mod catalog;
mod door;
mod error;
mod http;
pub mod lifecycle;
mod lookup;
mod name;
mod repositories;
pub mod settings;
mod truth;
mod uploads;
mod wildcard;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use images::{ImageStore, Swept};
use parking_lot::Mutex;
use store::{Batch, Store};

pub use catalog::{Failure, ImageDetail, ImageId, PutImage, Stored};
pub use error::RegistryError;
pub use http::Body;
pub use images::Digest;
pub use lookup::Lookup;
pub use name::is_repository_name;
pub use repositories::{NewRepository, Repository};
pub use settings::Settings;

use truth::Truth;
use uploads::Uploads;

/// What the registry is called and whom it serves.
#[derive(Debug, Clone)]
pub struct Options {
    /// `host:port` that images are pushed to and pulled from; the front of every repository URI.
    pub host: String,
    /// The account that owns the repositories.
    pub account: String,
    /// Whether requests without credentials are served. For loopback listeners only.
    pub anonymous: bool,
}

/// The registry. Cheap to clone; all clones are one.
#[derive(Clone)]
pub struct Registry {
    inner: Arc<OpenRegistry>,
}

struct OpenRegistry {
    options: Options,
    store: Store,
    images: ImageStore,
    truth: Mutex<Truth>,
    uploads: Uploads,
    /// What the last lifecycle preview of a repository found.
    previews: Mutex<HashMap<String, lifecycle::Preview>>,
    sweep_is_due: AtomicBool,
}

impl Registry {
    /// Loads the registry's truth.
    ///
    /// # Errors
    /// When the database cannot be read or holds rows that are not the registry's.
    pub fn open(store: Store, images: ImageStore, options: Options) -> Result<Self, RegistryError> {
        let truth = Mutex::new(Truth::load(&store)?);
        let (uploads, previews) = (Uploads::default(), Mutex::default());
        let sweep_is_due = AtomicBool::new(false);
        Ok(Self { inner: Arc::new(OpenRegistry { options, store, images, truth, uploads, previews, sweep_is_due }) })
    }

    /// Returns the account that owns the repositories.
    pub fn account(&self) -> &str {
        &self.inner.options.account
    }

    /// Returns the `host:port` of repository URIs.
    pub fn host(&self) -> &str {
        &self.inner.options.host
    }

    /// Returns the store that holds the registry's blobs.
    pub fn images(&self) -> &ImageStore {
        &self.inner.images
    }

    /// Removes blobs and unpacked layers that no image, lease or pull refers to any more.
    ///
    /// Deletions begin one by themselves. Blobs whose push never came to its end are taken
    /// an hour later, so call this from time to time as well.
    ///
    /// # Errors
    /// When the disk refuses.
    pub async fn sweep(&self) -> Result<Swept, images::StoreError> {
        let inner = Arc::clone(&self.inner);
        let swept = self.inner.images.sweep(move || inner.truth.lock().roots()).await?;
        let images = &self.inner.images;
        self.inner.truth.lock().forget_loose(|digest| images.size(digest).is_none());
        Ok(swept)
    }

    /// Empties the registry: repositories, images, uploads. For `platform reset`.
    ///
    /// # Errors
    /// When the database refuses; then nothing has changed.
    pub async fn clear(&self) -> Result<(), RegistryError> {
        self.inner.uploads.clear();
        self.inner.previews.lock().clear();
        self.write(|truth, batch| {
            truth.clear(batch);
            Ok(())
        })
        .await?;
        self.begin_sweep();
        Ok(())
    }

    fn begin_sweep(&self) {
        if self.inner.sweep_is_due.swap(true, Ordering::AcqRel) {
            return; // one that has not begun yet will see our deletion
        }
        let registry = self.clone();
        tokio::spawn(async move {
            registry.inner.sweep_is_due.store(false, Ordering::Release);
            if let Err(error) = registry.sweep().await {
                tracing::warn!(error = &error as &dyn std::error::Error, "could not sweep unused images");
            }
        });
    }

    fn read<R>(&self, question: impl FnOnce(&Truth) -> R) -> R {
        question(&self.inner.truth.lock())
    }

    /// Changes the truth and returns once the change is durable. `change` refuses before it
    /// changes anything.
    async fn write<R>(
        &self,
        change: impl FnOnce(&mut Truth, &mut Batch) -> Result<R, RegistryError>,
    ) -> Result<R, RegistryError> {
        let (result, commit) = {
            let mut truth = self.inner.truth.lock();
            let mut batch = Batch::new();
            let result = change(&mut truth, &mut batch)?;
            if batch.is_empty() {
                return Ok(result);
            }
            (result, self.inner.store.submit(batch))
        };
        if let Err(error) = commit.await {
            // What memory says was refused by the disk: the disk's word counts.
            let mut truth = self.inner.truth.lock();
            *truth = Truth::load(&self.inner.store)?;
            return Err(error.into());
        }
        Ok(result)
    }
}

/// Milliseconds since the epoch.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
}
