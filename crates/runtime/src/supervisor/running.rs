//! What runs: containers and commands, their output and how they end.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::signal::{Signal, killpg};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::Pid;

use super::command::LaunchedExec;
use super::container::{self, Launched, Mold, TaskHome};
use super::{LOG_INTERVAL, Supervisor, complain};
use crate::logs::{LineCutter, LogStream, LogWriter};
use crate::process::{Durability, now_ms, write_facts};
use crate::spec::ContainerSpec;
use crate::sys;
use crate::wire::{ContainerReport, ContainerState, ExecOutcome, Message, Reply, Started};

/// Most output of a command that is kept, in bytes.
const EXEC_OUTPUT: usize = 64 << 10;
/// How long a killed command may take to be gone; then its end is reported anyway.
const KILLED_WITHIN: Duration = Duration::from_secs(1);

/// How soon an exit code is written again for which there was no room.
const RECORD_AGAIN: Duration = Duration::from_secs(2);

pub(super) struct Container {
    pub(super) name: String,
    /// What it was started with, and is started again with.
    pub(super) spec: Box<ContainerSpec>,
    pub(super) hostname: String,
    /// How often it was started again.
    pub(super) restarts: u32,
    pub(super) started: Started,
    pub(super) state: ContainerState,
    /// Present while it runs.
    pub(super) live: Option<Live>,
    /// Present while it does not: what it prints when it is started again comes behind.
    pub(super) log: Option<LogWriter>,
    /// When readers are to hear of output.
    pub(super) tell_at: Option<Instant>,
    told_at: Option<Instant>,
    /// When to try again to write down how it ended, if that failed.
    pub(super) record_at: Option<Instant>,
}

pub(super) struct Live {
    pub(super) pidfd: OwnedFd,
    pub(super) outputs: [Output; 2],
    pub(super) mold: Mold,
    log: LogWriter,
    complained: bool,
}

pub(super) struct Output {
    /// Absent once the other end is closed.
    pub(super) file: Option<File>,
    cutter: LineCutter,
}

pub(super) struct Exec {
    pub(super) pid: i32,
    pub(super) pidfd: OwnedFd,
    pub(super) output: Option<File>,
    pub(super) deadline: Option<Instant>,
    pub(super) client: u64,
    pub(super) request: u64,
    kept: Vec<u8>,
    truncated: bool,
    timed_out: bool,
}

fn no_waiting(file: &File) -> io::Result<()> {
    fcntl(file, FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok(())
}

impl Container {
    pub(super) fn new(
        spec: Box<ContainerSpec>,
        hostname: String,
        launched: Launched,
        log: LogWriter,
    ) -> io::Result<Self> {
        let started = launched.started.clone();
        Ok(Self {
            name: spec.name.clone(),
            spec,
            hostname,
            restarts: 0,
            started,
            state: ContainerState::Running,
            live: Some(Live::new(launched, log)?),
            log: None,
            tell_at: None,
            told_at: None,
            record_at: None,
        })
    }

    /// Takes note that it was started again.
    pub(super) fn resume(&mut self, launched: Launched, log: LogWriter, restarts: u32) -> io::Result<()> {
        let started = launched.started.clone();
        self.live = Some(Live::new(launched, log)?);
        self.started = started;
        self.restarts = restarts;
        self.state = ContainerState::Running;
        self.record_at = None;
        Ok(())
    }

    pub(super) fn report(&self) -> ContainerReport {
        ContainerReport {
            name: self.name.clone(),
            pid: self.started.pid,
            started_at_ms: self.started.started_at_ms,
            restarts: self.restarts,
            state: self.state.clone(),
        }
    }

    pub(super) fn signal(&self, signal: i32) -> io::Result<()> {
        match &self.live {
            Some(live) => sys::pidfd_signal(live.pidfd.as_fd(), signal),
            None => Ok(()),
        }
    }

    /// Takes what is there of one output, a bounded amount so that one noisy
    /// container does not keep the others waiting.
    pub(super) fn capture(&mut self, stream: usize) {
        if self.live.as_mut().is_some_and(|live| live.capture(stream, 16)) {
            let soonest = self.told_at.map_or_else(Instant::now, |told| told + LOG_INTERVAL);
            self.tell_at.get_or_insert(soonest);
        }
    }
}

impl Live {
    fn new(launched: Launched, log: LogWriter) -> io::Result<Self> {
        no_waiting(&launched.stdout)?;
        no_waiting(&launched.stderr)?;
        let output = |file, stream| Output { file: Some(file), cutter: LineCutter::new(stream) };
        Ok(Self {
            pidfd: launched.pidfd,
            outputs: [output(launched.stdout, LogStream::Stdout), output(launched.stderr, LogStream::Stderr)],
            mold: launched.mold,
            log,
            complained: false,
        })
    }

    /// Returns whether there is anything new in the log.
    fn capture(&mut self, stream: usize, most_chunks: usize) -> bool {
        let output = &mut self.outputs[stream];
        let mut chunk = [0; 32 << 10];
        let mut lines = 0;
        for _ in 0..most_chunks {
            let Some(file) = &mut output.file else { break };
            match file.read(&mut chunk) {
                Ok(0) => {
                    output.file = None;
                    output.cutter.finish(now_ms(), |line| {
                        self.log.push(line);
                        lines += 1;
                    });
                }
                Ok(count) => output.cutter.feed(now_ms(), &chunk[..count], |line| {
                    self.log.push(line);
                    lines += 1;
                }),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => output.file = None,
            }
        }
        self.save();
        lines > 0
    }

    /// Complains once only: on a full disk there would be no end to it.
    fn save(&mut self) {
        match self.log.flush() {
            Ok(()) => self.complained = false,
            Err(error) if !self.complained => {
                self.complained = true;
                complain(format_args!("could not write captured output: {error}"));
            }
            Err(_) => {}
        }
    }

    /// Takes all that is left, after the last process is gone.
    fn drain(&mut self) {
        for stream in 0..self.outputs.len() {
            self.capture(stream, usize::MAX);
            // Only a process outside of the container could still hold the other end.
            let output = &mut self.outputs[stream];
            output.cutter.finish(now_ms(), |line| self.log.push(line));
        }
        self.save();
        self.log.close();
    }
}

impl Exec {
    pub(super) fn new(launched: LaunchedExec, timeout_ms: u64, (client, request): (u64, u64)) -> io::Result<Self> {
        no_waiting(&launched.output)?;
        Ok(Self {
            pid: launched.pid,
            pidfd: launched.pidfd,
            output: Some(launched.output),
            deadline: Instant::now().checked_add(Duration::from_millis(timeout_ms)),
            client,
            request,
            kept: Vec::new(),
            truncated: false,
            timed_out: false,
        })
    }

    pub(super) fn capture(&mut self) {
        let mut chunk = [0; 16 << 10];
        while let Some(file) = &mut self.output {
            match file.read(&mut chunk) {
                Ok(0) => self.output = None,
                Ok(count) => {
                    let room = EXEC_OUTPUT - self.kept.len();
                    self.truncated |= count > room;
                    self.kept.extend(&chunk[..count.min(room)]);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                Err(_) => self.output = None,
            }
        }
    }

    /// Kills the whole process group: libcontainer makes each command a leader.
    pub(super) fn kill(&self) {
        let _ = killpg(Pid::from_raw(self.pid), Signal::SIGKILL);
        let _ = sys::pidfd_signal(self.pidfd.as_fd(), Signal::SIGKILL as i32);
    }
}

/// How a process ended: exit code as shells count it, and the signal if any.
pub(super) fn ending(pidfd: &OwnedFd) -> Option<(i32, Option<i32>)> {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG;
    match waitid(Id::PIDFd(pidfd.as_fd()), flags) {
        Ok(WaitStatus::Exited(_, code)) => Some((code, None)),
        Ok(WaitStatus::Signaled(_, signal, _)) => Some((128 + signal as i32, Some(signal as i32))),
        // Ended by a signal without a name here (a real-time one), or reaped.
        Err(nix::errno::Errno::EINVAL | nix::errno::Errno::ECHILD) => Some((255, None)),
        _ => None,
    }
}

impl Supervisor {
    pub(super) fn reap_containers(&mut self) {
        let mut ended = Vec::new();
        for (name, container) in &mut self.containers {
            let Some(live) = &mut container.live else { continue };
            let Some((exit_code, signal)) = ending(&live.pidfd) else { continue };
            live.drain();
            container.log = container.live.take().map(|live| live.log);
            container.tell_at = None;
            let oom = exit_code != 0 && self.cgroups.oom_kills(&self.task, name) > 0;
            container.state = ContainerState::Exited { exit_code, signal, oom, at_ms: now_ms() };
            let report = container.report();
            let exit = self.paths.container(name).exit();
            if let Err(error) = write_facts(&exit, &report, Durability::PowerCut) {
                complain(format_args!("could not record the exit code of {name}, trying again: {error}"));
                container.record_at = Some(Instant::now() + RECORD_AGAIN);
            }
            ended.push(report);
        }
        for report in ended {
            let name = report.name.clone();
            self.broadcast(&Message::Logs { container: name.clone() });
            self.broadcast(&Message::Exited(report));
            self.flush_clients();
            // Told first: removing control groups may take a while.
            let place = TaskHome { task: &self.task, paths: &self.paths, cgroups: &self.cgroups };
            container::forget(&place, &name);
        }
    }

    /// Writes down exit codes for which there was no room when they became known. Until then they are in memory, and
    /// each new connection learns it.
    pub(super) fn record_exits(&mut self) {
        let now = Instant::now();
        for (name, container) in &mut self.containers {
            if container.record_at.is_some_and(|at| at <= now) {
                let exit = self.paths.container(name).exit();
                let failed = write_facts(&exit, &container.report(), Durability::PowerCut).is_err();
                container.record_at = failed.then(|| now + RECORD_AGAIN);
            }
        }
    }

    pub(super) fn reap_execs(&mut self) {
        let now = Instant::now();
        let mut index = 0;
        while index < self.execs.len() {
            let exec = &mut self.execs[index];
            let late = exec.deadline.is_some_and(|deadline| deadline <= now);
            // Its container can keep a killed command from being reaped (`ptrace`), for ever.
            let given_up = late && exec.timed_out;
            if late && !exec.timed_out {
                exec.timed_out = true;
                exec.deadline = Some(now + KILLED_WITHIN);
                exec.kill();
            }
            let code = match ending(&exec.pidfd) {
                Some((code, _)) => code,
                None if given_up => 255,
                None => {
                    index += 1;
                    continue;
                }
            };
            exec.capture();
            let exec = self.execs.swap_remove(index);
            let outcome = ExecOutcome {
                exit_code: (!exec.timed_out).then_some(code),
                timed_out: exec.timed_out,
                output: exec.kept,
                truncated: exec.truncated,
            };
            let reply = Message::Reply { id: exec.request, result: Ok(Reply::Exec(outcome)) };
            self.send_to(exec.client, &reply);
        }
    }

    /// Tells readers of new output, when it is time.
    pub(super) fn tell_of_output(&mut self) {
        let now = Instant::now();
        let mut due = Vec::new();
        for (name, container) in &mut self.containers {
            if container.tell_at.is_some_and(|at| at <= now) {
                container.tell_at = None;
                container.told_at = Some(now);
                due.push(name.clone());
            }
        }
        for container in due {
            self.broadcast(&Message::Logs { container });
        }
    }
}
