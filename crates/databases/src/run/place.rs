//! Where are the files of a database, here and in its container? No I/O.

use std::path::{Path, PathBuf};

/// Where a database's folder is in its container.
pub(crate) const INSIDE: &str = "/db";
/// How a server of a database is called in its task.
pub(crate) const CONTAINER: &str = "postgres";
/// What the ids of the databases' tasks begin with.
const PREFIX: &str = "db-";

/// The folder of all databases of a platform.
#[derive(Clone, Debug)]
pub struct Places {
    root: PathBuf,
}

impl Places {
    /// Returns the places of a platform with this data directory.
    pub fn of(data_dir: &Path) -> Self {
        Self { root: data_dir.join("databases") }
    }

    /// Returns the folder of all databases.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the place of one, by its resource id.
    pub fn place(&self, resource: &str) -> Place {
        Place { folder: self.root.join(resource) }
    }

    /// Returns the folder of a snapshot, by its resource id.
    pub fn snapshot(&self, resource: &str) -> PathBuf {
        self.root.join("snapshots").join(resource)
    }

    /// Returns the root filesystem of containers that run the machine's own programs.
    pub(crate) fn machine_root(&self) -> PathBuf {
        self.root.join("machine")
    }
}

/// The folder of one database.
#[derive(Clone, Debug)]
pub struct Place {
    folder: PathBuf,
}

impl Place {
    /// Returns the whole folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }
    /// PostgreSQL's data directory.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }
    /// A data directory that is being made.
    pub(crate) fn unfinished(&self) -> PathBuf {
        self.folder.join("data.new")
    }
    /// Archived segments of the write-ahead log.
    pub fn wal(&self) -> PathBuf {
        self.folder.join("wal")
    }
    /// Base backups, one folder for each.
    pub fn base(&self) -> PathBuf {
        self.folder.join("base")
    }
    /// Where the server's Unix socket is.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("socket")
    }
    /// The server's certificate and key.
    pub fn tls(&self) -> PathBuf {
        self.folder.join("tls")
    }
    /// Its configuration, written before each start.
    pub fn conf(&self) -> PathBuf {
        self.folder.join("conf")
    }
    /// What PostgreSQL wrote to its log, a file for each hour, named as on RDS.
    pub fn log(&self) -> PathBuf {
        self.folder.join("log")
    }
}

/// Returns the id of a database's task. RDS's resource ids begin with `db-` as well.
pub fn task_of(resource: &str) -> String {
    if resource.starts_with(PREFIX) { resource.to_owned() } else { format!("{PREFIX}{resource}") }
}

/// Whether a task of this id is a database's.
pub fn is_task(id: &str) -> bool {
    id.starts_with(PREFIX)
}

/// Whether a resource id is safe as the name of a folder and a task.
pub(crate) fn is_safe(resource: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !resource.is_empty() && resource.len() <= 64 && resource != "snapshots" && resource.bytes().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_known_by_its_name() {
        assert_eq!(task_of("db-ABC"), "db-ABC");
        assert_eq!(task_of("abc"), "db-abc");
        assert!(is_task(&task_of("x")) && !is_task("0123456789abcdef"));
    }

    #[test]
    fn a_resource_id_leaves_its_folder_nowhere() {
        for bad in ["", "..", "a/b", "snapshots", ".x"] {
            assert!(!is_safe(bad), "{bad}");
        }
        assert!(is_safe("db-ABCDEFGHIJKLMNOPQRSTUVWXY1"));
    }
}
