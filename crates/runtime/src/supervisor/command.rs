//! Starts commands in a running container: with pipes, or on a terminal of
//! their own. A start that fails leaves nothing.

use std::fs::File;
use std::os::fd::OwnedFd;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::container::{Mold, TaskHome, failed, output_pipe};
use super::door::{self, EnteringCommand};
use super::inside::Inside;
use super::payload;
use super::terminal::{self, Terminal};
use crate::spec::RunAs;
use crate::sys;
use crate::wire::Fault;

/// The environment of programs on a terminal, unless the command sets its own: what the terminal can do,
/// and which characters it shows. amazon-ssm-agent sets the same (`shell_unix.go`).
const TERMINAL_ENVIRONMENT: [(&str, &str); 2] = [("TERM", "xterm-256color"), ("LANG", "C.UTF-8")];

/// A command just started in a container.
pub(crate) struct LaunchedExec {
    pub(crate) pid: i32,
    pub(crate) pidfd: OwnedFd,
    pub(crate) output: File,
}

/// A command just started on a terminal.
pub(crate) struct LaunchedOnTerminal {
    pub(crate) pid: i32,
    pub(crate) pidfd: OwnedFd,
    /// It is the only one: when it is closed the terminal hangs up.
    pub(crate) master: OwnedFd,
}

/// What to run in a running container.
pub(crate) struct Command<'a> {
    /// The container.
    pub(crate) name: &'a str,
    /// The container's own process, by number and by a handle that cannot be another's.
    pub(crate) process: i32,
    pub(crate) container: &'a OwnedFd,
    /// What it inherits.
    pub(crate) mold: &'a Mold,
    pub(crate) argv: &'a [String],
    pub(crate) run_as: RunAs,
    /// Comes on top of the container's environment.
    pub(crate) env: &'a [(String, String)],
}

/// Starts a command in a running container.
pub(crate) fn launch_exec(place: &TaskHome<'_>, command: &Command<'_>) -> Result<LaunchedExec, Fault> {
    let (output, writer) = output_pipe(&command.mold.user)?;
    let second = writer.try_clone().map_err(failed("copy a pipe"))?;
    let stdin = File::open("/dev/null").map_err(failed("open /dev/null"))?;
    let way = Way { env: command.environment(), terminal: false };
    let (pid, pidfd) = run(place, command, way, [stdin.into(), writer, second])?;
    Ok(LaunchedExec { pid, pidfd, output: output.into() })
}

/// Starts a command on a terminal of its own.
pub(crate) fn launch_on_terminal(
    place: &TaskHome<'_>,
    command: &Command<'_>,
    size: (u16, u16),
) -> Result<LaunchedOnTerminal, Fault> {
    let inside = Inside::of(command.process).map_err(failed("look into the container"))?;
    let owner = if command.run_as == RunAs::Root { 0 } else { command.mold.user.uid };
    let Terminal { master, slave } = terminal::make(&inside, owner, size)?;
    let mut env = command.environment();
    for (name, value) in TERMINAL_ENVIRONMENT {
        if env.iter().all(|(known, value)| known != name || value.is_empty()) {
            env.retain(|(known, _)| known != name);
            env.push((name.to_owned(), value.to_owned()));
        }
    }
    let copy = || slave.try_clone().map_err(failed("copy a terminal"));
    let (pid, pidfd) = run(place, command, Way { env, terminal: true }, [copy()?, copy()?, slave])?;
    Ok(LaunchedOnTerminal { pid, pidfd, master })
}

/// What is not the same for every command.
struct Way {
    env: Vec<(String, String)>,
    /// Whether the command runs on a terminal.
    terminal: bool,
}

impl Command<'_> {
    fn environment(&self) -> Vec<(String, String)> {
        let mut merged = self.mold.env.clone();
        if self.run_as == RunAs::Root {
            merged.retain(|(name, _)| name != "HOME");
            merged.push(("HOME".to_owned(), "/root".to_owned()));
        }
        merged.retain(|(name, _)| self.env.iter().all(|(theirs, _)| theirs != name));
        merged.extend(self.env.iter().cloned());
        merged
    }
}

/// Starts a command with the given standard input, output and error, as leader
/// of a session and a process group.
fn run(place: &TaskHome<'_>, command: &Command<'_>, way: Way, files: [OwnedFd; 3]) -> Result<(i32, OwnedFd), Fault> {
    let mold = command.mold;
    payload::check(command.argv, &way.env)?;
    let entry = EnteringCommand {
        argv: command.argv.to_vec(),
        env: way.env,
        cwd: mold.cwd.clone(),
        credentials: match command.run_as {
            RunAs::Container => mold.credentials.clone(),
            RunAs::Root => mold.credentials.as_root(),
        },
        limits: mold.limits.clone(),
        groups: place.cgroups.joining(place.task, command.name),
        terminal: way.terminal,
    };
    let pid = door::start(command.container, &entry, files)?;
    let pidfd = sys::pidfd_open(pid).map_err(|error| {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        failed("watch the command")(error)
    })?;
    Ok((pid, pidfd))
}
