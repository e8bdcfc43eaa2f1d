//! Why a folder could not be copied.

use std::io;
use std::path::{Path, PathBuf};

/// Why a folder could not be copied, flushed or removed.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// The kernel refused something.
    #[error("could not copy, flush or remove `{}`", path.display())]
    At {
        /// Where.
        path: PathBuf,
        /// What it said.
        #[source]
        source: io::Error,
    },
    /// A link leads out of the folder.
    #[error(
        "`{}` is a symbolic link: a database with a tablespace outside of its folder cannot be copied; \
         move what it holds to `pg_default` and drop it", path.display()
    )]
    Link {
        /// The link.
        path: PathBuf,
    },
    /// Neither a file nor a folder.
    #[error("`{}` is neither a file nor a folder", path.display())]
    Kind {
        /// Where.
        path: PathBuf,
    },
    /// It was never the same twice.
    #[error("`{}` changes too fast to be read", path.display())]
    Unsettled {
        /// Where.
        path: PathBuf,
    },
}

impl CopyError {
    /// Whether a file is not there.
    pub fn is_missing(&self, file: &Path) -> bool {
        matches!(self, Self::At { path, source } if source.kind() == io::ErrorKind::NotFound && path == file)
    }

    /// Whether the disk, or the quota, is full.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::At { source, .. } if matches!(source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded))
    }
}

/// Says where something failed.
pub(crate) trait At<T> {
    fn at(self, path: &Path) -> Result<T, CopyError>;
}

impl<T, E: Into<io::Error>> At<T> for Result<T, E> {
    fn at(self, path: &Path) -> Result<T, CopyError> {
        self.map_err(|error| CopyError::At { path: path.to_owned(), source: error.into() })
    }
}
