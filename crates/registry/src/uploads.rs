//! Blobs that are being pushed, over as many requests as the client likes.
//!
//! Not durable: a restart forgets them (and the image store clears their bytes), the client gets the answer that the
//! upload is unknown, and begins again.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use images::{Digest, Ingest};
use parking_lot::Mutex;

use crate::Registry;
use crate::error::RegistryError;

/// An upload that was not touched for this long is given up.
const PATIENCE: Duration = Duration::from_secs(3600);

#[derive(Default)]
pub(crate) struct Uploads {
    open: Mutex<HashMap<String, Upload>>,
}

struct Upload {
    repository: String,
    ingest: Arc<Ingest>,
    touched: Instant,
}

impl Uploads {
    pub(crate) fn forget(&self, repository: &str) {
        self.open.lock().retain(|_, upload| upload.repository != repository);
    }

    pub(crate) fn clear(&self) {
        self.open.lock().clear();
    }
}

impl Registry {
    /// Begins an upload and returns its id.
    ///
    /// # Errors
    /// When there is no such repository, or the disk refuses.
    pub async fn begin_upload(&self, repository: &str) -> Result<String, RegistryError> {
        self.repository(repository)?;
        let ingest = Arc::new(self.inner.images.begin_blob().await?);
        let id = random_id();
        let touched = Instant::now();
        let mut open = self.inner.uploads.open.lock();
        open.retain(|_, upload| touched.duration_since(upload.touched) < PATIENCE);
        open.insert(id.clone(), Upload { repository: repository.to_owned(), ingest, touched });
        Ok(id)
    }

    /// Returns an open upload.
    ///
    /// # Errors
    /// When it is unknown, or another repository's.
    pub fn upload(&self, repository: &str, id: &str) -> Result<Arc<Ingest>, RegistryError> {
        self.repository(repository)?;
        let mut open = self.inner.uploads.open.lock();
        match open.get_mut(id).filter(|upload| upload.repository == repository) {
            Some(upload) => {
                upload.touched = Instant::now();
                Ok(Arc::clone(&upload.ingest))
            }
            None => Err(RegistryError::UploadNotFound {
                id: id.to_owned(),
                name: repository.to_owned(),
                account: self.account().to_owned(),
            }),
        }
    }

    /// Ends an upload: the blob must have the digest, and belongs to the repository from now
    /// on. The upload is gone either way.
    ///
    /// # Errors
    /// When the upload is unknown or busy, the digest is another, or the disk refuses.
    pub async fn finish_upload(&self, repository: &str, id: &str, digest: &Digest) -> Result<(), RegistryError> {
        let ingest = self.upload(repository, id)?;
        self.inner.uploads.open.lock().remove(id);
        ingest.finish(digest).await?;
        self.add_blob(repository, digest)
    }

    /// Gives an upload up.
    ///
    /// # Errors
    /// When it is unknown.
    pub fn cancel_upload(&self, repository: &str, id: &str) -> Result<(), RegistryError> {
        self.upload(repository, id)?;
        self.inner.uploads.open.lock().remove(id);
        Ok(())
    }

    /// Makes a blob of one repository (of any, if none is named) readable in another, without
    /// its bytes being sent. Returns whether it was there.
    pub(crate) fn mount(&self, from: Option<&str>, to: &str, digest: &Digest) -> Result<bool, RegistryError> {
        let is_known = self.read(|truth| match from {
            Some(from) => truth.shelves.get(from).is_some_and(|shelf| shelf.has_blob(digest)),
            None => truth.shelves.values().any(|shelf| shelf.has_blob(digest)),
        });
        if !is_known || self.inner.images.stat(digest).is_none() {
            return Ok(false);
        }
        self.add_blob(to, digest)?;
        Ok(true)
    }

    fn add_blob(&self, repository: &str, digest: &Digest) -> Result<(), RegistryError> {
        let mut truth = self.inner.truth.lock();
        self.shelf_mut(&mut truth, repository)?.add_loose(digest.clone());
        Ok(())
    }
}

/// A random UUID, the form of ECR's upload ids.
fn random_id() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system has random numbers");
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = u128::from_be_bytes(bytes);
    let hex = format!("{hex:032x}");
    [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-")
}
