//! What EventBridge hears of an alarm (user guide, "Alarm events and EventBridge"). Pure.

use serde_json::{Map, Value, json};

use super::reason::stamp;
use super::{Alarm, MetricWatch, Watch, name_of};
use crate::name::Dimension;

/// `detail-type` of a change of state.
pub const STATE: &str = "CloudWatch Alarm State Change";
/// `detail-type` of an alarm that is put or deleted.
pub const CONFIGURATION: &str = "CloudWatch Alarm Configuration Change";

/// Returns the detail of a change of state.
pub fn of_state(before: &Alarm, after: &Alarm) -> Value {
    json!({
        "alarmName": after.name,
        "configuration": watched(after),
        "previousState": state(before),
        "state": state(after),
    })
}

/// Returns the detail of an alarm that came, changed or went.
pub fn of_configuration(before: Option<&Alarm>, after: Option<&Alarm>) -> Option<Value> {
    let (operation, alarm) = match (before, after) {
        (None, Some(after)) => ("create", after),
        (Some(_), Some(after)) => ("update", after),
        (Some(before), None) => ("delete", before),
        (None, None) => return None,
    };
    let mut detail = json!({
        "alarmName": alarm.name,
        "operation": operation,
        "state": {"value": alarm.standing.value, "timestamp": stamp(alarm.standing.updated)},
        "configuration": configured(alarm),
    });
    if let (Some(before), "update") = (before, operation) {
        detail["previousConfiguration"] = configured(before);
    }
    Some(detail)
}

fn state(alarm: &Alarm) -> Value {
    let standing = &alarm.standing;
    let mut state = json!({"value": standing.value, "reason": standing.reason, "timestamp": stamp(standing.updated)});
    if let Some(data) = &standing.data {
        state["reasonData"] = json!(data);
    }
    if let (Some(held), Watch::Composite(composite)) = (alarm.held, &alarm.watch) {
        let by = composite.suppressor.as_deref().map(name_of).unwrap_or_default();
        state["actionsSuppressedBy"] = json!(held.word());
        state["actionsSuppressedReason"] = json!(format!("Actions suppressed by {} of {by}", held.word()));
    }
    state
}

/// What it watches: all that an event of its state says of its configuration.
fn watched(alarm: &Alarm) -> Value {
    let mut told = Map::new();
    if let Some(description) = &alarm.description {
        told.insert("description".into(), json!(description));
    }
    match &alarm.watch {
        Watch::Metric(watch) => {
            told.insert("metrics".into(), metrics(watch).into());
        }
        Watch::Composite(composite) => {
            told.insert("alarmRule".into(), json!(composite.rule));
            let optional = [
                ("actionsSuppressor", composite.suppressor.as_ref().map(|name| json!(name))),
                ("actionsSuppressorWaitPeriod", composite.wait.map(|seconds| json!(seconds))),
                ("actionsSuppressorExtensionPeriod", composite.extension.map(|seconds| json!(seconds))),
            ];
            told.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        }
    }
    Value::Object(told)
}

fn configured(alarm: &Alarm) -> Value {
    let mut told = watched(alarm);
    if let Watch::Metric(watch) = &alarm.watch {
        told["evaluationPeriods"] = json!(watch.evaluation_periods);
        told["threshold"] = json!(watch.threshold);
        told["comparisonOperator"] = json!(watch.comparison_operator);
        if let Some(count) = watch.datapoints_to_alarm {
            told["datapointsToAlarm"] = json!(count);
        }
        if let Some(missing) = watch.treat_missing_data {
            told["treatMissingData"] = json!(missing);
        }
        if let Some(word) = &watch.evaluate_low_sample_count_percentile {
            told["evaluateLowSampleCountPercentile"] = json!(word);
        }
    }
    told["alarmName"] = json!(alarm.name);
    told["actionsEnabled"] = json!(alarm.actions_enabled);
    told["timestamp"] = json!(stamp(alarm.configured));
    told["okActions"] = json!(alarm.ok_actions);
    told["alarmActions"] = json!(alarm.alarm_actions);
    told["insufficientDataActions"] = json!(alarm.insufficient_data_actions);
    told
}

/// Each metric and expression, as `MetricDataQuery` in camel case; dimensions are an object.
fn metrics(watch: &MetricWatch) -> Vec<Value> {
    let stat = |namespace: &str, name: &str, dimensions: &[Dimension], period: i64, stat: &str| {
        let dimensions: Map<String, Value> =
            dimensions.iter().map(|one| (one.name.clone(), json!(one.value))).collect();
        json!({
            "metric": {"namespace": namespace, "name": name, "dimensions": dimensions},
            "period": period,
            "stat": stat,
        })
    };
    if watch.metrics.is_empty() {
        let (namespace, name) = (watch.namespace.as_deref(), watch.metric_name.as_deref());
        let (namespace, name) = (namespace.unwrap_or_default(), name.unwrap_or_default());
        let statistic = watch.statistic().unwrap_or_default();
        let mut stat = stat(namespace, name, &watch.dimensions, watch.period(), statistic);
        if let Some(unit) = &watch.unit {
            stat["unit"] = json!(unit);
        }
        // AWS makes an id up.
        return vec![json!({"id": "m1", "metricStat": stat, "returnData": true})];
    }
    let query = |query: &crate::query::QueryIn| {
        let mut told = json!({"id": query.id, "returnData": query.return_data.unwrap_or(true)});
        if let Some(of) = &query.metric_stat {
            let metric = &of.metric;
            told["metricStat"] = stat(&metric.namespace, &metric.metric_name, &metric.dimensions, of.period, &of.stat);
            if let Some(unit) = &of.unit {
                told["metricStat"]["unit"] = json!(unit);
            }
        }
        let texts = [("expression", &query.expression), ("label", &query.label), ("accountId", &query.account_id)];
        for (name, text) in texts {
            if let Some(text) = text {
                told[name] = json!(text);
            }
        }
        if let Some(period) = query.period {
            told["period"] = json!(period);
        }
        told
    };
    watch.metrics.iter().map(query).collect()
}
