//! Events go out: one stream in either direction, or a group's streams together.

use std::collections::HashSet;

use aws_model::Millis;
use rusqlite::{Connection, Row};

use crate::Logs;
use crate::error::LogsError;
use crate::pattern::Pattern;
use crate::token::{EventPosition, Token};

/// Of an answer: AWS gives up to 1 MB or 10,000 events, whichever comes first.
const ANSWER_BYTES: usize = 1_048_576;
const ANSWER_EVENTS: usize = 10_000;
/// Rows that one call looks at: a filter that matches nothing answers an empty page and a token
/// instead of holding a reader for as long as a million rows take.
const SCAN: usize = 100_000;

/// What `GetLogEvents` asks.
#[derive(Debug, Default)]
pub struct GetQuery {
    /// Not before, inclusive.
    pub start: Option<Millis>,
    /// Before, exclusive.
    pub end: Option<Millis>,
    /// At most so many.
    pub limit: Option<usize>,
    /// From the beginning instead of the end; a token knows its own direction.
    pub from_head: bool,
    /// Where to go on.
    pub token: Option<String>,
}

/// What `FilterLogEvents` asks.
#[derive(Debug, Default)]
pub struct FilterQuery {
    /// Only these streams.
    pub streams: Vec<String>,
    /// Only streams whose names begin so.
    pub prefix: Option<String>,
    /// Not before, inclusive.
    pub start: Option<Millis>,
    /// Not after, inclusive.
    pub end: Option<Millis>,
    /// Which messages.
    pub pattern: String,
    /// At most so many.
    pub limit: Option<usize>,
    /// Where to go on.
    pub token: Option<String>,
    /// Latest first.
    pub descending: bool,
}

/// An event, as read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredEvent {
    /// Unique, and the same whenever the event is read.
    pub id: String,
    /// Name of its stream.
    pub stream: String,
    /// When it happened.
    pub at: Millis,
    /// When it arrived.
    pub ingested: Millis,
    /// What was said.
    pub message: String,
}

/// A page of a stream, oldest first.
#[derive(Debug)]
pub struct Read {
    /// The events.
    pub events: Vec<StoredEvent>,
    /// Reads on; the one that was passed, when nothing came.
    pub forward: String,
    /// Reads back.
    pub backward: String,
}

/// A page of a group's events, from several streams.
#[derive(Debug)]
pub struct GroupPage {
    /// The events.
    pub events: Vec<StoredEvent>,
    /// Goes on where the page ended; none when everything was looked at.
    pub next: Option<String>,
}

/// Which rows, in which direction.
pub(crate) struct Scan<'a> {
    pub(crate) column: &'static str,
    pub(crate) owner: i64,
    /// Strictly between these two.
    pub(crate) after: EventPosition,
    pub(crate) before: EventPosition,
    pub(crate) descending: bool,
    pub(crate) limit: usize,
    pub(crate) keep: &'a dyn Fn(i64, &str, &str) -> bool,
}

/// What a scan found, and where it stopped if rows may be left.
pub(crate) struct Scanned {
    pub(crate) events: Vec<(EventPosition, StoredEvent)>,
    pub(crate) stopped: Option<EventPosition>,
}

impl Logs {
    /// Reads a page of a stream. Blocks for as long as the store takes.
    ///
    /// # Errors
    /// When group or stream is missing, or the token is none.
    pub fn events(&self, region: &str, group: &str, stream: &str, query: &GetQuery) -> Result<Read, LogsError> {
        let id = self.inner.index.read().group(region, group)?.stream(stream)?.id;
        let token = query.token.as_deref().map(token).transpose()?;
        let descending = match token {
            Some(Token::Forward(_)) => false,
            Some(Token::Backward(_)) => true,
            None => !query.from_head,
        };
        let mut after = place_at(query.start.unwrap_or(0));
        let mut before = place_at(query.end.unwrap_or(Millis::MAX));
        match token {
            Some(Token::Forward(place)) => after = after.max(place),
            Some(Token::Backward(place)) => before = before.min(place),
            None => {}
        }
        let limit = limit(query.limit);
        let scan = Scan { column: "stream", owner: id, after, before, descending, limit, keep: &|_, _, _| true };
        let mut events = self.inner.store.query(|c| scan.run(c))?.events;
        if descending {
            events.reverse();
        }
        let (forward, backward) = match (events.first(), events.last(), token) {
            // A place before an event is the one after it and so on: the two directions meet.
            (Some((first, _)), Some((last, _)), _) => (*last, *first),
            (_, _, Some(Token::Forward(place))) => (place, EventPosition { id: place.id + 1, ..place }),
            (_, _, Some(Token::Backward(place))) => (EventPosition { id: (place.id - 1).max(0), ..place }, place),
            _ => (EventPosition::START, EventPosition::START),
        };
        Ok(Read {
            events: events.into_iter().map(|(_, event)| event).collect(),
            forward: Token::Forward(forward).to_string(),
            backward: Token::Backward(backward).to_string(),
        })
    }

    /// Reads a page of a group's streams together, by time. Blocks for as long as the store takes.
    ///
    /// # Errors
    /// When group or stream is missing, or pattern or token is not valid.
    pub fn filter(&self, region: &str, group: &str, query: &FilterQuery) -> Result<GroupPage, LogsError> {
        let pattern = Pattern::parse(&query.pattern)?;
        if !query.streams.is_empty() && query.prefix.is_some() {
            return Err(LogsError::invalid("logStreamNames and logStreamNamePrefix cannot both be given."));
        }
        let (group_id, streams) = {
            let index = self.inner.index.read();
            let group = index.group(region, group)?;
            let ids = query.streams.iter().map(|name| group.stream(name).map(|s| s.id));
            (group.id, ids.collect::<Result<HashSet<i64>, _>>()?)
        };
        let mut after = place_at(query.start.unwrap_or(0));
        let mut before = place_at(query.end.map_or(Millis::MAX, |end| end.saturating_add(1)));
        match query.token.as_deref().map(token).transpose()? {
            Some(Token::Forward(place)) => after = after.max(place),
            Some(Token::Backward(place)) => before = before.min(place),
            None => {}
        }
        let prefix = query.prefix.as_deref().unwrap_or_default();
        let keep = |stream: i64, name: &str, message: &str| {
            (streams.is_empty() || streams.contains(&stream)) && name.starts_with(prefix) && pattern.matches(message)
        };
        let (column, owner) = match (streams.len(), streams.iter().next()) {
            (1, Some(&stream)) => ("stream", stream),
            _ => ("group", group_id),
        };
        let (descending, limit) = (query.descending, limit(query.limit));
        let scan = Scan { column, owner, after, before, descending, limit, keep: &keep };
        let found = self.inner.store.query(|c| scan.run(c))?;
        let next = found.stopped.map(|place| {
            if descending { Token::Backward(place).to_string() } else { Token::Forward(place).to_string() }
        });
        Ok(GroupPage { events: found.events.into_iter().map(|(_, event)| event).collect(), next })
    }
}

impl Scan<'_> {
    pub(crate) fn run(&self, connection: &Connection) -> rusqlite::Result<Scanned> {
        // The index is named: with statistics missing, SQLite might rather sort.
        // Deleted streams have no name to join, so what is left of them is never seen.
        let (column, order) = (self.column, if self.descending { "DESC" } else { "ASC" });
        let sql = format!(
            "SELECT e.id, e.at, e.ingested, e.message, e.stream_id, s.name \
             FROM log_events AS e INDEXED BY log_events_of_{column} CROSS JOIN log_streams AS s ON s.id = e.stream_id \
             WHERE e.{column}_id = ?1 AND (e.at, e.id) > (?2, ?3) AND (e.at, e.id) < (?4, ?5) \
             ORDER BY e.at {order}, e.id {order}"
        );
        let mut statement = connection.prepare_cached(&sql)?;
        let (after, before) = (self.after, self.before);
        let mut rows = statement.query((self.owner, after.at, after.id, before.at, before.id))?;
        let mut found = Scanned { events: Vec::new(), stopped: None };
        let (mut seen, mut bytes, mut last) = (0, 0, None);
        while let Some(row) = rows.next()? {
            let message = row.get_ref(3)?.as_str()?;
            let full = found.events.len() == self.limit || bytes + message.len() > ANSWER_BYTES && bytes > 0;
            if full || seen == SCAN {
                found.stopped = last;
                break;
            }
            seen += 1;
            let place = EventPosition { at: row.get(1)?, id: row.get(0)? };
            last = Some(place);
            if (self.keep)(row.get(4)?, row.get_ref(5)?.as_str()?, message) {
                bytes += message.len();
                found.events.push((place, event(row, place)?));
            }
        }
        Ok(found)
    }
}

pub(crate) fn event(row: &Row<'_>, place: EventPosition) -> rusqlite::Result<StoredEvent> {
    Ok(StoredEvent {
        id: place.event_id(),
        stream: row.get(5)?,
        at: place.at,
        ingested: row.get(2)?,
        message: row.get(3)?,
    })
}

/// Returns the place before every event of that time.
pub(crate) fn place_at(at: Millis) -> EventPosition {
    EventPosition { at, id: 0 }
}

fn token(token: &str) -> Result<Token, LogsError> {
    Token::parse(token).ok_or_else(|| LogsError::invalid("The specified nextToken is invalid."))
}

/// The model keeps what is asked for between 1 and 10,000.
fn limit(limit: Option<usize>) -> usize {
    limit.unwrap_or(ANSWER_EVENTS).min(ANSWER_EVENTS)
}
