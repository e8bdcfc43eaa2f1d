//! The PostgreSQL clients of this machine, and the door that they enter by.

use std::ffi::OsStr;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use deploy::db::Relay;
use deploy_core::db::{NoTool, Tools, choose};
use tokio::process::Command;
use tokio::task::JoinSet;

use crate::exit::Exit;
use crate::failure::Failure;

/// Where Debian keeps the clients of each major version.
const DEBIAN: &str = "/usr/lib/postgresql";

/// Finds the clients for a server.
///
/// # Errors
/// When there are none that suit (exit 2).
pub(super) async fn find(server: u32) -> Result<Tools, Failure> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(DEBIAN).into_iter().flatten().flatten() {
        let major = entry.file_name().to_str().and_then(|name| name.parse().ok());
        let directory = entry.path().join("bin");
        if let Some(major) = major.filter(|_| directory.join("pg_dump").exists()) {
            found.push(Tools { major, directory });
        }
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    for directory in std::env::split_paths(&path).filter(|directory| directory.join("pg_dump").is_file()) {
        if let Some(major) = asked(&directory).await {
            found.push(Tools { major, directory });
        }
    }
    choose(&found, server).cloned().map_err(|error| {
        let wanted = match error {
            NoTool::Missing | NoTool::TooOld { .. } => {
                format!("install them: `apt-get install postgresql-client-{server}`")
            }
        };
        Failure::from_error(error).hint(wanted).exit(Exit::Usage)
    })
}

/// Asks a `pg_dump` which major it is of: `pg_dump (PostgreSQL) 15.18 (Debian ...)`.
async fn asked(directory: &Path) -> Option<u32> {
    let output = Command::new(directory.join("pg_dump")).arg("--version").output().await.ok()?;
    let said = String::from_utf8(output.stdout).ok()?;
    let version = said.split_whitespace().find(|word| word.starts_with(|letter: char| letter.is_ascii_digit()))?;
    version.split('.').next()?.parse().ok()
}

/// A directory of ours alone with the socket of a database, gone with this value.
pub(super) struct Door {
    directory: PathBuf,
    _listening: JoinSet<()>,
}

impl Door {
    /// Opens one.
    ///
    /// # Errors
    /// When the directory cannot be made.
    pub(super) fn open(relay: &Relay) -> Result<Self, Failure> {
        let wrong = |error: std::io::Error| Failure::new(format!("could not make a socket for the database: {error}"));
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|error| Failure::new(format!("no random numbers: {error}")))?;
        let directory = std::env::temp_dir().join(format!("managr-db-{}", hex::encode(random)));
        // Only its owner may enter, and it is new: an existing one is an error.
        DirBuilder::new().mode(0o700).create(&directory).map_err(wrong)?;
        match relay.listen(&directory) {
            Ok(listening) => Ok(Self { directory, _listening: listening }),
            Err(error) => {
                let _ = std::fs::remove_dir_all(&directory);
                Err(wrong(error))
            }
        }
    }

    /// Returns a program that finds the database behind this door, and no other.
    pub(super) fn command(&self, program: impl AsRef<OsStr>, relay: &Relay) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("PG") {
                command.env_remove(name);
            }
        }
        command.env("PGHOST", &self.directory).env("PGPORT", "5432").env("PGAPPNAME", "managr");
        command.env("PGUSER", &relay.parts().user).env("PGDATABASE", &relay.parts().name);
        command
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}
