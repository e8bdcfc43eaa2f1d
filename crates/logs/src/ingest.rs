//! Events come in: from callers by the API's rules, from containers as they are.

use aws_model::Millis;
use rusqlite::{OptionalExtension, Transaction};
use serde::Deserialize;
use store::{Batch, Commit};

use crate::Logs;
use crate::error::LogsError;
use crate::feed;
use crate::index::Index;

const HOUR: Millis = 3_600_000;
const DAY: Millis = 24 * HOUR;
/// Of a `PutLogEvents` request, in bytes, 26 for each event included.
const BATCH_LIMIT: usize = 1_048_576;
const EVENT_OVERHEAD: usize = 26;

/// An event to store.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct LogEvent {
    /// When it happened.
    #[serde(rename = "timestamp")]
    pub at: Millis,
    /// What was said.
    pub message: String,
}

/// What `PutLogEvents` took; the indices are of the request's list.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Accepted {
    /// From here on events are more than two hours ahead.
    pub too_new_from: Option<usize>,
    /// Up to here (exclusive) events are more than fourteen days old.
    pub too_old_until: Option<usize>,
    /// Up to here (exclusive) events are older than the group's retention.
    pub expired_until: Option<usize>,
}

impl Logs {
    /// Stores what may be stored of a request; returns once it is durable.
    ///
    /// # Errors
    /// When group or stream is missing, or the request as a whole breaks a rule.
    pub async fn put(
        &self,
        region: &str,
        group: &str,
        stream: &str,
        mut events: Vec<LogEvent>,
    ) -> Result<Accepted, LogsError> {
        check(&events)?;
        let retention = {
            let index = self.inner.index.read();
            let group = index.group(region, group)?;
            group.stream(stream)?;
            group.retention
        };
        let now = (self.inner.now)();
        let accepted = judge(&events, now, retention);
        events.truncate(accepted.too_new_from.unwrap_or(events.len()));
        let stale = accepted.too_old_until.max(accepted.expired_until).unwrap_or(0).min(events.len());
        events.drain(..stale);
        if !events.is_empty() {
            self.append(region, group, stream, events)?.await?;
        }
        Ok(accepted)
    }

    /// Enqueues events as they are, in any order; those without a message are left out, as
    /// CloudWatch knows none. Nothing waits: the answer resolves once they are durable.
    ///
    /// # Errors
    /// When group or stream is missing.
    pub fn append(&self, region: &str, group: &str, stream: &str, events: Vec<LogEvent>) -> Result<Commit, LogsError> {
        self.ingest(region, group, stream, None, events)
    }

    /// As [`Logs::append`], once: `position` is where `source` stands after these events, and is
    /// stored with them. A batch that ends where the source has been before stores nothing, so a
    /// caller that crashed resumes at [`Logs::position`] and repeats what it is not sure of.
    ///
    /// # Errors
    /// When group or stream is missing.
    pub fn append_from(
        &self,
        region: &str,
        group: &str,
        stream: &str,
        (source, position): (&str, u64),
        events: Vec<LogEvent>,
    ) -> Result<Commit, LogsError> {
        self.ingest(region, group, stream, Some((source.to_owned(), position as i64)), events)
    }

    /// Returns where `source` stands, if anything of it is durable.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub fn position(&self, source: &str) -> Result<Option<u64>, LogsError> {
        let position: Option<i64> = self.inner.store.query(|c| {
            c.prepare_cached("SELECT position FROM log_positions WHERE source = ?1")?
                .query_row([source], |row| row.get(0))
                .optional()
        })?;
        Ok(position.map(|position| position as u64))
    }

    /// Forgets where `source` stands: it will bring nothing any more.
    pub fn forget(&self, source: &str) -> Commit {
        let source = source.to_owned();
        let mut batch = Batch::new();
        batch.with(Box::new(move |tx| tx.execute("DELETE FROM log_positions WHERE source = ?1", [source]).map(drop)));
        self.inner.store.submit(batch)
    }

    fn ingest(
        &self,
        region: &str,
        group: &str,
        stream: &str,
        source: Option<(String, i64)>,
        mut events: Vec<LogEvent>,
    ) -> Result<Commit, LogsError> {
        events.retain(|event| !event.message.is_empty());
        let now = (self.inner.now)();
        let span = events.iter().map(|e| e.at).min().zip(events.iter().map(|e| e.at).max());
        let mut index = self.inner.index.write();
        let told = self.measured(&index, region, group, &events);
        let group = index.group_mut(region, group)?;
        let group_id = group.id;
        let stream = group.streams.get_mut(stream).ok_or(LogsError::NoStream)?;
        let stream_id = stream.id;
        if let Some((first, last)) = span {
            stream.received(first, last, now);
        }
        let mut batch = Batch::new();
        batch.bulk(); // what is printed may wait in its files; what stops a task may not
        batch.with(Box::new(move |tx| {
            if let Some((source, position)) = source
                && !advance(tx, &source, position)?
            {
                return Ok(());
            }
            if let Some(span) = span {
                insert(tx, group_id, stream_id, now, &events)?;
                note(tx, stream_id, span, now)?;
            }
            // Only of what is stored: a batch that was there already was measured then.
            if let Some(tell) = told {
                tell();
            }
            Ok(())
        }));
        // Under the index's lock, so that one stream's batches keep the order of these calls.
        Ok(self.inner.store.submit(batch))
    }
}

impl Logs {
    /// Returns a call that hands on what the group's filters make of events, if they make anything.
    fn measured(
        &self,
        index: &Index,
        region: &str,
        group: &str,
        events: &[LogEvent],
    ) -> Option<impl FnOnce() + Send + 'static> {
        let feed = self.inner.feed.get()?.clone();
        let keys = index.records.of_group(region, group);
        let filters: Vec<_> = keys.iter().filter_map(|key| index.records.filters.get(key).cloned()).collect();
        let measures = if filters.is_empty() { Vec::new() } else { feed::measure(&filters, events) };
        let region = region.to_owned();
        (!measures.is_empty()).then_some(move || feed(&region, measures))
    }
}

/// Moves a source on; false when it has been there already.
fn advance(tx: &Transaction<'_>, source: &str, position: i64) -> rusqlite::Result<bool> {
    let moved = tx
        .prepare_cached(
            "INSERT INTO log_positions (source, position) VALUES (?1, ?2) ON CONFLICT (source) DO UPDATE \
             SET position = excluded.position WHERE excluded.position > log_positions.position",
        )?
        .execute((source, position))?;
    Ok(moved > 0)
}

fn insert(tx: &Transaction<'_>, group: i64, stream: i64, now: Millis, events: &[LogEvent]) -> rusqlite::Result<()> {
    let mut statement = tx.prepare_cached(
        "INSERT INTO log_events (group_id, stream_id, at, ingested, message) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    events.iter().try_for_each(|e| statement.execute((group, stream, e.at, now, &e.message)).map(drop))
}

fn note(tx: &Transaction<'_>, stream: i64, (first, last): (Millis, Millis), now: Millis) -> rusqlite::Result<()> {
    tx.prepare_cached(
        "UPDATE log_streams SET first_event = min(coalesce(first_event, ?2), ?2), \
         last_event = max(coalesce(last_event, ?3), ?3), last_ingestion = ?4 WHERE id = ?1",
    )?
    .execute((stream, first, last, now))
    .map(drop)
}

/// The rules for a request as a whole that its model cannot say: botocore, `PutLogEvents`.
fn check(events: &[LogEvent]) -> Result<(), LogsError> {
    let size: usize = events.iter().map(|e| e.message.len() + EVENT_OVERHEAD).sum();
    if size > BATCH_LIMIT {
        return Err(LogsError::invalid(format!("Upload too large: {size} bytes exceeds limit of {BATCH_LIMIT}")));
    }
    if !events.is_sorted_by_key(|e| e.at) {
        return Err(LogsError::invalid("Log events in a single PutLogEvents request must be in chronological order."));
    }
    if events.last().zip(events.first()).is_some_and(|(last, first)| last.at - first.at > DAY) {
        return Err(LogsError::invalid(
            "The batch of log events in a single PutLogEvents request cannot span more than 24 hours.",
        ));
    }
    Ok(())
}

/// Which events are too new, too old or expired. `events` are in order.
fn judge(events: &[LogEvent], now: Millis, retention: Option<i64>) -> Accepted {
    let until = |limit: Millis| Some(events.partition_point(|e| e.at < limit)).filter(|&n| n > 0);
    let too_new = events.partition_point(|e| e.at <= now + 2 * HOUR);
    Accepted {
        too_new_from: Some(too_new).filter(|&n| n < events.len()),
        too_old_until: until(now - 14 * DAY),
        expired_until: retention.and_then(|days| until(now - days * DAY)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Millis = 100 * DAY;

    fn events(hours: &[i64]) -> Vec<LogEvent> {
        hours.iter().map(|h| LogEvent { at: NOW + h * HOUR, message: "m".into() }).collect()
    }

    #[test]
    fn events_too_new_too_old_or_expired_are_told() {
        let check = |hours: &[i64], retention, new, old, expired| {
            let expected = Accepted { too_new_from: new, too_old_until: old, expired_until: expired };
            assert_eq!(judge(&events(hours), NOW, retention), expected, "{hours:?}");
        };
        check(&[-1, 0, 2], None, None, None, None);
        check(&[-1, 0, 3, 4], None, Some(2), None, None);
        check(&[-14 * 24 - 1, -14 * 24, 0], None, None, Some(1), None);
        check(&[-49, -25, 0], Some(1), None, None, Some(2));
    }

    #[test]
    fn a_request_that_breaks_a_rule_is_refused_whole() {
        let refused = |events: &[LogEvent], words: &str| {
            let error = check(events).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        };
        refused(&events(&[1, 0]), "chronological order");
        refused(&events(&[0, 25]), "24 hours");
        refused(&[LogEvent { at: 0, message: "x".repeat(1_048_576 - 25) }], "1048577 bytes exceeds limit of 1048576");
        assert!(check(&[LogEvent { at: 0, message: "x".repeat(1_048_576 - 26) }]).is_ok());
        assert!(check(&events(&[0, 0, 24])).is_ok());
    }
}
