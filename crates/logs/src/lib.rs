//! CloudWatch Logs' truth: groups, streams, events.
//!
//! Groups and streams are kept in memory; events are only in the store, in indices that make
//! the tail of a million as quick as that of ten. Never: an event acknowledged and lost, an
//! event of one source stored twice.

mod change;
mod definitions;
mod door;
mod error;
mod feed;
mod groups;
mod ids;
mod index;
mod ingest;
pub mod insights;
pub mod metric;
mod name;
mod newest;
mod pattern;
mod policies;
pub mod queries;
mod read;
mod records;
mod streams;
mod sweep;
mod tail;
mod token;

use std::sync::{Arc, OnceLock};

use aws_model::Millis;
use parking_lot::RwLock;
use store::{Batch, Store};

pub use definitions::Definition;
pub use error::LogsError;
pub use feed::{Feed, Measure};
pub use groups::{GroupSettings, GroupsQuery};
pub use index::{GroupView, Page, StreamView};
pub use ingest::{Accepted, LogEvent};
pub use metric::MetricFilter;
pub use policies::ResourcePolicy;
pub use read::{FilterQuery, GetQuery, GroupPage, Read, StoredEvent};
pub use streams::{StreamOrder, StreamsQuery};

use index::Index;

/// The platform's time.
pub type Now = Arc<dyn Fn() -> Millis + Send + Sync>;

/// CloudWatch Logs' door; cheap to clone.
#[derive(Clone)]
pub struct Logs {
    inner: Arc<LogTruth>,
}

pub(crate) struct LogTruth {
    store: Store,
    account: String,
    now: Now,
    index: RwLock<Index>,
    /// One change of groups or streams at a time: durable first, then visible.
    changing: tokio::sync::Mutex<()>,
    queries: queries::Queries,
    /// Who takes what metric filters measure.
    feed: OnceLock<Feed>,
    /// Live Tail sessions that may still begin.
    tails: Arc<tokio::sync::Semaphore>,
}

/// Live Tail sessions at a time (service quotas).
const TAILS: usize = 15;

impl Logs {
    /// Loads groups and streams.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn open(store: Store, account: &str, now: Now) -> Result<Self, LogsError> {
        let index = Index::load(&store)?;
        let inner = LogTruth {
            store,
            account: account.to_owned(),
            now,
            index: RwLock::new(index),
            changing: Default::default(),
            queries: Default::default(),
            feed: OnceLock::new(),
            tails: Arc::new(tokio::sync::Semaphore::new(TAILS)),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Says who takes what metric filters measure; the first to say so does. Until then nothing is measured.
    pub fn feed(&self, feed: Feed) {
        let _ = self.inner.feed.set(feed);
    }

    /// Returns the names of all groups, of every region.
    pub fn names(&self) -> Vec<String> {
        self.inner.index.read().groups.keys().map(|(_, name)| name.clone()).collect()
    }

    /// Returns how many groups there are.
    pub fn count(&self) -> usize {
        self.inner.index.read().groups.len()
    }

    /// Deletes every group, stream, event and position.
    ///
    /// # Errors
    /// When the deletion could not be stored; then nothing was deleted.
    pub async fn reset(&self) -> Result<(), LogsError> {
        self.uninterrupted(|inner| async move {
            let mut batch = Batch::new();
            batch.with(Box::new(|tx| {
                for relation in ["log_events", "log_streams", "log_groups", "log_positions"] {
                    tx.execute(&format!("DELETE FROM {relation}"), [])?;
                }
                tx.execute("DELETE FROM documents WHERE tbl LIKE 'logs.%'", [])?;
                Ok(())
            }));
            inner.store.submit(batch).await?;
            inner.index.write().clear();
            inner.queries.clear();
            Ok(())
        })
        .await
    }
}

impl std::fmt::Debug for Logs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Logs").field("groups", &self.count()).finish_non_exhaustive()
    }
}
