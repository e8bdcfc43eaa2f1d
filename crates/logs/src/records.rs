//! What is only described and changed: metric filters, resource policies, query definitions. Kept in memory and as
//! documents in the store, a row each.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use store::{Batch, Store};

use crate::Logs;
use crate::definitions::Definition;
use crate::error::LogsError;
use crate::index::Index;
use crate::metric::MetricFilter;
use crate::policies::ResourcePolicy;

/// A kind of record.
pub(crate) trait Record: Clone + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// Its table in the store.
    const TABLE: &'static str;

    /// Where it is in memory.
    fn rows(records: &mut Records) -> &mut BTreeMap<String, Self>;
}

/// All records; the keys begin with the region, and what follows is between colons, which no name has.
#[derive(Debug, Default)]
pub(crate) struct Records {
    pub(crate) filters: BTreeMap<String, MetricFilter>,
    pub(crate) policies: BTreeMap<String, ResourcePolicy>,
    pub(crate) definitions: BTreeMap<String, Definition>,
}

impl Records {
    pub(crate) fn load(store: &Store) -> Result<Self, LogsError> {
        let mut records = Self::default();
        records.read::<MetricFilter>(store)?;
        records.read::<ResourcePolicy>(store)?;
        records.read::<Definition>(store)?;
        Ok(records)
    }

    fn read<T: Record>(&mut self, store: &Store) -> Result<(), LogsError> {
        // A row that cannot be read is another version's; it must not keep the platform from starting.
        let rows = store.load(T::TABLE)?.into_iter();
        T::rows(self).extend(rows.filter_map(|(key, body)| Some((key, serde_json::from_slice(&body).ok()?))));
        Ok(())
    }

    /// Returns the keys of a group's metric filters.
    pub(crate) fn of_group(&self, region: &str, group: &str) -> Vec<String> {
        let front = format!("{region}:{group}:");
        let keys = self.filters.range(front.clone()..).map(|(key, _)| key);
        keys.take_while(|key| key.starts_with(&front)).cloned().collect()
    }
}

impl Logs {
    /// Decides with `plan` which records are put (`Some`) and removed, stores that, then shows it.
    pub(crate) async fn record<T: Record, R: Send + 'static>(
        &self,
        plan: impl FnOnce(&Index, i64) -> Result<(R, Vec<(String, Option<T>)>), LogsError> + Send + 'static,
    ) -> Result<R, LogsError> {
        self.uninterrupted(|inner| async move {
            let (answer, changes) = plan(&inner.index.read(), (inner.now)())?;
            let mut batch = Batch::new();
            for (key, record) in &changes {
                match record {
                    Some(record) => batch.put(T::TABLE, key, body(record)),
                    None => batch.delete(T::TABLE, key),
                }
            }
            inner.store.submit(batch).await?;
            let mut index = inner.index.write();
            for (key, record) in changes {
                match record {
                    Some(record) => drop(T::rows(&mut index.records).insert(key, record)),
                    None => drop(T::rows(&mut index.records).remove(&key)),
                }
            }
            Ok(answer)
        })
        .await
    }
}

fn body(record: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(record).expect("records are plain data")
}
