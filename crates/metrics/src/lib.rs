//! CloudWatch's truth: what was measured, and what follows from it?
//!
//! - [`point`], [`periods`]: statistics of what was measured, for any stretch of time. Pure.
//! - [`math`], [`query`]: what is asked for, and what is reckoned from it. Pure but for the reading.
//! - [`alarm`]: when an alarm changes its state, and what is to be done then. Pure.
//! - `store`: points on disk, bounded in time and room. `door`: the API. `driver`: looks at alarms when it is time.
//!
//! Time is an argument of every decision.

mod datum;
mod door;
mod error;
pub mod math;
mod name;
pub mod periods;
pub mod point;
mod query;
mod store;

use std::sync::Arc;

use aws_model::Millis;
use parking_lot::RwLock;

pub use self::store::{CAP, SERIES};
pub use datum::{Datum, NO_UNIT};
pub use error::MetricsError;
pub use name::{Dimension, Metric};

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
}

impl Metrics {
    /// Loads which metrics there are.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn open(store: ::store::Store, account: &str, now: Now) -> Result<Self, MetricsError> {
        let index = Index::load(&store)?;
        let inner = Inner { store, account: account.to_owned(), now, index: RwLock::new(index) };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Returns how many metrics there are, of every region.
    pub fn count(&self) -> usize {
        self.inner.index.read().len()
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
