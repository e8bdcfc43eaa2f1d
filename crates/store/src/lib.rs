//! The platform's only persistent truth: one SQLite database, one writer.
//!
//! Callers hold their own view in memory and hand over [`Batch`]es; each is stored whole or
//! not at all, and its [`Commit`] resolves once it would survive a power cut. Batches that
//! wait together are committed together (group commit), in the order of their submission.
//! Never: a second writer, a second process on the same directory, an acknowledged batch lost.

mod batch;
mod disk;
mod door;
mod error;
mod readers;
mod schema;
mod tend;
mod writer;

use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use rusqlite::Connection;

pub use batch::{Batch, Commit, Statement};
pub use disk::Disk;
pub use error::StoreError;
pub use rusqlite;

use door::Door;
use readers::Readers;
use tend::Tender;
use writer::Writer;

/// The store. Cloning shares it; the last clone to go closes it, after its queue is empty.
#[derive(Clone)]
pub struct Store {
    inner: Arc<OpenDatabase>,
}

/// Fields are dropped in this order: the writer finishes its queue, then the readers close,
/// then the directory's lock is let go.
struct OpenDatabase {
    writer: Writer,
    readers: Readers,
    _door: Option<Door>,
    disk: Option<Disk>,
}

/// A data directory that is held by this process, whatever is in it; let go when it is dropped.
#[must_use = "the directory is anybody's again when this is dropped"]
pub struct Claim {
    _door: Door,
}

impl Claim {
    /// Takes the directory's lock without looking at its database: to remove it all.
    ///
    /// # Errors
    /// When another process holds the directory, or when the file system refuses.
    pub fn take(dir: &Path) -> Result<Self, StoreError> {
        let door = Door::open(dir)?;
        let _ = Disk::of(dir).give_up(); // it goes anyway, and what is done before may need its room
        Ok(Self { _door: door })
    }
}

impl std::fmt::Debug for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Claim").finish_non_exhaustive()
    }
}

impl Store {
    /// Opens `<dir>/managr.db`, making directory (0700) and file (0600) where there is none.
    ///
    /// Holds an exclusive lock on the directory while any clone lives.
    ///
    /// # Errors
    /// When another process holds the directory, when the database was written by a newer
    /// managr, is damaged or gone while the rest is there, or when the file system refuses.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        let disk = Disk::of(dir);
        let _ = disk.balance(); // before the first write of all; a directory that is not there has none
        let door = Door::open(dir)?;
        let path = door.ensure_database()?;
        let opened = StoreError::opening(&path);
        let mut writing = Connection::open(&path).map_err(&opened)?;
        schema::prepare_file(&writing).map_err(&opened)?;
        schema::migrate(&mut writing, &path)?;
        let reading =
            (0..readers::COUNT).map(|_| readers::open(&path)).collect::<Result<Vec<_>, _>>().map_err(&opened)?;
        let writer = Writer::start(Arc::new(Mutex::new(writing)), Some(Tender::new(disk.clone(), &path)));
        let readers = Readers::pool(reading);
        Ok(Self { inner: Arc::new(OpenDatabase { writer, readers, _door: Some(door), disk: Some(disk) }) })
    }

    /// Opens a store in memory that is gone with its last clone.
    ///
    /// # Errors
    /// When SQLite cannot allocate it.
    pub fn ephemeral() -> Result<Self, StoreError> {
        let path = Path::new(":memory:");
        let opened = |source| StoreError::Open { path: path.to_owned(), source };
        let mut connection = Connection::open_in_memory().map_err(opened)?;
        schema::prepare_memory(&connection).map_err(opened)?;
        schema::migrate(&mut connection, path)?;
        let shared = Arc::new(Mutex::new(connection));
        let writer = Writer::start(shared.clone(), None);
        let readers = Readers::shared(shared);
        Ok(Self { inner: Arc::new(OpenDatabase { writer, readers, _door: None, disk: None }) })
    }

    /// Returns the disk that the store lies on; none of a store in memory.
    pub fn disk(&self) -> Option<&Disk> {
        self.inner.disk.as_ref()
    }

    /// Returns every row of `table` of the generic documents relation, ordered by key.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn load(&self, table: &str) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.query(|connection| {
            let mut rows = connection.prepare_cached("SELECT key, body FROM documents WHERE tbl = ?1 ORDER BY key")?;
            rows.query_map([table], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
    }

    /// Enqueues `batch` now; batches are stored in the order of these calls. Never blocks.
    ///
    /// A caller whose batches depend on each other calls this under its own lock.
    pub fn submit(&self, batch: Batch) -> Commit {
        self.inner.writer.submit(batch)
    }

    /// Runs `read` on a reading connection: it sees what was committed, and can write nothing.
    ///
    /// Blocks the thread for as long as `read` takes.
    ///
    /// # Errors
    /// Whatever `read` answers.
    pub fn query<R>(&self, read: impl FnOnce(&Connection) -> rusqlite::Result<R>) -> Result<R, StoreError> {
        self.inner.readers.with(read).map_err(|cause| StoreError::Read { cause })
    }

    /// Deletes every row of every relation, after all that was submitted before.
    ///
    /// # Errors
    /// When the deletion could not be stored; then nothing was deleted.
    pub async fn wipe(&self) -> Result<(), StoreError> {
        let mut batch = Batch::new();
        batch.with(Box::new(schema::empty));
        self.submit(batch).await
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").finish_non_exhaustive()
    }
}
