//! How much of the disk does a task hold, and when is it worth a look?
//!
//! Counted are the writable layers and the volumes of its containers, as the
//! filesystem allots blocks, and files that are deleted but still open. No
//! filesystem needs to be set up for it (project quotas ask for a mount option
//! that no distribution sets), but it is a watch and no wall: between two looks a
//! task can take more.

use std::collections::HashSet;
use std::ffi::CString;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::dir::Dir;
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat};
use nix::sys::stat::{FileStat, Mode, SFlag, fstatat};
use nix::sys::statfs::{HUGETLBFS_MAGIC, TMPFS_MAGIC, statfs};

/// Directories in each other that are followed. Each holds a descriptor open, and
/// paths that are longer than the kernel allows would hide what is below.
const DEEPEST: usize = 256;
/// Without growth on the disk it is looked this often: files may be taken and given up at once.
const AT_LEAST_EVERY: Duration = Duration::from_secs(60);
/// Growth of the whole disk that is worth a look, whatever the limits are.
const WORTH_A_LOOK: u64 = 64 << 20;

/// What a task holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) bytes: u64,
    /// Whether there are directories too deep in each other to be counted.
    pub(crate) too_deep: bool,
}

impl Usage {
    /// Whether it is more than a task may hold. What cannot be counted is too much.
    pub(crate) fn exceeds(self, limit: u64) -> bool {
        self.bytes > limit || self.too_deep
    }
}

/// Decides whether to count again: the disk's use grew by a part of the smallest
/// limit since the last time, or that was long ago.
pub(crate) fn is_due(used_then: u64, used_now: u64, since: Duration, smallest_limit: u64) -> bool {
    let step = WORTH_A_LOOK.min(smallest_limit / 16);
    since >= AT_LEAST_EVERY || used_now.saturating_sub(used_then) >= step
}

/// Returns the bytes in use on the filesystem of a path.
pub(crate) fn used_on_disk(path: &Path) -> io::Result<u64> {
    let found = nix::sys::statvfs::statvfs(path)?;
    Ok(found.blocks().saturating_sub(found.blocks_free()).saturating_mul(found.fragment_size()))
}

/// Counts what is in directories and in the deleted files that processes hold open.
pub(crate) fn measure(dirs: &[PathBuf], processes: &[i32]) -> Usage {
    let mut count = Count::default();
    for dir in dirs {
        if let Ok(dir) = open(dir, DIRECTORY, Mode::empty()) {
            count.below(dir, 0);
        }
    }
    for process in processes {
        count.deleted(*process);
    }
    count.usage
}

/// Whether an open file is held by memory, which has a limit of its own.
fn is_memory(path: &Path) -> bool {
    statfs(path).is_ok_and(|found| matches!(found.filesystem_type(), TMPFS_MAGIC | HUGETLBFS_MAGIC))
}

/// A link is never followed, and nothing is waited for.
const DIRECTORY: OFlag = OFlag::O_DIRECTORY.union(OFlag::O_NOFOLLOW).union(OFlag::O_CLOEXEC);

#[derive(Default)]
struct Count {
    usage: Usage,
    /// Files with several names, which count once.
    seen: HashSet<(u64, u64)>,
}

impl Count {
    fn below(&mut self, dir: OwnedFd, depth: usize) {
        let Ok(mut dir) = Dir::from_fd(dir) else { return };
        let names: Vec<CString> = dir.iter().flatten().map(|entry| entry.file_name().to_owned()).collect();
        for name in names.iter().filter(|name| !matches!(name.to_bytes(), b"." | b"..")) {
            let Ok(found) = fstatat(&dir, name.as_c_str(), AtFlags::AT_SYMLINK_NOFOLLOW) else { continue };
            self.add(&found);
            if SFlag::from_bits_truncate(found.st_mode & SFlag::S_IFMT.bits()) != SFlag::S_IFDIR {
                continue;
            }
            if depth >= DEEPEST {
                self.usage.too_deep = true;
                continue;
            }
            match openat(&dir, name.as_c_str(), DIRECTORY, Mode::empty()) {
                Ok(inner) => self.below(inner, depth + 1),
                // Gone, or made something else, since it was listed.
                Err(Errno::ENOENT | Errno::ENOTDIR | Errno::ELOOP) => {}
                // Out of descriptors, most likely: a later look will tell.
                Err(errno) => tracing::warn!(%errno, "a folder of a task could not be counted"),
            }
        }
    }

    fn add(&mut self, found: &FileStat) {
        if found.st_nlink < 2 || self.seen.insert((found.st_dev, found.st_ino)) {
            self.take(u64::try_from(found.st_blocks).unwrap_or(0));
        }
    }

    fn take(&mut self, blocks: u64) {
        // A block is 512 bytes here, whatever the filesystem's are (stat(2)).
        self.usage.bytes = self.usage.bytes.saturating_add(blocks.saturating_mul(512));
    }

    /// A file without a name keeps its blocks until the last process lets go of it.
    fn deleted(&mut self, process: i32) {
        let Ok(entries) = fs::read_dir(format!("/proc/{process}/fd")) else { return };
        for entry in entries.flatten() {
            // Looks at the open file itself, and opens nothing.
            let Ok(found) = fs::metadata(entry.path()) else { continue };
            let is_deleted = found.is_file() && found.nlink() == 0;
            if is_deleted && !is_memory(&entry.path()) && self.seen.insert((found.dev(), found.ino())) {
                self.take(found.blocks());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    const MIB: u64 = 1 << 20;

    fn bytes(dir: &Path) -> u64 {
        measure(&[dir.to_owned()], &[]).bytes
    }

    #[test]
    fn counts_what_is_allotted_once_and_follows_no_link() {
        let dir = tempfile::tempdir().unwrap();
        let (inside, outside) = (dir.path().join("inside"), dir.path().join("outside"));
        fs::create_dir_all(inside.join("a/b")).unwrap();
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("big"), vec![1; 4 << 20]).unwrap();
        let empty = bytes(&inside);
        assert!(empty < MIB);
        fs::write(inside.join("a/b/file"), vec![1; 1 << 20]).unwrap();
        fs::hard_link(inside.join("a/b/file"), inside.join("again")).unwrap();
        fs::File::create(inside.join("holes")).unwrap().set_len(1 << 40).unwrap();
        std::os::unix::fs::symlink(&outside, inside.join("link")).unwrap();
        let now = bytes(&inside);
        assert!((empty + MIB..empty + 2 * MIB).contains(&now), "{now}");
    }

    #[test]
    fn what_is_deleted_and_still_open_counts_and_memory_does_not() {
        let dir = tempfile::tempdir().unwrap();
        let me = std::process::id() as i32;
        let before = measure(&[], &[me]).bytes;
        let mut file = fs::File::create(dir.path().join("file")).unwrap();
        file.write_all(&vec![1; 3 << 20]).unwrap();
        assert!(measure(&[], &[me]).bytes < before + MIB, "it has a name");
        fs::remove_file(dir.path().join("file")).unwrap();
        let memory = tempfile::tempfile_in("/dev/shm").unwrap();
        memory.set_len(8 << 20).unwrap();
        (&memory).write_all(&vec![1; 8 << 20]).unwrap();
        let after = measure(&[], &[me, me]).bytes;
        assert!((before + 3 * MIB..before + 8 * MIB).contains(&after), "{before} {after}");
    }

    /// Longer than any path may be, as only steps from one directory to the next can make it.
    #[test]
    fn what_lies_too_deep_to_be_counted_is_too_much() {
        let dir = tempfile::tempdir().unwrap();
        let name = c"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";
        let mut at = open(dir.path(), DIRECTORY, Mode::empty()).unwrap();
        for depth in 0..=DEEPEST + 1 {
            let usage = measure(&[dir.path().to_owned()], &[]);
            assert_eq!(usage.exceeds(u64::MAX), depth > DEEPEST, "{depth}");
            nix::sys::stat::mkdirat(&at, name, Mode::S_IRWXU).unwrap();
            at = openat(&at, name, DIRECTORY, Mode::empty()).unwrap();
        }
    }

    #[test]
    fn looks_when_the_disk_has_grown_or_after_a_while() {
        let second = Duration::from_secs(1);
        assert!(!is_due(100 * MIB, 110 * MIB, second, 20 << 30));
        assert!(is_due(100 * MIB, 164 * MIB, second, 20 << 30));
        assert!(is_due(100 * MIB, 101 * MIB, second, 16 * MIB), "a small limit is soon reached");
        assert!(!is_due(100 * MIB, 50 * MIB, second, 16 * MIB));
        assert!(is_due(100 * MIB, 100 * MIB, AT_LEAST_EVERY, 20 << 30));
    }
}
