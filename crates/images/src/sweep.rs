//! Takes away what nothing refers to: blobs, unpacked layers, forgotten records.
//!
//! Roots are manifests: the registry's, those that were pulled, and those on lease. What a root refers to stays, and so
//! does what was promised to a client within the last hour (see `hold.rs`). A root whose documents cannot be read stops
//! the sweep, since what it refers to is unknown.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::digest::Digest;
use crate::document::{ConfigBlob, Manifest};
use crate::store::{ImageStore, StoreError, blocking, remove_any};

/// What a sweep took.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Blobs removed.
    pub blobs: usize,
    /// Their bytes.
    pub bytes: u64,
    /// Unpacked layers removed.
    pub layers: usize,
}

impl ImageStore {
    /// Removes everything that no root refers to and no lease holds.
    ///
    /// `roots` is called once the sweep has begun, and must name every manifest that was
    /// given to [`keep`](Self::keep) before that call.
    pub async fn sweep(&self, roots: impl FnOnce() -> HashSet<Digest> + Send + 'static) -> Result<Swept, StoreError> {
        let _alone = self.inner.sweeping.lock().await;
        let store = self.clone();
        blocking(move || {
            store.inner.held.lock().begin_sweep(SystemTime::now());
            let mut live = HashSet::new();
            for root in roots().into_iter().chain(store.list_pulled().into_iter().map(|p| p.digest)) {
                store.mark(&root, &mut live)?;
            }
            store.take(&live)
        })
        .await
    }

    /// Marks a manifest and all that it refers to. What is missing refers to nothing.
    fn mark(&self, root: &Digest, live: &mut HashSet<Digest>) -> Result<(), StoreError> {
        if !live.insert(root.clone()) {
            return Ok(());
        }
        let Some(bytes) = present(self.read_document(root))? else { return Ok(()) };
        let Ok(manifest) = Manifest::parse(&bytes) else { return Ok(()) };
        for entry in manifest.manifests.iter().flatten() {
            self.mark(&entry.digest, live)?;
        }
        live.extend(manifest.blobs().map(|d| d.digest.clone()));
        if let Some(config) = &manifest.config
            && self.size(&config.digest).is_some_and(|size| size < crate::store::DOCUMENT_LIMIT)
            && let Some(bytes) = present(self.read_document(&config.digest))?
            && let Ok(config) = ConfigBlob::parse(&bytes)
        {
            live.extend(config.rootfs.diff_ids);
        }
        Ok(())
    }

    fn take(&self, live: &HashSet<Digest>) -> Result<Swept, StoreError> {
        let mut swept = Swept::default();
        for (digest, path) in self.inner.blobs() {
            if live.contains(&digest) {
                continue;
            }
            let size = fs::metadata(&path).map_or(0, |m| m.len());
            if self.take_one(&digest, &path)? {
                swept.blobs += 1;
                swept.bytes += size;
            }
        }
        for entry in fs::read_dir(self.inner.root.join("l")).into_iter().flatten().flatten() {
            let path = entry.path();
            let diff_id = fs::read_to_string(path.join("diff_id")).ok().and_then(|text| text.parse().ok());
            let Some(diff_id) = diff_id else { continue };
            if !live.contains(&diff_id) && self.take_one(&diff_id, &path)? {
                swept.layers += 1;
            }
        }
        if swept != Swept::default() {
            tracing::info!(blobs = swept.blobs, bytes = swept.bytes, layers = swept.layers, "swept unused images");
        }
        Ok(swept)
    }

    pub(crate) fn take_one(&self, digest: &Digest, path: &Path) -> Result<bool, StoreError> {
        let aside: PathBuf = self.inner.temp_path();
        {
            // Only the rename is done under the lock: asking and taking are one step, and
            // the slow removal happens outside the lock.
            let held = self.inner.held.lock();
            if held.holds(digest) {
                return Ok(false);
            }
            fs::rename(path, &aside).map_err(StoreError::disk("remove", path))?;
        }
        remove_any(&aside).map_err(StoreError::disk("remove", &aside))?;
        Ok(true)
    }
}

fn present(read: Result<Vec<u8>, StoreError>) -> Result<Option<Vec<u8>>, StoreError> {
    match read {
        Ok(bytes) => Ok(Some(bytes)),
        Err(StoreError::Missing { .. } | StoreError::Corrupt { .. } | StoreError::NoDocument { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}
