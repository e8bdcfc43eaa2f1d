//! Deletes events for good: those past their group's retention, and those of deleted streams.

use store::Batch;

use crate::Logs;
use crate::error::LogsError;

/// Rows of one transaction: other writers wait for no more than this.
const CHUNK: usize = 5_000;
const DAY: i64 = 86_400_000;

/// Streams that events name and that are not there; steps from one to the next by index.
const DEAD: &str = "WITH RECURSIVE ids (id) AS ( \
    SELECT min(stream_id) FROM log_events UNION ALL \
    SELECT (SELECT min(stream_id) FROM log_events WHERE stream_id > ids.id) FROM ids WHERE id IS NOT NULL) \
    SELECT id FROM ids WHERE id IS NOT NULL AND id NOT IN (SELECT id FROM log_streams)";

impl Logs {
    /// Sweeps until nothing is left to sweep; returns how many events went.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn sweep(&self) -> Result<usize, LogsError> {
        let now = (self.inner.now)();
        let expiring: Vec<(i64, i64)> = {
            let index = self.inner.index.read();
            index.groups.values().filter_map(|g| Some((g.id, now - g.retention? * DAY))).collect()
        };
        let mut swept = 0;
        for (group, until) in expiring {
            swept += self.delete("group_id = ?1 AND at < ?2", group, until).await?;
        }
        let dead: Vec<i64> = self.inner.store.query(|c| c.prepare(DEAD)?.query_map([], |row| row.get(0))?.collect())?;
        for stream in dead {
            swept += self.delete("stream_id = ?1 AND at < ?2", stream, i64::MAX).await?;
        }
        Ok(swept)
    }

    async fn delete(&self, which: &'static str, owner: i64, until: i64) -> Result<usize, LogsError> {
        let mut swept = 0;
        loop {
            let (sender, count) = tokio::sync::oneshot::channel();
            let mut batch = Batch::new();
            batch.with(Box::new(move |tx| {
                let sql = format!(
                    "DELETE FROM log_events WHERE id IN (SELECT id FROM log_events WHERE {which} LIMIT {CHUNK})"
                );
                let gone = tx.prepare_cached(&sql)?.execute((owner, until))?;
                let _ = sender.send(gone); // the sweep may have been given up
                Ok(())
            }));
            self.inner.store.submit(batch).await?;
            let gone = count.await.map_err(|_| LogsError::Interrupted)?;
            swept += gone;
            if gone < CHUNK {
                return Ok(swept);
            }
        }
    }
}
