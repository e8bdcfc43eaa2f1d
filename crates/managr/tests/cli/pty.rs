//! The program in a terminal: what a person types and sees.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, ExitStatus, Stdio};

use nix::poll::{PollFd, PollFlags, poll};
use nix::pty::{Winsize, openpty};
use nix::sys::signal::{Signal, kill};
use nix::sys::termios::{Termios, tcgetattr};
use nix::unistd::Pid;

/// A terminal of 33 lines of 101 columns, with a program in it.
pub(crate) struct Pty {
    child: Child,
    master: File,
    slave: OwnedFd,
    before: Termios,
    /// What was shown so far.
    pub(crate) shown: String,
}

impl Pty {
    pub(crate) fn spawn(program: &Command) -> Self {
        let size = Winsize { ws_row: 33, ws_col: 101, ws_xpixel: 0, ws_ypixel: 0 };
        let pty = openpty(Some(&size), None).unwrap();
        let before = tcgetattr(&pty.slave).unwrap();
        let mut starts = Command::new("setsid");
        starts.args(["--ctty", "--"]).arg(program.get_program()).args(program.get_args()).env_clear();
        starts.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
        starts.current_dir(program.get_current_dir().unwrap());
        let slave = || Stdio::from(pty.slave.try_clone().unwrap());
        let child = starts.stdin(slave()).stdout(slave()).stderr(slave()).spawn().unwrap();
        Self { child, master: File::from(pty.master), slave: pty.slave, before, shown: String::new() }
    }

    pub(crate) fn type_in(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).unwrap();
    }

    /// Reads until this is shown, and forgets what came up to there.
    pub(crate) fn wait_for(&mut self, text: &str) {
        while !self.shown.contains(text) {
            assert!(self.read(30_000), "{text:?} is not shown: {:?}", self.shown);
        }
        self.shown = self.shown.split_once(text).unwrap().1.to_owned();
    }

    fn read(&mut self, patience: u16) -> bool {
        let mut fds = [PollFd::new(self.master.as_fd(), PollFlags::POLLIN)];
        if poll(&mut fds, patience).unwrap() == 0 {
            return false;
        }
        let mut bytes = [0; 4096];
        let count = self.master.read(&mut bytes).unwrap_or(0);
        self.shown.push_str(&String::from_utf8_lossy(&bytes[..count]));
        count > 0
    }

    pub(crate) fn resize(&self, rows: u16, cols: u16) {
        let size = rustix::termios::Winsize { ws_row: rows, ws_col: cols, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&self.master, size).unwrap();
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(Pid::from_raw(i32::try_from(self.child.id()).unwrap()), signal).unwrap();
    }

    pub(crate) fn is_raw(&self) -> bool {
        tcgetattr(&self.slave).unwrap() != self.before
    }

    /// Waits for the program's end; the terminal is then as it was before it.
    pub(crate) fn end(mut self) -> (ExitStatus, String) {
        let status = self.child.wait().unwrap();
        while self.read(0) {}
        assert_eq!(tcgetattr(&self.slave).unwrap(), self.before, "the terminal is not as it was");
        (status, std::mem::take(&mut self.shown))
    }
}
