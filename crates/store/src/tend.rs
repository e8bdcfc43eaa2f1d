//! Keeps the database's files as large as is useful, in small steps while no caller waits.
//!
//! - What was deleted is given back to the disk (incremental vacuum), but for some free pages.
//! - The log keeps a length beyond which it is not written before it begins anew. With it and the free
//!   pages the database can go on writing on a disk that has not one byte left.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use crate::disk::Disk;

/// Free pages that stay (4 MiB): the room of a full disk's last changes.
const SPARE_PAGES: i64 = 1024;
/// Pages given back in one step: some milliseconds of a disk.
const STEP_PAGES: i64 = 2048;
/// Bytes of log: what is written between two checkpoints (`schema.rs`), and a quarter more.
const LOG_BYTES: u64 = 20 << 20;
/// A file of an earlier version is written anew, once, when what lives in it is at most this: the
/// writer stands still meanwhile, for seconds at worst.
const REWRITE_MOST: i64 = 256 << 20;
/// ... and when at least this is to be gained.
const REWRITE_GAIN: i64 = 16 << 20;

/// Tends one database.
pub(crate) struct Tender {
    disk: Disk,
    log: PathBuf,
    /// Whether the reserve was made; tried once in a process, and again after a disk was full.
    reserved: bool,
    rewritten: bool,
}

impl Tender {
    pub(crate) fn new(disk: Disk, database: &Path) -> Self {
        let mut log = database.as_os_str().to_owned();
        log.push("-wal");
        Self { disk, log: log.into(), reserved: false, rewritten: false }
    }

    pub(crate) fn disk(&self) -> &Disk {
        &self.disk
    }

    /// Does one step; returns whether there are more.
    pub(crate) fn step(&mut self, connection: &mut Connection) -> rusqlite::Result<bool> {
        let number = |name: &str| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
        let (free, pages, size) = (number("freelist_count")?, number("page_count")?, number("page_size")?);
        if number("auto_vacuum")? == 0 {
            let (lives, gain) = ((pages - free) * size, free * size);
            let room = self.disk.free() / 3 > lives.unsigned_abs();
            if !self.rewritten && gain >= REWRITE_GAIN && lives <= REWRITE_MOST && room {
                self.rewritten = true;
                connection.pragma_update(None, "auto_vacuum", "incremental")?;
                connection.execute_batch("VACUUM")?;
                return Ok(true);
            }
        } else if free > 2 * SPARE_PAGES {
            let pages = STEP_PAGES.min(free - SPARE_PAGES);
            let mut vacuum = connection.prepare_cached(&format!("PRAGMA incremental_vacuum({pages})"))?;
            let mut rows = vacuum.query([])?;
            while rows.next()?.is_some() {}
            return Ok(true);
        }
        if !self.reserved && !self.disk.is_full() {
            self.reserved = true;
            if std::fs::metadata(&self.log).map_or(0, |m| m.len()) < LOG_BYTES || free < SPARE_PAGES {
                reserve(connection)?;
                return Ok(true);
            }
        }
        // What was given back leaves the file, and the log may begin anew.
        let mut checkpoint = connection.prepare_cached("PRAGMA wal_checkpoint(PASSIVE)")?;
        checkpoint.query_row([], |_| Ok(()))?;
        Ok(false)
    }

    /// Says that the disk was full: what was held back may have been used.
    pub(crate) fn was_full(&mut self) {
        self.reserved = false;
    }
}

/// Lets log and file grow once, and frees the pages again.
fn reserve(connection: &mut Connection) -> rusqlite::Result<()> {
    let row = "tbl = 'store.reserve' AND key = ''";
    connection.execute(
        "INSERT OR REPLACE INTO documents (tbl, key, body) VALUES ('store.reserve', '', zeroblob(?1))",
        [LOG_BYTES as i64],
    )?;
    connection.execute(&format!("DELETE FROM documents WHERE {row}"), []).map(drop)
}
