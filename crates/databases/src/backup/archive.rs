//! Keeps a running server's WAL: the marks, and what is thrown away.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::FallocateFlags;
use tokio_postgres::Client;

use super::base::{lsn, one};
use super::{BackupError, Mark, Marks, Segment};

/// What is known of a server between two looks.
#[derive(Debug)]
pub struct Archive {
    /// Where the WAL is kept, as this process sees it.
    wal: PathBuf,
    marks: Marks,
    /// The last mark, if its WAL is not kept yet.
    pending: Option<(Mark, Segment, u64)>,
    /// Which transactions there were after the last mark.
    seen: Option<String>,
}

impl Archive {
    /// Opens the archive of a database: `wal` and, beside it, the file `marks`.
    ///
    /// # Errors
    /// When the marks cannot be read.
    pub fn open(database: &Path) -> Result<Self, BackupError> {
        let marks = Marks::read(&database.join("marks"))?;
        Ok(Self { wal: database.join("wal"), marks, pending: None, seen: None })
    }

    /// Returns the marks.
    pub fn marks(&self) -> &Marks {
        &self.marks
    }

    /// Returns where the WAL is kept.
    pub fn wal(&self) -> &Path {
        &self.wal
    }

    /// Looks at the server: makes a mark if something was committed since the last, and takes note of the last one
    /// once its WAL is kept. A server where nothing happens writes no WAL for it. Once a minute is well.
    ///
    /// # Errors
    /// When the server does not answer or the mark cannot be written.
    pub async fn look(&mut self, client: &Client) -> Result<(), BackupError> {
        self.note()?;
        if self.pending.is_some() {
            return Ok(()); // archiving is behind: one after the other
        }
        let now = "SELECT (extract(epoch FROM statement_timestamp()) * 1000)::bigint, pg_current_snapshot()";
        let row = one(client, "say what it does", now).await?;
        let [at, snapshot] = &row[..] else { return Ok(()) };
        let at = millis(at)?;
        if let (true, Some(last)) = (self.seen.as_ref() == Some(snapshot), self.marks.last()) {
            return self.marks.add(Mark { at, lsn: last.lsn, quiet: true });
        }
        self.mark(client).await
    }

    /// Writes a mark, and lets the server archive what it has.
    async fn mark(&mut self, client: &Client) -> Result<(), BackupError> {
        // A transaction with a number has a commit record, though it wrote nothing.
        let commit = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint, pg_current_xact_id()";
        let at = millis(&one(client, "write a mark", commit).await?[0])?;
        // The place is read after the commit, so it is behind its record.
        let place = "SELECT pg_current_wal_insert_lsn(), (SELECT timeline_id FROM pg_control_checkpoint()), \
                     (SELECT setting FROM pg_settings WHERE name = 'wal_segment_size'), pg_current_snapshot()";
        let row = one(client, "say where its WAL is", place).await?;
        let [lsn_text, timeline, size, snapshot] = &row[..] else { return Ok(()) };
        let place = lsn(lsn_text, "pg_current_wal_insert_lsn")?;
        let wrong = || BackupError::Answer { what: "the WAL's history", answer: row.join(" ") };
        let (timeline, size) = (timeline.parse().map_err(|_| wrong())?, size.parse().map_err(|_| wrong())?);
        one(client, "begin another file of its WAL", "SELECT pg_switch_wal()").await?;
        let mark = Mark { at, lsn: place, quiet: false };
        self.pending = Some((mark, Segment::ending(timeline, place, size), size));
        self.seen = Some(snapshot.clone());
        Ok(())
    }

    /// Notes the last mark if its WAL is kept by now. Returns whether no mark waits any more.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note(&mut self) -> Result<bool, BackupError> {
        let Some((mark, segment, size)) = self.pending else { return Ok(true) };
        let file = self.wal.join(segment.name(size));
        if !file.exists() {
            return Ok(false);
        }
        self.marks.add(mark)?;
        self.pending = None;
        for name in segments(&self.wal, size)?.into_iter().rev().take(8) {
            // What is behind a switch is zeros: 16 MB for each minute with a single write, otherwise.
            let _ = thin(&self.wal.join(name.name(size)));
        }
        Ok(true)
    }

    /// Throws away WAL before a segment, and marks before a time.
    ///
    /// # Errors
    /// When a file cannot be removed.
    pub fn forget(&mut self, before: Option<(Segment, u64)>, at: u64) -> Result<(), BackupError> {
        if let Some((before, size)) = before {
            for segment in segments(&self.wal, size)? {
                if segment.number < before.number && segment.timeline <= before.timeline {
                    let path = self.wal.join(segment.name(size));
                    fs::remove_file(&path).map_err(|source| BackupError::Note { path, source })?;
                }
            }
        }
        self.marks.forget(at)
    }
}

fn millis(text: &str) -> Result<u64, BackupError> {
    text.parse().map_err(|_| BackupError::Answer { what: "the time", answer: text.to_owned() })
}

/// Returns the segments in a folder, in order.
fn segments(wal: &Path, size: u64) -> Result<Vec<Segment>, BackupError> {
    let wrong = |source| BackupError::Note { path: wal.to_owned(), source };
    let mut found = Vec::new();
    for entry in fs::read_dir(wal).map_err(wrong)? {
        let name = entry.map_err(wrong)?.file_name();
        found.extend(name.to_str().and_then(|name| Segment::parse(name, size)));
    }
    found.sort_by_key(|segment| (segment.number, segment.timeline));
    Ok(found)
}

/// Gives zeros at the end of a file back to the disk; it reads the same.
fn thin(path: &Path) -> io::Result<()> {
    const PAGE: u64 = 64 * 1024;
    let file = File::options().read(true).write(true).open(path)?;
    let len = file.metadata()?.len();
    let mut page = vec![0; PAGE as usize];
    let mut end = len - len % PAGE;
    if len % PAGE != 0 {
        return Ok(()); // no segment
    }
    while end > 0 {
        file.read_exact_at(&mut page, end - PAGE)?;
        if page.iter().any(|byte| *byte != 0) {
            break;
        }
        end -= PAGE;
    }
    if end < len {
        rustix::fs::fallocate(&file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, end, len - end)?;
    }
    Ok(())
}
