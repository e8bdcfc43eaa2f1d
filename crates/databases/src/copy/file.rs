//! Copies one file: what is in it, its owner and its mode; holes stay holes.

use std::fs::{File, Metadata, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom as StdSeek, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;

use rustix::fs::SeekFrom;
use rustix::io::Errno;

use super::error::{At as _, CopyError};

/// How the contents of files come over, the cheapest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    /// Both files share the blocks until one is changed: `FICLONE`, ioctl_ficlone(2). Btrfs, XFS, bcachefs.
    Reflink,
    /// The kernel copies: copy_file_range(2).
    Kernel,
    /// Reading and writing.
    Plain,
}

/// Copies a file, in this way or in the next that works, which `way` then says. Returns how many bytes came over.
pub(super) fn copy(from: &Path, to: &Path, way: &mut Way) -> Result<u64, CopyError> {
    let source = open(from)?;
    let metadata = source.metadata().at(from)?;
    let target = create(to)?;
    own(&target, &metadata).at(to)?;
    if metadata.len() == 0 {
        return Ok(0);
    }
    if *way == Way::Reflink {
        match rustix::fs::ioctl_ficlone(&target, &source) {
            Ok(()) => return Ok(metadata.len().min(metadata.blocks().saturating_mul(512))),
            // What ioctl_ficlone(2) says where it is not for these two files.
            Err(Errno::OPNOTSUPP | Errno::XDEV | Errno::INVAL | Errno::NOTTY | Errno::NOSYS | Errno::PERM) => {
                *way = Way::Kernel;
            }
            Err(error) => return Err(error).at(to),
        }
    }
    target.set_len(metadata.len()).at(to)?;
    let mut bytes = 0;
    let mut end = 0;
    while let Some(range) = next_data(&source, end, metadata.len()).at(from)? {
        end = range.1;
        bytes += stretch(&source, &target, range, way).at(to)?;
    }
    Ok(bytes)
}

/// Copies a file that is written in place and is small: until it was read twice as the same.
pub(super) fn small(from: &Path, to: &Path) -> Result<u64, CopyError> {
    const TRIES: usize = 100;
    let mut source = open(from)?;
    let metadata = source.metadata().at(from)?;
    let mut read = || -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        source.seek(StdSeek::Start(0))?;
        source.read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    let mut last = read().at(from)?;
    for _ in 0..TRIES {
        let next = read().at(from)?;
        if next == last {
            let mut target = create(to)?;
            own(&target, &metadata).at(to)?;
            target.write_all(&next).at(to)?;
            return Ok(next.len() as u64);
        }
        last = next;
    }
    Err(CopyError::Unsettled { path: from.to_owned() })
}

/// Gives a file or folder the owner and the mode of another.
pub(super) fn own(target: &File, metadata: &Metadata) -> io::Result<()> {
    let now = target.metadata()?;
    if (now.uid(), now.gid()) != (metadata.uid(), metadata.gid()) {
        std::os::unix::fs::fchown(target, Some(metadata.uid()), Some(metadata.gid()))?;
    }
    target.set_permissions(std::fs::Permissions::from_mode(metadata.mode() & 0o7777))
}

fn open(path: &Path) -> Result<File, CopyError> {
    // What was a file a moment ago may be a link now: it is not followed.
    let flags = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();
    OpenOptions::new().read(true).custom_flags(flags).open(path).at(path)
}

fn create(path: &Path) -> Result<File, CopyError> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).at(path)
}

/// Returns the next stretch that is no hole, from `at`.
fn next_data(file: &File, at: u64, len: u64) -> io::Result<Option<(u64, u64)>> {
    if at >= len {
        return Ok(None);
    }
    let start = match rustix::fs::seek(file, SeekFrom::Data(at)) {
        Ok(start) => start,
        Err(Errno::NXIO) => return Ok(None),             // a hole until the end
        Err(Errno::INVAL) => return Ok(Some((at, len))), // a file system that knows of no holes
        Err(error) => return Err(error.into()),
    };
    if start >= len {
        return Ok(None);
    }
    match rustix::fs::seek(file, SeekFrom::Hole(start)) {
        Ok(end) => Ok(Some((start, end.min(len)))),
        Err(Errno::NXIO) => Ok(None), // it was truncated meanwhile
        Err(error) => Err(error.into()),
    }
}

fn stretch(source: &File, target: &File, (start, end): (u64, u64), way: &mut Way) -> io::Result<u64> {
    let mut at = start;
    while *way <= Way::Kernel && at < end {
        *way = Way::Kernel;
        let (mut from, mut to) = (at, at);
        let most = usize::try_from(end - at).unwrap_or(usize::MAX).min(1 << 30);
        match rustix::fs::copy_file_range(source, Some(&mut from), target, Some(&mut to), most) {
            Ok(0) => return Ok(at - start), // it was truncated meanwhile
            Ok(done) => at += done as u64,
            Err(Errno::INTR) => {}
            Err(Errno::NOSYS | Errno::XDEV | Errno::OPNOTSUPP | Errno::INVAL | Errno::PERM) => *way = Way::Plain,
            Err(error) => return Err(error.into()),
        }
    }
    let mut buffer = vec![0; if at < end { 256 * 1024 } else { 0 }];
    while at < end {
        let most = usize::try_from(end - at).unwrap_or(usize::MAX).min(buffer.len());
        let read = std::os::unix::fs::FileExt::read_at(source, &mut buffer[..most], at)?;
        if read == 0 {
            break;
        }
        std::os::unix::fs::FileExt::write_all_at(target, &buffer[..read], at)?;
        at += read as u64;
    }
    Ok(at - start)
}
