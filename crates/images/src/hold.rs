//! What the sweep must not take although nothing refers to it: leased content, and content that a caller is about to
//! refer to.
//!
//! All of it is one small table under one lock. The sweep asks it and takes a file away
//! under the same lock, so a file is either held in time or gone before it is promised.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

use crate::Digest;

/// How long content waits for its manifest after it was last written or asked for. A push
/// that pauses for longer between a layer and its manifest is answered "blob unknown".
pub(crate) const GRACE: Duration = Duration::from_secs(3600);

#[derive(Default)]
pub(crate) struct Held {
    leased: HashMap<Digest, usize>,
    /// When each unreferenced digest was last promised to a caller.
    promised: HashMap<Digest, Promise>,
}

struct Promise {
    at: SystemTime,
    /// A manifest refers to it now. Kept until the next sweep begins: one that runs
    /// already may have listed its roots before that manifest came.
    kept: bool,
}

impl Held {
    /// Notes that we promised a caller that this content is here.
    pub(crate) fn promise(&mut self, digest: &Digest, at: SystemTime) {
        self.promised.insert(digest.clone(), Promise { at, kept: false });
    }

    /// Notes that the content now has a root that the next sweep will see.
    pub(crate) fn keep(&mut self, digest: &Digest) {
        if let Some(promise) = self.promised.get_mut(digest) {
            promise.kept = true;
        }
    }

    /// Takes a promise back: the content could not be completed, and what is here of it must go.
    pub(crate) fn forget(&mut self, digest: &Digest) {
        self.promised.remove(digest);
    }

    /// Drops the promises that a sweep beginning now need not honour.
    pub(crate) fn begin_sweep(&mut self, now: SystemTime) {
        self.promised
            .retain(|_, promise| !promise.kept && now.duration_since(promise.at).unwrap_or(Duration::ZERO) < GRACE);
    }

    /// Returns whether the content must stay.
    pub(crate) fn holds(&self, digest: &Digest) -> bool {
        self.leased.contains_key(digest) || self.promised.contains_key(digest)
    }

    fn lease(&mut self, digests: &HashSet<Digest>) {
        for digest in digests {
            *self.leased.entry(digest.clone()).or_default() += 1;
        }
    }

    fn release(&mut self, digests: &HashSet<Digest>) {
        for digest in digests {
            if let Some(count) = self.leased.get_mut(digest) {
                *count -= 1;
                if *count == 0 {
                    self.leased.remove(digest);
                }
            }
        }
    }
}

/// Keeps an image's blobs and unpacked layers on the disk until it is dropped.
#[must_use = "the image may be swept as soon as the lease is dropped"]
pub struct Lease {
    held: Arc<Mutex<Held>>,
    digests: HashSet<Digest>,
}

impl Lease {
    pub(crate) fn new(held: &Arc<Mutex<Held>>, digests: HashSet<Digest>) -> Self {
        held.lock().lease(&digests);
        Self { held: Arc::clone(held), digests }
    }
}

impl Clone for Lease {
    fn clone(&self) -> Self {
        Self::new(&self.held, self.digests.clone())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.held.lock().release(&self.digests);
    }
}

impl std::fmt::Debug for Lease {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Lease").field(&self.digests.len()).finish()
    }
}
