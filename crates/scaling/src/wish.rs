//! A policy's alarm as CloudWatch is asked for it. Pure.

use aws_model::Document;
use platform_core::scaling::{Measure, Policy, Wanted};
use serde_json::{Value, json};

/// Members in which an alarm that is there may differ from the one that is wanted.
const TOLD_BY: [&str; 11] = [
    "ActionsEnabled",
    "AlarmActions",
    "ComparisonOperator",
    "Dimensions",
    "EvaluationPeriods",
    "MetricName",
    "Metrics",
    "Namespace",
    "Period",
    "Statistic",
    "Threshold",
];

/// Returns PutMetricAlarm's input.
pub(crate) fn input(policy: &Policy, wanted: &Wanted) -> Document {
    let comparison = if wanted.is_high { "GreaterThanThreshold" } else { "LessThanThreshold" };
    let mut input = json!({
        "AlarmName": wanted.name,
        // AWS's words; consoles and people know them.
        "AlarmDescription": format!("DO NOT EDIT OR DELETE. For TargetTrackingScaling policy {}.", policy.arn),
        "ActionsEnabled": true,
        "AlarmActions": [policy.arn],
        "ComparisonOperator": comparison,
        "EvaluationPeriods": wanted.periods,
        "Threshold": wanted.threshold,
    });
    match &wanted.measure {
        Measure::Metric { namespace, name, dimensions, statistic, unit } => {
            let dimension = |(name, value): &(String, String)| json!({"Name": name, "Value": value});
            input["Namespace"] = json!(namespace);
            input["MetricName"] = json!(name);
            input["Dimensions"] = dimensions.iter().map(dimension).collect();
            input["Statistic"] = json!(statistic);
            input["Period"] = json!(wanted.period);
            if let Some(unit) = unit {
                input["Unit"] = json!(unit);
            }
        }
        Measure::Formula(queries) => {
            input["Metrics"] = queries.iter().map(|query| with_period(query.clone(), wanted.period)).collect();
        }
    }
    match input {
        Value::Object(input) => input,
        _ => unreachable!("built as an object"),
    }
}

/// A policy's queries have no period: it is the policy's.
fn with_period(mut query: Value, period: u32) -> Value {
    if let Some(stat) = query.get_mut("MetricStat").and_then(Value::as_object_mut) {
        stat.entry("Period").or_insert(json!(period));
    }
    query
}

/// Returns whether an alarm of DescribeAlarms is as it is wanted.
pub(crate) fn is_so(input: &Document, described: &Document) -> bool {
    let is_none = |value: &Value| value.as_array().is_some_and(Vec::is_empty);
    let member = |document: &Document, name: &str| document.get(name).filter(|value| !is_none(value)).cloned();
    TOLD_BY.iter().all(|name| same(member(input, name), member(described, name)))
}

fn same(one: Option<Value>, other: Option<Value>) -> bool {
    match (one, other) {
        (Some(Value::Number(one)), Some(Value::Number(other))) => one.as_f64() == other.as_f64(),
        // CloudWatch keeps dimensions in an order of its own.
        (Some(Value::Array(one)), Some(Value::Array(other))) => {
            one.len() == other.len() && one.iter().all(|item| other.iter().any(|known| holds(known, item)))
        }
        (one, other) => one == other,
    }
}

/// Returns whether all that `wanted` says is in `known`, which may say more (defaults).
fn holds(known: &Value, wanted: &Value) -> bool {
    match (known, wanted) {
        (Value::Object(known), Value::Object(wanted)) => {
            wanted.iter().all(|(name, value)| known.get(name).is_some_and(|known| holds(known, value)))
        }
        (Value::Array(known), Value::Array(wanted)) => {
            known.len() == wanted.len() && wanted.iter().all(|item| known.iter().any(|known| holds(known, item)))
        }
        (Value::Number(known), Value::Number(wanted)) => known.as_f64() == wanted.as_f64(),
        _ => known == wanted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_is_told_by_what_it_watches_and_not_by_how_it_stands() {
        let document = |value: Value| value.as_object().expect("an object").clone();
        let wanted = document(json!({
            "AlarmName": "a", "Threshold": 60.0, "Period": 60,
            "Dimensions": [{"Name": "ClusterName", "Value": "c"}, {"Name": "ServiceName", "Value": "s"}],
        }));
        let mut known = document(json!({
            "AlarmName": "a", "Threshold": 60, "Period": 60, "StateValue": "OK", "AlarmActions": [],
            "Dimensions": [{"Name": "ServiceName", "Value": "s"}, {"Name": "ClusterName", "Value": "c"}],
        }));
        assert!(is_so(&wanted, &known));
        known["Threshold"] = json!(61);
        assert!(!is_so(&wanted, &known));
    }
}
