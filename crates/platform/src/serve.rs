//! One platform: assembled, run until it is asked to end, and taken apart in order.

use std::collections::BTreeMap;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use aws_model::{Service, chain};
use databases::Actor;
use databases::run::{Places, Servers};
use exec::{ExecuteCommand, SessionManager};
use orchestrator::{Clock, Driver, Engine, Fact, Handle, Routes, WorldDoor};
use parameters::TagDoor;
use platform_core::ssm;
use scaling::Scaling;
use session::Sessions;
use tokio::net::TcpListener;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};

use crate::around::Around;
use crate::letters::LogGroups;
use crate::measuring::{self, Sources};
use crate::native::{self, Native};
use crate::room::{self, Swept};
use crate::simulated::{Simulated, SimulatedRoutes};
use crate::{EngineKind, ServeOptions, balancing};

/// Why a platform did not start, or ended by itself.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The API's address could not be had.
    #[error("could not listen on {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The native engine keeps things on disk.
    #[error("the native engine needs a data directory")]
    NoDataDir,
    /// The host lacks what containers need.
    #[error("this machine cannot run containers:\n{missing}")]
    Host {
        /// What is missing, a line each: what, why, how to get it.
        missing: String,
    },
    /// A directory could not be made or used.
    #[error("could not use {}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The store could not be opened.
    #[error(transparent)]
    Store(#[from] store::StoreError),
    /// The platform's state could not be loaded.
    #[error(transparent)]
    World(#[from] orchestrator::OpenError),
    /// Part of the platform could not be opened.
    #[error("could not open the {part}")]
    Part {
        /// Which part.
        part: &'static str,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The front's listener failed.
    #[error("the API's listener failed")]
    Front(#[source] io::Error),
}

/// Runs a platform until `shutdown` resolves; containers and the load balancer go on running. `ready` is called with the
/// API's address once calls are answered.
///
/// # Errors
/// When it cannot start: see [`ServeError`]. Nothing is left half started.
pub async fn serve(
    options: ServeOptions,
    ready: impl FnOnce(SocketAddr),
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServeError> {
    // The port first: a second platform ends here, before it touches anything.
    let listener = TcpListener::bind(options.listen)
        .await
        .map_err(|source| ServeError::Listen { address: options.listen, source })?;
    let address = listener.local_addr().map_err(ServeError::Front)?;

    let scratch = Scratch::new(&options)?;
    let store = match &options.data_dir {
        Some(dir) => store::Store::open(dir)?,
        None => store::Store::ephemeral()?,
    };
    let data = scratch.path();
    let key_dir = options.data_dir.as_deref();
    let time = match options.engine {
        // Nothing runs there, so nothing is hurt if the time is not the machine's.
        EngineKind::Simulated => Clock::moved(),
        EngineKind::Native => Clock::System,
    };
    let now = time.clone();
    let clock: secrets::Now = Arc::new(move || now.now());
    let secrets =
        secrets::Secrets::open(store.clone(), key_dir, &options.account, clock.clone()).map_err(part("secrets"))?;
    let parameters = parameters::Parameters::open(store.clone(), &secrets, &options.account, clock.clone())
        .map_err(part("parameters"))?;
    let kms = kms::Kms::open(store.clone(), secrets.sealer(), &options.account, clock.clone()).map_err(part("keys"))?;
    let logs = logs::Logs::open(store.clone(), &options.account, clock.clone()).map_err(part("logs"))?;
    let metrics = metrics::Metrics::open(store.clone(), &options.account, clock.clone()).map_err(part("metrics"))?;
    logs.feed(measuring(metrics.clone()));
    let images = images::ImageStore::open(&data.join("images")).map_err(part("image store"))?;
    let registry_options = registry::Options {
        host: address.to_string(),
        account: options.account.clone(),
        anonymous: address.ip().is_loopback(),
    };
    let registry =
        registry::Registry::open(store.clone(), images.clone(), registry_options).map_err(part("registry"))?;

    let (facts, receiver) = mpsc::unbounded_channel();
    let parts = Shared { store, secrets, parameters, logs, metrics, images, registry };
    let surroundings = native::Surroundings::default();
    let Running { driver, handle, sessions, sources } = match options.engine {
        EngineKind::Simulated => simulated(&options, &parts, time.clone(), facts, receiver)?,
        EngineKind::Native => native(&options, data, &parts, facts, receiver, &surroundings).await?,
    };
    let driver = tokio::spawn(driver.run());
    let scaling = Scaling::new(handle.clone(), parts.metrics.clone());
    if let Err(error) = scaling.settle_all().await {
        tracing::warn!(error = error.message, "the alarms of scaling policies could not be settled");
    }
    let telling = tokio::spawn(scaling.clone().keep_telling());
    let measuring = measuring::keep(sources, handle.clone(), parts.metrics.clone(), time);
    let measuring = tokio::spawn(measuring);
    let alarms = tokio::spawn(parts.metrics.clone().keep_looking());
    let swept = Swept {
        registry: parts.registry.clone(),
        logs: parts.logs.clone(),
        metrics: parts.metrics.clone(),
        secrets: parts.secrets.clone(),
    };
    let chores = tokio::spawn(room::keep(swept, parts.store.disk().cloned()));

    let places = (options.engine == EngineKind::Native).then(|| Places::of(data));
    let log_files = databases::LogFiles::new(handle.clone(), places);
    let state = api::State {
        doors: api::Doors::of_world(&handle)
            .with(Service::ApplicationAutoScaling, scaling)
            .with(Service::Acm, certificates::Certificates::new(handle.clone(), parts.certificate_keys()))
            .with(Service::Ecr, parts.registry.clone())
            .with(Service::Logs, parts.logs.clone())
            .with(Service::CloudWatch, parts.metrics.clone())
            .with(Service::Ecs, ExecuteCommand::new(handle.clone(), sessions.clone()))
            .with(Service::Rds, log_files)
            .with(Service::SecretsManager, parts.secrets.clone())
            .with(Service::Rds, rds::Passwords::new(handle.clone(), parts.secrets.clone()))
            .with(Service::Kms, kms.clone())
            .with(Service::Ssm, parts.parameters.clone())
            .with(Service::Ssm, TagDoor::new(parts.parameters.clone(), WorldDoor::new(handle.clone(), ssm::TAGS)))
            .with(Service::Ssm, SessionManager::new(handle.clone(), sessions.clone())),
        orchestrator: handle,
        registry: parts.registry,
        secrets: parts.secrets,
        parameters: parts.parameters,
        kms,
        logs: parts.logs,
        metrics: parts.metrics,
        sessions: sessions.clone(),
        account: options.account.clone(),
        engine: options.engine.as_str().to_owned(),
        notices: Arc::new(move || surroundings.notices()),
        started: Instant::now(),
    };
    let front = api::Options { extra_hosts: options.hosts.clone(), policy: policy(&options), ..api::Options::default() };
    options.openings().iter().for_each(|words| tracing::warn!("{words}"));
    ready(address);
    let ending = async {
        shutdown.await;
        end_sessions(sessions.as_ref()).await;
    };
    let served = api::serve(listener, Arc::new(state), front, ending).await;
    // Those that were opened while the others ended.
    end_sessions(sessions.as_ref()).await;
    chores.abort();
    alarms.abort();
    telling.abort();
    measuring.abort();
    driver.abort();
    served.map_err(ServeError::Front)
}

fn policy(options: &ServeOptions) -> api::Policy {
    api::Policy { allowed: options.allow.clone(), ..api::Policy::own() }
}

async fn end_sessions(sessions: Option<&Sessions>) {
    if let Some(sessions) = sessions {
        sessions.end_all("the platform was stopped").await;
    }
}

/// The loop and the world's door, with what containers there are.
struct Running {
    driver: Driver,
    handle: Handle,
    /// Into containers, where there are any.
    sessions: Option<Sessions>,
    /// What can be measured.
    sources: Sources,
}

struct Shared {
    store: store::Store,
    secrets: secrets::Secrets,
    parameters: parameters::Parameters,
    logs: logs::Logs,
    metrics: metrics::Metrics,
    images: images::ImageStore,
    registry: registry::Registry,
}

impl Shared {
    fn certificate_keys(&self) -> certificates::Keys {
        certificates::Keys::new(self.secrets.sealer())
    }
}

/// Returns who takes what metric filters of logs measure.
fn measuring(metrics: metrics::Metrics) -> logs::Feed {
    let runtime = tokio::runtime::Handle::current();
    Arc::new(move |region, measures| {
        let (metrics, region) = (metrics.clone(), region.to_owned());
        let mut by_namespace: BTreeMap<String, Vec<metrics::Datum>> = BTreeMap::new();
        for measure in measures {
            let unit = measure.unit.as_deref().unwrap_or(metrics::NO_UNIT);
            let datum = metrics::Datum::new(&measure.name, measure.value, unit).at(measure.at);
            let datum = measure.dimensions.iter().fold(datum, |datum, (name, value)| datum.with(name, value));
            by_namespace.entry(measure.namespace).or_default().push(datum);
        }
        runtime.spawn(async move {
            for (namespace, data) in by_namespace {
                if let Err(error) = metrics.put(&region, &namespace, data).await {
                    tracing::warn!(error = chain(&error), namespace, "what a metric filter measured was not stored");
                }
            }
        });
    })
}

fn part<E: std::error::Error + Send + Sync + 'static>(part: &'static str) -> impl FnOnce(E) -> ServeError {
    move |source| ServeError::Part { part, source: Box::new(source) }
}

fn simulated(
    options: &ServeOptions,
    parts: &Shared,
    time: Clock,
    facts: UnboundedSender<Fact>,
    receiver: UnboundedReceiver<Fact>,
) -> Result<Running, ServeError> {
    let engine = Simulated::new(facts.clone(), time.clone());
    let engine: Arc<dyn Engine> = Arc::new(if options.keeps_documents { engine.of_documents() } else { engine });
    let outlet = Arc::new(LogGroups::new(parts.logs.clone(), facts.clone()));
    let routes: Arc<dyn Routes> = Arc::new(SimulatedRoutes::new(facts));
    let (driver, handle) = Driver::open(parts.store.clone(), time, options.account.clone(), engine, routes, receiver)?;
    // Nothing runs, and nothing is balanced.
    let sources = Sources { runtime: None, counts: mpsc::unbounded_channel().1 };
    Ok(Running { driver: driver.with_outlet(outlet), handle, sessions: None, sources })
}

async fn native(
    options: &ServeOptions,
    data: &Path,
    parts: &Shared,
    facts: UnboundedSender<Fact>,
    receiver: UnboundedReceiver<Fact>,
    surroundings: &native::Surroundings,
) -> Result<Running, ServeError> {
    if options.data_dir.is_none() {
        return Err(ServeError::NoDataDir);
    }
    let report = runtime::examine_host();
    if !report.is_able() {
        let missing: Vec<String> =
            report.missing().map(|c| format!("  - {}: {}; {} ({})", c.name, c.found, c.why, c.remedy)).collect();
        return Err(ServeError::Host { missing: missing.join("\n") });
    }
    for check in report.checks.iter().filter(|check| !check.ok && !check.required) {
        tracing::warn!(
            check = check.name,
            found = check.found,
            why = check.why,
            remedy = check.remedy,
            "this host lacks something"
        );
    }
    let (sender, events) = mpsc::unbounded_channel();
    let net = native::settle_network(options, data).await?;
    let config = native::runtime_config(&net, Some(options), data);
    let runtime = runtime::Runtime::open(config, sender).await.map_err(part("container runtime"))?;
    let build = balancer::build_of(Path::new("/proc/self/exe"));
    let launch = balancer::Launch { dir: data.to_owned(), command: options.balancer.clone(), build };
    let probed = runtime.clone();
    let (counted, counts) = mpsc::unbounded_channel();
    let sources = Sources { runtime: Some(runtime.clone()), counts };
    let keys = parts.certificate_keys();
    let told = balancing::Told { facts: facts.clone(), counts: counted };
    let routes = Arc::new(balancing::Balancing::new(options.balancer_address, launch, keys, told));
    let around = Arc::new(Around::new(parts.registry.clone(), parts.images.clone()));
    let (told, news) = mpsc::unbounded_channel();
    let servers = Servers::new(runtime.clone(), Places::of(data), around.clone(), told);
    let gate = api::Gate::new(policy(options));
    let admit: databases::forward::Admit = Arc::new(move |peer, local| gate.admits(peer, local));
    let databases = Arc::new(Actor::new(servers.clone(), news, facts.clone(), admit));
    if native::serve_tokens(databases.judge(native::known_key), &net).await {
        around.answers_tokens_at(native::TOKENS.into());
    }
    let engine = Arc::new(Native::new(native::Parts {
        runtime,
        events,
        images: parts.images.clone(),
        registry: parts.registry.clone(),
        secrets: parts.secrets.clone(),
        parameters: parts.parameters.clone(),
        logs: parts.logs.clone(),
        databases: servers,
        facts: facts.clone(),
        routes: routes.clone(),
    }));
    let outlet = Arc::new(LogGroups::new(parts.logs.clone(), facts));
    let (driver, handle) =
        Driver::open(parts.store.clone(), Clock::System, options.account.clone(), engine.clone(), routes, receiver)?;
    around.certify_by(certificates::Certificates::new(handle.clone(), parts.certificate_keys()));
    engine.serve_metadata(handle.clone(), &net).await;
    native::serve_names(handle.clone(), &net, options.balancer_address).await;
    surroundings.watch(probed).await;
    let sessions = Some(engine.sessions().clone());
    Ok(Running { driver: driver.with_outlet(outlet).with_databases(databases), handle, sessions, sources })
}

/// Where files go: the data directory, or one that is removed at the end.
enum Scratch {
    Kept(PathBuf),
    Temporary(PathBuf),
}

impl Scratch {
    fn new(options: &ServeOptions) -> Result<Self, ServeError> {
        match &options.data_dir {
            Some(dir) => Ok(Self::Kept(dir.clone())),
            None => {
                let name = format!("managr-{}-{:016x}", std::process::id(), random());
                let path = std::env::temp_dir().join(name);
                let mut builder = std::fs::DirBuilder::new();
                std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
                builder.create(&path).map_err(|source| ServeError::Directory { path: path.clone(), source })?;
                Ok(Self::Temporary(path))
            }
        }
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) | Self::Temporary(path) => path,
        }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if let Self::Temporary(path) = self
            && let Err(error) = std::fs::remove_dir_all(&*path)
        {
            tracing::warn!(path = %path.display(), %error, "a temporary directory was left behind");
        }
    }
}

fn random() -> u64 {
    getrandom::u64().expect("the kernel's random source answers once the system is up")
}
