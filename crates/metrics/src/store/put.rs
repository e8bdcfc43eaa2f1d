//! Points come in: joined with what is there already for the same second or minute, all of a call in one transaction.

use std::collections::BTreeMap;

use rusqlite::{OptionalExtension, Transaction};
use store::{Batch, Commit};

use super::SERIES;
use crate::Metrics;
use crate::datum::Datum;
use crate::error::MetricsError;
use crate::name::Metric;
use crate::periods::{FINE_KEPT, MINUTE};
use crate::point::Point;

/// A row of a series: its resolution, whose it is, when.
type Place = (i64, i64, i64);

impl Metrics {
    /// Stores what was measured; returns once it is durable. What is older than is kept is passed over.
    ///
    /// # Errors
    /// When the store refuses.
    pub async fn put(&self, region: &str, namespace: &str, data: Vec<Datum>) -> Result<(), MetricsError> {
        let (commit, fresh) = self.begin_put(region, namespace, data);
        commit.await?;
        if !fresh.is_empty() {
            self.inner.index.write().stored(region, &fresh);
        }
        Ok(())
    }

    fn begin_put(&self, region: &str, namespace: &str, data: Vec<Datum>) -> (Commit, Vec<i64>) {
        let now = self.now();
        let mut rows: BTreeMap<Place, Point> = BTreeMap::new();
        let mut fresh: Vec<(i64, Metric, String)> = Vec::new();
        let mut join = |place: Place, point: Point| match rows.get_mut(&place) {
            Some(so_far) => so_far.join(&point),
            None => drop(rows.insert(place, point)),
        };
        // Under the index's lock, so that a series' row is stored before its points.
        let mut index = self.inner.index.write();
        for datum in data {
            let at = datum.at.unwrap_or(now).div_euclid(1000);
            let metric = Metric::new(namespace, datum.name, datum.dimensions);
            let series = index.series(region, &metric, &datum.unit);
            series.last = series.last.max(at);
            series.heard = now.div_euclid(1000);
            if !series.is_stored && !fresh.iter().any(|(id, ..)| *id == series.id) {
                fresh.push((series.id, metric, datum.unit));
            }
            let id = series.id;
            if datum.is_fine && at > now.div_euclid(1000) - FINE_KEPT {
                join((1, id, at), datum.point.clone());
            }
            join((MINUTE, id, at - at.rem_euclid(MINUTE)), datum.point);
        }
        let mut batch = Batch::new();
        batch.bulk(); // what was measured may be lost on a full disk; what stops a task may not
        self.evict(&mut index, &mut batch);
        let ids = fresh.iter().map(|(id, ..)| *id).collect();
        let region = region.to_owned();
        batch.with(Box::new(move |tx| {
            fresh.iter().try_for_each(|series| insert_series(tx, &region, series))?;
            rows.iter().try_for_each(|(place, point)| insert(tx, *place, point))
        }));
        (self.inner.store.submit(batch), ids)
    }

    /// Lets the metrics go that were quiet for longest, where there are too many: a hundredth at a time.
    fn evict(&self, index: &mut super::Index, batch: &mut Batch) {
        let Some(last) = index.quietest(SERIES) else { return };
        let gone: Vec<i64> = index.all().filter(|series| series.last < last).map(|series| series.id).collect();
        tracing::warn!(
            count = gone.len(),
            "there are more than {SERIES} metrics: those quiet for longest are forgotten"
        );
        index.forget(|series| series.last < last);
        batch.with(Box::new(move |tx| gone.iter().try_for_each(|id| super::fold::delete(tx, *id))));
    }
}

fn insert_series(
    tx: &Transaction<'_>,
    region: &str,
    (id, metric, unit): &(i64, Metric, String),
) -> rusqlite::Result<()> {
    let dimensions = serde_json::to_string(&metric.dimensions).expect("dimensions are plain data");
    tx.prepare_cached(
        "INSERT INTO metric_series (id, region, namespace, name, dimensions, unit) VALUES (?1, ?2, ?3, ?4, ?5, ?6) \
         ON CONFLICT DO NOTHING",
    )?
    .execute((id, region, &metric.namespace, &metric.name, dimensions, unit))
    .map(drop)
}

fn insert(tx: &Transaction<'_>, place: Place, point: &Point) -> rusqlite::Result<()> {
    let found: Option<Vec<u8>> = tx
        .prepare_cached("SELECT body FROM metric_points WHERE resolution = ?1 AND series = ?2 AND at = ?3")?
        .query_row(place, |row| row.get(0))
        .optional()?;
    let mut body = Vec::new();
    match found.and_then(|found| Point::read(&mut found.as_slice())) {
        Some(mut so_far) => {
            so_far.join(point);
            so_far.write(&mut body);
        }
        None => point.write(&mut body),
    }
    let (resolution, series, at) = place;
    tx.prepare_cached("INSERT OR REPLACE INTO metric_points (resolution, series, at, body) VALUES (?1, ?2, ?3, ?4)")?
        .execute((resolution, series, at, body))
        .map(drop)
}
