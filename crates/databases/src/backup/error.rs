//! Why a backup could not be taken, kept or restored.

use std::io;
use std::path::PathBuf;

use crate::copy::CopyError;

/// Why a backup could not be taken, kept or restored.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// Files could not be copied.
    #[error("could not copy the database's files")]
    Copy(#[from] CopyError),
    /// The server refused something.
    #[error("PostgreSQL refused to {what}")]
    Server {
        /// What was asked.
        what: &'static str,
        /// What it said.
        #[source]
        source: tokio_postgres::Error,
    },
    /// The server said what it never says.
    #[error("PostgreSQL answered `{what}` with `{answer}`, which cannot be read")]
    Answer {
        /// What was asked.
        what: &'static str,
        /// What it said.
        answer: String,
    },
    /// What a backup says of itself cannot be read or written.
    #[error("could not read or write `{}`", path.display())]
    Note {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// WAL is missing.
    #[error("the WAL segment `{segment}` is not in `{}`: nothing after it can be restored; restore a snapshot, or a time before it", dir.display())]
    Gap {
        /// Its name.
        segment: String,
        /// Where it should be.
        dir: PathBuf,
    },
    /// No backup is old enough.
    #[error("no backup was made before that time: the earliest time that can be restored is {earliest}")]
    TooEarly {
        /// As people write it.
        earliest: String,
    },
    /// The WAL of that time is not kept yet.
    #[error("that time cannot be restored yet: the latest is {latest}")]
    TooLate {
        /// As people write it.
        latest: String,
    },
    /// The copy was ended from outside.
    #[error("the copy was ended before it was whole")]
    Ended,
}

impl BackupError {
    /// Whether the disk is full.
    pub fn is_full(&self) -> bool {
        match self {
            Self::Copy(error) => error.is_full(),
            Self::Note { source, .. } => source.kind() == io::ErrorKind::StorageFull,
            _ => false,
        }
    }
}
