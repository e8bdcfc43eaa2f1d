//! The engine that runs containers on this machine.
//!
//! Translates the orchestrator's actions into calls of the runtime, the image store, the secrets
//! and the logs, and their outcomes into ECS's words. Decides nothing about a task.

mod compose;
mod dns;
mod image;
mod metadata;
mod multiline;
mod notices;
mod output;
mod prepare;
mod reach;
mod settle;
mod start;
mod surroundings;

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aws_model::chain;
use aws_model::task_definition::TaskDefinition;
use orchestrator::{Begin, Engine, Fact, Handle};
use parking_lot::Mutex;
use platform_core::names::{self, Resolution};
use platform_core::task::{Action, Event};
use platform_core::world::{ContainerPhase, Task};
use runtime::{Loss, Runtime};
use session::{SessionTarget, Sessions};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use crate::balancing::Balancing;
use crate::{ServeError, ServeOptions};

use output::More;
pub(crate) use settle::TaskNet;
use settle::settle;
pub(crate) use surroundings::Surroundings;

/// How long a task's end waits for the balancer. It answers within a millisecond; one that does not is dead, and then
/// no client sends the task anything.
const UNROUTED: Duration = Duration::from_secs(5);

/// What the engine works with.
pub(crate) struct Parts {
    pub(crate) runtime: Runtime,
    /// What the runtime tells; read once the engine has adopted.
    pub(crate) events: UnboundedReceiver<runtime::Event>,
    pub(crate) images: images::ImageStore,
    pub(crate) registry: registry::Registry,
    pub(crate) secrets: secrets::Secrets,
    pub(crate) parameters: parameters::Parameters,
    pub(crate) logs: logs::Logs,
    pub(crate) databases: databases::run::Servers,
    pub(crate) facts: UnboundedSender<Fact>,
    pub(crate) routes: Arc<Balancing>,
}

/// The native engine.
pub(crate) struct Native {
    inner: Arc<NativeParts>,
    events: Mutex<Option<UnboundedReceiver<runtime::Event>>>,
}

struct NativeParts {
    runtime: Runtime,
    images: images::ImageStore,
    registry: registry::Registry,
    secrets: secrets::Secrets,
    parameters: parameters::Parameters,
    logs: logs::Logs,
    /// Tasks of the runtime that are no tasks of ECS.
    databases: databases::run::Servers,
    facts: UnboundedSender<Fact>,
    routes: Arc<Balancing>,
    /// Into its containers; one ends with the container that it is in.
    sessions: Sessions,
    /// By task id: what this process keeps for a task while it lives.
    kept: Mutex<HashMap<String, Kept>>,
}

/// What this process keeps for one task.
struct Kept {
    task: Arc<Task>,
    spec: Arc<TaskDefinition>,
    /// By container: keeps the image's layers from being swept while they are mounted.
    leases: HashMap<String, images::Lease>,
    /// By container: up to where its output was moved by this process.
    positions: HashMap<String, runtime::LogPosition>,
    /// Containers whose output could not be moved the last time.
    stuck: HashSet<String>,
    /// Lets one reader at a time move a container's output into the logs.
    output: Arc<tokio::sync::Mutex<()>>,
    /// Which containers printed since they were read.
    notices: notices::Notices,
    /// Containers that are read again after a while though they do not print: something waits for more.
    waiting: HashSet<String>,
}

impl Native {
    pub(crate) fn new(parts: Parts) -> Self {
        let Parts { runtime, events, images, registry, secrets, parameters, logs, databases, facts, routes } = parts;
        let sessions = Sessions::new(Arc::new(reach::Containers::new(runtime.clone())));
        let kept = Mutex::default();
        let inner = NativeParts {
            runtime,
            images,
            registry,
            secrets,
            parameters,
            logs,
            databases,
            facts,
            routes,
            sessions,
            kept,
        };
        Self { inner: Arc::new(inner), events: Mutex::new(Some(events)) }
    }

    /// Returns the sessions into this engine's containers.
    pub(crate) fn sessions(&self) -> &Sessions {
        &self.inner.sessions
    }

    /// Serves the metadata endpoint, which reads the world; tasks run without it if it cannot be had.
    pub(crate) async fn serve_metadata(&self, handle: Handle, net: &TaskNet) {
        let gateway = net.gateway();
        match tokio::net::TcpListener::bind((gateway, metadata::PORT)).await {
            Ok(listener) => {
                let subnet = format!("{}/{}", net.base, net.prefix);
                let runtime = self.inner.runtime.clone();
                let source = metadata::Source { handle, runtime, subnet, gateway: gateway.to_string() };
                metadata::serve(listener, source);
            }
            Err(error) => {
                tracing::warn!(%error, %gateway, port = metadata::PORT, "tasks have no metadata endpoint");
            }
        }
    }
}

/// Where a database's server asks about IAM's tokens, from inside; LDAP's own port.
pub(crate) const TOKENS: SocketAddrV4 = SocketAddrV4::new(Ipv4Addr::new(169, 254, 170, 2), 389);
/// The port on the gateway that this leads to; next to the metadata endpoint's.
const TOKENS_PORT: u16 = metadata::PORT + 2;

/// Answers databases' servers about IAM's tokens; returns whether it could be had.
pub(crate) async fn serve_tokens(judge: databases::ldap::Judge, net: &TaskNet) -> bool {
    let gateway = net.gateway();
    match tokio::net::TcpListener::bind((gateway, TOKENS_PORT)).await {
        Ok(listener) => {
            databases::ldap::serve(listener, judge);
            true
        }
        Err(error) => {
            tracing::warn!(%error, %gateway, port = TOKENS_PORT, "databases take no IAM tokens");
            false
        }
    }
}

/// Returns the secret key of the credentials that tasks are given.
pub(crate) fn known_key(key: &str) -> Option<String> {
    (key == metadata::credentials::KEY).then(|| metadata::credentials::SECRET.to_owned())
}

/// Answers the tasks' names; they have only the host's own servers if this cannot be had. Load balancers listen on
/// `balancer`.
pub(crate) async fn serve_names(handle: Handle, net: &TaskNet, balancer: IpAddr) {
    let gateway = net.gateway();
    // On all addresses is on the gateway too. On the loopback no task reaches it, whatever we answer.
    let balancer = match balancer {
        IpAddr::V4(address) if !address.is_unspecified() && !address.is_loopback() => address,
        _ => gateway,
    };
    let known = dns::Known { own: meaning(handle), balancer };
    match dns::Sockets::bind(gateway, dns::PORT).await {
        Ok(sockets) => dns::serve(sockets, gateway, "/etc/resolv.conf", known),
        Err(error) => tracing::warn!(%error, %gateway, port = dns::PORT, "tasks have no name server at their gateway"),
    }
}

/// Returns who knows what names mean to a task: its service's aliases, and what is seen from its region.
fn meaning(handle: Handle) -> dns::Meaning {
    Box::new(move |address, name, kind| {
        let draw = dns::draw();
        handle.read(|world| {
            // A caller that is no task of ours has no network of ours either.
            let task = world.task_of_address.get(&address.to_string()).and_then(|arn| world.tasks.get(arn));
            match task {
                Some(task) => names::resolve_for(world, task, name, kind, draw),
                None => Resolution::NotOurs,
            }
        })
    })
}

/// Chooses bridge and network of a platform's tasks, or finds what was chosen before, and makes the bridge.
///
/// # Errors
/// Names what could not be read, written or made.
pub(crate) async fn settle_network(options: &ServeOptions, data: &Path) -> Result<TaskNet, ServeError> {
    let directory = |source| ServeError::Directory { path: data.to_owned(), source };
    let failed = |source| ServeError::Part { part: "network of the tasks", source };
    let _alone = runtime::MachineLock::take().await.map_err(|error| failed(Box::new(error)))?;
    let net = settle(options, data).map_err(directory)?;
    let config = runtime_config(&net, Some(options), data);
    runtime::reserve_bridge(&config).await.map_err(|error| failed(Box::new(error)))?;
    Ok(net)
}

impl Engine for Native {
    fn architecture(&self) -> Option<&'static str> {
        Some(if cfg!(target_arch = "aarch64") { "ARM64" } else { "X86_64" })
    }

    fn begin(&self, begin: Begin) {
        let inner = self.inner.clone();
        tokio::spawn(async move { inner.perform(begin).await });
    }

    fn adopt(&self, tasks: Vec<(Arc<Task>, Arc<TaskDefinition>)>) {
        let inner = self.inner.clone();
        let events = self.events.lock().take();
        tokio::spawn(async move {
            inner.take_over(tasks).await;
            if let Some(events) = events {
                inner.listen(events).await;
            }
        });
    }

    fn reset(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            let tasks = self.inner.runtime.known_tasks().await;
            for report in tasks.iter().filter(|report| !databases::run::is_task(&report.id)) {
                self.inner.remove(&report.id).await;
            }
            self.inner.kept.lock().clear();
        })
    }
}

impl NativeParts {
    fn report(&self, arn: &str, event: Event) {
        // The driver has gone when this fails: the next process asks again.
        let _ = self.facts.send(Fact::Task { arn: arn.to_owned(), event });
    }

    /// Keeps the newest picture of a task, and what it needs while it lives.
    fn keep(&self, task: &Arc<Task>, spec: &Arc<TaskDefinition>) {
        let mut kept = self.kept.lock();
        let entry = kept.entry(task.id.clone()).or_insert_with(|| Kept {
            task: task.clone(),
            spec: spec.clone(),
            leases: HashMap::new(),
            positions: HashMap::new(),
            stuck: HashSet::new(),
            output: Arc::default(),
            notices: notices::Notices::default(),
            waiting: HashSet::new(),
        });
        entry.task = task.clone();
    }

    async fn perform(self: Arc<Self>, begin: Begin) {
        let Begin { action, task, spec } = begin;
        self.keep(&task, &spec);
        match action {
            Action::Prepare => {
                let event = self.prepare(&task, &spec).await.unwrap_or_else(Event::PrepareFailed);
                self.report(&task.arn, event);
            }
            Action::Pull(container) => {
                let event = match self.pull(&task, &spec, &container).await {
                    Ok(digest) => Event::Pulled { container, digest },
                    Err(reason) => Event::PullFailed { container, reason },
                };
                self.report(&task.arn, event);
            }
            Action::Start(container) => {
                let restarts = task.container(&container).map_or(0, |c| c.restarts);
                let event = match self.start(&task, &spec, &container).await {
                    Ok(at) => Event::Started { container, restarts, at },
                    Err(reason) => Event::StartFailed { container, reason },
                };
                self.report(&task.arn, event);
            }
            Action::Probe(container) => self.probe(&task, &spec, container).await,
            Action::Terminate(container) => {
                self.leave_routes(&task).await;
                self.signal(&task, &container, false).await;
            }
            Action::Kill(container) => self.signal(&task, &container, true).await,
            Action::TearDown => {
                self.drain_output(&task, &spec, More::Never).await;
                self.remove(&task.id).await;
                self.forget_output(&task).await;
                self.report(&task.arn, Event::TornDown);
            }
        }
    }

    /// Removes a task from the host, however often it takes: giving up would leak it.
    async fn remove(&self, id: &str) {
        self.sessions.end_task(id, "the task stopped");
        let mut pause = Duration::from_millis(50);
        let mut failures = 0_u32;
        while let Err(error) = self.runtime.remove_task(id).await {
            failures += 1;
            // Ever more seldom, as the tries: it may go on for days.
            if failures.is_power_of_two() {
                tracing::warn!(task = id, failures, error = chain(&error), "a task could not be removed yet");
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(10));
        }
        self.kept.lock().remove(id);
    }

    /// Waits until the balancer sends a task nothing new: it is draining, or gone, in what was applied
    /// before its end was decided, and only an acknowledgement says that this is so.
    async fn leave_routes(&self, task: &Task) {
        if !task.targets.is_empty() && tokio::time::timeout(UNROUTED, self.routes.settled()).await.is_err() {
            tracing::warn!(task = task.id, "stopping a task though the load balancer does not answer");
        }
    }

    async fn signal(&self, task: &Task, container: &str, kill: bool) {
        let signal = if kill { 9 } else { self.stop_signal(task, container).await };
        if let Err(error) = self.runtime.signal(&task.id, container, signal).await {
            // It may have ended by itself; if it has not, the deadline to kill it still stands.
            tracing::debug!(task = task.id, container, error = chain(&error), "a signal did not arrive");
        }
    }

    async fn probe(&self, task: &Task, spec: &TaskDefinition, container: String) {
        let check = spec.container(&container).and_then(platform_core::task::health::check_of);
        let Some(check) = check else { return };
        let timeout = Duration::from_secs(u64::try_from(platform_core::task::health::timeout(check)).unwrap_or(5));
        let argv = platform_core::task::health::argv(check);
        let passed = match self.runtime.exec(&task.id, &container, argv, Vec::new(), timeout).await {
            Ok(outcome) => outcome.exit_code == Some(0),
            Err(error) => {
                tracing::debug!(task = task.id, container, error = chain(&error), "a health check could not run");
                false
            }
        };
        self.report(&task.arn, Event::Probed { container, passed, at: now() });
    }

    /// Finds out what became of the tasks of an earlier process, and removes strangers.
    async fn take_over(self: &Arc<Self>, tasks: Vec<(Arc<Task>, Arc<TaskDefinition>)>) {
        let reports = self.runtime.known_tasks().await;
        let wanted: HashMap<&str, &Arc<Task>> = tasks.iter().map(|(t, _)| (t.id.as_str(), t)).collect();
        let strange = |id: &str| !wanted.contains_key(id) && !databases::run::is_task(id);
        for stranger in reports.iter().filter(|r| strange(&r.id)) {
            tracing::info!(task = stranger.id, "removing a task that no service or user wants");
            self.remove(&stranger.id).await;
        }
        for (task, spec) in &tasks {
            self.keep(task, spec);
            let Some(report) = reports.iter().find(|r| r.id == task.id) else {
                // Before Starting nothing was asked of the host that cannot be asked again.
                use ContainerPhase::{Restarting, Running, Starting};
                if task.containers.iter().any(|c| matches!(c.phase, Starting | Running | Restarting)) {
                    self.report(&task.arn, Event::Lost(words(Loss::HostRestarted).to_owned()));
                }
                continue;
            };
            // The cause before its effects: the ends of its containers would else be the task's own doing.
            if let Some(loss) = report.lost {
                self.report(&task.arn, Event::Lost(words(loss).to_owned()));
            }
            for container in &report.containers {
                // Layers first: one that has ended may be started again.
                if let Some(digest) = task.container(&container.name).and_then(|c| c.image_digest.clone()) {
                    self.hold(task, &container.name, &digest).await;
                }
                if let Some(exited) = exit_of(container) {
                    self.report(&task.arn, exited);
                }
            }
            self.drain_output(task, spec, More::MayCome).await;
        }
    }

    /// Passes on what the runtime tells, until it is gone.
    async fn listen(self: &Arc<Self>, mut events: UnboundedReceiver<runtime::Event>) {
        while let Some(event) = events.recv().await {
            if self.databases.hear(&event) {
                continue;
            }
            match event {
                runtime::Event::Exited { task, container, exit_code, oom, restarts, at_ms, .. } => {
                    let why = if oom { "was killed for its memory" } else { "stopped" };
                    let words = format!("container {container} {why} (exit code {exit_code})");
                    self.sessions
                        .end_container(&SessionTarget { task: task.clone(), container: container.clone() }, &words);
                    let arn = self.kept.lock().get(&task).map(|k| k.task.arn.clone());
                    if let Some(arn) = arn {
                        let at = millis(at_ms);
                        self.report(&arn, Event::Exited { container, code: exit_code, oom, restarts, at });
                    }
                }
                runtime::Event::LogAvailable { task, container } => self.clone().move_output(task, container),
                runtime::Event::StorageExceeded { task, limit_bytes } => {
                    // Fargate's disk is simply full then. Here all tasks share the disk, so the task is ended.
                    let why = format!(
                        "The task was ended because it used more than its {} GiB of ephemeral storage",
                        limit_bytes >> 30
                    );
                    self.sessions.end_task(&task, &why);
                    let arn = self.kept.lock().get(&task).map(|k| k.task.arn.clone());
                    if let Some(arn) = arn {
                        self.report(&arn, Event::Lost(why));
                    }
                }
                runtime::Event::SupervisorLost { task, loss } => {
                    self.sessions.end_task(&task, "the task's supervisor process was killed");
                    let arn = self.kept.lock().get(&task).map(|k| k.task.arn.clone());
                    if let Some(arn) = arn {
                        self.report(&arn, Event::Lost(words(loss).to_owned()));
                    }
                }
            }
        }
    }
}

/// Why a task stops that the host lost.
fn words(loss: Loss) -> &'static str {
    match loss {
        Loss::HostRestarted => platform_core::task::HOST_RESTARTED,
        Loss::SupervisorDied => "The task's supervisor process was killed",
    }
}

fn exit_of(report: &runtime::ContainerReport) -> Option<Event> {
    match &report.state {
        runtime::ContainerState::Exited { exit_code, oom, at_ms, .. } => {
            let (container, restarts) = (report.name.clone(), report.restarts);
            Some(Event::Exited { container, code: *exit_code, oom: *oom, restarts, at: millis(*at_ms) })
        }
        _ => None,
    }
}

fn millis(at: u64) -> i64 {
    i64::try_from(at).unwrap_or(i64::MAX)
}

/// Returns the runtime's settings that belong to a platform's.
pub(crate) fn runtime_config(net: &TaskNet, options: Option<&ServeOptions>, data: &Path) -> runtime::Config {
    use runtime::{Redirect, Transport};
    let names = SocketAddrV4::new(net.gateway(), dns::ASKED);
    let state_dir = data.join("run");
    runtime::Config {
        run_dir: runtime::Config::default_run_dir(&state_dir),
        state_dir,
        bridge: net.bridge.clone(),
        subnet: (net.base, net.prefix),
        cgroup_parent: format!("managr-{}", net.bridge),
        redirects: vec![
            Redirect { transport: Transport::Tcp, asked: metadata::ADDRESS, port: metadata::PORT },
            Redirect { transport: Transport::Tcp, asked: TOKENS, port: TOKENS_PORT },
            Redirect { transport: Transport::Udp, asked: names, port: dns::PORT },
            Redirect { transport: Transport::Tcp, asked: names, port: dns::PORT },
        ],
        open_ports: options.map(|options| options.open_ports.clone()).unwrap_or_default(),
        supervisor: options.map(|options| options.supervisor.clone()).unwrap_or_default(),
    }
}

/// Removes everything that a platform with this data directory has left on this machine: processes,
/// mounts, network, control groups, and the directory. No platform may be running on it.
///
/// # Errors
/// Names what could not be removed.
pub async fn purge(data: &Path) -> Result<(), PurgeError> {
    if !data.exists() {
        return Ok(());
    }
    let directory = |source| PurgeError::Directory { path: data.to_owned(), source };
    // A running platform refuses this; a database that is damaged or gone does not.
    let claim = store::Claim::take(data)?;
    balancer::end(data).await.map_err(PurgeError::Balancer)?;
    if let Some(net) = settle::recorded(data).map_err(directory)? {
        runtime::purge_debris(&runtime_config(&net, None, data)).await?;
    }
    drop(claim);
    runtime::remove_tree(data).map_err(directory)
}

/// Why a platform's remains could not be removed.
#[derive(Debug, thiserror::Error)]
pub enum PurgeError {
    /// A platform still runs there, or the store is damaged.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// The load balancer's process stayed.
    #[error("could not end the load balancer")]
    Balancer(#[source] std::io::Error),
    /// The host kept something.
    #[error("could not remove what containers left on this machine")]
    Debris(#[from] runtime::OpenError),
    /// The data directory stayed.
    #[error("could not clear {}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
}

fn now() -> i64 {
    orchestrator::Clock::System.now()
}
