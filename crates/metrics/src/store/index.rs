//! Which metrics there are, and when each was last heard of. In memory, without their points.

use std::collections::{BTreeMap, HashMap};

use rusqlite::Connection;
use store::{Store, StoreError};

use crate::name::{Dimension, Metric};

/// A metric in one unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Series {
    pub(crate) id: i64,
    pub(crate) unit: String,
    /// The newest instant that was measured, in seconds.
    pub(crate) last: i64,
    /// When it was last put, in seconds; long ago for all of an earlier process.
    pub(crate) heard: i64,
    /// Whether its row is in the store.
    pub(crate) is_stored: bool,
}

/// All metrics, by region and name.
#[derive(Debug, Default)]
pub(crate) struct Index {
    regions: HashMap<String, BTreeMap<Metric, Vec<Series>>>,
    count: usize,
    newest_id: i64,
}

/// The newest instant of a series, wherever it is. The last row of a chunk is near enough to its start.
const LAST: &str = "SELECT max(at) FROM ( \
    SELECT max(at) AS at FROM metric_points WHERE resolution = 60 AND series = ?1 \
    UNION ALL SELECT max(start) FROM metric_chunks WHERE resolution = 60 AND series = ?1 \
    UNION ALL SELECT max(start) FROM metric_chunks WHERE resolution = 300 AND series = ?1)";

impl Index {
    pub(crate) fn load(store: &Store) -> Result<Self, StoreError> {
        store.query(|connection| {
            let mut index = Self::default();
            let mut rows =
                connection.prepare("SELECT id, region, namespace, name, dimensions, unit FROM metric_series")?;
            let mut rows = rows.query([])?;
            while let Some(row) = rows.next()? {
                let dimensions: String = row.get(4)?;
                // What cannot be read is another version's; it must not keep the platform from starting.
                let Ok(dimensions) = serde_json::from_str::<Vec<Dimension>>(&dimensions) else { continue };
                let metric = Metric::new(row.get::<_, String>(2)?, row.get::<_, String>(3)?, dimensions);
                let id = row.get(0)?;
                let series =
                    Series { id, unit: row.get(5)?, last: last(connection, id)?, heard: i64::MIN, is_stored: true };
                index.newest_id = index.newest_id.max(id);
                index.add(&row.get::<_, String>(1)?, metric, series);
            }
            Ok(index)
        })
    }

    fn add(&mut self, region: &str, metric: Metric, series: Series) {
        if !self.regions.contains_key(region) {
            self.regions.insert(region.to_owned(), BTreeMap::new());
        }
        let metrics = self.regions.get_mut(region).expect("it was put there");
        metrics.entry(metric).or_default().push(series);
        self.count += 1;
    }

    /// Returns the series of a metric and unit; makes it if there is none.
    pub(crate) fn series(&mut self, region: &str, metric: &Metric, unit: &str) -> &mut Series {
        let found = |metrics: &BTreeMap<Metric, Vec<Series>>| metrics.get(metric)?.iter().position(|s| s.unit == unit);
        let at = match self.regions.get(region).and_then(found) {
            Some(at) => at,
            None => {
                self.newest_id += 1;
                let series = Series {
                    id: self.newest_id,
                    unit: unit.to_owned(),
                    last: i64::MIN,
                    heard: i64::MIN,
                    is_stored: false,
                };
                self.add(region, metric.clone(), series);
                self.regions[region][metric].len() - 1
            }
        };
        let metrics = self.regions.get_mut(region).expect("the series is there");
        &mut metrics.get_mut(metric).expect("the series is there")[at]
    }

    /// Notes that the rows of series are in the store.
    pub(crate) fn stored(&mut self, region: &str, ids: &[i64]) {
        let metrics = self.regions.get_mut(region).into_iter().flat_map(BTreeMap::values_mut);
        metrics.flatten().filter(|series| ids.contains(&series.id)).for_each(|series| series.is_stored = true);
    }

    /// Returns the series of a metric, one for each unit.
    pub(crate) fn of(&self, region: &str, metric: &Metric) -> &[Series] {
        self.regions.get(region).and_then(|metrics| metrics.get(metric)).map_or(&[], Vec::as_slice)
    }

    /// Returns the metrics of a region in their order, each with its newest instant.
    pub(crate) fn metrics(&self, region: &str) -> impl Iterator<Item = (&Metric, i64)> {
        let last = |series: &Vec<Series>| series.iter().map(|series| series.last).max().unwrap_or(i64::MIN);
        self.regions.get(region).into_iter().flatten().map(move |(metric, series)| (metric, last(series)))
    }

    /// Returns every series.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Series> {
        self.regions.values().flat_map(BTreeMap::values).flatten()
    }

    /// How many series there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Returns the instant before which series go, where there are more than `most`: a hundredth of them, the quietest.
    pub(crate) fn quietest(&self, most: usize) -> Option<i64> {
        if self.count <= most {
            return None;
        }
        let mut lasts: Vec<i64> = self.all().map(|series| series.last).collect();
        let (_, last, _) = lasts.select_nth_unstable((most / 100).max(1));
        Some(*last)
    }

    /// Forgets series.
    pub(crate) fn forget(&mut self, is_gone: impl Fn(&Series) -> bool) {
        for metrics in self.regions.values_mut() {
            metrics.retain(|_, series| {
                series.retain(|series| !is_gone(series));
                !series.is_empty()
            });
        }
        self.regions.retain(|_, metrics| !metrics.is_empty());
        self.count = self.all().count();
    }
}

fn last(connection: &Connection, id: i64) -> rusqlite::Result<i64> {
    let last = connection.prepare_cached(LAST)?.query_row([id], |row| row.get::<_, Option<i64>>(0))?;
    Ok(last.unwrap_or(i64::MIN))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quietest_go_where_there_are_too_many() {
        let mut index = Index::default();
        for n in 0..1000 {
            index.series("r", &Metric::new("N", format!("m{n}"), Vec::new()), "None").last = n;
        }
        assert_eq!((index.len(), index.quietest(1000)), (1000, None));
        index.series("r", &Metric::new("N", "new", Vec::new()), "None").last = 5000;
        let last = index.quietest(1000).unwrap();
        index.forget(|series| series.last < last);
        assert_eq!((last, index.len()), (10, 991));
        assert!(index.of("r", &Metric::new("N", "m9", Vec::new())).is_empty());
        assert_eq!(index.of("r", &Metric::new("N", "m10", Vec::new())).len(), 1);
        // A name that was forgotten and comes again is another series.
        assert_eq!(index.series("r", &Metric::new("N", "m9", Vec::new()), "None").id, 1002);
    }
}
