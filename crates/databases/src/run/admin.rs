//! The platform's own connection to a server: over its Unix socket, as its superuser.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use tokio::net::UnixStream;
use tokio_postgres::{Client, NoTls};

use super::files::SUPERUSER;

/// Why a server could not be talked to.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Nobody listens.
    #[error("nobody listens on the database's socket")]
    Socket(#[source] std::io::Error),
    /// The server refused.
    #[error("the database answered with an error")]
    Postgres(#[from] tokio_postgres::Error),
}

impl AdminError {
    /// Whether the server has no such database: then it is up, and new.
    pub(crate) fn is_no_such_database(&self) -> bool {
        matches!(self, Self::Postgres(error) if error.code() == Some(&tokio_postgres::error::SqlState::INVALID_CATALOG_NAME))
    }
}

/// Connects to a database of the server that listens in `folder` at `port`.
///
/// # Errors
/// When nobody listens there, or the server is starting up, shutting down, or has no such database.
pub async fn connect(folder: &Path, port: u16, database: &str) -> Result<Client, AdminError> {
    // By descriptor: the path may be longer than a socket's address may be.
    let directory = File::options().read(true).custom_flags(nix::libc::O_DIRECTORY | nix::libc::O_PATH).open(folder);
    let directory = directory.map_err(AdminError::Socket)?;
    let path = format!("/proc/self/fd/{}/.s.PGSQL.{port}", directory.as_raw_fd());
    let stream = UnixStream::connect(path).await.map_err(AdminError::Socket)?;
    let mut config = tokio_postgres::Config::new();
    config.user(SUPERUSER).dbname(database).application_name("managr");
    let (client, connection) = config.connect_raw(stream, NoTls).await?;
    // Ends with the client.
    tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "a connection to a database ended");
        }
    });
    Ok(client)
}
