//! The key that values are sealed with: 32 bytes in a file that its owner alone may read.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use crate::error::OpenError;

/// The key. No `Debug`.
pub(crate) struct Key([u8; 32]);

impl Key {
    /// Reads `<dir>/secrets.key`; makes it where there is none, unless values are `sealed` already.
    pub(crate) fn open(dir: &Path, sealed: bool) -> Result<Self, OpenError> {
        let path = dir.join("secrets.key");
        match File::open(&path) {
            Ok(file) => read(&path, file),
            Err(error) if error.kind() == io::ErrorKind::NotFound && sealed => Err(OpenError::Missing { path }),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let key = Self::fresh()?;
                write(dir, &path, &key).map_err(|source| OpenError::Key { path, source })?;
                Ok(key)
            }
            Err(source) => Err(OpenError::Key { path, source }),
        }
    }

    /// Draws a key that is nowhere else.
    pub(crate) fn fresh() -> Result<Self, OpenError> {
        let mut bytes = [0; 32];
        getrandom::fill(&mut bytes).map_err(OpenError::Random)?;
        Ok(Self(bytes))
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

fn read(path: &Path, mut file: File) -> Result<Key, OpenError> {
    let failed = |source| OpenError::Key { path: path.to_owned(), source };
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(OpenError::Exposed { path: path.to_owned(), mode });
    }
    let mut bytes = Vec::with_capacity(32);
    file.read_to_end(&mut bytes).map_err(failed)?;
    let length = bytes.len();
    bytes.try_into().map(Key).map_err(|_| OpenError::Damaged { path: path.to_owned(), length })
}

/// Writes aside, syncs, and links into place, so that no crash leaves half a key.
fn write(dir: &Path, path: &Path, key: &Key) -> io::Result<()> {
    let aside: PathBuf = dir.join(format!("secrets.key.{}", std::process::id()));
    let _ = std::fs::remove_file(&aside); // of a crashed process with our number
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&aside)?;
    file.write_all(key.bytes())?;
    file.sync_all()?;
    let linked = std::fs::hard_link(&aside, path); // unlike rename, never replaces a key
    std::fs::remove_file(&aside)?;
    linked?;
    File::open(dir)?.sync_all()
}
