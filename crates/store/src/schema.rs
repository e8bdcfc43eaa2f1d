//! Every relation of the database, by the version that brought it.
//!
//! A version, once released, is never edited: a new one is appended.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, Transaction};

use crate::StoreError;

/// How long a connection waits for another's lock (a checkpoint, at most).
pub(crate) const BUSY: Duration = Duration::from_secs(10);

/// `MIGRATIONS[n]` takes format `n` to `n + 1`; `PRAGMA user_version` says where a file is.
const MIGRATIONS: &[&str] = &[include_str!("schema/1.sql"), include_str!("schema/2.sql")];

/// Sets up the writing connection of a database on disk.
pub(crate) fn prepare_file(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    // Before the first page is written, else it has no effect: deleted pages can be given back.
    connection.pragma_update(None, "auto_vacuum", "incremental")?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    // The log's room is kept over an end of the platform; `writer.rs` leaves nothing in it.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    // FULL: the log is synced before a commit returns, so an acknowledged batch survives a power cut.
    connection.pragma_update(None, "synchronous", "full")?;
    // A checkpoint every 16 MB of log instead of every 4: fewer syncs under load.
    connection.pragma_update(None, "wal_autocheckpoint", 4000)?;
    connection.pragma_update(None, "journal_size_limit", 25_165_824)?;
    connection.pragma_update(None, "cache_size", -4000)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Sets up the one connection of a database in memory.
pub(crate) fn prepare_memory(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "memory")?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

/// Brings the database to the newest format, one transaction per version.
pub(crate) fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let known = MIGRATIONS.len() as i64;
    let opened = StoreError::opening(path);
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(&opened)?;
    if found > known {
        return Err(StoreError::Newer { path: path.to_owned(), found, known });
    }
    for version in found.max(0)..known {
        let transaction = connection.transaction().map_err(&opened)?;
        transaction.execute_batch(MIGRATIONS[version as usize]).map_err(&opened)?;
        transaction.pragma_update(None, "user_version", version + 1).map_err(&opened)?;
        transaction.commit().map_err(&opened)?;
    }
    Ok(())
}

/// Deletes every row of every relation.
pub(crate) fn empty(transaction: &Transaction<'_>) -> rusqlite::Result<()> {
    let relations: Vec<String> = transaction
        .prepare_cached(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'",
        )?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    for relation in relations {
        // Without a WHERE, SQLite drops the pages instead of visiting the rows.
        transaction.execute(&format!("DELETE FROM \"{relation}\""), [])?;
    }
    Ok(())
}
