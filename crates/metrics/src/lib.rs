//! CloudWatch's truth: what was measured, and what follows from it?
//!
//! - [`point`], [`periods`]: statistics of what was measured, for any stretch of time. Pure.
//! - [`math`], `query`: what is asked for, and what is reckoned from it. Pure but for the reading.
//! - [`alarm`]: when an alarm changes its state, and what is to be done then. Pure.
//! - `store`: points on disk, bounded in time and room. `door`: the API. `driver`: looks at alarms when it is time.
//!
//! Time is an argument of every decision.

pub mod alarm;
mod alarms;
mod dashboards;
mod datum;
mod door;
mod error;
pub mod math;
mod name;
pub mod periods;
pub mod point;
mod query;
mod store;

use std::sync::{Arc, OnceLock};

use ::store::Batch;
use aws_model::Millis;
use parking_lot::RwLock;

pub use self::store::{CAP, SERIES};
pub use alarms::{Act, Event, Fired, Glance, News, Stands};
pub use datum::{Datum, NO_UNIT};
pub use error::MetricsError;
pub use name::{Dimension, Metric};

use self::alarms::{Alarms, Untold};
use self::dashboards::Dashboards;
use self::store::Index;

/// The platform's time.
pub type Now = Arc<dyn Fn() -> Millis + Send + Sync>;

/// CloudWatch's door; cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    store: ::store::Store,
    account: String,
    now: Now,
    index: RwLock<Index>,
    alarms: RwLock<Alarms>,
    /// One change of alarms at a time: decided on what is durable, seen once it is durable itself.
    changing: tokio::sync::Mutex<()>,
    /// Told when an alarm may be due earlier than was thought.
    woken: tokio::sync::Notify,
    act: OnceLock<Act>,
    untold: parking_lot::Mutex<Untold>,
    /// Told when there is more, or less, that was not told yet.
    has_news: tokio::sync::Notify,
    dashboards: RwLock<Dashboards>,
}

impl Metrics {
    /// Loads which metrics there are.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn open(store: ::store::Store, account: &str, now: Now) -> Result<Self, MetricsError> {
        let index = Index::load(&store)?;
        let alarms = Alarms::load(&store)?;
        let untold = Untold::load(&store)?;
        let dashboards = dashboards::load(&store)?;
        let inner = Inner {
            store,
            account: account.to_owned(),
            now,
            index: RwLock::new(index),
            alarms: RwLock::new(alarms),
            changing: Default::default(),
            woken: Default::default(),
            act: OnceLock::new(),
            untold: parking_lot::Mutex::new(untold),
            has_news: Default::default(),
            dashboards: RwLock::new(dashboards),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Returns how many metrics there are, of every region.
    pub fn count(&self) -> usize {
        self.inner.index.read().len()
    }

    /// Says who carries out the actions of alarms; only the first call counts. Without one, each is put down as failed.
    pub fn act_by(&self, act: Act) {
        let _ = self.inner.act.set(act);
    }

    /// Deletes every metric, alarm and dashboard.
    ///
    /// # Errors
    /// When the deletion could not be stored; then nothing was deleted.
    pub async fn reset(&self) -> Result<(), MetricsError> {
        let _turn = self.inner.changing.lock().await;
        let mut batch = Batch::new();
        batch.with(Box::new(|tx| {
            for relation in ["metric_series", "metric_points", "metric_chunks", "alarm_history"] {
                tx.execute(&format!("DELETE FROM {relation}"), [])?;
            }
            tx.execute("DELETE FROM documents WHERE tbl LIKE 'metrics.%'", []).map(drop)
        }));
        let commit = {
            // Under the index's lock: what is put from now on is stored after the deletion.
            let mut index = self.inner.index.write();
            index.forget(|_| true);
            self.inner.store.submit(batch)
        };
        commit.await?;
        *self.inner.alarms.write() = Alarms::default();
        self.inner.untold.lock().clear();
        self.inner.has_news.notify_waiters();
        self.inner.dashboards.write().clear();
        Ok(())
    }

    pub(crate) fn now(&self) -> Millis {
        (self.inner.now)()
    }
}

impl std::fmt::Debug for Metrics {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Metrics").field("count", &self.count()).finish_non_exhaustive()
    }
}
