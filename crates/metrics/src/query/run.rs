//! Looks points up and reckons what is asked.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::{MetricStat, Query, What};
use crate::Metrics;
use crate::error::MetricsError;
use crate::math::{self, Environment, Named, Origin, Search, Series, Value, search::Searched};
use crate::name::Metric;
use crate::periods::{Grid, joined};
use crate::point::{Point, Statistic};

/// What a query makes, and what the points of a metric were.
#[derive(Debug, Clone)]
pub(crate) struct Outcome {
    pub(crate) value: Value,
    /// How many samples each period has; empty for expressions.
    pub(crate) samples: BTreeMap<i64, f64>,
}

/// "A graph can display as many as 500 time series".
const FOUND: usize = 500;
/// A search without a period, within a query without one.
const PERIOD: i64 = 300;
const TWO_WEEKS: i64 = 14 * 86_400;

/// Returns what each query makes, in their order; `grid` says which periods of a length there are. Waits for the disk.
///
/// # Errors
/// When the store cannot be read, or an expression makes no sense.
pub(crate) fn run(
    metrics: &Metrics,
    region: &str,
    queries: &[Query],
    grid: &impl Fn(i64) -> Grid,
) -> Result<Vec<Outcome>, MetricsError> {
    let mut outcomes: HashMap<&str, Outcome> = HashMap::new();
    let mut environment = Environment::default();
    for query in queries {
        let What::Metric(stat) = &query.what else { continue };
        let periods = metrics.periods(region, &stat.metric, stat.unit.as_deref(), grid(stat.period))?;
        let samples = periods.iter().map(|(at, point)| (*at, point.count)).collect();
        let label = query.label.as_ref().filter(|label| !label.contains("${"));
        let label = label.cloned().unwrap_or_else(|| stat.metric.name.clone());
        let value = Value::Series(series(stat, label, grid(stat.period), &periods));
        environment.named.insert(query.id.clone(), Named { value: value.clone(), is_metric: true });
        environment.metrics.push(query.id.clone());
        outcomes.insert(&query.id, Outcome { value, samples });
    }
    let shortest = queries.iter().filter_map(|query| match &query.what {
        What::Metric(stat) => Some(stat.period),
        What::Expression(..) => query.period,
    });
    let shortest = shortest.min().unwrap_or(PERIOD);
    // `read` has seen that what expressions name is there and goes in no circle.
    let mut left: Vec<&Query> = queries.iter().filter(|query| matches!(query.what, What::Expression(..))).collect();
    while !left.is_empty() {
        let before = left.len();
        let mut later = Vec::new();
        for query in left {
            let What::Expression(expression, searches) = &query.what else { continue };
            if !math::names(expression).iter().all(|name| environment.named.contains_key(*name)) {
                later.push(query);
                continue;
            }
            environment.grid = Some(grid(query.period.unwrap_or(shortest)));
            for search in searches {
                let period = search.period.or(query.period).unwrap_or(shortest);
                let found = metrics.search(region, search, grid(period))?;
                environment.found.insert(search.clone(), found);
            }
            let value = math::evaluate(expression, &environment)
                .map_err(|error| MetricsError::validation(format!("Error in expression '{}': {error}", query.id)))?;
            environment.named.insert(query.id.clone(), Named { value: value.clone(), is_metric: false });
            outcomes.insert(&query.id, Outcome { value, samples: Default::default() });
        }
        left = later;
        if left.len() == before {
            return Err(MetricsError::validation("The expressions refer to each other"));
        }
    }
    Ok(queries.iter().filter_map(|query| outcomes.remove(query.id.as_str())).collect())
}

fn series(stat: &MetricStat, label: String, grid: Grid, periods: &BTreeMap<i64, Point>) -> Series {
    let known = periods.iter().filter_map(|(at, point)| Some((*at, point.statistic(stat.statistic)?)));
    let origin = Origin { metric: stat.metric.clone(), statistic: stat.words.clone() };
    Series { label, grid, points: known.collect(), origin: Some(Arc::new(origin)) }
}

impl Metrics {
    /// Returns what was measured of a metric in each period of a grid, in one unit or in all. Waits for the disk.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn periods(
        &self,
        region: &str,
        metric: &Metric,
        unit: Option<&str>,
        grid: Grid,
    ) -> Result<BTreeMap<i64, Point>, MetricsError> {
        let ids: Vec<i64> = {
            let index = self.inner.index.read();
            let series = index.of(region, metric).iter();
            series.filter(|series| unit.is_none_or(|unit| series.unit == unit)).map(|series| series.id).collect()
        };
        Ok(joined(grid, self.points(&ids, grid)?))
    }

    /// Returns what a search finds among the metrics of the last two weeks.
    fn search(&self, region: &str, search: &Search, grid: Grid) -> Result<Vec<Series>, MetricsError> {
        let wrong = |words: String| MetricsError::validation(words);
        let searched = Searched::parse(&search.text).map_err(|error| wrong(error.to_string()))?;
        let statistic = Statistic::parse(&search.statistic).map_err(|error| wrong(error.to_string()))?;
        let since = self.now().div_euclid(1000) - TWO_WEEKS;
        let found: Vec<Metric> = {
            let index = self.inner.index.read();
            let metrics = index.metrics(region).filter(|(_, last)| *last >= since).map(|(metric, _)| metric);
            metrics.filter(|metric| searched.finds(metric, &self.inner.account)).take(FOUND).cloned().collect()
        };
        // What all have in common says nothing of one.
        let has_one_name = found.windows(2).all(|two| two[0].name == two[1].name);
        let mut all = Vec::new();
        for metric in found {
            let values: Vec<&str> = metric.dimensions.iter().map(|dimension| dimension.value.as_str()).collect();
            let label = match (values.is_empty(), has_one_name) {
                (true, _) => metric.name.clone(),
                (false, true) => values.join(" "),
                (false, false) => format!("{} {}", values.join(" "), metric.name),
            };
            let periods = self.periods(region, &metric, None, grid)?;
            let (period, words) = (grid.period, search.statistic.clone());
            let stat = MetricStat { metric, period, statistic, words, unit: None };
            all.push(series(&stat, label, grid, &periods));
        }
        Ok(all)
    }
}
