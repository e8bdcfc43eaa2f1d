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

use crate::run::keep::chain;
use crate::run::{Extra, Failure, Instance, News, Running, Servers};

/// Between two looks at what databases take of the disk.
const LOOK: Duration = Duration::from_secs(60);
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
    facts: UnboundedSender<Fact>,
    /// By resource id: whose record it is, and how long its logs are kept.
    records: Mutex<HashMap<String, (RecordKey, Duration)>>,
    /// What an earlier process left was taken over; no order is begun before.
    adopted: watch::Sender<bool>,
}

impl Actor {
    /// Makes one that tells what happens by `facts`, and passes on what the servers tell.
    pub fn new(servers: Servers, news: UnboundedReceiver<(String, News)>, facts: UnboundedSender<Fact>) -> Self {
        let adopted = watch::channel(false).0;
        let inner = Arc::new(Inner { servers, facts, records: Mutex::default(), adopted });
        tokio::spawn(pass_on(inner.clone(), news));
        tokio::spawn(look(Arc::downgrade(&inner)));
        Self { inner }
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
            let running = standing.instances.iter().filter(|known| known.runs);
            inner.servers.adopt(running.map(|known| instance(&known.settings)).collect()).await;
            inner.adopted.send_replace(true);
        });
    }

    fn reset(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            self.inner.records.lock().clear();
            if let Err(error) = self.inner.servers.clear().await {
                tracing::error!(error = chain(&error), "databases could not be removed");
            }
        })
    }
}

impl Inner {
    fn know(&self, record: &RecordKey, settings: &Settings) {
        let minutes = settings.parameters.get("rds.log_retention_period").and_then(|value| value.parse::<u64>().ok());
        let logs = minutes.map_or(LOGS, |minutes| Duration::from_secs(minutes * 60));
        self.records.lock().insert(settings.resource.clone(), (record.clone(), logs));
    }

    fn tell(&self, record: RecordKey, turn: Option<u64>, told: Told) {
        // The driver has gone when this fails: the next process asks again.
        let _ = self.facts.send(Fact::Database { record, turn, told });
    }

    async fn carry_out(&self, order: &Order) -> Told {
        match (&order.work, &order.settings) {
            (Work::Instance { kind }, Some(settings)) => self.instance(&order.record, kind, settings).await,
            (Work::Instance { .. }, None) => unchanged("an order for a database does not say which"),
            (Work::CopySnapshot { .. } | Work::DropSnapshot { .. }, _) => unchanged(NOT_YET),
        }
    }

    async fn instance(&self, record: &RecordKey, kind: &Kind, settings: &Settings) -> Told {
        let servers = &self.servers;
        let wanted = instance(settings);
        let outcome = match kind {
            Kind::Create { origin: Origin::Empty, database } => {
                let made = servers.create(&wanted, database.as_deref(), &Extra::default()).await;
                if let Ok(running) = &made {
                    let words = format!("PostgreSQL {} runs from {}", running.version, running.source);
                    self.tell(record.clone(), None, Told::Note { words });
                }
                made.map(Some)
            }
            Kind::Create { .. } | Kind::Snapshot { .. } => return unchanged(NOT_YET),
            Kind::Start => servers.start(&wanted).await.map(Some),
            Kind::Stop => servers.stop(&settings.resource).await.map(|()| None),
            Kind::Reboot => servers.reboot(&wanted).await.map(Some),
            Kind::Apply { restart } => servers.apply(&wanted, *restart).await,
            Kind::Delete => {
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
        Facts { version, address, local_port: None, bytes, how: String::new() }
    }

    async fn used(&self, resource: &str) -> u64 {
        let (servers, resource) = (self.servers.clone(), resource.to_owned());
        tokio::task::spawn_blocking(move || servers.used(&resource)).await.unwrap_or(0)
    }
}

/// What is not carried out here.
const NOT_YET: &str = "this platform takes no snapshots of databases that run here";

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
