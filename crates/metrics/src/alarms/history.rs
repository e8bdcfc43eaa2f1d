//! What happened to alarms: put down beside every change, and kept when the alarm is gone.

use aws_model::Millis;
use rusqlite::Transaction;
use serde_json::{Value, json};

use super::Fired;
use crate::Metrics;
use crate::alarm::reason::stamp;
use crate::alarm::{Alarm, Transition};
use crate::error::MetricsError;

/// Characters of an item's JSON (API reference, AlarmHistoryItem), and of its summary.
const LONGEST: usize = 4095;
const LONGEST_SUMMARY: usize = 255;

/// An item that is to be put down.
pub(crate) struct Item {
    alarm: String,
    is_composite: bool,
    at: Millis,
    kind: &'static str,
    summary: String,
    data: String,
}

/// An item that was found.
pub(crate) struct HistoryItem {
    pub(crate) id: i64,
    pub(crate) alarm: String,
    pub(crate) is_composite: bool,
    pub(crate) at: Millis,
    pub(crate) kind: String,
    pub(crate) summary: String,
    pub(crate) data: String,
}

/// Which items are looked for.
pub(crate) struct HistoryQuery {
    pub(crate) alarm: Option<String>,
    pub(crate) composites: Option<bool>,
    pub(crate) kind: Option<String>,
    pub(crate) from: Millis,
    pub(crate) until: Millis,
    pub(crate) is_rising: bool,
    /// After this instant and id, in the order asked for.
    pub(crate) after: Option<(Millis, i64)>,
    pub(crate) most: usize,
}

impl Item {
    fn new(alarm: &Alarm, at: Millis, kind: &'static str, summary: &str, data: &Value) -> Self {
        let (alarm, is_composite) = (alarm.name.clone(), alarm.is_composite());
        Self { alarm, is_composite, at, kind, summary: summary.to_owned(), data: data.to_string() }
    }

    /// `Alarm "a" created`.
    pub(crate) fn of_configuration(alarm: &Alarm, verb: &str, configuration: &Value, at: Millis) -> Self {
        let kind = match verb {
            "created" => "Create",
            "deleted" => "Delete",
            _ => "Update",
        };
        let data = json!({"version": "1.0", "type": kind, "updatedAlarm": configuration});
        Self::new(alarm, at, "ConfigurationUpdate", &format!("Alarm \"{}\" {verb}", alarm.name), &data)
    }

    /// `Alarm updated from OK to ALARM`; the alarm is as it was before.
    pub(crate) fn of_state(alarm: &Alarm, transition: &Transition, at: Millis) -> Self {
        let state = |value, reason: &str, data: Option<&str>| {
            let mut state = json!({"stateValue": value, "stateReason": reason});
            if let Some(data) = data.and_then(|data| serde_json::from_str::<Value>(data).ok()) {
                state["stateReasonData"] = data;
            }
            state
        };
        let old = state(alarm.standing.value, &alarm.standing.reason, alarm.standing.data.as_deref());
        let new = state(transition.to, &transition.reason, transition.data.as_deref());
        let data = json!({"version": "1.0", "oldState": old, "newState": new});
        let summary = format!("Alarm updated from {} to {}", transition.from, transition.to);
        let whole = Self::new(alarm, at, "StateUpdate", &summary, &data);
        if whole.data.len() <= LONGEST {
            return whole;
        }
        // What does not fit is left out, so that it stays JSON.
        let (old, new) = (state(transition.from, "", None), state(transition.to, &transition.reason, None));
        Self::new(alarm, at, "StateUpdate", &summary, &json!({"version": "1.0", "oldState": old, "newState": new}))
    }

    pub(crate) fn of_action(fired: &Fired, is_composite: bool, outcome: Result<(), String>, at: Millis) -> Self {
        let (state, summary) = match &outcome {
            Ok(()) => ("Succeeded", format!("Successfully executed action {}", fired.action)),
            Err(_) => ("Failed", format!("Failed to execute action {}", fired.action)),
        };
        let mut data =
            json!({"actionState": state, "stateUpdateTimestamp": fired.at, "notificationResource": fired.action});
        data["stateUpdatedAt"] = json!(stamp(fired.at));
        if let Err(words) = outcome {
            data["error"] = json!(words);
        }
        let (alarm, data) = (fired.alarm.clone(), data.to_string());
        Self { alarm, is_composite, at, kind: "Action", summary, data }
    }

    pub(super) fn insert(&self, tx: &Transaction<'_>, region: &str) -> rusqlite::Result<()> {
        let cut = |text: &str, most: usize| text[..text.floor_char_boundary(most)].to_owned();
        tx.prepare_cached(
            "INSERT INTO alarm_history (region, alarm, composite, at, kind, summary, data) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute((
            region,
            &self.alarm,
            self.is_composite,
            self.at,
            self.kind,
            cut(&self.summary, LONGEST_SUMMARY),
            cut(&self.data, LONGEST),
        ))
        .map(drop)
    }
}

impl Metrics {
    /// Returns items, one more than are asked for if there are more. Waits for the disk.
    pub(crate) fn history(&self, region: &str, query: &HistoryQuery) -> Result<Vec<HistoryItem>, MetricsError> {
        let (compare, order) = if query.is_rising { (">", "ASC") } else { ("<", "DESC") };
        let sql = format!(
            "SELECT id, alarm, composite, at, kind, summary, data FROM alarm_history WHERE region = ?1 \
             AND (?2 IS NULL OR alarm = ?2) AND (?3 IS NULL OR composite = ?3) AND (?4 IS NULL OR kind = ?4) \
             AND at >= ?5 AND at <= ?6 AND (?7 IS NULL OR (at, id) {compare} (?7, ?8)) \
             ORDER BY at {order}, id {order} LIMIT ?9"
        );
        let (after_at, after_id) = (query.after.map(|(at, _)| at), query.after.map(|(_, id)| id));
        let items = self.inner.store.query(|connection| {
            let mut rows = connection.prepare_cached(&sql)?;
            let limit = i64::try_from(query.most + 1).unwrap_or(i64::MAX);
            let parameters = rusqlite::params![
                region,
                query.alarm,
                query.composites,
                query.kind,
                query.from,
                query.until,
                after_at,
                after_id,
                limit
            ];
            let found = rows.query_map(parameters, |row| {
                Ok(HistoryItem {
                    id: row.get(0)?,
                    alarm: row.get(1)?,
                    is_composite: row.get(2)?,
                    at: row.get(3)?,
                    kind: row.get(4)?,
                    summary: row.get(5)?,
                    data: row.get(6)?,
                })
            })?;
            found.collect::<Result<Vec<_>, _>>()
        })?;
        Ok(items)
    }
}
