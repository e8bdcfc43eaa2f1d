//! The data directory's door: makes it private, lets one process in.

use std::fs::{DirBuilder, File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::StoreError;

/// What is never there without a database, and is of no use without it.
const REST: [&str; 2] = ["managr.db-wal", "secrets.key"];

/// Holds the lock of a data directory while it lives.
pub(crate) struct Door {
    dir: PathBuf,
    /// Open means locked; closed on exec, so a task's supervisor does not keep it.
    _lock: File,
}

impl Door {
    /// Makes `dir` and its files where they are missing, and takes the lock.
    ///
    /// A directory that was there already keeps its mode: it may not be ours alone.
    pub(crate) fn open(dir: &Path) -> Result<Self, StoreError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| StoreError::Prepare { path, source }
        };
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed(dir))?;
        let lock_path = dir.join("managr.lock");
        let lock = lock(dir, private(&lock_path).map_err(failed(&lock_path))?, &lock_path)?;
        Ok(Self { dir: dir.to_owned(), _lock: lock })
    }

    /// Returns the database's path; makes the file where there is nothing of a platform yet. Where the
    /// rest of one is there and only the database is not, an empty one would be a platform that has
    /// forgotten everything and says nothing.
    pub(crate) fn ensure_database(&self) -> Result<PathBuf, StoreError> {
        let path = self.dir.join("managr.db");
        let length = |path: &Path| std::fs::metadata(path).map_or(0, |found| found.len());
        if length(&path) == 0 {
            let names: Vec<&str> = REST.into_iter().filter(|name| length(&self.dir.join(name)) > 0).collect();
            if !names.is_empty() {
                let found = names.join(", ");
                let state = if path.exists() { "empty" } else { "missing" };
                return Err(StoreError::Lost { dir: self.dir.clone(), path, found, state });
            }
        }
        private(&path).map_err(|source| StoreError::Prepare { path: path.clone(), source })?; // SQLite gives its log the same mode
        Ok(path)
    }
}

fn private(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    if file.metadata()?.permissions().mode() & 0o777 != 0o600 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(file)
}

fn lock(dir: &Path, mut file: File, path: &Path) -> Result<File, StoreError> {
    let failed = |source| StoreError::Prepare { path: path.to_owned(), source };
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            let _ = file.read_to_string(&mut pid); // the name is a courtesy; the lock is what counts
            let holder = match pid.trim() {
                "" => "its process could not be read".to_owned(),
                pid => format!("process {pid}"),
            };
            return Err(StoreError::Locked { dir: dir.to_owned(), holder });
        }
        Err(TryLockError::Error(source)) => return Err(failed(source)),
    }
    // Over what is there: a block that is given back may not be had again on a full disk. The name is
    // a courtesy here as well.
    let _ = file.rewind().and_then(|()| writeln!(file, "{:<20}", std::process::id()));
    Ok(file)
}
