//! A person at a terminal, and how long a person waits.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, poll};
use nix::pty::OpenptyResult;
use nix::sys::termios::{LocalFlags, Termios, tcgetattr};
use session::Size;

use crate::pty::{pty, resize, start};

/// Nothing here takes this long unless it hangs.
const PATIENCE: Duration = Duration::from_secs(30);

/// A person at a terminal of 101 columns and 33 rows.
pub(crate) struct Person {
    pub(crate) child: Child,
    pty: OpenptyResult,
    before: Termios,
    seen: Vec<u8>,
}

impl Person {
    /// Sits down and starts a program.
    pub(crate) fn sit(command: Command) -> Self {
        let pty = pty(Size { cols: 101, rows: 33 });
        let before = tcgetattr(&pty.slave).unwrap();
        Self { child: start(command, &pty), pty, before, seen: Vec::new() }
    }

    fn screen(&self) -> File {
        File::from(self.pty.master.try_clone().unwrap())
    }

    /// Waits until the words have been shown after those of the last time.
    pub(crate) fn sees(&mut self, words: &str) {
        let mut screen = self.screen();
        let found = |seen: &[u8]| seen.windows(words.len()).position(|window| window == words.as_bytes());
        while found(&self.seen).is_none() {
            let mut fds = [PollFd::new(screen.as_fd(), PollFlags::POLLIN)];
            let ready = poll(&mut fds, u16::try_from(PATIENCE.as_millis()).unwrap()).unwrap();
            assert!(ready > 0, "no `{words}` in {:?}", String::from_utf8_lossy(&self.seen));
            let mut bytes = [0; 4096];
            let count = screen.read(&mut bytes).unwrap();
            self.seen.extend_from_slice(&bytes[..count]);
        }
        self.seen.drain(..found(&self.seen).unwrap() + words.len());
    }

    pub(crate) fn types(&self, keys: &str) {
        self.screen().write_all(keys.as_bytes()).unwrap();
    }

    pub(crate) fn resizes(&self, size: Size) {
        resize(&self.screen(), size);
    }

    /// Whether the terminal passes every key on.
    pub(crate) fn is_raw(&self) -> bool {
        let now = tcgetattr(&self.pty.slave).unwrap();
        !now.local_flags.intersects(LocalFlags::ICANON | LocalFlags::ECHO | LocalFlags::ISIG)
    }

    /// Waits for the program's end, looks whether the terminal is as it was, and returns the exit code.
    pub(crate) fn ended(&mut self) -> Option<i32> {
        let mut screen = self.screen();
        // The screen must be read, or a program with much output would never end.
        let looks = std::thread::spawn(move || std::io::copy(&mut screen, &mut std::io::sink()));
        let code = ended_within(&mut self.child, PATIENCE);
        drop(looks);
        assert!(tcgetattr(&self.pty.slave).unwrap() == self.before, "the terminal is not as it was");
        code
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits for a program's end and returns its exit code.
pub(crate) fn ended_within(child: &mut Child, patience: Duration) -> Option<i32> {
    let since = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if since.elapsed() > patience {
            let _ = child.kill();
            let _ = child.wait();
            panic!("still there after {patience:?}");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Reads to the end of some words.
pub(crate) fn read_until(from: &mut impl Read, words: &str) {
    let mut seen = Vec::new();
    while !seen.ends_with(words.as_bytes()) {
        let mut byte = [0];
        from.read_exact(&mut byte).unwrap();
        seen.push(byte[0]);
    }
}

/// Waits until something holds.
pub(crate) fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let since = Instant::now();
    while !holds() {
        assert!(since.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Returns how many bytes wait in a pipe.
pub(crate) fn waiting_in(pipe: &impl AsFd) -> u64 {
    rustix::io::ioctl_fionread(pipe).unwrap()
}
