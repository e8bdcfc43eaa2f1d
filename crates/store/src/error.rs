//! What can go wrong between the platform and its database.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

/// Why the store refused.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another process works in the directory.
    #[error("data directory {} is in use by another managr platform ({holder})", dir.display())]
    Locked {
        /// The data directory.
        dir: PathBuf,
        /// Who holds it, e.g. `process 4711`.
        holder: String,
    },
    /// A newer managr wrote the database.
    #[error(
        "{} was written by a newer managr (format {found}, this one knows up to {known}): use that version, or another data directory",
        path.display()
    )]
    Newer {
        /// The database file.
        path: PathBuf,
        /// The format found.
        found: i64,
        /// The newest format known here.
        known: i64,
    },
    /// The directory or one of its files could not be made.
    #[error("could not prepare {}", path.display())]
    Prepare {
        /// What could not be made.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The database could not be opened.
    #[error("could not open database {}", path.display())]
    Open {
        /// The database file.
        path: PathBuf,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
    /// There is something of a platform, but not its database.
    #[error(
        "{} has {found} of a platform, but its database {} is {state}: put it back from a copy, or give up what was \
         there with `managr platform purge`",
        dir.display(),
        path.display()
    )]
    Lost {
        /// The data directory.
        dir: PathBuf,
        /// The database file.
        path: PathBuf,
        /// What of it is there: names of files.
        found: String,
        /// `missing` or `empty`.
        state: &'static str,
    },
    /// The database is not one, or not whole.
    #[error(
        "database {} is damaged ({source}): put it back from a copy, or give up what was there with \
         `managr platform purge`",
        path.display()
    )]
    Damaged {
        /// The database file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
    /// The disk is all but full, and the batch may wait.
    #[error("the disk of {} is full: only {free} bytes are left", dir.display())]
    Full {
        /// The data directory.
        dir: PathBuf,
        /// What is left.
        free: u64,
    },
    /// A batch was not stored: none of it.
    #[error("could not store a change: {cause}")]
    Write {
        /// Why; shared by the batches that failed together.
        cause: Arc<rusqlite::Error>,
    },
    /// A query failed.
    #[error("could not read the database: {cause}")]
    Read {
        /// Why.
        cause: rusqlite::Error,
    },
    /// The writer is gone; whether the batch was stored is unknown.
    #[error("the store is closed")]
    Closed,
}

impl StoreError {
    /// Returns why a database could not be opened.
    pub(crate) fn opening(path: &std::path::Path) -> impl Fn(rusqlite::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.sqlite_error_code() {
            Some(rusqlite::ErrorCode::DatabaseCorrupt | rusqlite::ErrorCode::NotADatabase) => {
                Self::Damaged { path: path.clone(), source }
            }
            _ => Self::Open { path: path.clone(), source },
        }
    }

    /// Whether the change itself was refused, so that the same change will be refused again: it is too
    /// large, or breaks a rule of its relation.
    pub fn is_lasting(&self) -> bool {
        use rusqlite::ErrorCode::{ConstraintViolation, ParameterOutOfRange, TooBig, TypeMismatch};
        match self {
            Self::Write { cause } => matches!(
                cause.sqlite_error_code(),
                Some(TooBig | ConstraintViolation | TypeMismatch | ParameterOutOfRange)
            ),
            _ => false,
        }
    }

    /// Whether the disk is full: worth trying again once there is room.
    pub fn is_full(&self) -> bool {
        let code = match self {
            Self::Full { .. } => return true,
            Self::Prepare { source, .. } => return source.kind() == io::ErrorKind::StorageFull,
            Self::Write { cause } => cause.sqlite_error_code(),
            Self::Read { cause } | Self::Open { source: cause, .. } => cause.sqlite_error_code(),
            _ => None,
        };
        code == Some(rusqlite::ErrorCode::DiskFull)
    }
}
