//! DescribeAlarmHistory.

use aws_model::{Call, Millis, seconds};
use serde::Deserialize;
use serde_json::{Value, json};

use super::wire::Instant;
use crate::Metrics;
use crate::alarms::{HistoryItem, HistoryQuery};
use crate::error::MetricsError;

/// Items of a page, if the caller does not say.
const USUAL: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Describe {
    alarm_name: Option<String>,
    #[serde(default)]
    alarm_types: Vec<String>,
    history_item_type: Option<String>,
    start_date: Option<Instant>,
    end_date: Option<Instant>,
    max_records: Option<usize>,
    next_token: Option<String>,
    scan_by: Option<String>,
}

pub(super) async fn describe(metrics: &Metrics, call: &Call, input: Describe) -> Result<Value, MetricsError> {
    let after = input.next_token.clone();
    let read = |text: String| -> Option<(Millis, i64)> {
        let (at, id) = text.split_once(':')?;
        at.parse().ok().zip(id.parse().ok())
    };
    let after = after.map(|text| read(text).ok_or(MetricsError::NoToken)).transpose()?;
    let asked = |kind: &str| input.alarm_types.iter().any(|asked| asked == kind);
    // "If you omit this parameter, only metric alarms are returned."
    let composites = match (input.alarm_types.is_empty() || asked("MetricAlarm"), asked("CompositeAlarm")) {
        (true, true) => None,
        (false, false) => return Ok(json!({"AlarmHistoryItems": []})),
        (_, is_composite) => Some(is_composite),
    };
    let most = input.max_records.unwrap_or(USUAL);
    let query = HistoryQuery {
        alarm: input.alarm_name,
        composites,
        kind: input.history_item_type,
        from: input.start_date.map_or(Millis::MIN, Instant::millis),
        until: input.end_date.map_or(Millis::MAX, Instant::millis),
        is_rising: input.scan_by.as_deref() == Some("TimestampAscending"),
        after,
        most,
    };
    let region = call.region.clone();
    let mut items = super::reading(metrics, move |metrics| metrics.history(&region, &query)).await?;
    let has_more = items.len() > most;
    items.truncate(most);
    let next = items.last().filter(|_| has_more).map(|item| format!("{}:{}", item.at, item.id));
    let items: Vec<Value> = items.into_iter().map(document).collect();
    Ok(json!({"AlarmHistoryItems": items, "NextToken": next}))
}

fn document(item: HistoryItem) -> Value {
    json!({
        "AlarmName": item.alarm,
        "AlarmType": if item.is_composite { "CompositeAlarm" } else { "MetricAlarm" },
        "Timestamp": seconds(item.at),
        "HistoryItemType": item.kind,
        "HistorySummary": item.summary,
        "HistoryData": item.data,
    })
}
