//! PutMetricData: what is measured, held against what its model cannot say. All of a call is taken or nothing.

use std::fmt::Display;

use aws_model::{Call, Millis};
use serde::Deserialize;
use serde_json::Value;

use super::wire::{Double, Instant};
use crate::Metrics;
use crate::datum::{Datum, NO_UNIT};
use crate::error::MetricsError;
use crate::name::{Dimension, fault};
use crate::point::Point;

/// Metrics of a call, and values of one of them (API reference).
const METRICS: usize = 1000;
const VALUES: usize = 150;
const TWO_WEEKS: Millis = 14 * 86_400_000;
const TWO_HOURS: Millis = 2 * 3_600_000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Put {
    namespace: String,
    #[serde(default)]
    metric_data: Vec<DatumIn>,
    #[serde(default)]
    entity_metric_data: Vec<OfEntity>,
}

/// The entity is what a metric is shown beside (Application Signals), which nothing here shows; the metrics are metrics.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OfEntity {
    #[serde(default)]
    metric_data: Vec<DatumIn>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DatumIn {
    metric_name: String,
    #[serde(default)]
    dimensions: Vec<Dimension>,
    timestamp: Option<Instant>,
    value: Option<Double>,
    statistic_values: Option<Set>,
    values: Option<Vec<Double>>,
    counts: Option<Vec<Double>>,
    unit: Option<String>,
    storage_resolution: Option<i64>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Set {
    sample_count: Double,
    sum: Double,
    minimum: Double,
    maximum: Double,
}

pub(super) async fn put(metrics: &Metrics, call: &Call, input: Put) -> Result<Value, MetricsError> {
    let (namespace, data) = read(input, metrics.now())?;
    metrics.put(&call.region, &namespace, data).await?;
    Ok(Value::Null)
}

/// Returns what is to be stored, or everything that is wrong: a line each (aws-robotics/cloudwatchmetrics-ros1 #46).
fn read(input: Put, now: Millis) -> Result<(String, Vec<Datum>), MetricsError> {
    let namespace = input.namespace;
    // "Namespaces that begin with AWS/ are reserved": the platform's own measurements come by another way.
    if namespace.starts_with("AWS/") || fault(&namespace, false).is_some() {
        return Err(MetricsError::invalid(format!("The value {namespace} for parameter Namespace is invalid.")));
    }
    let mut all: Vec<(String, DatumIn)> = Vec::new();
    let place = |front: String, number: usize| format!("{front}MetricData.member.{}", number + 1);
    all.extend(input.metric_data.into_iter().enumerate().map(|(n, datum)| (place(String::new(), n), datum)));
    for (entity, of) in input.entity_metric_data.into_iter().enumerate() {
        let front = format!("EntityMetricData.member.{}.", entity + 1);
        all.extend(of.metric_data.into_iter().enumerate().map(|(n, datum)| (place(front.clone(), n), datum)));
    }
    if all.is_empty() {
        return Err(MetricsError::Missing("The parameter MetricData is required.".into()));
    }
    if all.len() > METRICS {
        let words = format!("The collection MetricData must not have a size greater than {METRICS}.");
        return Err(MetricsError::invalid(words));
    }
    let mut faults = Faults::default();
    let data: Vec<Datum> = all.into_iter().filter_map(|(place, datum)| datum.read(&place, now, &mut faults)).collect();
    faults.none().map(|()| (namespace, data))
}

impl DatumIn {
    fn read(self, at: &str, now: Millis, faults: &mut Faults) -> Option<Datum> {
        if let Some(why) = fault(&self.metric_name, true) {
            faults.invalid(format!("The parameter {at}.MetricName {why}."));
        }
        for (number, dimension) in self.dimensions.iter().enumerate() {
            let place = format!("{at}.Dimensions.member.{}", number + 1);
            if let Some(why) = fault(&dimension.name, false) {
                faults.invalid(format!("The parameter {place}.Name {why}."));
            }
            if let Some(why) = fault(&dimension.value, true) {
                faults.invalid(format!("The parameter {place}.Value {why}."));
            }
            if self.dimensions[..number].iter().any(|other| other.name == dimension.name) {
                faults.invalid(format!("No Metric may specify the same dimension name twice ({place}.Name)."));
            }
        }
        if !matches!(self.storage_resolution, None | Some(1 | 60)) {
            faults.invalid(format!("The parameter {at}.StorageResolution must be a value in the set [1, 60]."));
        }
        let when = self.timestamp.map_or(now, Instant::millis);
        if when < now - TWO_WEEKS {
            faults.invalid(format!("The parameter {at}.Timestamp must specify a time within the past two weeks."));
        }
        if when > now + TWO_HOURS {
            faults.invalid(format!(
                "The parameter {at}.Timestamp must specify a time no more than two hours in the future."
            ));
        }
        let point = point((self.value, self.statistic_values, self.values, self.counts), at, faults)?;
        Some(Datum {
            name: self.metric_name,
            dimensions: self.dimensions,
            at: Some(when),
            point,
            unit: self.unit.unwrap_or_else(|| NO_UNIT.to_owned()),
            is_fine: self.storage_resolution == Some(1),
        })
    }
}

type Given = (Option<Double>, Option<Set>, Option<Vec<Double>>, Option<Vec<Double>>);

fn point(given: Given, at: &str, faults: &mut Faults) -> Option<Point> {
    let mut number = |name: &str, value: Double| {
        if !value.is_measurable() {
            faults.invalid(format!("The value {:?} for parameter {at}.{name} is invalid.", value.0));
        }
        value.0
    };
    match given {
        (Some(value), None, None, None) => Some(Point::of(number("Value", value))),
        (None, Some(set), None, None) => {
            let count = number("StatisticValues.SampleCount", set.sample_count);
            let sum = number("StatisticValues.Sum", set.sum);
            let (min, max) =
                (number("StatisticValues.Minimum", set.minimum), number("StatisticValues.Maximum", set.maximum));
            if count <= 0.0 {
                faults.invalid(format!("The parameter {at}.StatisticValues.SampleCount must be greater than 0."));
            }
            if min > max {
                faults.combined(format!(
                    "The parameter {at}.StatisticValues.Minimum must not be greater than {at}.StatisticValues.Maximum."
                ));
            }
            Some(Point::of_set(count, sum, min, max))
        }
        (None, None, Some(values), counts) => {
            let counts = counts.unwrap_or_else(|| vec![Double(1.0); values.len()]);
            let mut points = Vec::new();
            for (n, (value, count)) in values.iter().zip(&counts).enumerate() {
                let value = number(&format!("Values.member.{}", n + 1), *value);
                points.push(Point::of_many(value, number(&format!("Counts.member.{}", n + 1), *count)));
            }
            if counts.len() != values.len() {
                faults.combined(format!("The parameters {at}.Values and {at}.Counts must be of the same size."));
            }
            if values.len() > VALUES {
                faults.invalid(format!("The collection {at}.Values must not have a size greater than {VALUES}."));
            }
            if counts.iter().any(|count| count.0 <= 0.0) {
                faults.invalid(format!("Every value of the parameter {at}.Counts must be greater than 0."));
            }
            let mut points = points.into_iter();
            let Some(mut all) = points.next() else {
                faults.invalid(format!("The collection {at}.Values must not be empty."));
                return None;
            };
            points.for_each(|point| all.join(&point));
            Some(all)
        }
        (value, set, values, _) => {
            let names = [(value.is_some(), "Value"), (set.is_some(), "StatisticValues"), (values.is_some(), "Values")];
            let given: Vec<&str> = names.into_iter().filter(|(is_given, _)| *is_given).map(|(_, name)| name).collect();
            faults.combined(match given.as_slice() {
                // goamz #301 and #355.
                [one, other, ..] => format!(
                    "The parameters {at}.{one} and {at}.{other} are mutually exclusive and you have specified both."
                ),
                [one] => format!("The parameter {at}.Counts must not be specified with {at}.{one}."),
                [] => format!("At least one of the parameters {at}.Value and {at}.StatisticValues must be specified."),
            });
            None
        }
    }
}

/// What is wrong with a call. Values that do not go together are reported first.
#[derive(Default)]
struct Faults {
    combined: Vec<String>,
    invalid: Vec<String>,
}

impl Faults {
    fn combined(&mut self, words: impl Display) {
        self.combined.push(words.to_string());
    }

    fn invalid(&mut self, words: impl Display) {
        self.invalid.push(words.to_string());
    }

    fn none(self) -> Result<(), MetricsError> {
        match (self.combined.is_empty(), self.invalid.is_empty()) {
            (false, _) => Err(MetricsError::Combination(self.combined.join("\n"))),
            (_, false) => Err(MetricsError::invalid(self.invalid.join("\n"))),
            _ => Ok(()),
        }
    }
}
