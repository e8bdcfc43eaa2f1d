//! A real PostgreSQL of this machine, in a folder of its own, reached over its Unix socket only.
#![allow(clippy::unwrap_used)] // helpers of tests

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokio_postgres::{Client, NoTls};

const BIN: &str = "/usr/lib/postgresql/15/bin";

fn ids() -> Option<(u32, u32)> {
    let users = fs::read_to_string("/etc/passwd").ok()?;
    let line = users.lines().find(|line| line.starts_with("postgres:"))?;
    let mut words = line.split(':').skip(2);
    Some((words.next()?.parse().ok()?, words.next()?.parse().ok()?))
}

fn program(name: &str) -> Command {
    let (uid, gid) = ids().unwrap();
    let mut command = Command::new(format!("{BIN}/{name}"));
    command.uid(uid).gid(gid).env_clear().env("PATH", "/usr/bin:/bin").stdin(Stdio::null());
    command
}

/// A folder that PostgreSQL's user may pass through.
pub(crate) fn place() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
    dir
}

/// The folder of a database: `data`, `wal`, `base`, `socket`.
pub(crate) struct Database {
    pub(crate) dir: PathBuf,
    child: Option<Child>,
}

impl Database {
    /// A folder without a data directory.
    pub(crate) fn empty(dir: &Path) -> Self {
        let (uid, gid) = ids().unwrap();
        for below in ["", "wal", "base", "socket"] {
            let path = dir.join(below);
            fs::create_dir_all(&path).unwrap();
            chown(&path, Some(uid), Some(gid)).unwrap();
        }
        Self { dir: dir.to_owned(), child: None }
    }

    /// One with a new server that runs and archives.
    pub(crate) async fn new(dir: &Path) -> (Self, Client) {
        let mut database = Self::empty(dir);
        let made = program("initdb")
            .args(["-A", "trust", "-U", "postgres", "-k", "--no-sync", "-D"])
            .arg(database.data())
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let client = database.start().await;
        (database, client)
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.dir.join("data")
    }

    /// Starts the server; returns once it takes connections.
    pub(crate) async fn start(&mut self) -> Client {
        let log = fs::File::create(self.dir.join("log")).unwrap();
        let child = program("postgres")
            .arg("-D")
            .arg(self.data())
            .args(["-c", "listen_addresses=", "-c", "archive_mode=on", "-c", "shared_buffers=16MB"])
            .arg("-c")
            .arg(format!("unix_socket_directories={}", self.dir.join("socket").display()))
            .arg("-c")
            .arg(self.archive_command())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
        let begun = Instant::now();
        loop {
            match self.connect().await {
                Ok(client) => return client,
                Err(error) => {
                    let ended = self.child.as_mut().unwrap().try_wait().unwrap();
                    let late = begun.elapsed() > Duration::from_secs(60);
                    assert!(ended.is_none() && !late, "{error} {ended:?} {}", self.log());
                    tokio::time::sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }

    fn archive_command(&self) -> String {
        let to = format!("{}/%f", self.dir.join("wal").display());
        format!("archive_command=if test -f {to}; then cmp -s %p {to}; else cp %p {to}.part && mv {to}.part {to}; fi")
    }

    /// What the server printed.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.dir.join("log")).unwrap_or_default()
    }

    pub(crate) async fn connect(&self) -> Result<Client, tokio_postgres::Error> {
        let mut config = tokio_postgres::Config::new();
        config.host_path(self.dir.join("socket")).user("postgres").dbname("postgres");
        let (client, connection) = config.connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    /// Ends the server without a last word.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Stops the server, fast.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let pid = rustix::process::Pid::from_child(&child);
            rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
            assert!(child.wait().unwrap().success(), "{}", self.log());
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The first column of the first row.
pub(crate) async fn ask(client: &Client, query: &str) -> String {
    let rows = client.simple_query(query).await.unwrap();
    rows.into_iter()
        .find_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
            _ => None,
        })
        .unwrap_or_default()
}
