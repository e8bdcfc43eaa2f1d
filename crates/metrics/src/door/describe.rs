//! DescribeAlarms and DescribeAlarmsForMetric.

use aws_model::page::{Cut, Order, cut};
use aws_model::{Call, seconds};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Metrics;
use crate::alarm::{Alarm, State, Watch, name_of, rule::Rule};
use crate::error::MetricsError;
use crate::name::{Dimension, Metric};

/// Alarms of a page, if the caller does not say.
const USUAL: usize = 50;

#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Describe {
    alarm_names: Vec<String>,
    alarm_name_prefix: Option<String>,
    alarm_types: Vec<String>,
    children_of_alarm_name: Option<String>,
    parents_of_alarm_name: Option<String>,
    state_value: Option<State>,
    action_prefix: Option<String>,
    max_records: Option<usize>,
    next_token: Option<String>,
}

pub(super) async fn describe(metrics: &Metrics, call: &Call, input: Describe) -> Result<Value, MetricsError> {
    let alarms = metrics.inner.alarms.read();
    let region = &call.region;
    let is_kin = input.children_of_alarm_name.is_some() || input.parents_of_alarm_name.is_some();
    let is_narrowed = !input.alarm_names.is_empty()
        || input.alarm_name_prefix.is_some()
        || !input.alarm_types.is_empty()
        || input.state_value.is_some()
        || input.action_prefix.is_some();
    if is_kin && (is_narrowed || (input.children_of_alarm_name.is_some() && input.parents_of_alarm_name.is_some())) {
        return Err(MetricsError::validation(
            "ChildrenOfAlarmName and ParentsOfAlarmName go together with MaxRecords and NextToken alone",
        ));
    }
    if !input.alarm_names.is_empty() && input.alarm_name_prefix.is_some() {
        return Err(MetricsError::validation("AlarmNames and AlarmNamePrefix are mutually exclusive"));
    }
    let children: Option<Vec<String>> = match &input.children_of_alarm_name {
        None => None,
        Some(parent) => {
            let words = || MetricsError::validation(format!("{parent} is not the name of a composite alarm"));
            let parent = alarms.get(region, parent).and_then(rule).ok_or_else(words)?;
            Some(parent.alarms().into_iter().map(str::to_owned).collect())
        }
    };
    let is_asked = |alarm: &Alarm| {
        if let Some(children) = &children {
            return children.contains(&alarm.name);
        }
        if let Some(child) = &input.parents_of_alarm_name {
            return rule(alarm).is_some_and(|rule| rule.alarms().contains(&child.as_str()));
        }
        let kind = if alarm.is_composite() { "CompositeAlarm" } else { "MetricAlarm" };
        let is_kind = match input.alarm_types.is_empty() {
            true => !alarm.is_composite(),
            false => input.alarm_types.iter().any(|asked| asked == kind),
        };
        let prefix = |prefix: &String| alarm.name.starts_with(prefix);
        let action = |prefix: &String| {
            let states = [State::Ok, State::Alarm, State::InsufficientData];
            states.iter().flat_map(|state| alarm.actions(*state)).any(|action| action.starts_with(prefix))
        };
        is_kind
            && (input.alarm_names.is_empty() || input.alarm_names.contains(&alarm.name))
            && input.alarm_name_prefix.as_ref().is_none_or(prefix)
            && input.state_value.is_none_or(|state| state == alarm.standing.value)
            && input.action_prefix.as_ref().is_none_or(action)
    };
    let asked = alarms.of(region).filter(|alarm| is_asked(alarm)).map(|alarm| (alarm.name.clone(), alarm));
    let most = input.max_records.unwrap_or(USUAL);
    let Cut { items: found, next } = cut(asked, Order::Rising, input.next_token.as_deref(), most);
    let written = |alarm: &&Alarm| {
        let arn = metrics.inner.arn(region, &alarm.name);
        match is_kin {
            // Only these "are returned by this operation when you use this parameter".
            true if children.is_some() => json!({
                "AlarmName": alarm.name,
                "AlarmArn": arn,
                "StateValue": alarm.standing.value,
                "StateUpdatedTimestamp": seconds(alarm.standing.updated),
            }),
            true => json!({"AlarmName": alarm.name, "AlarmArn": arn}),
            false => document(alarm, &arn),
        }
    };
    let (composite, metric): (Vec<&Alarm>, Vec<&Alarm>) = found.into_iter().partition(|alarm| alarm.is_composite());
    let all = |alarms: &[&Alarm]| alarms.iter().map(written).collect::<Vec<_>>();
    Ok(json!({"MetricAlarms": all(&metric), "CompositeAlarms": all(&composite), "NextToken": next}))
}

fn rule(alarm: &Alarm) -> Option<Rule> {
    match &alarm.watch {
        Watch::Composite(composite) => Rule::parse(&composite.rule).ok(),
        Watch::Metric(_) => None,
    }
}

/// Returns an alarm as the API writes it.
pub(super) fn document(alarm: &Alarm, arn: &str) -> Value {
    let standing = &alarm.standing;
    let mut document = json!({
        "AlarmName": alarm.name,
        "AlarmArn": arn,
        "AlarmDescription": alarm.description,
        "AlarmConfigurationUpdatedTimestamp": seconds(alarm.configured),
        "ActionsEnabled": alarm.actions_enabled,
        "OKActions": alarm.ok_actions,
        "AlarmActions": alarm.alarm_actions,
        "InsufficientDataActions": alarm.insufficient_data_actions,
        "StateValue": standing.value,
        "StateReason": standing.reason,
        "StateReasonData": standing.data,
        "StateUpdatedTimestamp": seconds(standing.updated),
        "StateTransitionedTimestamp": seconds(standing.transitioned),
        "ActionConfiguration": alarm.action_configuration,
    });
    match &alarm.watch {
        Watch::Metric(watch) => {
            let watched = serde_json::to_value(watch).expect("what is watched is plain data");
            if let (Value::Object(document), Value::Object(watched)) = (&mut document, watched) {
                document.extend(watched);
            }
        }
        Watch::Composite(composite) => {
            document["AlarmRule"] = json!(composite.rule);
            document["ActionsSuppressor"] = json!(composite.suppressor);
            document["ActionsSuppressorWaitPeriod"] = json!(composite.wait);
            document["ActionsSuppressorExtensionPeriod"] = json!(composite.extension);
            if let (Some(held), Some(suppressor)) = (alarm.held, &composite.suppressor) {
                let suppressor = name_of(suppressor);
                document["ActionsSuppressedBy"] = json!(held.word());
                document["ActionsSuppressedReason"] = json!(match held.until() {
                    None => format!("Actions are suppressed by alarm {suppressor}"),
                    Some(_) => format!("Actions are suppressed by the {} for alarm {suppressor}", held.word()),
                });
            }
        }
    }
    document
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct OfMetric {
    metric_name: String,
    namespace: String,
    statistic: Option<String>,
    extended_statistic: Option<String>,
    #[serde(default)]
    dimensions: Vec<Dimension>,
    period: Option<i64>,
    unit: Option<String>,
}

/// "It does not return alarms based on math expressions that use the specified metric".
pub(super) async fn of_metric(metrics: &Metrics, call: &Call, input: OfMetric) -> Result<Value, MetricsError> {
    let metric = Metric::new(input.namespace, input.metric_name, input.dimensions);
    let alarms = metrics.inner.alarms.read();
    let is_same = |asked: &Option<String>, has: &Option<String>| asked.is_none() || asked == has;
    let is_asked = |alarm: &&Alarm| {
        let Some(watch) = alarm.metric() else { return false };
        let (Some(namespace), Some(name)) = (&watch.namespace, &watch.metric_name) else { return false };
        Metric::new(namespace, name, watch.dimensions.clone()) == metric
            && is_same(&input.statistic, &watch.statistic)
            && is_same(&input.extended_statistic, &watch.extended_statistic)
            && is_same(&input.unit, &watch.unit)
            && input.period.is_none_or(|period| watch.period == Some(period))
    };
    let found = alarms.of(&call.region).filter(is_asked);
    let found: Vec<Value> = found.map(|alarm| document(alarm, &metrics.inner.arn(&call.region, &alarm.name))).collect();
    Ok(json!({"MetricAlarms": found}))
}
