//! Opens a runtime: finds the tasks that an earlier platform process left
//! running and takes them over. Also what to do when a supervisor is lost.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;

use super::tasks::Record;
use super::{Alive, Event, Inner, Life, Lost, OpenError, Runtime, Task, lock, spawn};
use crate::cgroups::{Cgroups, Layout};
use crate::config::{Config, TaskPaths, is_safe_name};
use crate::network::addresses::AddressPool;
use crate::network::link::HostLinks;
use crate::network::{NetworkError, TaskNetwork, firewall, names};
use crate::process::{Durability, Identity, now_ms, read_facts, write_facts};
use crate::supervisor::Facts;
use crate::wire::{ContainerReport, ContainerState, Loss};

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
        let rules = config.clone();
        let firewall = tokio::task::spawn_blocking(move || firewall::ensure(&rules));
        let links = HostLinks::ensure(&config).await?;
        firewall.await.unwrap_or_else(|error| Err(NetworkError::system("run nft")(io::Error::other(error))))?;
        warn_of_unreachable_names();
        let inner = Arc::new(Inner {
            cgroups: Cgroups::new(layout, &config.cgroup_parent),
            links,
            addresses: Mutex::new(addresses),
            tasks: Mutex::default(),
            events,
            config,
        });
        let dir = inner.config.tasks_dir();
        let mut found = Vec::new();
        for entry in fs::read_dir(&dir).map_err(directory(&dir))? {
            let name = entry.map_err(directory(&dir))?.file_name().to_string_lossy().into_owned();
            if is_safe_name(&name) {
                found.push(inner.clone().adopt(name));
            }
        }
        futures_util::future::join_all(found).await;
        Ok(Self { inner })
    }
}

fn warn_of_unreachable_names() {
    let host = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    if names::is_loopback_only(&host) && !Path::new("/run/systemd/resolve/resolv.conf").exists() {
        tracing::warn!(
            "/etc/resolv.conf names only servers on this host's loopback, which tasks cannot reach; \
             give tasks name servers of their own."
        );
    }
}

fn directory(path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let path = path.to_owned();
    move |source| OpenError::Directory { path, source }
}

impl Inner {
    /// Takes over one task found on disk.
    async fn adopt(self: Arc<Self>, id: String) {
        let paths = self.config.task(&id);
        let Ok(Some(record)) = read_facts::<Record>(&paths.record()) else {
            // Cut short before anything was made: nothing of it can be running.
            let _ = super::tasks::remove_tree(&paths.state);
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
        let greeted = self.greet(&task, &paths).await;
        let alive = greeted.ok().map(|(link, supervisor, containers)| {
            let (network, hostname) = (record.network.clone(), record.hostname);
            (Alive { network, hostname, link, supervisor }, containers)
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

    /// Without a supervisor nobody reads a container's output or learns of its
    /// end, so the containers are ended, and their ends recorded and told.
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
        let _ = tokio::task::spawn_blocking(killing).await;
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
            // How a container ended together with the host nobody saw, and we did not do it.
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
pub(super) async fn lose(inner: Arc<Inner>, task: Arc<Task>) {
    // Whoever makes or removes the task right now knows better what it means.
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
        if let Ok(Some(report)) = read_facts::<ContainerReport>(&container.exit()) {
            reports.push(report);
        } else if let Ok(Some(facts)) = read_facts::<Facts>(&container.facts()) {
            reports.push(ContainerReport {
                name,
                pid: facts.process.pid,
                started_at_ms: facts.started.started_at_ms,
                state: ContainerState::Running,
            });
        }
    }
    reports.sort_by(|a, b| a.name.cmp(&b.name));
    reports
}
