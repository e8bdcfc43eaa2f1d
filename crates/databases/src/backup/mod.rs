//! Backups of PostgreSQL: a copy of its folder while it runs, its WAL kept beside, and a folder made of them again.
//!
//! A backup is a folder with `data` (a data directory that a server can be started on as it is: the WAL that it needs
//! is in it) and `backup.json` ([`Base`]). It is PostgreSQL's own way, "Making a Base Backup Using the Low Level API".

pub mod archive;
mod base;
mod error;
mod marks;
mod restore;
mod retention;
mod wal;

pub use base::{Base, Running, copy, read, stopped, take};
pub use error::BackupError;
pub use marks::{Mark, Marks};
pub use restore::{finish, from_snapshot, newest_before, to_time};
pub use retention::{Decision, decide, list};
pub use wal::{Lsn, Segment};
