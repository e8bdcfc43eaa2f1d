//! Where a balancer's process is found: a locked file and a socket in one private directory.
//!
//! The lock says whether a process runs, and cannot go stale; the socket says how to reach it.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::net::{UnixListener, UnixStream};
use tokio::time::{Instant, sleep, timeout};

use crate::wire::{Ask, PROTOCOL, Tell, Wire};

/// How long a process may take to end when asked to, and again when killed.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often it is looked whether a process has gone.
const LOOK: Duration = Duration::from_millis(2);

/// Who has a directory.
struct Holder {
    pid: Option<Pid>,
}

/// The directory.
#[derive(Debug, Clone)]
pub(crate) struct Home(PathBuf);

impl Home {
    pub(crate) fn new(dir: &Path) -> Self {
        Self(dir.to_owned())
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.0
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.0.join("balancer.log")
    }

    fn lock_path(&self) -> PathBuf {
        self.0.join("balancer.pid")
    }

    fn open_lock(&self) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(self.lock_path())
    }

    /// Takes the directory for this process, waiting a moment for one that is just ending; none when
    /// another stays.
    pub(crate) async fn take(&self) -> io::Result<Option<File>> {
        let mut file = self.open_lock()?;
        let deadline = Instant::now() + PATIENCE;
        loop {
            match file.try_lock() {
                Ok(()) => {
                    file.set_len(0)?;
                    writeln!(file, "{}", std::process::id())?;
                    return Ok(Some(file));
                }
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => sleep(LOOK).await,
                Err(TryLockError::WouldBlock) => return Ok(None),
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }

    /// Returns whether a process has the directory, and which, once it has said so. It lives: its lock
    /// is the evidence.
    fn holder(&self) -> io::Result<Option<Holder>> {
        let mut file = match OpenOptions::new().read(true).open(self.lock_path()) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        match file.try_lock_shared() {
            Ok(()) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                file.seek(SeekFrom::Start(0))?;
                file.read_to_string(&mut text)?;
                Ok(Some(Holder { pid: text.trim().parse().ok().map(Pid::from_raw) }))
            }
        }
    }

    /// Begins to listen; only whoever took the directory may.
    pub(crate) fn listen(&self) -> io::Result<UnixListener> {
        let (dir, path) = self.socket()?;
        match std::fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        drop(dir);
        Ok(listener)
    }

    /// Connects to the process that listens.
    pub(crate) async fn connect(&self) -> io::Result<UnixStream> {
        let (dir, path) = self.socket()?;
        let stream = UnixStream::connect(path).await;
        drop(dir);
        stream
    }

    /// Returns the socket's path as long as the directory is held. A socket's path has at most 108
    /// bytes and a data directory any number, so it goes through the directory's descriptor.
    fn socket(&self) -> io::Result<(File, PathBuf)> {
        let dir = File::open(&self.0)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}/balancer.sock", dir.as_raw_fd()));
        Ok((dir, path))
    }

    /// Ends the process that has the directory, if one does, whatever its version; returns once it
    /// is gone. Safe to repeat.
    pub(crate) async fn end(&self) -> io::Result<()> {
        let polite = async {
            let Ok(stream) = self.connect().await else { return };
            let mut wire = Wire::<Tell, Ask>::new(stream);
            wire.say(&Ask::Hello { protocol: PROTOCOL });
            wire.say(&Ask::End);
            while wire.next().await.is_some() {}
        };
        // One that does not listen, or not to us, is killed below.
        let _ = timeout(PATIENCE, polite).await;
        let deadline = Instant::now() + PATIENCE;
        while let Some(Holder { pid }) = self.holder()? {
            if Instant::now() >= deadline {
                let name = pid.map_or_else(String::new, |pid| format!(" {pid}"));
                return Err(io::Error::other(format!("the load balancer's process{name} does not end")));
            }
            if let Some(pid) = pid {
                let _ = kill(pid, Signal::SIGKILL); // fails only for one that has just ended
            }
            sleep(LOOK).await;
        }
        Ok(())
    }
}
