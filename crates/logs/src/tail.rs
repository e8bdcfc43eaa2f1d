//! What arrives: read again and again from where the last reading ended.

use std::collections::BTreeMap;

use crate::Logs;
use crate::error::LogsError;
use crate::pattern::Pattern;
use crate::read::{StoredEvent, event};
use crate::token::EventPosition;

/// Of one reading (API reference: "up to 500 log events per second").
const EVENTS: usize = 500;
/// Rows of all groups that one reading looks at; what is beyond is skipped, and said to be.
const ROWS: i64 = 50_000;

/// What is followed, and how far it was read.
pub(crate) struct Tail {
    /// `ACCOUNT:GROUP` of each group, by its row.
    groups: BTreeMap<i64, String>,
    names: Vec<String>,
    prefixes: Vec<String>,
    pattern: Pattern,
    last: i64,
}

/// What came.
pub(crate) struct Arrived {
    /// Groups and events, as they came.
    pub(crate) events: Vec<(String, StoredEvent)>,
    /// Whether there were more.
    pub(crate) sampled: bool,
}

impl Logs {
    /// Begins to follow groups that are given by their ARNs, from now on. Blocks for as long as the store takes.
    ///
    /// # Errors
    /// When a group is not there, or what is asked for does not go together.
    pub(crate) fn tail(
        &self,
        region: &str,
        identifiers: &[String],
        (names, prefixes): (Vec<String>, Vec<String>),
        pattern: &str,
    ) -> Result<Tail, LogsError> {
        if identifiers.iter().any(|identifier| !identifier.starts_with("arn:")) {
            return Err(LogsError::invalid("logGroupIdentifiers must be the ARNs of log groups."));
        }
        let streams = !names.is_empty() || !prefixes.is_empty();
        if streams && identifiers.len() > 1 || !names.is_empty() && !prefixes.is_empty() {
            return Err(LogsError::invalid(
                "logStreamNames or logStreamNamePrefixes can be given for a single log group, and not both.",
            ));
        }
        let pattern = Pattern::parse(pattern)?;
        let keys = identifiers.iter().map(|identifier| self.resolve(region, identifier));
        let keys = keys.collect::<Result<Vec<_>, _>>()?;
        let groups = {
            let index = self.inner.index.read();
            let group = |(region, name): &(String, String)| {
                Ok((index.group(region, name)?.id, format!("{}:{name}", self.inner.account)))
            };
            keys.iter().map(group).collect::<Result<BTreeMap<_, _>, LogsError>>()?
        };
        let last = self
            .inner
            .store
            .query(|c| c.query_row("SELECT coalesce(max(id), 0) FROM log_events", [], |row| row.get(0)))?;
        Ok(Tail { groups, names, prefixes, pattern, last })
    }

    /// Returns what came since the last reading.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub(crate) fn arrived(&self, tail: &mut Tail) -> Result<Arrived, LogsError> {
        let mut arrived = Arrived { events: Vec::new(), sampled: false };
        let mut last = tail.last;
        self.inner.store.query(|c| {
            let sql = "SELECT e.id, e.at, e.ingested, e.message, e.stream_id, s.name, e.group_id FROM log_events AS e \
                       CROSS JOIN log_streams AS s ON s.id = e.stream_id WHERE e.id > ?1 ORDER BY e.id LIMIT ?2";
            // Rows at the end may have been deleted, and their numbers be given again.
            last = last.min(c.query_row("SELECT coalesce(max(id), 0) FROM log_events", [], |row| row.get(0))?);
            let mut statement = c.prepare_cached(sql)?;
            let mut rows = statement.query((last, ROWS + 1))?;
            let mut seen = 0;
            while let Some(row) = rows.next()? {
                if seen == ROWS {
                    arrived.sampled = true;
                    last = c.query_row("SELECT max(id) FROM log_events", [], |row| row.get(0))?;
                    break;
                }
                seen += 1;
                last = row.get(0)?;
                let Some(log) = tail.groups.get(&row.get(6)?) else { continue };
                if !tail.is_followed(row.get_ref(5)?.as_str()?) || !tail.pattern.matches(row.get_ref(3)?.as_str()?) {
                    continue;
                }
                if arrived.events.len() == EVENTS {
                    arrived.sampled = true;
                    continue;
                }
                arrived.events.push((log.clone(), event(row, EventPosition { at: row.get(1)?, id: last })?));
            }
            Ok(())
        })?;
        tail.last = last;
        Ok(arrived)
    }
}

impl Tail {
    fn is_followed(&self, stream: &str) -> bool {
        let all = self.names.is_empty() && self.prefixes.is_empty();
        all || self.names.iter().any(|name| name == stream)
            || self.prefixes.iter().any(|prefix| stream.starts_with(prefix))
    }
}
