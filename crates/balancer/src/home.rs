//! Where a balancer's process is found: a locked file and a socket in one private directory.
//!
//! The lock says whether a process runs, and cannot go stale; the socket says how to reach it. One process
//! has the place; one that leaves takes both under another name, and is found by them until it has gone.

use std::fs::{File, OpenOptions, Permissions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
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
/// The name of the process that has the place.
const SERVING: &str = "balancer";
/// What the names of those that leave begin with; a number follows.
const LEAVING: &str = "balancer-leaving-";

/// Who has a place.
struct Holder {
    pid: Option<Pid>,
}

/// A place in the directory: that of the serving process, or that of one that leaves.
#[derive(Debug, Clone)]
pub(crate) struct Home {
    dir: PathBuf,
    name: String,
}

impl Home {
    /// Returns the place of the serving process.
    pub(crate) fn new(dir: &Path) -> Self {
        Self { dir: dir.to_owned(), name: SERVING.to_owned() }
    }

    /// Returns the places of those that leave and have not gone yet.
    pub(crate) fn leaving(dir: &Path) -> io::Result<Vec<Self>> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(dir)? {
            let file = entry?.file_name();
            let name = file.to_str().and_then(|file| file.strip_suffix(".pid"));
            if let Some(name) = name.filter(|name| name.starts_with(LEAVING)) {
                let home = Self { dir: dir.to_owned(), name: name.to_owned() };
                if home.holder()?.is_some() {
                    found.push(home);
                }
            }
        }
        Ok(found)
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.dir.join("balancer.log")
    }

    fn lock_path(&self) -> PathBuf {
        self.dir.join(format!("{}.pid", self.name))
    }

    fn open_lock(&self) -> io::Result<File> {
        OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(self.lock_path())
    }

    /// Gives up the place to the next process, and returns another, by which this one is found until it has gone. Only
    /// the process that took the place may.
    pub(crate) fn step_aside(&self) -> io::Result<Self> {
        // No other process chooses a number meanwhile: that takes the lock that this one holds.
        let mut numbers = 1_u32..;
        let aside = loop {
            let number = numbers.next().expect("there are fewer processes than numbers");
            let home = Self { dir: self.dir.clone(), name: format!("{LEAVING}{number}") };
            // What one left behind that was killed is written over.
            if home.holder()?.is_none() {
                break home;
            }
        };
        let socket = |home: &Self| home.dir.join(format!("{}.sock", home.name));
        std::fs::rename(socket(self), socket(&aside))?;
        // Last: with it the place is free. A lock is its file's, whatever the file is called.
        std::fs::rename(self.lock_path(), aside.lock_path())?;
        Ok(aside)
    }

    /// Takes the place for this process, waiting a moment for one that is just ending; none when
    /// another stays.
    pub(crate) async fn take(&self) -> io::Result<Option<File>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let mut file = self.open_lock()?;
            match file.try_lock() {
                // The one before may have left with the file that was opened.
                Ok(()) if !self.is_still(&file)? => {}
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

    /// Whether the place's lock is this very file.
    fn is_still(&self, file: &File) -> io::Result<bool> {
        let of_file = file.metadata()?;
        match std::fs::metadata(self.lock_path()) {
            Ok(of_path) => Ok((of_path.dev(), of_path.ino()) == (of_file.dev(), of_file.ino())),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Returns whether a process has the place, and which, once it has said so. It lives: its lock
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
                // A process that has just left must not be taken for the one that has the place now.
                if !self.is_still(&file)? {
                    return self.holder();
                }
                Ok(Some(Holder { pid: text.trim().parse().ok().map(Pid::from_raw) }))
            }
        }
    }

    /// Begins to listen; only the process that took the place may.
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
        let dir = File::open(&self.dir)?;
        let path = PathBuf::from(format!("/proc/self/fd/{}/{}.sock", dir.as_raw_fd(), self.name));
        Ok((dir, path))
    }

    /// Ends the process that has the place, if one does, whatever its version; returns once it
    /// is gone. Safe to repeat.
    pub(crate) async fn end(&self) -> io::Result<()> {
        let polite = async {
            let Ok(stream) = self.connect().await else { return false };
            let mut wire = Wire::<Tell, Ask>::new(stream);
            wire.say(&Ask::Hello { protocol: PROTOCOL });
            wire.say(&Ask::End);
            while wire.next().await.is_some() {}
            true
        };
        // One that hung up is ending, and needs a moment to let go of the place. One that does not listen, or not to
        // us, is killed at once.
        let is_ending = timeout(PATIENCE, polite).await.unwrap_or(false);
        let killed_from = Instant::now() + if is_ending { PATIENCE } else { Duration::ZERO };
        let deadline = killed_from + PATIENCE;
        while let Some(Holder { pid }) = self.holder()? {
            let now = Instant::now();
            if now >= deadline {
                let name = pid.map_or_else(String::new, |pid| format!(" {pid}"));
                return Err(io::Error::other(format!("the load balancer's process{name} does not end")));
            }
            if let Some(pid) = pid.filter(|_| now >= killed_from) {
                let _ = kill(pid, Signal::SIGKILL); // fails only for one that has just ended
            }
            sleep(LOOK).await;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// This process has the place and hangs up before it lets go: were it killed then, so would be the test.
    #[tokio::test]
    async fn one_that_is_ending_is_not_killed_before_it_lets_go() {
        let dir = tempfile::tempdir().unwrap();
        let home = Home::new(dir.path());
        let held = home.take().await.unwrap().expect("the place is free");
        let door = home.listen().unwrap();
        let ends = async {
            drop(door.accept().await.unwrap());
            sleep(LOOK * 10).await;
            drop(held);
        };
        let (ended, ()) = tokio::join!(home.end(), ends);
        ended.unwrap();
        assert!(home.holder().unwrap().is_none());
    }
}
