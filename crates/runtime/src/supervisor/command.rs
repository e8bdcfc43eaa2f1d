//! Starts commands in a running container: with pipes, or on a terminal of
//! their own. A start that fails leaves nothing.

use std::fs::{self, File};
use std::os::fd::OwnedFd;

use libcontainer::container::builder::ContainerBuilder;
use libcontainer::syscall::syscall::SyscallType;
use nix::fcntl::OFlag;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::container::{Mold, Place, failed, library_fault, output_pipe, pipe, wait_for_program, write_private};
use super::inside::Inside;
use super::oci;
use super::payload::Payload;
use super::terminal::{self, Terminal};
use super::tidy::{self, tidily};
use crate::spec::RunAs;
use crate::sys;
use crate::wire::{Fault, FaultKind};

/// What programs on a terminal find unless they are told otherwise: what it can
/// do, and which characters it shows. amazon-ssm-agent sets the same (`shell_unix.go`).
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
    /// Nobody else has it: when it is closed the terminal hangs up.
    pub(crate) master: OwnedFd,
}

/// What to run in a running container.
pub(crate) struct Command<'a> {
    /// The container.
    pub(crate) name: &'a str,
    /// The container's own process.
    pub(crate) container: i32,
    /// What it inherits.
    pub(crate) mold: &'a Mold,
    pub(crate) argv: &'a [String],
    pub(crate) run_as: RunAs,
    /// Comes on top of the container's environment.
    pub(crate) env: &'a [(String, String)],
}

/// Starts a command in a running container.
pub(crate) fn launch_exec(place: &Place<'_>, command: &Command<'_>) -> Result<LaunchedExec, Fault> {
    let (output, writer) = output_pipe(&command.mold.user)?;
    let second = writer.try_clone().map_err(failed("copy a pipe"))?;
    let stdin = File::open("/dev/null").map_err(failed("open /dev/null"))?;
    let (report, report_writer) = pipe()?;
    let payload = Payload::new(command.argv, &command.environment(), false, report_writer)?;
    let (pid, pidfd) = run(place, command, payload, report, [stdin.into(), writer, second])?;
    Ok(LaunchedExec { pid, pidfd, output: output.into() })
}

/// Starts a command on a terminal of its own.
pub(crate) fn launch_on_terminal(
    place: &Place<'_>,
    command: &Command<'_>,
    size: (u16, u16),
) -> Result<LaunchedOnTerminal, Fault> {
    let inside = Inside::of(command.container).map_err(failed("look into the container"))?;
    let owner = if command.run_as == RunAs::Root { 0 } else { command.mold.user.uid };
    let Terminal { master, slave } = terminal::make(&inside, owner, size)?;
    let mut env = command.environment();
    for (name, value) in TERMINAL_ENVIRONMENT {
        if env.iter().all(|(known, value)| known != name || value.is_empty()) {
            env.retain(|(known, _)| known != name);
            env.push((name.to_owned(), value.to_owned()));
        }
    }
    let (report, report_writer) = pipe()?;
    let payload = Payload::new(command.argv, &env, false, report_writer)?.on_terminal();
    let copy = || slave.try_clone().map_err(failed("copy a terminal"));
    let (pid, pidfd) = run(place, command, payload, report, [copy()?, copy()?, slave])?;
    Ok(LaunchedOnTerminal { pid, pidfd, master })
}

impl Command<'_> {
    /// The container may have removed its working directory since it started.
    fn check_directory(&self) -> Result<(), Fault> {
        let path = self.mold.process["cwd"].as_str().unwrap_or("/");
        let found = Inside::of(self.container).and_then(|inside| inside.open(path, OFlag::O_PATH | OFlag::O_DIRECTORY));
        found.map(drop).map_err(|error| {
            let text = format!("cannot enter the working directory `{path}`: {error}");
            Fault::new(FaultKind::WorkingDirectory, text)
        })
    }

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
fn run(
    place: &Place<'_>,
    command: &Command<'_>,
    payload: Payload,
    report: OwnedFd,
    [stdin, stdout, stderr]: [OwnedFd; 3],
) -> Result<(i32, OwnedFd), Fault> {
    command.check_directory()?;
    let paths = place.paths.container(command.name);
    let mut process = match command.run_as {
        RunAs::Container => command.mold.process.clone(),
        RunAs::Root => oci::as_root(&command.mold.process),
    };
    process["args"] = command.argv.into();
    let file = paths.run.join("process.json");
    write_private(&file, &process).map_err(failed("write the command"))?;
    let library = paths.run.join("lc");
    let pid = tidily(|| {
        ContainerBuilder::new(command.name.to_owned(), SyscallType::default())
            .with_root_path(&library)?
            .with_executor(payload)
            .with_stdin(stdin)
            .with_stdout(stdout)
            .with_stderr(stderr)
            .as_tenant()
            .with_process(Some(&file))
            .with_detach(true)
            .build()
    });
    let _ = fs::remove_file(&file);
    tidy::forget_notices(&library.join(command.name));
    let pid = match pid {
        Ok(pid) => pid,
        // Our own report says more than the library's.
        Err(error) => return Err(wait_for_program(report).err().unwrap_or_else(|| library_fault(&error))),
    };
    let pid = pid.as_raw();
    let pidfd = sys::pidfd_open(pid).map_err(|error| {
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        failed("watch the command")(error)
    })?;
    Ok((pid, pidfd))
}
