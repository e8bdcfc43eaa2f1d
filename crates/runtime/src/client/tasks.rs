//! Makes and removes tasks. Both are safe to repeat, also after a crash at any
//! point of an earlier attempt.

use std::fs;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::link::{Link, News};
use super::{Alive, HostTasks, Life, Runtime, Task, TaskError, adopt, lock, spawn};
use crate::config::{TaskPaths, is_safe_name};
use crate::network::{TaskNetwork, link, names, namespace};
use crate::process::{Durability, read_facts, write_facts};
use crate::remove::remove_tree;
use crate::spec::TaskSpec;
use crate::wire::{ContainerReport, Message, Reply, Request};

/// A socket's path must fit into the kernel's structure, with its zero byte.
const LONGEST_SOCKET_PATH: usize = 107;
/// How long a supervisor may take to answer its first question.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is on disk about a task. A power cut ends the task, so it need not
/// survive one; it does survive the end of the platform.
#[derive(Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) network: TaskNetwork,
    pub(super) hostname: String,
    /// Most bytes of disk; absent in records of earlier versions.
    #[serde(default)]
    pub(super) storage_bytes: Option<u64>,
    /// Whether the task was wholly made. One that was cut short is not adopted:
    /// its supervisor may live while its network is only half there.
    pub(super) ready: bool,
}

impl Runtime {
    /// Makes a task with its control group, network and supervisor. Safe to
    /// repeat: a task that is there is left as it is.
    pub async fn ensure_task(&self, spec: &TaskSpec) -> Result<TaskNetwork, TaskError> {
        let inner = &self.inner;
        let paths = inner.config.task(&spec.id);
        if !is_safe_name(&spec.id) || paths.socket().as_os_str().as_bytes().len() > LONGEST_SOCKET_PATH {
            return Err(TaskError::InvalidId { task: spec.id.clone() });
        }
        let task = inner.task(&spec.id);
        let _changing = task.changing.lock().await;
        match task.life() {
            Life::Alive(alive) => return Ok(alive.network),
            Life::Lost(_) => return Err(TaskError::SupervisorLost { task: spec.id.clone() }),
            Life::Absent => {}
        }
        match inner.make(spec, &task, &paths).await {
            Ok(alive) => {
                let network = alive.network.clone();
                let mut life = lock(&task.life);
                // It may have been lost already.
                if matches!(*life, Life::Absent) {
                    *life = Life::Alive(alive);
                }
                Ok(network)
            }
            Err(error) => {
                if let Err(cleanup) = inner.unmake(&task, &paths).await {
                    tracing::error!(task = spec.id, error = %cleanup, "A task that failed to start left something behind.");
                }
                Err(error)
            }
        }
    }

    /// Ends a task: kills its processes and removes everything of it. Safe to repeat.
    pub async fn remove_task(&self, id: &str) -> Result<(), TaskError> {
        if !is_safe_name(id) {
            return Ok(());
        }
        let task = self.inner.task(id);
        let _changing = task.changing.lock().await;
        self.inner.unmake(&task, &self.inner.config.task(id)).await
    }
}

impl HostTasks {
    async fn make(self: &Arc<Self>, spec: &TaskSpec, task: &Arc<Task>, paths: &TaskPaths) -> Result<Alive, TaskError> {
        let id = &spec.id;
        let system = |action| move |source: io::Error| TaskError::System { task: id.clone(), action, source };
        let network_failed = |source| TaskError::Network { task: id.clone(), source };
        spawn::private_dir(&paths.state).map_err(system("make its directory"))?;
        spawn::private_dir(&paths.run).map_err(system("make its directory"))?;
        let earlier: Option<Record> = read_facts(&paths.record()).map_err(system("read its record"))?;
        let network = match earlier {
            Some(record) => record.network,
            None => lock(&self.addresses).take().map_err(network_failed)?,
        };
        let storage_bytes = spec.storage_bytes;
        let record = Record { network: network.clone(), hostname: names::hostname(spec), storage_bytes, ready: false };
        write_facts(&paths.record(), &record, Durability::ProcessEnd).map_err(system("write its record"))?;
        let answerer = self.config.answers_names().then(|| self.config.gateway());
        write_names(spec, &record, answerer, paths).map_err(system("write its host names"))?;

        let fresh = namespace::create().await.map_err(network_failed)?;
        let theirs = fresh.namespace.try_clone().map_err(system("pass its network namespace"))?;
        let spawned = spawn::supervisor(&self.config, paths, theirs);
        spawned.map_err(system("start its supervisor"))?;
        self.cgroups.create_task(spec).map_err(system("make its control group"))?;

        let name = self.config.link_name(id);
        let connect = async {
            self.firewall.admit(&name, network.address).await?;
            self.links.attach(&name, fresh.namespace.as_fd(), network.address).await?;
            link::configure_task(&fresh.handle, &network).await
        };
        let (connected, greeted) = tokio::join!(connect, self.greet(task, paths));
        connected.map_err(network_failed)?;
        let (link, supervisor, _) = greeted?;
        let record = Record { ready: true, ..record };
        write_facts(&paths.record(), &record, Durability::ProcessEnd).map_err(system("write its record"))?;
        Ok(Alive { network, hostname: record.hostname, link, supervisor, storage_bytes })
    }

    /// Connects to a task's supervisor and learns its state.
    pub(super) async fn greet(
        self: &Arc<Self>,
        task: &Arc<Task>,
        paths: &TaskPaths,
    ) -> Result<(Link, i32, Vec<ContainerReport>), TaskError> {
        let fail = |reason: String| TaskError::Supervisor { task: task.id.clone(), reason };
        let (inner, subject) = (Arc::downgrade(self), Arc::downgrade(task));
        let runtime = tokio::runtime::Handle::current();
        let link = Link::connect(&paths.socket(), move |news| {
            let (Some(inner), Some(task)) = (inner.upgrade(), subject.upgrade()) else { return };
            match news {
                News::Message(message) => inner.hear(&task, message),
                News::Lost => drop(runtime.spawn(adopt::lose(inner, task))),
            }
        })
        .await
        .map_err(|error| fail(format!("{error}: {}", spawn::last_words(paths))))?;
        match tokio::time::timeout(PATIENCE, link.ask(Request::Hello)).await {
            Ok(Ok(Ok(Reply::Hello { pid, containers }))) => Ok((link, pid, containers)),
            Ok(Err(_)) => Err(fail(format!("it ended at once: {}", spawn::last_words(paths)))),
            Ok(Ok(_)) => Err(super::out_of_step(&task.id)),
            Err(_) => Err(fail("it does not answer".to_owned())),
        }
    }

    fn hear(&self, task: &Task, message: Message) {
        match message {
            Message::Exited(report) => self.emit_exit(&task.id, &report),
            Message::Logs { container } => {
                self.emit(super::Event::LogAvailable { task: task.id.clone(), container });
            }
            Message::Reply { .. } | Message::Ended { .. } => {}
        }
    }

    /// Removes everything of a task, whatever there is.
    pub(super) async fn unmake(&self, task: &Task, paths: &TaskPaths) -> Result<(), TaskError> {
        let id = &task.id;
        let system = |action| move |source: io::Error| TaskError::System { task: id.clone(), action, source };
        // From here on the end of the connection is no loss.
        let life = std::mem::replace(&mut *lock(&task.life), Life::Absent);
        let address = match &life {
            Life::Alive(alive) => Some(alive.network.address),
            Life::Lost(lost) => Some(lost.network.address),
            Life::Absent => read_facts::<Record>(&paths.record()).ok().flatten().map(|record| record.network.address),
        };
        drop(life);
        spawn::end_supervisor(paths).await;
        let (cgroups, name) = (self.cgroups.clone(), id.clone());
        tokio::task::spawn_blocking(move || cgroups.destroy_task(&name))
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(system("remove its control groups"))?;
        let name = self.config.link_name(id);
        let detached = self.links.detach(&name, address).await;
        detached.map_err(|source| TaskError::Network { task: id.clone(), source })?;
        self.firewall.forget(&name).await;
        let dirs = [paths.run.clone(), paths.state.clone()];
        tokio::task::spawn_blocking(move || dirs.iter().try_for_each(|dir| remove_tree(dir)))
            .await
            .unwrap_or_else(|error| Err(io::Error::other(error)))
            .map_err(system("remove its files"))?;
        if let Some(address) = address {
            lock(&self.addresses).release(address);
        }
        lock(&self.tasks).remove(id);
        Ok(())
    }
}

fn write_names(spec: &TaskSpec, record: &Record, answerer: Option<Ipv4Addr>, paths: &TaskPaths) -> io::Result<()> {
    let hosts = names::hosts(spec, &record.hostname, record.network.address);
    fs::write(paths.state.join("hosts"), hosts)?;
    fs::write(paths.state.join("resolv.conf"), names::resolv_conf(spec, answerer))?;
    fs::write(paths.state.join("hostname"), format!("{}\n", record.hostname))
}
