//! Metric filters: kept, tested, and what one reads out of a message. Where the values go is CloudWatch's business.

use std::collections::BTreeMap;

use aws_model::Millis;
use serde::{Deserialize, Serialize};

use crate::Logs;
use crate::error::LogsError;
use crate::pattern::{Pattern, Selector};
use crate::records::{Record, Records};

/// Of a group (service quotas).
const FILTERS: usize = 100;

/// A metric filter of a group.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetricFilter {
    /// The group.
    pub log_group_name: String,
    /// Its name.
    pub filter_name: String,
    /// Which messages.
    pub filter_pattern: String,
    /// What each is worth.
    pub metric_transformations: Vec<Transformation>,
    /// When it was put.
    #[serde(default)]
    pub creation_time: Millis,
    /// Kept and answered: nothing transforms logs here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub apply_on_transformed_logs: Option<bool>,
}

/// What a message that matches is worth to a metric.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Transformation {
    /// The metric.
    pub metric_name: String,
    /// Its namespace.
    pub metric_namespace: String,
    /// A number, `$field` or `$.json.selector`.
    pub metric_value: String,
    /// What a period without a match is worth.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_value: Option<f64>,
    /// Names of dimensions and the fields that they are read from.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub dimensions: BTreeMap<String, String>,
    /// The unit.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// A value for a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The value.
    pub value: f64,
    /// The dimensions that were found; all of them, or the message is worth nothing.
    pub dimensions: BTreeMap<String, String>,
}

/// A message that a pattern matches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Match {
    /// Its place in the list, from zero (API reference, TestMetricFilter: its example).
    pub number: usize,
    /// The message.
    pub message: String,
    /// What the pattern names.
    pub extracted: BTreeMap<String, String>,
}

impl Record for MetricFilter {
    const TABLE: &'static str = "logs.metric-filters";

    fn rows(records: &mut Records) -> &mut BTreeMap<String, Self> {
        &mut records.filters
    }
}

impl MetricFilter {
    /// Returns what a message is worth; nothing if it does not match, or the value is not a number, or a dimension is
    /// missing ("the metric filter ... can't find one of its dimensions": nothing is published).
    pub fn measure(&self, message: &str) -> Option<Measured> {
        self.meter()?.measure(message)
    }

    /// Returns it ready for many messages; none if its pattern cannot be read.
    pub(crate) fn meter(&self) -> Option<Meter<'_>> {
        let pattern = Pattern::parse(&self.filter_pattern).ok()?;
        Some(Meter { pattern, transformation: self.metric_transformations.first()? })
    }

    fn check(&self) -> Result<(), LogsError> {
        Pattern::parse(&self.filter_pattern)?;
        let structured = self.filter_pattern.trim_start().starts_with(['{', '[']);
        for transformation in &self.metric_transformations {
            let value = &transformation.metric_value;
            if !value.starts_with('$') && value.parse::<f64>().is_err() {
                return Err(LogsError::invalid(
                    "Invalid metric transformation: metricValue must be a number or a field.",
                ));
            }
            if !transformation.dimensions.is_empty() && (!structured || transformation.default_value.is_some()) {
                return Err(LogsError::invalid(
                    "Invalid metric transformation: dimensions need a JSON or space-delimited filter pattern and allow no \
                     default value.",
                ));
            }
        }
        Ok(())
    }
}

/// A filter whose pattern was read.
pub(crate) struct Meter<'f> {
    pattern: Pattern,
    transformation: &'f Transformation,
}

impl Meter<'_> {
    /// As [`MetricFilter::measure`].
    pub(crate) fn measure(&self, message: &str) -> Option<Measured> {
        let transformation = self.transformation;
        let extracted = self.pattern.extract(message)?;
        let field = |name: &String| match extracted.get(name) {
            Some(value) => Some(value.clone()),
            None => Selector::parse(name)?.first(message),
        };
        let value = match transformation.metric_value.starts_with('$') {
            true => field(&transformation.metric_value)?,
            false => transformation.metric_value.clone(),
        };
        let dimensions = transformation.dimensions.iter().map(|(name, source)| Some((name.clone(), field(source)?)));
        let value = value.trim().parse::<f64>().ok().filter(|value| value.is_finite())?;
        Some(Measured { value, dimensions: dimensions.collect::<Option<_>>()? })
    }
}

impl Logs {
    /// Puts a metric filter in place of one of the same name.
    ///
    /// # Errors
    /// When there is no such group, or pattern or transformation cannot be used.
    pub async fn put_metric_filter(&self, region: &str, mut filter: MetricFilter) -> Result<(), LogsError> {
        filter.check()?;
        let region = region.to_owned();
        self.record(move |index, now| {
            index.group(&region, &filter.log_group_name)?;
            let key = key(&region, &filter.log_group_name, &filter.filter_name);
            let others = index.records.of_group(&region, &filter.log_group_name);
            if others.len() >= FILTERS && !others.contains(&key) {
                return Err(LogsError::LimitExceeded);
            }
            filter.creation_time = now;
            Ok(((), vec![(key, Some(filter))]))
        })
        .await
    }

    /// Removes a metric filter.
    ///
    /// # Errors
    /// When there is no such group or filter.
    pub async fn delete_metric_filter(&self, region: &str, group: &str, name: &str) -> Result<(), LogsError> {
        let (region, group, name) = (region.to_owned(), group.to_owned(), name.to_owned());
        self.record::<MetricFilter, ()>(move |index, _| {
            index.group(&region, &group)?;
            let key = key(&region, &group, &name);
            match index.records.filters.contains_key(&key) {
                true => Ok(((), vec![(key, None)])),
                false => Err(LogsError::NoMetricFilter),
            }
        })
        .await
    }

    /// Returns the metric filters of a region, or of one group, by group and name, with their keys.
    ///
    /// # Errors
    /// When there is no such group.
    pub fn metric_filters(&self, region: &str, group: Option<&str>) -> Result<Vec<(String, MetricFilter)>, LogsError> {
        let index = self.inner.index.read();
        let front = match group {
            Some(group) => {
                index.group(region, group)?;
                format!("{region}:{group}:")
            }
            None => format!("{region}:"),
        };
        let rows = index.records.filters.range(front.clone()..).take_while(|(key, _)| key.starts_with(&front));
        Ok(rows.map(|(key, filter)| (key.clone(), filter.clone())).collect())
    }
}

/// Returns which messages a pattern matches.
///
/// # Errors
/// When it is not one.
pub fn test(pattern: &str, messages: &[String]) -> Result<Vec<Match>, LogsError> {
    let pattern = Pattern::parse(pattern)?;
    let one = |(at, message): (usize, &String)| {
        Some(Match { number: at, message: message.clone(), extracted: pattern.extract(message)? })
    };
    Ok(messages.iter().enumerate().filter_map(one).collect())
}

fn key(region: &str, group: &str, name: &str) -> String {
    format!("{region}:{group}:{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(pattern: &str, value: &str, dimensions: &[(&str, &str)]) -> MetricFilter {
        let transformation = Transformation {
            metric_name: "m".into(),
            metric_namespace: "n".into(),
            metric_value: value.into(),
            default_value: None,
            dimensions: dimensions.iter().map(|(name, source)| (name.to_string(), source.to_string())).collect(),
            unit: None,
        };
        MetricFilter {
            log_group_name: "g".into(),
            filter_name: "f".into(),
            filter_pattern: pattern.into(),
            metric_transformations: vec![transformation],
            creation_time: 0,
            apply_on_transformed_logs: None,
        }
    }

    #[test]
    fn a_message_that_matches_has_a_value_and_all_its_dimensions() {
        let value = |filter: &MetricFilter, message: &str| filter.measure(message).map(|measured| measured.value);
        assert_eq!(value(&filter("ERROR", "1", &[]), "an ERROR"), Some(1.0));
        assert_eq!(value(&filter("ERROR", "1", &[]), "fine"), None);
        let json = filter("{ $.latency = * }", "$.latency", &[]);
        assert_eq!(value(&json, r#"{"latency":2.5}"#), Some(2.5));
        assert_eq!(value(&json, r#"{"latency":"slow"}"#), None);
        assert_eq!(value(&filter("[ip, bytes]", "$bytes", &[]), "1.1.1.1 12"), Some(12.0));
        let other = filter("{ $.kind = \"a\" }", "$.size", &[("User", "$.user.id")]);
        let measured = other.measure(r#"{"kind":"a","size":3,"user":{"id":"u"}}"#).unwrap();
        assert_eq!(measured, Measured { value: 3.0, dimensions: BTreeMap::from([("User".into(), "u".into())]) });
        assert_eq!(other.measure(r#"{"kind":"a","size":3}"#), None, "a dimension is missing");
    }

    #[test]
    fn what_can_never_have_a_value_is_refused() {
        for bad in [filter("{", "1", &[]), filter("x", "one", &[]), filter("x", "1", &[("D", "$.d")])] {
            assert!(matches!(bad.check(), Err(LogsError::Invalid(_))), "{bad:?}");
        }
        filter("[a, b]", "$a", &[("D", "$b")]).check().unwrap();
    }
}
