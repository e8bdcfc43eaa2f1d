//! The connections that read: two beside the writer, so that a long scan of logs does not
//! hold up the next reader.

use std::path::Path;
use std::sync::Arc;

use parking_lot::{Condvar, Mutex};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

/// How many reading connections a store on disk has.
pub(crate) const COUNT: usize = 2;

/// Opens a connection that can only read.
pub(crate) fn open(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(crate::schema::BUSY)?;
    connection.pragma_update(None, "cache_size", -2000)?;
    // The last to close would take the log away (`schema.rs`).
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    Ok(connection)
}

/// Lends one connection at a time to each reader.
pub(crate) enum Readers {
    Pool {
        idle: Mutex<Vec<Connection>>,
        returned: Condvar,
    },
    /// In memory there is one connection; writer and readers take turns.
    Shared(Arc<Mutex<Connection>>),
}

impl Readers {
    pub(crate) fn pool(connections: Vec<Connection>) -> Self {
        Self::Pool { idle: Mutex::new(connections), returned: Condvar::new() }
    }

    pub(crate) fn shared(connection: Arc<Mutex<Connection>>) -> Self {
        Self::Shared(connection)
    }

    pub(crate) fn with<R>(&self, read: impl FnOnce(&Connection) -> R) -> R {
        match self {
            Self::Shared(connection) => read(&connection.lock()),
            Self::Pool { idle, returned } => {
                let connection = {
                    let mut idle = idle.lock();
                    loop {
                        match idle.pop() {
                            Some(connection) => break connection,
                            None => returned.wait(&mut idle),
                        }
                    }
                };
                let loan = Loan { connection: Some(connection), idle, returned };
                read(loan.connection.as_ref().expect("a loan holds its connection until it is dropped"))
            }
        }
    }
}

/// Gives the connection back, also when the reader panics.
struct Loan<'a> {
    connection: Option<Connection>,
    idle: &'a Mutex<Vec<Connection>>,
    returned: &'a Condvar,
}

impl Drop for Loan<'_> {
    fn drop(&mut self) {
        self.idle.lock().extend(self.connection.take());
        self.returned.notify_one();
    }
}
