//! The last step in a new process: becoming the container's program, or the
//! small init that watches over it.
//!
//! The environment arrives here through memory, so it is in no file.

use std::ffi::{CStr, CString};
use std::io::Write;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use libcontainer::oci_spec::runtime::Spec;
use libcontainer::workload::{Executor, ExecutorError, ExecutorSetEnvsError, ExecutorValidationError};
use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, Signal, kill, sigprocmask};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, execve};

use super::credentials::Credentials;
use super::limits::Limit;
use super::steps;
use crate::sys;
use crate::wire::{Fault, FaultKind};

/// A program with its arguments and environment.
#[derive(Clone)]
pub(crate) struct Payload {
    argv: Vec<CString>,
    env: Vec<CString>,
    /// Directories that are searched for a program without a slash.
    path: String,
    limits: Vec<Limit>,
    /// Whether standard input is a terminal that is to control the program's session.
    terminal: bool,
    /// Receives a failure; closes by itself when the program starts.
    report: Arc<OwnedFd>,
}

fn zero_byte() -> Fault {
    Fault::new(FaultKind::BadRequest, "an argument or variable holds a zero byte")
}

/// Refuses what can be no program's arguments and environment.
pub(super) fn check(argv: &[String], env: &[(String, String)]) -> Result<(), Fault> {
    if argv.first().is_none_or(String::is_empty) {
        return Err(Fault::new(FaultKind::BadRequest, "no command: neither the image nor the request names one"));
    }
    let mut texts = argv.iter().chain(env.iter().flat_map(|(name, value)| [name, value]));
    if texts.any(|text| text.contains('\0')) { Err(zero_byte()) } else { Ok(()) }
}

impl Payload {
    pub(crate) fn new(argv: &[String], env: &[(String, String)], report: OwnedFd) -> Result<Self, Fault> {
        check(argv, env)?;
        let c_string = |text: String| CString::new(text).map_err(|_| zero_byte());
        let path = env.iter().find(|(name, _)| name == "PATH").map(|(_, value)| value.clone());
        Ok(Self {
            argv: argv.iter().cloned().map(c_string).collect::<Result<_, _>>()?,
            env: env.iter().map(|(n, v)| c_string(format!("{n}={v}"))).collect::<Result<_, _>>()?,
            path: path.unwrap_or_default(),
            limits: Vec::new(),
            terminal: false,
            report: Arc::new(report),
        })
    }

    /// Makes standard input, a terminal, the controlling one of the program.
    pub(super) fn on_terminal(self, terminal: bool) -> Self {
        Self { terminal, ..self }
    }

    /// Sets limits for the program, as the last thing before it starts.
    pub(super) fn limited(self, limits: Vec<Limit>) -> Self {
        Self { limits, ..self }
    }

    /// Returns the descriptor that failures are written to.
    pub(super) fn report(&self) -> BorrowedFd<'_> {
        self.report.as_fd()
    }

    /// Returns only when the program could not be started.
    pub(super) fn become_program(&self) -> Fault {
        sys::reset_signals();
        let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&SigSet::empty()), None);
        // The process leads a new session.
        if self.terminal
            && let Err(error) = sys::take_terminal(std::io::stdin().as_fd())
        {
            return Fault::new(FaultKind::Runtime, format!("could not take the terminal: {error}"));
        }
        let name = &self.argv[0];
        let mut worst = Errno::ENOENT;
        let candidates = self.candidates(name);
        // At the very end: a limit may be too low for anything else.
        for limit in &self.limits {
            if let Err(errno) = limit.apply() {
                return Fault::new(FaultKind::BadRequest, format!("could not set {limit:?}: {}", errno.desc()));
            }
        }
        for candidate in candidates {
            match execve(&candidate, &self.argv, &self.env) {
                Err(Errno::ENOENT | Errno::ENOTDIR) => {}
                Err(errno) => worst = errno,
                Ok(never) => match never {},
            }
        }
        let name = name.to_string_lossy();
        match worst {
            Errno::ENOENT => Fault::new(
                FaultKind::CommandNotFound,
                format!("`{name}` was not found in the image (or its interpreter is missing)"),
            ),
            Errno::ENOEXEC => Fault::new(
                FaultKind::CommandNotExecutable,
                format!("`{name}` is not a program for this kind of machine, or a script without #!"),
            ),
            errno => {
                Fault::new(FaultKind::CommandNotExecutable, format!("`{name}` cannot be executed: {}", errno.desc()))
            }
        }
    }

    fn candidates(&self, name: &CStr) -> Vec<CString> {
        if name.to_bytes().contains(&b'/') {
            return vec![name.to_owned()];
        }
        let name = name.to_string_lossy();
        self.path
            .split(':')
            .map(|dir| if dir.is_empty() { "." } else { dir })
            .filter_map(|dir| CString::new(format!("{dir}/{name}")).ok())
            .collect()
    }

    /// Reports a failure to the process that waits for the program.
    pub(super) fn tell(&self, fault: &Fault) {
        let text = serde_json::to_vec(fault).unwrap_or_default();
        if let Ok(report) = self.report.try_clone() {
            let _ = std::fs::File::from(report).write_all(&text);
        }
    }

    /// Runs the program as a child; reaps orphans and forwards signals.
    fn become_init(&self) -> ! {
        let all = SigSet::all();
        let _ = sigprocmask(SigmaskHow::SIG_SETMASK, Some(&all), None);
        match sys::split() {
            Ok(ForkResult::Child) => {
                self.tell(&self.become_program());
                std::process::exit(127);
            }
            Ok(ForkResult::Parent { child }) => {
                // Also closes `report`, so that the supervisor sees the program start.
                sys::close_from(3);
                let _ = nix::sys::prctl::set_name(c"init");
                watch(child, &all)
            }
            Err(errno) => {
                let text = format!("could not fork the init: {}", errno.desc());
                self.tell(&Fault::new(FaultKind::Runtime, text));
                std::process::exit(127);
            }
        }
    }
}

fn watch(child: Pid, signals: &SigSet) -> ! {
    loop {
        match signals.wait() {
            Ok(Signal::SIGCHLD) => {
                while let Ok(status) = waitpid(None, Some(WaitPidFlag::WNOHANG)) {
                    match status {
                        WaitStatus::Exited(pid, code) if pid == child => std::process::exit(code),
                        WaitStatus::Signaled(pid, signal, _) if pid == child => std::process::exit(128 + signal as i32),
                        WaitStatus::StillAlive => break,
                        _ => {}
                    }
                }
            }
            Ok(signal) => {
                let _ = kill(child, signal);
            }
            Err(_) => {}
        }
    }
}

/// The first process of a container, once libcontainer has made everything around it.
#[derive(Clone)]
pub(super) struct First {
    pub(super) payload: Payload,
    pub(super) credentials: Credentials,
    /// Whether a small init is to watch over the program.
    pub(super) init: bool,
}

impl Executor for First {
    fn exec(&self, _: &Spec) -> Result<(), ExecutorError> {
        let fault = match self.credentials.assume().and_then(|()| steps::say_here(self.payload.report())) {
            Ok(()) if self.init => self.payload.become_init(),
            Ok(()) => self.payload.become_program(),
            Err(fault) => fault,
        };
        self.payload.tell(&fault);
        Err(ExecutorError::Other(fault.message))
    }

    /// Nothing to do: whether the program exists shows when it is executed.
    fn validate(&self, _: &Spec) -> Result<(), ExecutorValidationError> {
        Ok(())
    }

    /// Nothing to do: the environment is handed to `execve`.
    fn setup_envs(&self, _: std::collections::HashMap<String, String>) -> Result<(), ExecutorSetEnvsError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn payload(argv: &[&str], path: &str) -> Result<Payload, Fault> {
        let report = std::fs::File::open("/dev/null").unwrap().into();
        let argv: Vec<String> = argv.iter().map(|arg| (*arg).to_owned()).collect();
        Payload::new(&argv, &[("PATH".into(), path.into())], report)
    }

    #[test]
    fn searches_the_path_of_the_container_and_not_for_a_name_with_a_slash() {
        let found = payload(&["sh"], "/a:/b").unwrap();
        assert_eq!(found.candidates(c"sh"), [c"/a/sh".to_owned(), c"/b/sh".to_owned()]);
        assert_eq!(found.candidates(c"./sh"), [c"./sh".to_owned()]);
    }

    #[test]
    fn refuses_an_empty_command() {
        for argv in [&[][..], &[""]] {
            let fault = payload(argv, "/bin").err().unwrap();
            assert_eq!(fault.kind, FaultKind::BadRequest);
        }
    }
}
