//! The runtime as the platform sees it.

mod adopt;
mod attach;
mod connect;
mod errors;
mod examine;
mod link;
mod purge;
mod spawn;
mod storage;
mod tasks;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::cgroups::Cgroups;
use crate::config::{Config, is_safe_name};
use crate::logs::{self, LogError, LogPosition, LogRead};
use crate::network::TaskNetwork;
use crate::network::addresses::AddressPool;
use crate::network::firewall::Firewall;
use crate::network::link::HostLinks;
use crate::spec::ContainerSpec;
use crate::stats::{self, ContainerStats, TaskUsage};
use crate::wire::{
    ContainerReport, ContainerState, ExecOutcome, ExecRequest, Fault, Loss, Reply, Request, Started, TaskReport,
};
pub use adopt::reserve_bridge;
pub use attach::{Attached, Resizer};
pub use errors::{ExecError, OpenError, StartError, TaskError};
pub use examine::Examined;
use link::Link;
pub use purge::purge_debris;

/// Most bytes of output that one call of [`Runtime::logs`] returns.
const LOG_CHUNK: usize = 1 << 20;

/// What happened in a task. Events may repeat after the platform was restarted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A container ended; all of its output is on disk.
    Exited {
        /// Task id.
        task: String,
        /// Container name.
        container: String,
        /// Exit code; 128 + signal when a signal ended it.
        exit_code: i32,
        /// The signal that ended it.
        signal: Option<i32>,
        /// Whether the kernel killed one of its processes for want of memory.
        oom: bool,
        /// Which start it was that ended: how often it had been started before.
        restarts: u32,
        /// When, in milliseconds since 1970.
        at_ms: u64,
    },
    /// There is output to read.
    LogAvailable {
        /// Task id.
        task: String,
        /// Container name.
        container: String,
    },
    /// A task holds more of the disk than it may. Told once; it is for the
    /// listener to end the task, and for no other reason will it.
    StorageExceeded {
        /// Task id.
        task: String,
        /// What it may hold, in bytes.
        limit_bytes: u64,
    },
    /// The supervisor is gone. Its containers were ended first. An `Exited` event
    /// for each comes after this one, so that the cause is known before its effects.
    SupervisorLost {
        /// Task id.
        task: String,
        /// What became of it.
        loss: Loss,
    },
}

/// Containers on this host. Cheap to clone.
#[derive(Clone)]
pub struct Runtime {
    inner: Arc<HostTasks>,
}

struct HostTasks {
    config: Config,
    cgroups: Cgroups,
    links: HostLinks,
    firewall: Arc<Firewall>,
    /// One probe at a time: the names of its links are fixed.
    probing: tokio::sync::Mutex<()>,
    addresses: Mutex<AddressPool>,
    tasks: Mutex<HashMap<String, Arc<Task>>>,
    events: mpsc::UnboundedSender<Event>,
}

/// One task. To make or remove it, hold `changing`.
struct Task {
    id: String,
    changing: tokio::sync::Mutex<()>,
    life: Mutex<Life>,
}

#[derive(Clone)]
enum Life {
    /// Not made yet, or removed.
    Absent,
    Alive(Alive),
    /// The supervisor is gone; only removal is left.
    Lost(Lost),
}

#[derive(Clone)]
struct Lost {
    network: TaskNetwork,
    loss: Loss,
    /// The task's containers, with the ends that were seen.
    containers: Vec<ContainerReport>,
}

#[derive(Clone)]
struct Alive {
    network: TaskNetwork,
    hostname: String,
    link: Link,
    supervisor: i32,
    /// Most bytes of disk.
    storage_bytes: Option<u64>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Task {
    fn life(&self) -> Life {
        lock(&self.life).clone()
    }
}

impl HostTasks {
    fn task(&self, id: &str) -> Arc<Task> {
        let mut tasks = lock(&self.tasks);
        let fresh =
            || Task { id: id.to_owned(), changing: tokio::sync::Mutex::default(), life: Mutex::new(Life::Absent) };
        Arc::clone(tasks.entry(id.to_owned()).or_insert_with(|| Arc::new(fresh())))
    }

    fn alive(&self, id: &str) -> Result<Alive, TaskError> {
        let task = lock(&self.tasks).get(id).cloned();
        match task.map(|task| task.life()) {
            Some(Life::Alive(alive)) => Ok(alive),
            Some(Life::Lost(_)) => Err(TaskError::SupervisorLost { task: id.to_owned() }),
            Some(Life::Absent) | None => Err(TaskError::NoSuchTask { task: id.to_owned() }),
        }
    }

    fn emit(&self, event: Event) {
        let _ = self.events.send(event);
    }

    fn emit_exit(&self, task: &str, report: &ContainerReport) {
        if let ContainerState::Exited { exit_code, signal, oom, at_ms } = report.state {
            self.emit(Event::Exited {
                task: task.to_owned(),
                container: report.name.clone(),
                exit_code,
                signal,
                oom,
                restarts: report.restarts,
                at_ms,
            });
        }
    }
}

fn refused(container: &str) -> impl FnOnce(Fault) -> StartError {
    let container = container.to_owned();
    move |fault| StartError::Refused { container, kind: fault.kind, reason: fault.message }
}

impl Runtime {
    /// Starts a container; one that was started before under this name, even by
    /// an earlier platform process, is not started again.
    pub async fn ensure_started(&self, task: &str, spec: ContainerSpec) -> Result<Started, StartError> {
        let alive = self.inner.alive(task)?;
        let name = spec.name.clone();
        let hostname = spec.hostname.clone().unwrap_or_else(|| alive.hostname.clone());
        match self.ask(&alive, task, Request::Start { spec: Box::new(spec), hostname }).await? {
            Ok(Reply::Started(started)) => Ok(started),
            Ok(_) => Err(out_of_step(task).into()),
            Err(fault) => Err(refused(&name)(fault)),
        }
    }

    /// Starts a container again that has ended: with what it was started with, on its own files as it left
    /// them, and its output goes on where it was. Safe to repeat: `restarts` says how often it has been started
    /// again then. One that cannot be started has ended as it ended before.
    pub async fn ensure_restarted(&self, task: &str, container: &str, restarts: u32) -> Result<Started, StartError> {
        let alive = self.inner.alive(task)?;
        let request = Request::Restart { container: container.to_owned(), restarts };
        match self.ask(&alive, task, request).await? {
            Ok(Reply::Started(started)) => Ok(started),
            Ok(_) => Err(out_of_step(task).into()),
            Err(fault) => Err(refused(container)(fault)),
        }
    }

    /// Sends a signal, by number, to process 1 of a container. One that has
    /// ended takes no notice.
    pub async fn signal(&self, task: &str, container: &str, signal: i32) -> Result<(), StartError> {
        let alive = self.inner.alive(task)?;
        let request = Request::Signal { container: container.to_owned(), signal };
        self.ask(&alive, task, request).await?.map(drop).map_err(refused(container))
    }

    /// Runs a command in a container, as its user and with its environment plus
    /// `env`; kills the command's process group when the time is out.
    pub async fn exec(
        &self,
        task: &str,
        container: &str,
        argv: Vec<String>,
        env: Vec<(String, String)>,
        timeout: Duration,
    ) -> Result<ExecOutcome, ExecError> {
        let alive = self.inner.alive(task)?;
        let timeout_ms = u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX);
        let request = ExecRequest { container: container.to_owned(), argv, env, timeout_ms };
        match self.ask(&alive, task, Request::Exec(request)).await? {
            Ok(Reply::Exec(outcome)) => Ok(outcome),
            Ok(_) => Err(out_of_step(task).into()),
            Err(fault) => Err(refused(container)(fault)),
        }
    }

    /// Kills a container and removes its files and output. Safe to repeat.
    pub async fn remove_container(&self, task: &str, container: &str) -> Result<(), StartError> {
        let alive = match self.inner.alive(task) {
            Err(TaskError::NoSuchTask { .. }) => return Ok(()),
            alive => alive?,
        };
        let request = Request::Remove { container: container.to_owned() };
        self.ask(&alive, task, request).await?.map(drop).map_err(refused(container))
    }

    /// Returns what a running container uses; `None` when it does not run.
    pub fn stats(&self, task: &str, container: &str) -> Option<ContainerStats> {
        let alive = self.inner.alive(task).ok()?;
        if !is_safe_name(container) {
            return None;
        }
        stats::read(&self.inner.cgroups, task, container, alive.supervisor)
    }

    /// Returns what a running task and those of its containers that run have used; `None` when it does not run.
    ///
    /// Reads three small files for each container and one for the task: cheap enough to be done again and again.
    pub fn usage<'c>(&self, task: &str, containers: impl IntoIterator<Item = &'c str>) -> Option<TaskUsage> {
        let alive = self.inner.alive(task).ok()?;
        let containers = containers.into_iter().filter(|container| is_safe_name(container));
        Some(stats::usage(&self.inner.cgroups, task, containers, alive.supervisor))
    }

    /// Reads captured output after a position, about a megabyte at most.
    ///
    /// Reads files; call it where blocking for a moment is allowed.
    pub fn logs(&self, task: &str, container: &str, from: LogPosition) -> Result<LogRead, LogError> {
        let paths = self.inner.config.task(task).container(container);
        // Asked before reading: what is written after this look is found next time.
        let ended = paths.exit().exists();
        logs::read(&paths.logs(), from, LOG_CHUNK, ended)
    }

    /// Returns the position in captured output that has `line` lines before it.
    ///
    /// Reads up to one segment; call it once, and go on from what [`Runtime::logs`] returns.
    pub fn log_position(&self, task: &str, container: &str, line: u64) -> Result<LogPosition, LogError> {
        logs::seek(&self.inner.config.task(task).container(container).logs(), line)
    }

    /// Gives back the disk space of output before a position.
    pub fn discard_logs(&self, task: &str, container: &str, upto: LogPosition) -> Result<(), LogError> {
        logs::discard(&self.inner.config.task(task).container(container).logs(), upto)
    }

    /// Returns every task on this host with its containers, for adoption.
    pub async fn known_tasks(&self) -> Vec<TaskReport> {
        let tasks: Vec<Arc<Task>> = lock(&self.inner.tasks).values().cloned().collect();
        let mut reports = Vec::new();
        for task in tasks {
            let id = task.id.clone();
            reports.push(match task.life() {
                Life::Absent => continue,
                Life::Lost(Lost { network, loss, containers }) => {
                    TaskReport { id, network, containers, lost: Some(loss) }
                }
                Life::Alive(alive) => match alive.link.ask(Request::Hello).await {
                    Ok(Ok(Reply::Hello { containers, .. })) => {
                        TaskReport { id, network: alive.network, containers, lost: None }
                    }
                    // It is just being lost; the event tells more.
                    _ => TaskReport {
                        containers: adopt::recorded(&self.inner.config.task(&id)),
                        id,
                        network: alive.network,
                        lost: Some(Loss::SupervisorDied),
                    },
                },
            });
        }
        reports.sort_by(|a, b| a.id.cmp(&b.id));
        reports
    }

    async fn ask(&self, alive: &Alive, task: &str, request: Request) -> Result<Result<Reply, Fault>, TaskError> {
        let lost = |_| TaskError::SupervisorLost { task: task.to_owned() };
        alive.link.ask(request).await.map_err(lost)
    }
}

/// A supervisor of another version answered.
fn out_of_step(task: &str) -> TaskError {
    TaskError::OutOfStep { task: task.to_owned() }
}
