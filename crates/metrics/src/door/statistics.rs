//! GetMetricStatistics: statistics of one metric for equal periods.

use std::collections::BTreeMap;

use aws_model::{Call, seconds};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::wire::Instant;
use crate::Metrics;
use crate::error::MetricsError;
use crate::name::{Dimension, Metric};
use crate::periods::{Grid, is_period, joined};
use crate::point::{Point, Statistic};

/// Data points of a call (API reference).
const MOST: usize = 1440;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Get {
    namespace: String,
    metric_name: String,
    #[serde(default)]
    dimensions: Vec<Dimension>,
    start_time: Instant,
    end_time: Instant,
    period: i64,
    #[serde(default)]
    statistics: Vec<String>,
    #[serde(default)]
    extended_statistics: Vec<String>,
    unit: Option<String>,
}

pub(super) async fn get(metrics: &Metrics, call: &Call, input: Get) -> Result<Value, MetricsError> {
    let asked = input.read(metrics.now().div_euclid(1000))?;
    let region = call.region.clone();
    let label = input.metric_name.clone();
    let metric = Metric::new(input.namespace, input.metric_name, input.dimensions);
    let series: Vec<(i64, String)> = {
        let index = metrics.inner.index.read();
        let series = index.of(&region, &metric).iter();
        let series = series.filter(|series| input.unit.as_ref().is_none_or(|unit| *unit == series.unit));
        series.map(|series| (series.id, series.unit.clone())).collect()
    };
    super::reading(metrics, move |metrics| {
        let mut points = Vec::new();
        for (id, unit) in series {
            let periods = joined(asked.grid, metrics.points(&[id], asked.grid)?);
            points.extend(asked.write(&periods, &unit));
        }
        points.sort_by_key(|(at, _)| *at);
        let points: Vec<Value> = points.into_iter().map(|(_, point)| point).collect();
        Ok(json!({"Label": label, "Datapoints": points}))
    })
    .await
}

/// What is asked of every period.
struct Asked {
    grid: Grid,
    simple: Vec<(String, Statistic)>,
    extended: Vec<(String, Statistic)>,
}

impl Get {
    fn read(&self, now: i64) -> Result<Asked, MetricsError> {
        let (start, end) = (self.start_time.seconds(), self.end_time.seconds());
        super::in_order(start, end).map_err(MetricsError::invalid)?;
        if !is_period(self.period) {
            let words = "The parameter Period must be 1, 5, 10, 20, 30 or a multiple of 60.";
            return Err(MetricsError::invalid(words));
        }
        match (self.statistics.is_empty(), self.extended_statistics.is_empty()) {
            (true, true) => {
                let words = "At least one of the parameters Statistics and ExtendedStatistics must be specified.";
                return Err(MetricsError::Combination(words.into()));
            }
            (false, false) => {
                let words = "The parameters Statistics and ExtendedStatistics are mutually exclusive and you have \
                             specified both.";
                return Err(MetricsError::Combination(words.into()));
            }
            _ => {}
        }
        let grid = Grid::asked(start, end, self.period, now);
        if grid.len() > MOST {
            // cloud-custodian #7103.
            return Err(MetricsError::Combination(format!(
                "You have requested up to {} datapoints, which exceeds the limit of {MOST}. You may reduce the \
                 datapoints requested by increasing Period, or decreasing the time range.",
                grid.len()
            )));
        }
        let read = |(at, text): (usize, &String)| match Statistic::parse(text) {
            Ok(statistic) => Ok((text.clone(), statistic)),
            Err(_) => Err(MetricsError::invalid(format!(
                "The value {text} for parameter ExtendedStatistics.member.{} is not a valid statistic.",
                at + 1
            ))),
        };
        let all = |texts: &[String]| texts.iter().enumerate().map(read).collect::<Result<Vec<_>, _>>();
        Ok(Asked { grid, simple: all(&self.statistics)?, extended: all(&self.extended_statistics)? })
    }
}

impl Asked {
    /// Returns the periods in which anything of what is asked is known.
    fn write<'a>(
        &'a self,
        periods: &'a BTreeMap<i64, Point>,
        unit: &'a str,
    ) -> impl Iterator<Item = (i64, Value)> + 'a {
        periods.iter().filter_map(move |(at, point)| {
            let known = |asked: &[(String, Statistic)]| -> Map<String, Value> {
                let of =
                    |(name, statistic): &(String, Statistic)| Some((name.clone(), point.statistic(*statistic)?.into()));
                asked.iter().filter_map(of).collect()
            };
            let (mut row, extended) = (known(&self.simple), known(&self.extended));
            if row.is_empty() && extended.is_empty() {
                return None;
            }
            if !extended.is_empty() {
                row.insert("ExtendedStatistics".into(), Value::Object(extended));
            }
            row.insert("Timestamp".into(), seconds(at * 1000));
            row.insert("Unit".into(), unit.into());
            Some((*at, Value::Object(row)))
        })
    }
}
