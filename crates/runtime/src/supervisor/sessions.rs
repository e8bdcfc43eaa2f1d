//! Commands on terminals: the platform has the terminal itself; here is who
//! ends such a session, and when.
//!
//! A session begins to end when its command has ended or the platform has let
//! go of it (also by dying). The kernel has then told the programs by SIGHUP;
//! what is left of the session after a grace is killed.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::command::{self, Command, LaunchedOnTerminal};
use super::running::ending;
use super::{Client, Source, Supervisor};
use crate::passing;
use crate::process;
use crate::spec::TerminalCommand;
use crate::wire::{AttachRequest, Fault, FaultKind, Message, Reply, encode};

/// How long programs have to end after the signal that their terminal is gone.
const GRACE: Duration = Duration::from_secs(1);
/// How long after the end of the command the first look for what it left is
/// repeated; each later pause is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(2);
/// Longest pause between looks.
const LAST_PAUSE: Duration = Duration::from_millis(200);

/// A command on a terminal, and what it has started there.
pub(super) struct Session {
    pid: i32,
    pidfd: OwnedFd,
    /// The platform's connection, which carries the exit code.
    stream: UnixStream,
    /// Whether the platform still holds its end.
    held: bool,
    /// Whether the command has ended and was reaped.
    ended: bool,
    /// When what is left is killed; set when the session begins to end.
    deadline: Option<Instant>,
    /// When to look for what is left.
    look_at: Option<Instant>,
    pause: Duration,
}

impl Session {
    fn new(pid: i32, pidfd: OwnedFd, stream: UnixStream) -> Self {
        let pause = FIRST_PAUSE;
        Self { pid, pidfd, stream, held: true, ended: false, deadline: None, look_at: None, pause }
    }

    /// Whether this child is the command and has not been reaped.
    pub(super) fn awaits(&self, pid: i32) -> bool {
        !self.ended && self.pid == pid
    }

    pub(super) fn look_at(&self) -> Option<Instant> {
        self.look_at
    }

    /// Adds what to wait for. Never anything that stays ready.
    pub(super) fn watch<'a>(&'a self, sources: &mut Vec<Source>, set: &mut Vec<PollFd<'a>>) {
        for (wanted, fd) in [(self.held, self.stream.as_fd()), (!self.ended, self.pidfd.as_fd())] {
            if wanted {
                sources.push(Source::Ending);
                set.push(PollFd::new(fd, PollFlags::POLLIN));
            }
        }
    }

    /// Does what is due. Returns whether anything of the session may be left.
    fn tend(&mut self, now: Instant) -> bool {
        if self.held && !self.is_held() {
            self.held = false;
            self.begin_to_end(now);
        }
        if !self.ended
            && let Some((exit_code, _)) = ending(&self.pidfd)
        {
            self.ended = true;
            self.tell(exit_code);
            self.begin_to_end(now);
        }
        if self.look_at.is_none_or(|at| at > now) {
            return true;
        }
        let found = self.sweep(self.deadline.is_some_and(|deadline| deadline <= now));
        if self.ended && !found {
            return false;
        }
        let next = now + self.pause;
        self.look_at = Some(self.deadline.filter(|deadline| *deadline > now).map_or(next, |at| next.min(at)));
        self.pause = (self.pause * 2).min(LAST_PAUSE);
        true
    }

    fn begin_to_end(&mut self, now: Instant) {
        let deadline = *self.deadline.get_or_insert(now + GRACE);
        // While the command runs there is nothing to look for before.
        self.look_at = Some(if self.ended { now } else { deadline });
    }

    /// Whether the platform holds its end; it has nothing more to say.
    fn is_held(&mut self) -> bool {
        let mut ignored = [0; 64];
        match self.stream.read(&mut ignored) {
            Ok(count) => count > 0,
            Err(error) => matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted),
        }
    }

    /// A platform that does not take these few bytes is not there any more.
    fn tell(&mut self, exit_code: i32) {
        let _ = self.stream.write_all(&encode(&Message::Ended { exit_code }));
    }

    /// Looks for processes of the session, and kills them when it is time.
    /// Returns whether there were any.
    fn sweep(&self, kill: bool) -> bool {
        let session = process::Session { leader: self.pid, leader_gone: self.ended };
        if kill && !self.ended {
            let _ = killpg(Pid::from_raw(self.pid), Signal::SIGKILL);
        }
        let members = session.members();
        if kill {
            for pid in &members {
                session.kill(*pid);
            }
        }
        !members.is_empty()
    }
}

impl Supervisor {
    /// Starts a command on a terminal and hands the terminal to the client,
    /// whose connection then belongs to the session.
    pub(super) fn attach(&mut self, id: u64, client: u64, request: &AttachRequest) -> Result<(), Fault> {
        if self.ending.is_some() {
            return Err(Fault::new(FaultKind::Runtime, "the task is being removed"));
        }
        let name = &request.container;
        let (process, live) = self.live(name)?;
        if !self.clients.get(&client).is_some_and(Client::is_fresh) {
            return Err(Fault::new(FaultKind::BadRequest, "a terminal needs a connection of its own"));
        }
        let TerminalCommand { argv, env, run_as, size } = &request.command;
        let (container, mold) = (&live.pidfd, &live.mold);
        let command = Command { name, process, container, mold, argv, run_as: *run_as, env };
        let launched = command::launch_on_terminal(&self.place(), &command, *size)?;
        let LaunchedOnTerminal { pid, pidfd, master } = launched;
        let client = self.clients.remove(&client).expect("it was there a moment ago");
        let session = Session::new(pid, pidfd, client.stream);
        let reply = encode(&Message::Reply { id, result: Ok(Reply::Attached) });
        if let Err(error) = passing::send(session.stream.as_fd(), &reply, master.as_fd()) {
            super::complain(format_args!("could not hand over a terminal: {error}"));
            // Both sides then see the end of the connection.
            let _ = session.stream.shutdown(Shutdown::Both);
        }
        self.sessions.push(session);
        Ok(())
    }

    /// Notices ends, tells exit codes, and kills what is left when it is time.
    pub(super) fn tend_sessions(&mut self) {
        let now = Instant::now();
        self.sessions.retain_mut(|session| session.tend(now));
    }
}
