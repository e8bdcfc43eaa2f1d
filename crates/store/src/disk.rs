//! How much room the disk has, and what is held back of it, so that a full one is no dead end.
//!
//! Two things are held back. The database keeps pages and log that it may write again without asking
//! for room (`tend.rs`): what fills the disk cannot take those away. Beside it lies a file that holds
//! nothing and is given up when the disk is full, for what is written elsewhere: exit codes, records of
//! images, files of a start. It is made again once there is room.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

const MIB: u64 = 1 << 20;
/// With less than this the disk counts as full: what may wait is refused.
pub(crate) const LOW: u64 = 32 * MIB;
/// With less than this the ballast is given up.
const VERY_LOW: u64 = 8 * MIB;
const BALLAST: u64 = 16 * MIB;
/// The ballast is made again when this much is left without it: not to and fro around one value.
const PLENTY: u64 = 96 * MIB;
const NAME: &str = "ballast";

/// The disk that a data directory lies on.
#[derive(Debug, Clone)]
pub struct Disk {
    dir: PathBuf,
    /// Whether what is reserved for root (a twentieth, on ext4) is ours as well.
    root: bool,
}

impl Disk {
    /// Returns the disk of a directory.
    pub(crate) fn of(dir: &Path) -> Self {
        let root = fs::metadata("/proc/self").is_ok_and(|me| me.uid() == 0);
        Self { dir: dir.to_owned(), root }
    }

    /// Returns the data directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns how many bytes are left; where the system does not say, as many as there can be.
    pub fn free(&self) -> u64 {
        let Ok(disk) = rustix::fs::statvfs(&self.dir) else { return u64::MAX };
        let blocks = if self.root { disk.f_bfree } else { disk.f_bavail };
        blocks.saturating_mul(disk.f_frsize)
    }

    /// Whether the disk counts as full.
    pub fn is_full(&self) -> bool {
        self.free() < LOW
    }

    /// Makes the ballast where there is room for it, or gives it up where there is none left. Cheap:
    /// meant to be called often.
    ///
    /// # Errors
    /// When the file can neither be made nor removed.
    pub fn balance(&self) -> io::Result<()> {
        let path = self.dir.join(NAME);
        let free = self.free();
        if free < VERY_LOW {
            return self.give_up();
        }
        if free > PLENTY && !path.exists() {
            let aside = self.dir.join("ballast.new");
            let made = fill(&aside).and_then(|()| fs::rename(&aside, &path));
            if made.is_err() {
                let _ = fs::remove_file(&aside);
            }
            return made;
        }
        Ok(())
    }

    /// Gives the ballast up.
    pub(crate) fn give_up(&self) -> io::Result<()> {
        match fs::remove_file(self.dir.join(NAME)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            done => done,
        }
    }
}

/// Makes a file that has its blocks already; not a sparse one.
fn fill(path: &Path) -> io::Result<()> {
    let file: File = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, BALLAST)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ballast_has_its_blocks_and_can_be_given_up() {
        let dir = tempfile::tempdir().expect("a directory");
        let disk = Disk::of(dir.path());
        disk.balance().expect("there is room");
        let path = dir.path().join(NAME);
        let found = fs::metadata(&path).expect("it is there");
        assert_eq!((found.len(), found.blocks() * 512 >= BALLAST), (BALLAST, true));
        disk.balance().expect("twice is once");
        disk.give_up().expect("it goes");
        disk.give_up().expect("twice is once");
        assert!(!path.exists());
    }
}
