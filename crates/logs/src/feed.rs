//! What metric filters make of the events that come in: values for metrics, handed to the crate that keeps those.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_model::Millis;

use crate::ingest::LogEvent;
use crate::metric::MetricFilter;

/// A value for a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Measure {
    /// Its namespace.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Its dimensions.
    pub dimensions: BTreeMap<String, String>,
    /// The unit, if the filter says one.
    pub unit: Option<String>,
    /// The value.
    pub value: f64,
    /// When the event happened.
    pub at: Millis,
}

/// Takes what was measured in a region. Called on the thread that writes: it must not wait for the store.
pub type Feed = Arc<dyn Fn(&str, Vec<Measure>) + Send + Sync>;

/// Returns what filters make of events. Pure.
///
/// Where a filter has a default value, a minute of these events in which none matches has that once ("the value to emit
/// when a filter pattern does not match a log event", reported each minute in which there are events).
pub(crate) fn measure(filters: &[MetricFilter], events: &[LogEvent]) -> Vec<Measure> {
    let mut measures = Vec::new();
    for filter in filters {
        let Some(transformation) = filter.metric_transformations.first() else { continue };
        let of = |value, dimensions, at| Measure {
            namespace: transformation.metric_namespace.clone(),
            name: transformation.metric_name.clone(),
            dimensions,
            unit: transformation.unit.clone(),
            value,
            at,
        };
        // The minutes, and whether anything matched in each.
        let mut minutes: BTreeMap<Millis, bool> = BTreeMap::new();
        let meter = filter.meter();
        for event in events {
            let minute = event.at.div_euclid(60_000) * 60_000;
            let measured = meter.as_ref().and_then(|meter| meter.measure(&event.message));
            *minutes.entry(minute).or_default() |= measured.is_some();
            measures.extend(measured.map(|measured| of(measured.value, measured.dimensions, event.at)));
        }
        let Some(default) = transformation.default_value else { continue };
        let quiet = minutes.into_iter().filter(|(_, has_matched)| !has_matched);
        measures.extend(quiet.map(|(minute, _)| of(default, BTreeMap::new(), minute)));
    }
    measures
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(pattern: &str, value: &str, default: Option<f64>) -> MetricFilter {
        let document = serde_json::json!({
            "logGroupName": "g", "filterName": "f", "filterPattern": pattern,
            "metricTransformations": [{"metricName": "m", "metricNamespace": "n", "metricValue": value, "unit": "Count",
                                       "defaultValue": default}],
        });
        serde_json::from_value(document).unwrap()
    }

    fn events(lines: &[(Millis, &str)]) -> Vec<LogEvent> {
        lines.iter().map(|(at, message)| LogEvent { at: *at, message: (*message).to_owned() }).collect()
    }

    #[test]
    fn every_match_is_a_value_and_a_minute_without_one_is_the_default() {
        let lines =
            events(&[(1_000, "an ERROR"), (2_000, "fine"), (61_000, "fine"), (125_000, "ERROR"), (126_000, "ERROR")]);
        let values = |filter| -> Vec<(Millis, f64)> {
            measure(&[filter], &lines).into_iter().map(|measure| (measure.at, measure.value)).collect()
        };
        assert_eq!(values(filter("ERROR", "1", None)), [(1_000, 1.0), (125_000, 1.0), (126_000, 1.0)]);
        assert_eq!(values(filter("ERROR", "1", Some(0.0)))[3..], [(60_000, 0.0)]);
        assert_eq!(values(filter("[a, b]", "$b", None)), []);
    }
}
