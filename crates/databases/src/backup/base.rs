//! Takes a copy of a server's data directory, while it runs or after it was stopped.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tokio_postgres::{Client, SimpleQueryMessage};

use super::{BackupError, Lsn, Segment};
use crate::copy::{self, Copied, What};

/// What a backup says of itself, in its `backup.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// The server's version, as 150018.
    pub version: u32,
    /// When the copy was whole, by the server's clock (milliseconds): nothing before that can be restored from it.
    pub at: u64,
    /// Where its WAL begins and ends; none for a server that was stopped.
    pub running: Option<Running>,
    /// Bytes.
    pub bytes: u64,
    /// How it was made, in words.
    pub how: String,
}

/// The WAL of a backup of a server that ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Running {
    /// Which history.
    pub timeline: u32,
    /// From where it is replayed.
    pub start: Lsn,
    /// Until where at least.
    pub stop: Lsn,
    /// Bytes of one segment.
    pub segment: u64,
}

impl Running {
    /// Returns the first segment that it needs.
    pub fn first(&self) -> Segment {
        Segment::beginning(self.timeline, self.start, self.segment)
    }

    /// Returns the last segment that it needs.
    pub fn last(&self) -> Segment {
        Segment::ending(self.timeline, self.stop, self.segment)
    }
}

const NOTE: &str = "backup.json";
/// Keeps WAL while the copy is under way; it goes with the session.
const SLOT: &str = "managr_backup";

/// Copies the data directory of a server that runs, with the WAL that it needs. What is there under that name already
/// is left as it is.
///
/// The connection must be a superuser's, and used for nothing else: the server ends the backup if it ends.
///
/// # Errors
/// See [`BackupError`]; then there is no backup, and the server goes on.
pub async fn take(
    client: &Client,
    data: &Path,
    to: &Path,
    progress: impl FnMut(u64, u64) + Send + 'static,
) -> Result<Base, BackupError> {
    if let Some(base) = read(to)? {
        return Ok(base);
    }
    let version: u32 = number(client, "SHOW server_version_num").await?;
    let segment: u64 = number(client, "SELECT setting FROM pg_settings WHERE name = 'wal_segment_size'").await?;
    // A checkpoint may otherwise remove what the copy needs before it is whole.
    let slot =
        format!("SELECT slot_name FROM pg_create_physical_replication_slot('{SLOT}_' || pg_backend_pid(), true, true)");
    one(client, "keep its WAL", &slot).await?;
    let start = if version >= 150_000 {
        "SELECT pg_backup_start('managr', true)"
    } else {
        "SELECT pg_start_backup('managr', true, false)"
    };
    let start = lsn(&one(client, "begin a backup", start).await?[0], "pg_backup_start")?;
    let part = copy::part(to);
    let copied = copy_live(data.to_owned(), part.clone(), progress).await?;
    let stop = if version >= 150_000 {
        "SELECT lsn, labelfile, spcmapfile FROM pg_backup_stop(false)"
    } else {
        "SELECT lsn, labelfile, spcmapfile FROM pg_stop_backup(false, false)"
    };
    let stopped = one(client, "end a backup", stop).await?;
    let [stop, label, map] = &stopped[..] else {
        return Err(BackupError::Answer { what: "pg_backup_stop", answer: stopped.join(" ") });
    };
    let stop = lsn(stop, "pg_backup_stop")?;
    let timeline: u32 = number(client, "SELECT timeline_id FROM pg_control_checkpoint()").await?;
    let at: u64 = number(client, "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint").await?;
    let running = Running { timeline, start, stop, segment };
    let base = Base { version, at, running: Some(running), bytes: copied.bytes, how: copied.words() };
    let (data, to, label, map) = (data.to_owned(), to.to_owned(), label.clone(), map.clone());
    let finish = move || {
        let target = part.join("data");
        write(&target.join("backup_label"), label.as_bytes(), &data)?;
        if !map.trim().is_empty() {
            write(&target.join("tablespace_map"), map.as_bytes(), &data)?;
        }
        let wal = target.join("pg_wal");
        for segment in running.first().until(running.last()) {
            add_wal(&data.join("pg_wal"), &wal, &segment.name(running.segment))?;
        }
        let history = format!("{:08X}.history", running.timeline);
        if data.join("pg_wal").join(&history).exists() {
            add_wal(&data.join("pg_wal"), &wal, &history)?;
        }
        end(&part, &to, &base, &data)?;
        Ok(base)
    };
    let base = blocking(finish).await;
    // The session may live on; the slot must not.
    let drop = format!("SELECT pg_drop_replication_slot('{SLOT}_' || pg_backend_pid())");
    let dropped = client.simple_query(&drop).await;
    let base = base?;
    dropped.map_err(|source| BackupError::Server { what: "let go of WAL that was kept", source })?;
    Ok(base)
}

/// Copies the data directory of a server that does not run. What is there under that name already is left as it is.
///
/// # Errors
/// See [`BackupError`]; then there is no backup.
pub fn stopped(
    data: &Path,
    to: &Path,
    (version, at): (u32, u64),
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Base, BackupError> {
    if let Some(base) = read(to)? {
        return Ok(base);
    }
    let part = copy::part(to);
    copy::remove(&part)?;
    let copied = copy::begin(data, &part.join("data"), What::Stopped, progress)?;
    let base = Base { version, at, running: None, bytes: copied.bytes, how: copied.words() };
    end(&part, to, &base, data)?;
    Ok(base)
}

/// Copies a backup. What is there under that name already is left as it is.
///
/// # Errors
/// See [`BackupError`]; then there is no copy.
pub fn copy(from: &Path, to: &Path, progress: &mut dyn FnMut(u64, u64)) -> Result<Copied, BackupError> {
    Ok(copy::folder(from, to, What::Whole, progress)?)
}

/// Reads what a backup says of itself; none if there is no backup.
///
/// # Errors
/// When it cannot be read.
pub fn read(backup: &Path) -> Result<Option<Base>, BackupError> {
    let path = backup.join(NOTE);
    let wrong = |source| BackupError::Note { path: path.clone(), source };
    match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes).map(Some).map_err(|error| wrong(error.into())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(wrong(error)),
    }
}

fn end(part: &Path, to: &Path, base: &Base, data: &Path) -> Result<(), BackupError> {
    let note = serde_json::to_vec_pretty(base)
        .map_err(|error| BackupError::Note { path: part.join(NOTE), source: error.into() })?;
    write(&part.join(NOTE), &note, data)?;
    Ok(copy::settle(part, to)?)
}

async fn copy_live(
    data: PathBuf,
    part: PathBuf,
    mut progress: impl FnMut(u64, u64) + Send + 'static,
) -> Result<Copied, BackupError> {
    blocking(move || {
        copy::remove(&part)?;
        Ok(copy::begin(&data, &part.join("data"), What::Live, &mut progress)?)
    })
    .await
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, BackupError> + Send + 'static,
) -> Result<T, BackupError> {
    tokio::task::spawn_blocking(work).await.map_err(|_| BackupError::Ended)?
}

/// Copies a file of the WAL; one that is there is the same.
pub(super) fn add_wal(from: &Path, to: &Path, name: &str) -> Result<(), BackupError> {
    if to.join(name).exists() {
        return Ok(());
    }
    match copy::file(&from.join(name), &to.join(name)) {
        Err(error) if error.is_missing(&from.join(name)) => {
            Err(BackupError::Gap { segment: name.to_owned(), dir: from.to_owned() })
        }
        other => Ok(other.map(|_| ())?),
    }
}

/// Writes a small file that belongs to whom the folder `like` belongs to.
pub(super) fn write(path: &Path, bytes: &[u8], like: &Path) -> Result<(), BackupError> {
    let written = || {
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        let owner = fs::metadata(like)?;
        std::os::unix::fs::fchown(&file, Some(owner.uid()), Some(owner.gid()))?;
        file.write_all(bytes)
    };
    written().map_err(|source| BackupError::Note { path: path.to_owned(), source })
}

/// Asks for one row, as text.
pub(super) async fn one(client: &Client, what: &'static str, query: &str) -> Result<Vec<String>, BackupError> {
    let messages = client.simple_query(query).await.map_err(|source| BackupError::Server { what, source })?;
    let row = messages.into_iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let row = row.ok_or_else(|| BackupError::Answer { what, answer: "no row".to_owned() })?;
    Ok((0..row.len()).map(|column| row.get(column).unwrap_or_default().to_owned()).collect())
}

async fn number<T: std::str::FromStr>(client: &Client, query: &'static str) -> Result<T, BackupError> {
    let row = one(client, "say what it is", query).await?;
    row[0].parse().map_err(|_| BackupError::Answer { what: query, answer: row[0].clone() })
}

pub(super) fn lsn(text: &str, what: &'static str) -> Result<Lsn, BackupError> {
    Lsn::parse(text).ok_or_else(|| BackupError::Answer { what, answer: text.to_owned() })
}
