//! Where blobs lie and how they get there: written under `tmp/`, checked, made durable,
//! renamed. A file under `blobs/` is always whole and always what its name says.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use parking_lot::Mutex;
use sha2::{Digest as _, Sha256};

use crate::digest::Digest;
use crate::document::Manifest;
use crate::hold::{GRACE, Held};
use crate::keyed::Keyed;
use crate::limits::Limits;
use crate::reference::Reference;

/// Documents (manifests, configurations) are read whole; nothing larger is one.
pub(crate) const DOCUMENT_LIMIT: u64 = 16 * 1024 * 1024;

/// The images on this machine. Cheap to clone; all clones are one store.
#[derive(Clone)]
pub struct ImageStore {
    pub(crate) inner: Arc<OpenStore>,
}

pub(crate) struct OpenStore {
    pub(crate) root: PathBuf,
    pub(crate) held: Arc<Mutex<Held>>,
    pub(crate) unpacking: Keyed,
    pub(crate) fetching: Keyed,
    pub(crate) sweeping: tokio::sync::Mutex<()>,
    pub(crate) limits: Limits,
    next_temp: AtomicU64,
    /// Locked for as long as the store is open.
    _owner: File,
}

/// Why a store could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open.
    #[error("image store {} is in use by another process", path.display())]
    Busy {
        /// The store's directory.
        path: PathBuf,
    },
    /// The directory cannot be prepared.
    #[error("could not prepare image store {}", path.display())]
    Prepare {
        /// The path that failed.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Why content could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The store does not have it.
    #[error("blob `{digest}` is not in the image store")]
    Missing {
        /// The content asked for.
        digest: Digest,
    },
    /// What is called a document is larger than any is.
    #[error("`{digest}` is neither a manifest nor a configuration: it has {size} bytes")]
    NoDocument {
        /// The content asked for.
        digest: Digest,
        /// Its size.
        size: u64,
    },
    /// The bytes are not what they were said to be.
    #[error("content has digest `{actual}`, not `{wanted}`")]
    Mismatch {
        /// What was promised.
        wanted: Digest,
        /// What arrived.
        actual: Digest,
    },
    /// The disk's copy is no longer what its name says; it has been taken away, so that a
    /// repeated push or pull brings it again.
    #[error("blob `{digest}` was corrupt on the disk and has been removed; push or pull the image again")]
    Corrupt {
        /// The content asked for.
        digest: Digest,
    },
    /// The disk refused.
    #[error("could not {action} {}", path.display())]
    Disk {
        /// What was attempted.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl StoreError {
    /// Returns whether there was no room for it.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Disk { source, .. } if is_full(source))
    }

    pub(crate) fn disk(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Disk { action, path, source }
    }
}

/// An image that was pulled from elsewhere, and what its reference meant then.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Pulled {
    /// The reference, defaults filled in.
    pub reference: String,
    /// The manifest or index that it named.
    pub digest: Digest,
}

impl ImageStore {
    /// Opens the store in a directory, making it if need be, and clears what a crash left unfinished.
    pub fn open(dir: &Path) -> Result<Self, OpenError> {
        Self::open_with(dir, Limits::DEFAULT)
    }

    /// As [`open`](Self::open), with other limits.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(dir: &Path, limits: Limits) -> Result<Self, OpenError> {
        let prepare = |path: &Path| {
            let path = path.to_owned();
            move |source| OpenError::Prepare { path, source }
        };
        for sub in ["", "blobs", "blobs/sha256", "l", "pulled", "tmp"] {
            let path = dir.join(sub);
            fs::create_dir_all(&path).map_err(prepare(&path))?;
        }
        let lock = dir.join("lock");
        let owner = File::create(&lock).map_err(prepare(&lock))?;
        match rustix::fs::flock(&owner, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => return Err(OpenError::Busy { path: dir.to_owned() }),
            Err(error) => return Err(prepare(&lock)(error.into())),
        }
        let tmp = dir.join("tmp");
        for entry in fs::read_dir(&tmp).map_err(prepare(&tmp))?.flatten() {
            let path = entry.path();
            remove_any(&path).map_err(prepare(&path))?;
        }
        let store = Self {
            inner: Arc::new(OpenStore {
                root: dir.to_owned(),
                held: Arc::default(),
                unpacking: Keyed::default(),
                fetching: Keyed::default(),
                sweeping: tokio::sync::Mutex::default(),
                limits,
                next_temp: AtomicU64::new(0),
                _owner: owner,
            }),
        };
        store.renew_promises().map_err(prepare(dir))?;
        Ok(store)
    }

    /// Returns whether the blob is here and its size. The answer is a promise: for an hour
    /// the blob is not swept, so that a client which skips an upload can rely on it.
    pub fn stat(&self, digest: &Digest) -> Option<u64> {
        let mut held = self.inner.held.lock();
        let size = fs::metadata(self.inner.blob_path(digest)).ok()?.len();
        held.promise(digest, SystemTime::now());
        Some(size)
    }

    /// Returns the size of a blob that is here, without the promise of [`stat`](Self::stat).
    pub fn size(&self, digest: &Digest) -> Option<u64> {
        Some(fs::metadata(self.inner.blob_path(digest)).ok()?.len())
    }

    /// Opens a blob for reading; it stays readable even if it is swept meanwhile.
    pub fn open_blob(&self, digest: &Digest) -> Result<File, StoreError> {
        let path = self.inner.blob_path(digest);
        File::open(&path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => StoreError::Missing { digest: digest.clone() },
            _ => StoreError::Disk { action: "open", path, source },
        })
    }

    /// Reads a document (manifest or configuration) whole and checks it against its digest.
    pub fn read_document(&self, digest: &Digest) -> Result<Vec<u8>, StoreError> {
        let path = self.inner.blob_path(digest);
        let mut bytes = Vec::new();
        let blob = self.open_blob(digest)?;
        let size = blob.metadata().map_err(StoreError::disk("read", &path))?.len();
        if size > DOCUMENT_LIMIT {
            // Not damaged: a manifest names a layer where it should name a document.
            return Err(StoreError::NoDocument { digest: digest.clone(), size });
        }
        blob.take(DOCUMENT_LIMIT).read_to_end(&mut bytes).map_err(StoreError::disk("read", &path))?;
        if Digest::of(&bytes) != *digest {
            self.discard(digest);
            return Err(StoreError::Corrupt { digest: digest.clone() });
        }
        Ok(bytes)
    }

    /// Writes a document; `wanted`, if given, is what its digest must be.
    pub async fn put_document(&self, bytes: bytes::Bytes, wanted: Option<&Digest>) -> Result<Digest, StoreError> {
        let digest = Digest::of(&bytes);
        if let Some(wanted) = wanted.filter(|wanted| **wanted != digest) {
            return Err(StoreError::Mismatch { wanted: wanted.clone(), actual: digest });
        }
        if self.stat(&digest).is_some() {
            return Ok(digest);
        }
        let (inner, name) = (Arc::clone(&self.inner), digest.clone());
        blocking(move || {
            let mut temp = Temp::create(&inner)?;
            temp.write(&bytes)?;
            temp.commit(&inner, &name)
        })
        .await?;
        Ok(digest)
    }

    /// Notes that a durable record now refers to these blobs and will be among the roots of
    /// the next sweep; their promises end.
    pub fn keep<'a>(&self, digests: impl IntoIterator<Item = &'a Digest>) {
        let mut held = self.inner.held.lock();
        digests.into_iter().for_each(|digest| held.keep(digest));
    }

    /// Returns what a reference meant when it was last pulled, if its image is still here.
    pub fn pulled(&self, reference: &Reference) -> Option<Digest> {
        let bytes = fs::read(self.inner.pulled_path(reference)).ok()?;
        let pulled: Pulled = serde_json::from_slice(&bytes).ok()?;
        (pulled.reference == reference.to_string() && self.stat(&pulled.digest).is_some()).then_some(pulled.digest)
    }

    /// Lists the images that were pulled from elsewhere.
    pub fn list_pulled(&self) -> Vec<Pulled> {
        let entries = fs::read_dir(self.inner.root.join("pulled")).into_iter().flatten().flatten();
        entries.filter_map(|e| serde_json::from_slice(&fs::read(e.path()).ok()?).ok()).collect()
    }

    /// Forgets a pulled image; the next sweep takes what only it used.
    pub fn forget(&self, reference: &Reference) {
        let _ = fs::remove_file(self.inner.pulled_path(reference));
    }

    /// Returns how many blobs the store has and their bytes on the disk. A test that pushes
    /// an image twice, or pushes it and runs it, sees by this that it is stored once.
    pub fn usage(&self) -> (usize, u64) {
        self.inner
            .blobs()
            .filter_map(|(_, path)| fs::metadata(path).ok())
            .fold((0, 0), |(n, s), m| (n + 1, s + m.len()))
    }

    pub(crate) fn manifest(&self, digest: &Digest) -> Result<Manifest, ManifestError> {
        Ok(Manifest::parse(&self.read_document(digest)?)?)
    }

    /// Takes a blob away whose content turned out to be wrong.
    pub(crate) fn discard(&self, digest: &Digest) {
        tracing::warn!(%digest, "removed a corrupt blob");
        let _ = fs::remove_file(self.inner.blob_path(digest));
    }

    /// After a restart the promises are forgotten, the pushes that rely on them may go on.
    fn renew_promises(&self) -> io::Result<()> {
        let now = SystemTime::now();
        let mut held = self.inner.held.lock();
        for (digest, path) in self.inner.blobs() {
            let written = fs::metadata(&path)?.modified()?;
            if now.duration_since(written).is_ok_and(|age| age < GRACE) {
                held.promise(&digest, written);
            }
        }
        Ok(())
    }
}

/// Why a stored manifest could not be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ManifestError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error(transparent)]
    Document(#[from] crate::document::DocumentError),
}

impl OpenStore {
    pub(crate) fn blob_path(&self, digest: &Digest) -> PathBuf {
        self.root.join("blobs/sha256").join(&digest.hex()[..2]).join(digest.hex())
    }

    pub(crate) fn layer_path(&self, diff_id: &Digest) -> PathBuf {
        self.root.join("l").join(&diff_id.hex()[..16])
    }

    pub(crate) fn pulled_path(&self, reference: &Reference) -> PathBuf {
        let name = Digest::of(reference.to_string().as_bytes());
        self.root.join("pulled").join(format!("{}.json", &name.hex()[..16]))
    }

    pub(crate) fn temp_path(&self) -> PathBuf {
        self.root.join("tmp").join(self.next_temp.fetch_add(1, Ordering::Relaxed).to_string())
    }

    /// Walks all blobs.
    pub(crate) fn blobs(&self) -> impl Iterator<Item = (Digest, PathBuf)> {
        let shards = fs::read_dir(self.root.join("blobs/sha256")).into_iter().flatten().flatten();
        shards.flat_map(|shard| fs::read_dir(shard.path()).into_iter().flatten().flatten()).filter_map(|entry| {
            let digest = format!("sha256:{}", entry.file_name().to_str()?).parse().ok()?;
            Some((digest, entry.path()))
        })
    }
}

/// An unfinished blob: its file goes away with it unless it is committed.
pub(crate) struct Temp {
    file: File,
    path: PathBuf,
    hasher: Sha256,
    pub(crate) size: u64,
}

impl Temp {
    pub(crate) fn create(inner: &OpenStore) -> Result<Self, StoreError> {
        let path = inner.temp_path();
        let file = File::create_new(&path).map_err(StoreError::disk("create", &path))?;
        Ok(Self { file, path, hasher: Sha256::new(), size: 0 })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), StoreError> {
        self.file.write_all(bytes).map_err(StoreError::disk("write", &self.path))?;
        self.hasher.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// Makes the content durable under its digest, which must be `wanted`.
    pub(crate) fn commit(self, inner: &OpenStore, wanted: &Digest) -> Result<(), StoreError> {
        let actual = Digest::from_hasher(self.hasher.clone());
        if actual != *wanted {
            return Err(StoreError::Mismatch { wanted: wanted.clone(), actual });
        }
        self.file.sync_all().map_err(StoreError::disk("flush", &self.path))?;
        let target = inner.blob_path(wanted);
        let shard = target.parent().expect("a blob lies in a shard");
        fs::create_dir_all(shard).map_err(StoreError::disk("create", shard))?;
        {
            let mut held = inner.held.lock();
            held.promise(wanted, SystemTime::now());
            if target.exists() {
                return Ok(()); // another pull was quicker; our copy goes with `self`
            }
            fs::rename(&self.path, &target).map_err(StoreError::disk("store", &target))?;
        }
        File::open(shard).and_then(|dir| dir.sync_all()).map_err(StoreError::disk("flush", shard))
    }
}

impl Drop for Temp {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path); // gone already when it was committed
    }
}

/// Returns whether a disk, or what one may have of it, is full.
pub(crate) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// Removes a file or a whole tree; that it is not there is well.
pub(crate) fn remove_any(path: &Path) -> io::Result<()> {
    let result = match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    result.or_else(|error| if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) })
}

/// Runs disk work where it does not hold up the async threads.
pub(crate) async fn blocking<R: Send + 'static>(work: impl FnOnce() -> R + Send + 'static) -> R {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_document_is_stored_once_and_only_under_its_own_digest() {
        let dir = tempfile::tempdir().unwrap();
        let store = ImageStore::open(dir.path()).unwrap();
        let digest = store.put_document("hello".into(), None).await.unwrap();
        store.put_document("hello".into(), Some(&digest)).await.unwrap();
        assert_eq!(store.usage(), (1, 5));
        let error = store.put_document("other".into(), Some(&digest)).await.unwrap_err();
        assert!(matches!(error, StoreError::Mismatch { .. }));
        assert_eq!(fs::read_dir(dir.path().join("tmp")).unwrap().count(), 0);
    }

    #[tokio::test]
    async fn a_rotten_document_is_noticed_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let store = ImageStore::open(dir.path()).unwrap();
        let digest = store.put_document("hello".into(), None).await.unwrap();
        fs::write(store.inner.blob_path(&digest), "jello").unwrap();
        assert!(matches!(store.read_document(&digest), Err(StoreError::Corrupt { .. })));
        assert_eq!(store.stat(&digest), None);
    }

    #[test]
    fn a_second_opener_is_refused_and_a_crash_leaves_no_debris() {
        let dir = tempfile::tempdir().unwrap();
        let store = ImageStore::open(dir.path()).unwrap();
        assert!(matches!(ImageStore::open(dir.path()), Err(OpenError::Busy { .. })));
        let mut temp = Temp::create(&store.inner).unwrap();
        temp.write(b"half a layer").unwrap();
        std::mem::forget(temp);
        drop(store);
        ImageStore::open(dir.path()).unwrap();
        assert_eq!(fs::read_dir(dir.path().join("tmp")).unwrap().count(), 0);
    }
}
