//! What an image may cost this machine: one table, and the account that a layer is charged to.
//!
//! An image is untrusted data. A compressed megabyte can stand for terabytes, so nothing is bounded by what arrives:
//! what it turns into is counted while it is being written. How well it was compressed does not matter.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// The most that one image, and one layer of it, may be and become.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a manifest or an index.
    pub manifest_bytes: u64,
    /// Bytes of an image's configuration.
    pub config_bytes: u64,
    /// Layers of an image.
    pub layers: usize,
    /// Bytes of an image's layers as they are transferred, all together.
    pub blob_bytes: u64,
    /// Bytes of a layer's archive without its compression. Holes of sparse files are not in an
    /// archive, and files are written with theirs, so this bounds what is taken of the disk, too.
    pub layer_bytes: u64,
    /// Entries of a layer's archive: each may take an inode.
    pub layer_entries: u64,
    /// As `layer_bytes`, all layers of an image together.
    pub image_bytes: u64,
    /// As `layer_entries`, all layers of an image together.
    pub image_entries: u64,
    /// Bytes that a layer's sparse files say they have, holes included: walking a hole takes time.
    pub layer_apparent_bytes: u64,
    /// Bytes of a name or of a link's target.
    pub name_bytes: usize,
    /// Bytes that may stand in front of one entry: its long names, extended headers and sparse map.
    pub preamble_bytes: u64,
    /// Bytes of names that are remembered until a layer's end (whiteouts, directories' times).
    pub remembered_bytes: usize,
    /// Directories within each other: what is deeper cannot be removed with a bounded number of
    /// descriptors, nor named by a path.
    pub depth: usize,
    /// Bytes that unpacking leaves free on the disk, unless a twentieth of the disk is less.
    pub spare_bytes: u64,
}

impl Limits {
    /// The limits of every platform.
    ///
    /// - A manifest: 4 MiB is what registries take (OCI distribution, "Pushing Manifests"); ours does.
    /// - Layers: overlayfs takes 500 lower directories (`OVL_MAX_STACK`, fs/overlayfs/params.h).
    /// - A transfer: ECR's largest layer is 52,000 MiB (ECR service quotas).
    /// - An image: Fargate's tasks have 20 GiB of ephemeral storage unless they ask for more, "and the
    ///   image is in it, compressed and uncompressed" (developer guide, "Fargate task ephemeral
    ///   storage"); the caller of [`ImageStore::ensure_unpacked_within`] says how much a task asked for.
    /// - Entries: ext4 makes an inode for every 16 KiB unless told otherwise (mke2fs.conf), so 20 GiB
    ///   hold 1.3 million.
    /// - A name: `PATH_MAX`, the closing zero included (linux/limits.h).
    /// - A preamble: Go's archive/tar, with which images are made and read, stops at 1 MiB.
    ///
    /// [`ImageStore::ensure_unpacked_within`]: crate::ImageStore::ensure_unpacked_within
    pub const DEFAULT: Self = Self {
        manifest_bytes: 4 * MIB,
        config_bytes: 8 * MIB,
        layers: 500,
        blob_bytes: 52_000 * MIB,
        layer_bytes: 20 * GIB,
        layer_entries: 1_300_000,
        image_bytes: 20 * GIB,
        image_entries: 1_300_000,
        layer_apparent_bytes: 256 * GIB,
        name_bytes: 4095,
        preamble_bytes: MIB,
        remembered_bytes: 256 << 20,
        depth: 256,
        spare_bytes: GIB,
    };

    /// Returns these limits with room for an image of `bytes`; never less than there was.
    pub(crate) fn with_room(self, bytes: u64) -> Self {
        let wider = |was: u64| was.max(bytes);
        Self {
            blob_bytes: wider(self.blob_bytes),
            layer_bytes: wider(self.layer_bytes),
            image_bytes: wider(self.image_bytes),
            ..self
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self::DEFAULT
    }
}

/// A limit that was met, in words: what there is too much of, and how much would be well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excess {
    /// Whose limit it is: `layer` or `image`.
    pub of: &'static str,
    /// What there is too much of.
    pub what: &'static str,
    /// How much there may be.
    pub limit: u64,
}

impl std::fmt::Display for Excess {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { of, what, limit } = self;
        write!(f, "the {of} has more than {limit} {what}, the most that an image may have here")
    }
}

/// What is left of an image's room while its layers are unpacked, several at once.
#[derive(Debug, Clone)]
pub(crate) struct Room {
    limits: Limits,
    bytes: Arc<AtomicU64>,
    entries: Arc<AtomicU64>,
}

impl Room {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            bytes: Arc::new(AtomicU64::new(limits.image_bytes)),
            entries: Arc::new(AtomicU64::new(limits.image_entries)),
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Ends everything that is under way for this image: it will not be used.
    pub(crate) fn close(&self) {
        self.bytes.store(0, Ordering::Relaxed);
        self.entries.store(0, Ordering::Relaxed);
    }

    /// Charges the image for bytes of one of its layers.
    pub(crate) fn take_bytes(&self, count: u64) -> Result<(), Excess> {
        let limit = self.limits.image_bytes;
        take(&self.bytes, count).ok_or(Excess { of: "image", what: "bytes in all its layers", limit })
    }

    /// Charges the image for entries of one of its layers.
    pub(crate) fn take_entries(&self, count: u64) -> Result<(), Excess> {
        let limit = self.limits.image_entries;
        take(&self.entries, count).ok_or(Excess { of: "image", what: "files in all its layers", limit })
    }
}

fn take(left: &AtomicU64, count: u64) -> Option<()> {
    left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(count)).ok().map(drop)
}
