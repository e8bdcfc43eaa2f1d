//! Opens a runtime: finds the tasks that an earlier platform process left
//! running and takes them over. Also what to do when a supervisor is lost.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;

use super::tasks::Record;
use super::{Alive, Event, HostTasks, Life, Lost, OpenError, Runtime, Task, lock, spawn, storage};
use crate::cgroups::{Cgroups, Layout};
use crate::config::{Config, TaskPaths, is_safe_name};
use crate::network::addresses::AddressPool;
use crate::network::firewall::{self, Firewall};
use crate::network::link::{self, HostLinks};
use crate::network::machine::{self, MachineLock};
use crate::network::rules::Ports;
use crate::network::{NetworkError, TaskNetwork, names};
use crate::process::{Durability, Identity, now_ms, read_facts, write_facts};
use crate::supervisor::Facts;
use crate::wire::{ContainerReport, ContainerState, Loss};

/// Makes a platform's bridge, so that its name and network are taken from now on. Safe to repeat. A caller that
/// chooses them holds the [`MachineLock`] from before the choice until this is done.
pub async fn reserve_bridge(config: &Config) -> Result<(), OpenError> {
    HostLinks::ensure(config).await?;
    Ok(())
}

impl Runtime {
    /// Makes the bridge and the firewall table, then connects to every
    /// supervisor that lives. Safe to repeat. The state that it finds also
    /// comes as events: an exit for each container that has ended, and a notice
    /// of output for each container.
    pub async fn open(config: Config, events: mpsc::UnboundedSender<Event>) -> Result<Self, OpenError> {
        let layout = Layout::of_host().ok_or(OpenError::NoCgroups)?;
        for dir in [&config.tasks_dir(), &config.run_dir] {
            spawn::private_dir(dir).map_err(directory(dir))?;
        }
        let addresses = AddressPool::new(config.subnet)?;
        let dir = config.tasks_dir();
        let mut ids = Vec::new();
        for entry in fs::read_dir(&dir).map_err(directory(&dir))? {
            let name = entry.map_err(directory(&dir))?.file_name().to_string_lossy().into_owned();
            if is_safe_name(&name) {
                ids.push(name);
            }
        }
        let shut = {
            let _alone = MachineLock::take().await.map_err(NetworkError::system("lock the machine's networks"))?;
            machine::ensure_forwarding(&link::seen().await?)?
        };
        let links = HostLinks::ensure(&config).await?;
        let cgroups = Cgroups::new(layout, &config.cgroup_parent);
        cgroups.prepare().map_err(OpenError::CgroupsUnusable)?;
        let firewall = Arc::new(Firewall::ensure(&config, shut, ports(&config, &ids)).await?);
        firewall::begin_watch(&firewall);
        if !config.answers_names() && names::host_has_no_server_for_tasks() {
            tracing::warn!(
                "/etc/resolv.conf names no server that tasks can reach, and nothing answers DNS queries at their gateway; \
                 give tasks name servers of their own."
            );
        }
        let inner = Arc::new(HostTasks {
            cgroups,
            links,
            firewall,
            probing: tokio::sync::Mutex::default(),
            addresses: Mutex::new(addresses),
            tasks: Mutex::default(),
            events,
            config,
        });
        let found: Vec<_> = ids.into_iter().map(|id| inner.clone().adopt(id)).collect();
        futures_util::future::join_all(found).await;
        tokio::spawn(storage::watch(Arc::downgrade(&inner)));
        Ok(Self { inner })
    }
}

/// Returns the links of the tasks that are there, each with its address.
fn ports(config: &Config, ids: &[String]) -> Ports {
    let record = |id: &String| read_facts::<Record>(&config.task(id).record()).ok().flatten();
    ids.iter().filter_map(|id| Some((config.link_name(id), record(id)?.network.address))).collect()
}

fn directory(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    move |source| OpenError::Directory { path, source }
}

impl HostTasks {
    /// Takes over one task found on disk.
    async fn adopt(self: Arc<Self>, id: String) {
        let paths = self.config.task(&id);
        let Ok(Some(record)) = read_facts::<Record>(&paths.record()) else {
            // Cut short before anything was made: nothing of it can be running.
            let _ = crate::remove::remove_tree(&paths.state);
            return;
        };
        lock(&self.addresses).claim(record.network.address);
        let task = self.task(&id);
        let _changing = task.changing.lock().await;
        if !record.ready {
            if let Err(error) = self.unmake(&task, &paths).await {
                tracing::error!(task = id, %error, "A task that was cut short left something behind.");
            }
            return;
        }
        // A task of an earlier version was made without it. One that cannot be
        // kept from the host's devices is not taken over but ended.
        let guarded = self.cgroups.guard_devices(&id).inspect_err(|error| {
            tracing::error!(task = id, %error, "A task is ended because it cannot be kept from the host's devices.");
        });
        let greeted = match guarded {
            Ok(()) => self.greet(&task, &paths).await.ok(),
            Err(_) => None,
        };
        let alive = greeted.map(|(link, supervisor, containers)| {
            let (network, hostname) = (record.network.clone(), record.hostname);
            (Alive { network, hostname, link, supervisor, storage_bytes: record.storage_bytes }, containers)
        });
        match alive {
            Some((alive, containers)) => {
                *lock(&task.life) = Life::Alive(alive);
                for report in containers {
                    let container = report.name.clone();
                    self.emit(Event::LogAvailable { task: id.clone(), container });
                    self.emit_exit(&id, &report);
                }
            }
            None => self.end_lost(&task, record.network).await,
        }
    }

    /// Without a supervisor nothing reads a container's output or learns of its end, so the containers are ended, and
    /// their ends recorded and told.
    async fn end_lost(&self, task: &Task, network: TaskNetwork) {
        let paths = self.config.task(&task.id);
        let supervisor = read_facts::<Identity>(&paths.supervisor()).ok().flatten();
        let loss = match &supervisor {
            Some(supervisor) if supervisor.is_of_this_boot() => Loss::SupervisorDied,
            Some(_) => Loss::HostRestarted,
            // A power cut may leave the file empty. Nothing in the run directory outlives one.
            None if paths.run.exists() => Loss::SupervisorDied,
            None => Loss::HostRestarted,
        };
        if let Some(supervisor) = supervisor {
            supervisor.kill();
        }
        let killing = {
            let (cgroups, id) = (self.cgroups.clone(), task.id.clone());
            move || cgroups.kill_task(&id)
        };
        if let Ok(Err(error)) = tokio::task::spawn_blocking(killing).await {
            tracing::error!(task = task.id, %error, "Processes of a task without a supervisor could not be ended.");
        }
        let mut containers = recorded(&paths);
        for report in containers.iter_mut().filter(|report| report.state == ContainerState::Running) {
            let state = ContainerState::Exited {
                exit_code: 137,
                signal: Some(9),
                oom: self.cgroups.oom_kills(&task.id, &report.name) > 0,
                at_ms: now_ms(),
            };
            // The file also says that all output is there.
            let ended = ContainerReport { state, ..report.clone() };
            if let Err(error) = write_facts(&paths.container(&report.name).exit(), &ended, Durability::PowerCut) {
                tracing::error!(task = task.id, %error, "An exit code could not be recorded.");
            }
            // No process saw how a container ended when the host went down, and we did not end it.
            if loss == Loss::SupervisorDied {
                *report = ended;
            }
        }
        *lock(&task.life) = Life::Lost(Lost { network, loss, containers: containers.clone() });
        self.emit(Event::SupervisorLost { task: task.id.clone(), loss });
        for report in containers {
            self.emit(Event::LogAvailable { task: task.id.clone(), container: report.name.clone() });
            self.emit_exit(&task.id, &report);
        }
    }
}

/// Hears that the connection to a supervisor ended.
pub(super) async fn lose(inner: Arc<HostTasks>, task: Arc<Task>) {
    // A call that is making or removing the task right now knows better what this means.
    let _changing = task.changing.lock().await;
    let Life::Alive(alive) = task.life() else { return };
    tracing::error!(task = task.id, "The supervisor of a task is gone; its containers are ended.");
    inner.end_lost(&task, alive.network).await;
}

/// Returns a task's containers as they are on disk.
pub(super) fn recorded(paths: &TaskPaths) -> Vec<ContainerReport> {
    let Ok(entries) = fs::read_dir(paths.containers()) else { return Vec::new() };
    let mut reports = Vec::new();
    for entry in entries.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let container = paths.container(&name);
        let facts = read_facts::<Facts>(&container.facts()).ok().flatten();
        let end = read_facts::<ContainerReport>(&container.exit()).ok().flatten();
        // That of an earlier start says nothing of the last one.
        let end = end.filter(|end| facts.as_ref().is_none_or(|facts| facts.restarts <= end.restarts));
        match (end, facts) {
            (Some(report), _) => reports.push(report),
            (None, Some(facts)) => reports.push(ContainerReport {
                name,
                pid: facts.process.pid,
                started_at_ms: facts.started.started_at_ms,
                restarts: facts.restarts,
                state: ContainerState::Running,
            }),
            (None, None) => {}
        }
    }
    reports.sort_by(|a, b| a.name.cmp(&b.name));
    reports
}
