//! Points come out: of the rows that are new and of the chunks that are older, one for each instant.

use std::collections::BTreeMap;

use rusqlite::Connection;

use super::chunk;
use crate::Metrics;
use crate::error::MetricsError;
use crate::periods::{FIVE_MINUTES, Grid, MINUTE};
use crate::point::Point;

impl Metrics {
    /// Returns the points of series for the periods of a grid, as fine as they are kept: single seconds for periods
    /// below a minute, minutes else, and five minutes of what is older, if the periods are multiples of those. Waits for
    /// the disk.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) fn points(&self, series: &[i64], grid: Grid) -> Result<BTreeMap<i64, Point>, MetricsError> {
        if grid.is_empty() || series.is_empty() {
            return Ok(BTreeMap::new());
        }
        let resolutions: &[i64] = match grid.period {
            period if period < MINUTE => &[1],
            period if period % FIVE_MINUTES == 0 => &[MINUTE, FIVE_MINUTES],
            _ => &[MINUTE],
        };
        let points = self.inner.store.query(|connection| {
            // One look at both relations: a fold may move points from one to the other meanwhile.
            let look = connection.unchecked_transaction()?;
            let mut points = BTreeMap::new();
            for id in series {
                for resolution in resolutions {
                    read(&look, (*resolution, *id), grid.start, grid.end, &mut points)?;
                }
            }
            Ok(points)
        })?;
        Ok(points)
    }
}

fn read(
    connection: &Connection,
    (resolution, series): (i64, i64),
    from: i64,
    to: i64,
    points: &mut BTreeMap<i64, Point>,
) -> rusqlite::Result<()> {
    let mut join = |at: i64, point: Point| match points.get_mut(&at) {
        Some(so_far) => so_far.join(&point),
        None => drop(points.insert(at, point)),
    };
    if resolution != 1 {
        let mut chunks = connection.prepare_cached(
            "SELECT start, body FROM metric_chunks WHERE resolution = ?1 AND series = ?2 AND start > ?3 AND start < ?4",
        )?;
        let mut rows = chunks.query((resolution, series, from - chunk::span(resolution), to))?;
        while let Some(row) = rows.next()? {
            let start = row.get(0)?;
            let inside = chunk::open(row.get_ref(1)?.as_blob()?, start, resolution);
            inside.into_iter().filter(|(at, _)| (from..to).contains(at)).for_each(|(at, point)| join(at, point));
        }
    }
    let mut recent = connection.prepare_cached(
        "SELECT at, body FROM metric_points WHERE resolution = ?1 AND series = ?2 AND at >= ?3 AND at < ?4",
    )?;
    let mut rows = recent.query((resolution, series, from, to))?;
    while let Some(row) = rows.next()? {
        if let Some(point) = Point::read(&mut row.get_ref(1)?.as_blob()?) {
            join(row.get(0)?, point);
        }
    }
    Ok(())
}
