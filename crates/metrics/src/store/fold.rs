//! What is no longer new is packed into chunks, what is older into coarser ones, and what is too old goes.
//!
//! All of it on the thread that writes, a few series at a time, so that no point comes in between reading and deleting.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, Transaction};
use store::{Batch, Commit, StoreError};
use tokio::sync::oneshot;

use super::index::Series;
use super::{CAP, chunk};
use crate::Metrics;
use crate::error::MetricsError;
use crate::periods::{FINE_KEPT, FIVE_MINUTES, FIVE_MINUTES_KEPT, Grid, MINUTE, MINUTES_KEPT, joined};
use crate::point::Point;

/// Series of one transaction: other writers wait for no more than this.
const TOGETHER: usize = 32;
/// What a row takes besides its body, about.
const ROW: i64 = 40;
/// How long history of alarms is kept (user guide: "CloudWatch preserves alarm history for 30 days").
const HISTORY_KEPT: i64 = 30 * 86_400_000;

impl Metrics {
    /// Packs and deletes what has come of age; returns how many bytes points take now. Cheap where nothing has.
    ///
    /// # Errors
    /// When the store cannot be read or written.
    pub async fn sweep(&self) -> Result<u64, MetricsError> {
        self.sweep_to(CAP).await
    }

    pub(crate) async fn sweep_to(&self, cap: u64) -> Result<u64, MetricsError> {
        let now = self.now().div_euclid(1000);
        let series: Vec<i64> = self.inner.index.read().all().map(|series| series.id).collect();
        for few in series.chunks(TOGETHER) {
            let few = few.to_vec();
            self.write(move |tx| few.iter().try_for_each(|id| age(tx, *id, now))).await?;
        }
        let until = self.now() - HISTORY_KEPT;
        self.write(move |tx| tx.execute("DELETE FROM alarm_history WHERE at < ?1", [until]).map(drop)).await?;
        loop {
            let reader = self.clone();
            let used =
                tokio::task::spawn_blocking(move || reader.bytes()).await.map_err(|_| MetricsError::Interrupted)??;
            if used <= cap || !self.drop_oldest().await? {
                self.forget_empty(now).await?;
                return Ok(used);
            }
        }
    }

    /// Returns how many bytes points take, about.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn bytes(&self) -> Result<u64, StoreError> {
        self.inner.store.query(|connection| {
            let sum = |relation: &str| {
                let sql = format!("SELECT coalesce(sum(length(body) + {ROW}), 0) FROM {relation}");
                connection.query_row(&sql, [], |row| row.get::<_, i64>(0))
            };
            Ok((sum("metric_points")? + sum("metric_chunks")?).unsigned_abs())
        })
    }

    /// Deletes the oldest chunks, a sixteenth of all, or the oldest rows where there are none; false if there is nothing to delete.
    async fn drop_oldest(&self) -> Result<bool, MetricsError> {
        let gone = self.write(|tx| {
            let chunks = "DELETE FROM metric_chunks WHERE rowid IN (SELECT rowid FROM metric_chunks ORDER BY start \
                          LIMIT max(1, (SELECT count(*) FROM metric_chunks) / 16))";
            let gone = tx.execute(chunks, [])?;
            if gone > 0 {
                return Ok(gone);
            }
            let half = "SELECT (min(at) + max(at)) / 2 FROM metric_points";
            let half: Option<i64> = tx.query_row(half, [], |row| row.get(0))?;
            tx.execute("DELETE FROM metric_points WHERE at <= ?1", [half])
        });
        Ok(gone.await? > 0)
    }

    /// Forgets series of which nothing is left.
    async fn forget_empty(&self, now: i64) -> Result<(), MetricsError> {
        // A point that was put is in the store within the hour, however old it is.
        let quiet = |series: &Series| series.last.max(series.heard) < now - 3600;
        let asked: Vec<i64> = {
            let index = self.inner.index.read();
            index.all().filter(|series| quiet(series)).map(|series| series.id).collect()
        };
        for few in asked.chunks(TOGETHER) {
            if let Some(commit) = self.begin_forgetting(few, quiet)? {
                commit.await?;
            }
        }
        Ok(())
    }

    /// Forgets those of these series of which nothing is left, in memory now and in the store soon.
    fn begin_forgetting(&self, few: &[i64], quiet: impl Fn(&Series) -> bool) -> Result<Option<Commit>, MetricsError> {
        // Under the index's lock: no point of one comes in between the look and the deletion.
        let mut index = self.inner.index.write();
        let empty = self.inner.store.query(|connection| {
            let mut rows = connection.prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM metric_points WHERE series = ?1 AND resolution = 60) \
                 OR EXISTS (SELECT 1 FROM metric_points WHERE series = ?1 AND resolution = 1) \
                 OR EXISTS (SELECT 1 FROM metric_chunks WHERE series = ?1 AND resolution = 60) \
                 OR EXISTS (SELECT 1 FROM metric_chunks WHERE series = ?1 AND resolution = 300)",
            )?;
            let mut empty = Vec::new();
            for id in few {
                if !rows.query_row([id], |row| row.get::<_, bool>(0))? {
                    empty.push(*id);
                }
            }
            Ok(empty)
        })?;
        // A series that came in since the list was made is not quiet.
        let gone: Vec<i64> = index.all().filter(|s| empty.contains(&s.id) && quiet(s)).map(|s| s.id).collect();
        if gone.is_empty() {
            return Ok(None);
        }
        index.forget(|series| gone.contains(&series.id));
        let mut batch = Batch::new();
        batch.with(Box::new(move |tx| gone.iter().try_for_each(|id| delete(tx, *id))));
        Ok(Some(self.inner.store.submit(batch)))
    }

    async fn write<R: Send + 'static>(
        &self,
        work: impl FnOnce(&Transaction<'_>) -> rusqlite::Result<R> + Send + 'static,
    ) -> Result<R, MetricsError> {
        let (sender, answer) = oneshot::channel();
        let mut batch = Batch::new();
        batch.with(Box::new(move |tx| {
            let _ = sender.send(work(tx)?); // the sweep may have been given up
            Ok(())
        }));
        self.inner.store.submit(batch).await?;
        answer.await.map_err(|_| MetricsError::Interrupted)
    }
}

/// Deletes everything of a series.
pub(super) fn delete(tx: &Transaction<'_>, id: i64) -> rusqlite::Result<()> {
    for resolution in [1, MINUTE, FIVE_MINUTES] {
        tx.prepare_cached("DELETE FROM metric_points WHERE resolution = ?1 AND series = ?2")?
            .execute((resolution, id))?;
        tx.prepare_cached("DELETE FROM metric_chunks WHERE resolution = ?1 AND series = ?2")?
            .execute((resolution, id))?;
    }
    tx.prepare_cached("DELETE FROM metric_series WHERE id = ?1")?.execute([id]).map(drop)
}

fn age(tx: &Transaction<'_>, series: i64, now: i64) -> rusqlite::Result<()> {
    tx.prepare_cached("DELETE FROM metric_points WHERE resolution = 1 AND series = ?1 AND at < ?2")?
        .execute((series, now - FINE_KEPT))?;
    pack(tx, series, now)?;
    coarsen(tx, series, now)?;
    tx.prepare_cached("DELETE FROM metric_chunks WHERE resolution = ?1 AND series = ?2 AND start < ?3")?
        .execute((FIVE_MINUTES, series, now - FIVE_MINUTES_KEPT - chunk::span(FIVE_MINUTES)))
        .map(drop)
}

/// Rows of minutes whose stretch was over an hour ago become a chunk, or part of the one that is there.
fn pack(tx: &Transaction<'_>, series: i64, now: i64) -> rusqlite::Result<()> {
    let span = chunk::span(MINUTE);
    let until = (now - 3600).div_euclid(span) * span;
    let old = "SELECT at, body FROM metric_points WHERE resolution = 60 AND series = ?1 AND at < ?2";
    let mut stretches: BTreeMap<i64, Vec<(i64, Point)>> = BTreeMap::new();
    let mut rows = tx.prepare_cached(old)?;
    let mut rows = rows.query((series, until))?;
    while let Some(row) = rows.next()? {
        let at: i64 = row.get(0)?;
        if let Some(point) = Point::read(&mut row.get_ref(1)?.as_blob()?) {
            stretches.entry(at.div_euclid(span) * span).or_default().push((at, point));
        }
    }
    if stretches.is_empty() {
        return Ok(());
    }
    for (start, points) in stretches {
        merge(tx, (MINUTE, series, start), points)?;
    }
    tx.prepare_cached("DELETE FROM metric_points WHERE resolution = 60 AND series = ?1 AND at < ?2")?
        .execute((series, until))
        .map(drop)
}

/// Chunks of minutes that are too old become chunks of five minutes.
fn coarsen(tx: &Transaction<'_>, series: i64, now: i64) -> rusqlite::Result<()> {
    let until = now - MINUTES_KEPT - chunk::span(MINUTE);
    let old = "SELECT start, body FROM metric_chunks WHERE resolution = 60 AND series = ?1 AND start < ?2";
    let mut days: BTreeMap<i64, Vec<(i64, Point)>> = BTreeMap::new();
    let mut rows = tx.prepare_cached(old)?;
    let mut rows = rows.query((series, until))?;
    let span = chunk::span(FIVE_MINUTES);
    while let Some(row) = rows.next()? {
        let start: i64 = row.get(0)?;
        let grid = Grid { start, end: start + chunk::span(MINUTE), period: FIVE_MINUTES };
        let points = joined(grid, chunk::open(row.get_ref(1)?.as_blob()?, start, MINUTE));
        days.entry(start.div_euclid(span) * span).or_default().extend(points);
    }
    if days.is_empty() {
        return Ok(());
    }
    for (start, points) in days {
        merge(tx, (FIVE_MINUTES, series, start), points)?;
    }
    tx.prepare_cached("DELETE FROM metric_chunks WHERE resolution = 60 AND series = ?1 AND start < ?2")?
        .execute((series, until))
        .map(drop)
}

fn merge(
    tx: &Transaction<'_>,
    (resolution, series, start): (i64, i64, i64),
    points: Vec<(i64, Point)>,
) -> rusqlite::Result<()> {
    let found: Option<Vec<u8>> = tx
        .prepare_cached("SELECT body FROM metric_chunks WHERE resolution = ?1 AND series = ?2 AND start = ?3")?
        .query_row((resolution, series, start), |row| row.get(0))
        .optional()?;
    let there = found.map_or_else(Vec::new, |body| chunk::open(&body, start, resolution));
    let whole = Grid { start, end: start + chunk::span(resolution), period: resolution };
    let all: Vec<(i64, Point)> = joined(whole, there.into_iter().chain(points)).into_iter().collect();
    tx.prepare_cached("INSERT OR REPLACE INTO metric_chunks (resolution, series, start, body) VALUES (?1, ?2, ?3, ?4)")?
        .execute((resolution, series, start, chunk::pack(&all, start, resolution)))
        .map(drop)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use ::store::Store;

    use super::*;
    use crate::{Datum, Metric};

    #[tokio::test]
    async fn the_oldest_go_when_there_is_too_much() {
        let now = Arc::new(AtomicI64::new(1_700_006_400_000));
        let clock = now.clone();
        let clock: crate::Now = Arc::new(move || clock.load(Ordering::SeqCst));
        let metrics = Metrics::open(Store::ephemeral().unwrap(), "1", clock).unwrap();
        let start = now.load(Ordering::SeqCst) / 1000;
        for hour in 0..72 {
            let data =
                (0..60).map(|n| Datum::new("m", n as f64 * 0.37, "None").at((start + hour * 3600 + n * 60) * 1000));
            metrics.put("r", "N", data.collect()).await.unwrap();
        }
        now.fetch_add(72 * 3_600_000, Ordering::SeqCst);
        let all = metrics.sweep_to(u64::MAX).await.unwrap();
        let few = all / 2;
        assert!(metrics.sweep_to(few).await.unwrap() <= few);
        let grid = Grid { start, end: start + 72 * 3600, period: 3600 };
        let left = metrics.periods("r", &Metric::new("N", "m", Vec::new()), None, grid).unwrap();
        assert!(!left.contains_key(&start) && left.contains_key(&(start + 71 * 3600)), "the oldest went first");
        assert!(metrics.sweep_to(0).await.unwrap() == 0);
    }
}
