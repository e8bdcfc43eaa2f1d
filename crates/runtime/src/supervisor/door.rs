//! The way into a running container, for one command.
//!
//! A process that enters must at no moment be where the container's own processes can reach it while
//! it is more than they are: with `SYS_PTRACE` they could take over everything that it has. So a
//! step of its own ([`enter`]) joins everything first, while it is not in the container's process
//! namespace itself (joining that one counts for children only, pid_namespaces(7)) and so cannot be
//! named from inside. Then it gives up what the container does not have: descriptors, capabilities,
//! kernel calls, users. What it starts then is the first process that can be seen inside, and holds
//! what the container's own processes hold.

use std::convert::Infallible;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::PathBuf;
use std::time::Duration;

use nix::sched::{CloneFlags, setns};
use nix::sys::stat::{Mode, umask};
use nix::unistd::{ForkResult, dup2_stderr, dup2_stdin, dup2_stdout, setsid};
use serde::{Deserialize, Serialize};

use super::credentials::Credentials;
use super::limits::Limit;
use super::payload::Payload;
use super::steps::{self, Line};
use crate::sys;
use crate::wire::{Fault, FaultKind};

/// The word by which the supervisor asks for this step.
pub(super) const STEP: &str = "enter";
/// How long a command may take to begin. A container can hold its own processes up (`ptrace`), and the supervisor waits
/// for nothing without end.
const PATIENCE: Duration = Duration::from_secs(10);
/// A command, and what it becomes inside.
#[derive(Serialize, Deserialize)]
pub(super) struct EnteringCommand {
    pub(super) argv: Vec<String>,
    pub(super) env: Vec<(String, String)>,
    pub(super) cwd: String,
    pub(super) credentials: Credentials,
    pub(super) limits: Vec<Limit>,
    /// Files that move a process that writes `0` into the container's control groups.
    pub(super) groups: Vec<PathBuf>,
    /// Whether standard input is a terminal that is to control the command's session.
    pub(super) terminal: bool,
}

fn failed(what: &str, error: impl std::fmt::Display) -> Fault {
    Fault::new(FaultKind::Runtime, format!("could not {what}: {error}"))
}

/// Starts a command in the container of a process; returns its process, a child of ours.
pub(super) fn start(
    container: &OwnedFd,
    entry: &EnteringCommand,
    [stdin, stdout, stderr]: [OwnedFd; 3],
) -> Result<i32, Fault> {
    let (line, far) = Line::new()?;
    let descriptors = [stdin.as_fd(), stdout.as_fd(), stderr.as_fd(), far.as_fd(), container.as_fd()];
    let child = steps::begin(STEP, entry, &descriptors).map_err(|error| failed("start the way in", error))?;
    drop((far, stdin, stdout, stderr));
    line.hear(child, PATIENCE)
}

/// Enters and starts the command, in a process that exists for nothing else. Returns only on failure.
pub(super) fn enter(numbers: &[String]) -> io::Error {
    let (entry, [stdin, stdout, stderr, report, container]) = match steps::receive::<EnteringCommand, 5>(numbers) {
        Ok(received) => received,
        Err(error) => return error,
    };
    let payload = match Payload::new(&entry.argv, &entry.env, report) {
        Ok(payload) => payload,
        Err(fault) => return io::Error::other(fault.message),
    };
    let payload = payload.limited(entry.limits.clone()).on_terminal(entry.terminal);
    let Err(fault) = go_in(&entry, &payload, [stdin, stdout, stderr], container);
    payload.tell(&fault);
    std::process::exit(1)
}

fn go_in(
    entry: &EnteringCommand,
    payload: &Payload,
    [stdin, stdout, stderr]: [OwnedFd; 3],
    container: OwnedFd,
) -> Result<Infallible, Fault> {
    dup2_stdin(&stdin).map_err(|errno| failed("hand over standard input", errno))?;
    dup2_stdout(&stdout).map_err(|errno| failed("hand over standard output", errno))?;
    dup2_stderr(&stderr).map_err(|errno| failed("hand over standard error", errno))?;
    drop((stdin, stdout, stderr));
    for group in &entry.groups {
        std::fs::write(group, "0").map_err(|error| failed(&format!("join {}", group.display()), error))?;
    }
    // All at once or nothing (setns(2), "pidfd"). The network is the task's already.
    let all = CloneFlags::CLONE_NEWPID
        | CloneFlags::CLONE_NEWIPC
        | CloneFlags::CLONE_NEWUTS
        | CloneFlags::CLONE_NEWCGROUP
        | CloneFlags::CLONE_NEWNS;
    setns(&container, all).map_err(|errno| failed("enter the container", errno))?;
    drop(container);
    sys::close_all_but(payload.report());
    let outside = |error: io::Error| {
        let text = format!("cannot enter the working directory `{}`: {error}", entry.cwd);
        Fault::new(FaultKind::WorkingDirectory, text)
    };
    std::env::set_current_dir(&entry.cwd).map_err(outside)?;
    // A directory that is not below the container's root has no path (getcwd(2)).
    let here = std::env::current_dir().map_err(outside)?;
    if !here.is_absolute() {
        return Err(outside(io::Error::other("it is not in the container")));
    }
    umask(Mode::from_bits_truncate(0o022));
    nix::sys::prctl::set_dumpable(false).map_err(|errno| failed("become undumpable", errno))?;
    entry.credentials.assume()?;
    match sys::split() {
        Ok(ForkResult::Parent { .. }) => std::process::exit(0),
        Ok(ForkResult::Child) => {
            // From here on the container's processes see this one. It has what they have.
            let _ = setsid();
            let fault = steps::say_here(payload.report()).err().unwrap_or_else(|| payload.become_program());
            payload.tell(&fault);
            std::process::exit(127)
        }
        Err(errno) => Err(failed("start the command", errno.desc())),
    }
}
