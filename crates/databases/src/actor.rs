//! Carries out what the world orders of databases, and tells it what became of them.
//!
//! Translates between `platform_core::rds` and [`crate::run`]; decides nothing about an instance's state.

use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use orchestrator::{Databases, Fact};
use parking_lot::Mutex;
use platform_core::RecordKey;
use platform_core::rds::work::{Facts, FailureKind, Kind, Order, Origin, Settings, Standing, Told, Work};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;

use crate::copies::{Copies, CopiesError, Made, Progress, Source};
use crate::forward::{Admit, Forwards};
use crate::ldap::Judge;
use crate::run::keep::chain;
use crate::run::{AdminError, Extra, Failure, Instance, News, Running, Servers};
use crate::token;

/// Between two looks at what databases take of the disk.
const LOOK: Duration = Duration::from_secs(60);
/// How often it is asked whether a database's backups are to be looked after.
const TICK: Duration = Duration::from_secs(5);
/// Between two looks at a database's backups; RDS's own is five minutes.
const KEEP: Duration = Duration::from_secs(60);
/// A difference that is worth a change of the world.
const WORTH_TELLING: u64 = 1 << 20;
/// How long RDS keeps a log (`rds.log_retention_period`, in minutes).
const LOGS: Duration = Duration::from_secs(4320 * 60);

/// Carries out orders.
pub struct Actor {
    inner: Arc<Inner>,
}

struct Inner {
    servers: Servers,
    copies: Copies,
    forwards: Forwards,
    facts: UnboundedSender<Fact>,
    /// By resource id: what is known of each that there is.
    instances: Mutex<HashMap<String, Settings>>,
    /// By resource id: whose record it is, and how long its logs are kept.
    records: Mutex<HashMap<String, (RecordKey, Duration)>>,
    /// What an earlier process left was taken over; no order is begun before.
    adopted: watch::Sender<bool>,
}

impl Actor {
    /// Makes one that tells what happens by `facts`, and passes on what the servers tell. `admit` says who of this machine
    /// may come in by the loopback.
    pub fn new(
        servers: Servers,
        news: UnboundedReceiver<(String, News)>,
        facts: UnboundedSender<Fact>,
        admit: Admit,
    ) -> Self {
        let inner = Arc::new(Inner {
            copies: Copies::new(servers.clone()),
            forwards: Forwards::new(admit),
            servers,
            facts,
            instances: Mutex::default(),
            records: Mutex::default(),
            adopted: watch::channel(false).0,
        });
        tokio::spawn(pass_on(inner.clone(), news));
        tokio::spawn(look(Arc::downgrade(&inner)));
        tokio::spawn(keep(Arc::downgrade(&inner)));
        Self { inner }
    }

    /// Returns what answers servers that ask about IAM's tokens. `keys` knows the secret keys that the platform knows.
    pub fn judge(&self, keys: impl Fn(&str) -> Option<String> + Send + Sync + 'static) -> Judge {
        let inner = Arc::downgrade(&self.inner);
        Arc::new(move |from, user, password| {
            let inner = inner.upgrade().ok_or("the platform ends")?;
            let known = inner.at(from).ok_or("no database of this platform asks from there")?;
            if !known.iam {
                return Err(format!("IAM authentication is not enabled for the DB instance {}", known.id));
            }
            let database = token::Database { host: known.endpoint, port: known.port, region: known.region };
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
            token::check(password, &database, user, now.as_secs(), &keys).map_err(|refused| refused.to_string())
        })
    }
}

impl Databases for Actor {
    fn begin(&self, order: Order) {
        let inner = self.inner.clone();
        tokio::spawn(async move {
            // Fails only when the sender is gone, and that is ours.
            let _ = inner.adopted.subscribe().wait_for(|adopted| *adopted).await;
            if let Some(settings) = &order.settings {
                inner.know(&order.record, settings);
            }
            let told = inner.carry_out(&order).await;
            inner.tell(order.record, Some(order.turn), told);
        });
    }

    fn adopt(&self, standing: Standing) {
        let inner = self.inner.clone();
        for known in &standing.instances {
            inner.know(&known.record, &known.settings);
        }
        tokio::spawn(async move {
            if let Err(error) = inner.copies.sweep(&standing.snapshots).await {
                tracing::warn!(error = chain(&error), "snapshots that nobody knows could not be removed");
            }
            let running = standing.instances.iter().filter(|known| known.runs);
            inner.servers.adopt(running.map(|known| instance(&known.settings)).collect()).await;
            inner.adopted.send_replace(true);
        });
    }

    fn reset(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            self.inner.records.lock().clear();
            self.inner.instances.lock().clear();
            self.inner.forwards.close_all();
            if let Err(error) = self.inner.servers.clear().await {
                tracing::error!(error = chain(&error), "databases could not be removed");
            }
        })
    }
}

impl Inner {
    /// Returns the database whose server has an address.
    fn at(&self, address: std::net::IpAddr) -> Option<Settings> {
        let known: Vec<Settings> = self.instances.lock().values().cloned().collect();
        known
            .into_iter()
            .find(|one| self.servers.running(&one.resource).is_some_and(|running| running.address == address))
    }

    fn know(&self, record: &RecordKey, settings: &Settings) {
        let minutes = settings.parameters.get("rds.log_retention_period").and_then(|value| value.parse::<u64>().ok());
        let logs = minutes.map_or(LOGS, |minutes| Duration::from_secs(minutes * 60));
        self.records.lock().insert(settings.resource.clone(), (record.clone(), logs));
        self.instances.lock().insert(settings.resource.clone(), settings.clone());
    }

    fn tell(&self, record: RecordKey, turn: Option<u64>, told: Told) {
        // The driver has gone when this fails: the next process asks again.
        let _ = self.facts.send(Fact::Database { record, turn, told });
    }

    async fn carry_out(&self, order: &Order) -> Told {
        match (&order.work, &order.settings) {
            (Work::Instance { kind: Kind::Snapshot { snapshot } }, Some(settings)) => {
                made(self.copies.take(&settings.resource, snapshot, self.progress(order)).await)
            }
            (Work::Instance { kind: kind @ Kind::Create { origin, .. } }, Some(settings))
                if *origin != Origin::Empty =>
            {
                self.restore(order, kind, origin, settings).await
            }
            (Work::Instance { kind }, Some(settings)) => self.instance(&order.record, kind, settings).await,
            (Work::Instance { .. }, None) => unchanged("an order for a database does not say which"),
            (Work::CopySnapshot { from, to }, _) => made(self.copies.copy(from, to, self.progress(order)).await),
            (Work::DropSnapshot { snapshot }, _) => {
                let dropped = self.copies.drop_snapshot(snapshot).await;
                made(dropped.map(|()| Made { bytes: 0, how: String::new() }))
            }
        }
    }

    fn progress(&self, order: &Order) -> Progress {
        let (facts, record, turn) = (self.facts.clone(), order.record.clone(), order.turn);
        Arc::new(move |percent| {
            let told = Told::Progress { percent };
            let _ = facts.send(Fact::Database { record: record.clone(), turn: Some(turn), told });
        })
    }

    /// Makes an instance of a snapshot, or of another as it was at a time.
    async fn restore(&self, order: &Order, kind: &Kind, origin: &Origin, settings: &Settings) -> Told {
        let source = match origin {
            Origin::Snapshot(snapshot) => Source::Snapshot(snapshot.clone()),
            Origin::Time { resource, at } => Source::Time(resource.clone(), u64::try_from(*at).unwrap_or_default()),
            Origin::Empty => return unchanged("there is nothing to be restored"),
        };
        let filled = match self.copies.fill(&instance(settings), &source, self.progress(order)).await {
            Ok(filled) => filled,
            Err(error) => {
                let full = error.is_full();
                let code = if full { FailureKind::StorageFull } else { FailureKind::IncompatibleRestore };
                return Told::Failed { code, why: chain(&error) };
            }
        };
        let told = self.instance(&order.record, kind, settings).await;
        let Told::Done(facts) = told else { return told };
        if let Err(error) = self.copies.filled(&settings.resource).await {
            // They mean nothing to a server that is one of its own.
            tracing::warn!(database = settings.id, error = chain(&error), "settings of a recovery stay");
        }
        Told::Done(Facts { how: filled.how, ..facts })
    }

    async fn instance(&self, record: &RecordKey, kind: &Kind, settings: &Settings) -> Told {
        let servers = &self.servers;
        let wanted = instance(settings);
        let outcome = match kind {
            Kind::Create { database, .. } => {
                let made = servers.create(&wanted, database.as_deref(), &Extra::default()).await;
                if let Ok(running) = &made {
                    let words = format!("PostgreSQL {} runs from {}", running.version, running.source);
                    self.tell(record.clone(), None, Told::Note { words });
                }
                made.map(Some)
            }
            Kind::Snapshot { .. } => return unchanged("a snapshot is no change of an instance"),
            Kind::Start => servers.start(&wanted).await.map(Some),
            Kind::Stop => {
                self.forwards.close(&settings.resource);
                servers.stop(&settings.resource).await.map(|()| None)
            }
            Kind::Reboot => servers.reboot(&wanted).await.map(Some),
            Kind::Apply { restart } => servers.apply(&wanted, *restart).await,
            Kind::Delete => {
                self.forwards.close(&settings.resource);
                self.instances.lock().remove(&settings.resource);
                self.copies.forget(&settings.resource).await;
                let outcome = servers.delete(&settings.resource).await.map(|()| None);
                if outcome.is_ok() {
                    self.records.lock().remove(&settings.resource);
                }
                outcome
            }
        };
        match outcome {
            Ok(running) => Told::Done(self.facts(&settings.resource, running).await),
            Err(error) => self.failed(kind, wanted, &error).await,
        }
    }

    /// Says what a failure means, and leaves nothing half running behind.
    async fn failed(&self, kind: &Kind, wanted: Instance, error: &Failure) -> Told {
        let why = chain(error);
        let starts = matches!(kind, Kind::Create { .. } | Kind::Start | Kind::Reboot | Kind::Apply { restart: true });
        let code = match error {
            Failure::Full { .. } => FailureKind::StorageFull,
            Failure::Parameters { .. } | Failure::Parameter(_) => FailureKind::IncompatibleParameters,
            Failure::Version { .. } => FailureKind::IncompatibleRestore,
            _ if starts => FailureKind::Failed,
            _ => FailureKind::Unchanged,
        };
        if starts {
            let resource = wanted.resource.clone();
            if let Err(error) = self.servers.stop(&resource).await {
                tracing::warn!(database = wanted.id, error = chain(&error), "what is left of a failed start stays");
            }
            // Room may come back at any moment, and then it runs again by itself, as on RDS.
            if code == FailureKind::StorageFull && self.servers.place(&resource).data().exists() {
                self.servers.keep_trying(wanted, why.clone());
            }
        }
        Told::Failed { code, why }
    }

    async fn facts(&self, resource: &str, running: Option<Running>) -> Facts {
        let bytes = self.used(resource).await;
        let (version, address) = match running {
            Some(running) => (running.version, Some(running.address.to_string())),
            None => (String::new(), None),
        };
        let local_port = if address.is_some() { self.local_port(resource).await } else { None };
        Facts { version, address, local_port, bytes, how: String::new() }
    }

    /// Returns the port of the loopback that leads to a database that runs.
    async fn local_port(&self, resource: &str) -> Option<u16> {
        let port = self.instances.lock().get(resource).map(|instance| instance.port)?;
        let (servers, of) = (self.servers.clone(), resource.to_owned());
        let target = move || servers.running(&of).map(|running| (running.address, port).into());
        match self.forwards.ensure(resource, port, target).await {
            Ok(port) => Some(port),
            Err(error) => {
                tracing::warn!(resource, %error, "no port of 127.0.0.1 could be had for a database");
                None
            }
        }
    }

    async fn used(&self, resource: &str) -> u64 {
        let (servers, resource) = (self.servers.clone(), resource.to_owned());
        tokio::task::spawn_blocking(move || servers.used(&resource)).await.unwrap_or(0)
    }
}

fn made(outcome: Result<Made, CopiesError>) -> Told {
    match outcome {
        Ok(Made { bytes, how }) => Told::Done(Facts { bytes, how, ..Facts::default() }),
        Err(error) => Told::Failed { code: FailureKind::Unchanged, why: chain(&error) },
    }
}

/// Whether a server said that it has no database of ours yet.
fn is_new(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    causes.any(|cause| cause.downcast_ref::<AdminError>().is_some_and(AdminError::is_no_such_database))
}

fn unchanged(why: &str) -> Told {
    Told::Failed { code: FailureKind::Unchanged, why: why.to_owned() }
}

/// Returns what runs a database.
fn instance(settings: &Settings) -> Instance {
    Instance {
        id: settings.id.clone(),
        resource: settings.resource.clone(),
        major: settings.major,
        port: settings.port,
        endpoint: settings.endpoint.clone(),
        user: settings.user.clone(),
        verifier: settings.verifier.clone(),
        parameters: settings.parameters.clone(),
        extensions: Vec::new(),
        retention_days: settings.retention_days,
        memory_bytes: settings.memory_bytes,
    }
}

/// Passes on what servers tell.
async fn pass_on(inner: Arc<Inner>, mut news: UnboundedReceiver<(String, News)>) {
    while let Some((resource, news)) = news.recv().await {
        let Some((record, _)) = inner.records.lock().get(&resource).cloned() else { continue };
        let reached = match &news {
            News::Found(running) | News::Restarted(running) => Some(running.clone()),
            _ => None,
        };
        let told = match news {
            News::Found(_) => None,
            News::Restarted(_) => Some(Told::Restarted),
            News::Died { why } => Some(Told::Died { why }),
            News::StorageFull { why } => Some(Told::Full { why }),
            News::CannotStart { why } => Some(Told::Note { words: format!("The DB instance does not start: {why}") }),
        };
        // The address first: who waits for it to be available goes there.
        if let Some(running) = reached {
            let facts = inner.facts(&resource, Some(running)).await;
            inner.tell(record.clone(), None, Told::Reached(facts));
        }
        if let Some(told) = told {
            inner.tell(record, None, told);
        }
    }
}

/// Looks now and then at what databases take, and removes their old logs.
async fn look(inner: std::sync::Weak<Inner>) {
    let mut known: HashMap<String, u64> = HashMap::new();
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(inner) = inner.upgrade() else { return };
        let records: Vec<_> =
            inner.records.lock().iter().map(|(resource, of)| (resource.clone(), of.clone())).collect();
        for (resource, (record, logs)) in records {
            if inner.servers.running(&resource).is_none() {
                continue;
            }
            let servers = inner.servers.clone();
            let swept = resource.clone();
            let bytes = tokio::task::spawn_blocking(move || {
                servers.sweep_logs(&swept, logs);
                servers.used(&swept)
            });
            let bytes = bytes.await.unwrap_or(0);
            if known.get(&resource).is_none_or(|before| before.abs_diff(bytes) > WORTH_TELLING) {
                known.insert(resource, bytes);
                inner.tell(record, None, Told::Used { bytes });
            }
        }
    }
}

/// Looks after the backups of databases that run.
async fn keep(inner: std::sync::Weak<Inner>) {
    let mut looked: HashMap<String, tokio::time::Instant> = HashMap::new();
    let mut troubled: HashMap<String, String> = HashMap::new();
    loop {
        tokio::time::sleep(TICK).await;
        let Some(inner) = inner.upgrade() else { return };
        let instances: Vec<Instance> = inner.instances.lock().values().map(instance).collect();
        looked.retain(|resource, _| instances.iter().any(|instance| instance.resource == *resource));
        for instance in instances {
            let is_due = looked.get(&instance.resource).is_none_or(|last| last.elapsed() >= KEEP);
            if !is_due || inner.servers.running(&instance.resource).is_none() {
                continue;
            }
            looked.insert(instance.resource.clone(), tokio::time::Instant::now());
            let kept = inner.copies.keep(&instance).await;
            let Some((record, _)) = inner.records.lock().get(&instance.resource).cloned() else { continue };
            match kept {
                Ok(times) => {
                    troubled.remove(&instance.resource);
                    let millis = |at: u64| aws_model::Millis::try_from(at).unwrap_or_default();
                    if let Some((from, to)) = times {
                        inner.tell(record, None, Told::Restorable { from: millis(from), to: millis(to) });
                    }
                }
                // Its own database is made last: it is not ready yet, and is looked at again in a moment.
                Err(error) if is_new(&error) => drop(looked.remove(&instance.resource)),
                Err(error) => {
                    let why = chain(&error);
                    // Said once: it is tried again each minute.
                    if troubled.insert(instance.resource.clone(), why.clone()).as_ref() != Some(&why) {
                        let words = format!("The backups of the DB instance could not be looked after: {why}");
                        inner.tell(record, None, Told::Note { words });
                    }
                }
            }
        }
    }
}
