//! Which files and folders belong to a copy, and how a folder is flushed.

use std::ffi::OsStr;
use std::fs::{self, File, Metadata};
use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Component, Path, PathBuf};

use super::What;
use super::error::{At as _, CopyError};

/// Something to be copied.
pub(super) struct Entry {
    /// Within the folder.
    pub(super) path: PathBuf,
    pub(super) metadata: Metadata,
}

/// What a folder holds, parents before what is in them.
#[derive(Default)]
pub(super) struct Tree {
    pub(super) dirs: Vec<Entry>,
    pub(super) files: Vec<Entry>,
    /// Of all files, holes left out.
    pub(super) bytes: u64,
}

impl Tree {
    pub(super) fn read(root: &Path, what: What) -> Result<Self, CopyError> {
        let mut tree = Self::default();
        let metadata = fs::symlink_metadata(root).at(root)?;
        if !metadata.is_dir() {
            return Err(CopyError::Kind { path: root.to_owned() });
        }
        tree.dirs.push(Entry { path: PathBuf::new(), metadata });
        tree.walk(root, Path::new(""), what)?;
        // The state of a server is read last: it says from where the others are brought up to date.
        tree.files.sort_by_key(|file| is_control(&file.path, what));
        Ok(tree)
    }

    fn walk(&mut self, root: &Path, below: &Path, what: What) -> Result<(), CopyError> {
        let dir = root.join(below);
        for entry in fs::read_dir(&dir).at(&dir)? {
            let entry = entry.at(&dir)?;
            let (path, whole) = (below.join(entry.file_name()), entry.path());
            if is_left_out(&path, what) {
                continue;
            }
            let metadata = match fs::symlink_metadata(&whole) {
                Err(error) if what == What::Live && error.kind() == io::ErrorKind::NotFound => continue,
                other => other.at(&whole)?,
            };
            let kind = metadata.file_type();
            if kind.is_dir() {
                self.dirs.push(Entry { path: path.clone(), metadata });
                match self.walk(root, &path, what) {
                    // A database was dropped: its folder is there, and what was in it is gone.
                    Err(error) if what == What::Live && error.is_missing(&whole) => {}
                    other => other?,
                }
            } else if kind.is_file() {
                self.bytes += held(&metadata);
                self.files.push(Entry { path, metadata });
            } else if kind.is_symlink() {
                return Err(CopyError::Link { path: whole });
            } else if !kind.is_socket() {
                return Err(CopyError::Kind { path: whole });
            }
        }
        Ok(())
    }
}

fn held(metadata: &Metadata) -> u64 {
    metadata.len().min(metadata.blocks().saturating_mul(512))
}

/// Returns how many bytes of the disk the files of a folder hold. Files that go away meanwhile hold none.
///
/// # Errors
/// When the folder is not there, or holds what no database has.
pub fn size(folder: &Path) -> Result<u64, CopyError> {
    fn of(dir: &Path) -> io::Result<u64> {
        let mut bytes = 0;
        for entry in fs::read_dir(dir)? {
            let entry = entry?;
            let there = |result: io::Result<u64>| match result {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
                other => other,
            };
            bytes += there(fs::symlink_metadata(entry.path()).map(|found| found.blocks().saturating_mul(512)))?;
            if entry.file_type()?.is_dir() {
                bytes += there(of(&entry.path()))?;
            }
        }
        Ok(bytes)
    }
    of(folder).at(folder)
}

/// Whether a file is a server's own state, which is written in place.
pub(super) fn is_control(path: &Path, what: What) -> bool {
    what == What::Live && path == Path::new("global/pg_control")
}

/// Folders whose contents a server makes anew; they have to be there ("Making a Base Backup Using the Low Level API",
/// PostgreSQL's manual, "Backing Up the Data Directory").
const EMPTIED: [&str; 8] =
    ["pg_wal", "pg_replslot", "pg_dynshmem", "pg_notify", "pg_serial", "pg_snapshots", "pg_stat_tmp", "pg_subtrans"];

fn is_left_out(path: &Path, what: What) -> bool {
    if what == What::Whole {
        return false;
    }
    let name = path.file_name().unwrap_or_default();
    if [Path::new("postmaster.pid"), Path::new("postmaster.opts")].contains(&path) {
        return true;
    }
    if what == What::Stopped {
        return false;
    }
    let mut parts = path.components();
    let (first, deeper) = (parts.next(), parts.next().is_some());
    let emptied =
        deeper && first.is_some_and(|first| EMPTIED.iter().any(|dir| first == Component::Normal(OsStr::new(dir))));
    let name = name.to_string_lossy();
    // A label or signal of an earlier life would be taken for this copy's own.
    let stale = !deeper
        && ["backup_label", "tablespace_map", "recovery.signal", "standby.signal", "backup_manifest"]
            .iter()
            .any(|file| *file == name || name.strip_suffix(".old") == Some(file));
    emptied || stale || name.starts_with("pgsql_tmp") || name.starts_with("pg_internal.init")
}

/// Flushes a folder and everything in it.
pub(super) fn flush(folder: &Path) -> Result<(), CopyError> {
    for entry in fs::read_dir(folder).at(folder)? {
        let entry = entry.at(folder)?;
        let path = entry.path();
        if entry.file_type().at(&path)?.is_dir() {
            flush(&path)?;
        } else {
            flush_one(&path)?;
        }
    }
    flush_one(folder)
}

/// Flushes one file, or the names in one folder.
pub(super) fn flush_one(path: &Path) -> Result<(), CopyError> {
    File::open(path).at(path)?.sync_all().at(path)
}
