//! Events of several groups, the newest first, a page at a time.

use aws_model::Millis;
use store::{Store, StoreError};

use crate::insights::Event;
use crate::read::{Scan, place_at};
use crate::token::EventPosition;

/// Rows of a group that are read at once: no reader is held for longer.
const PAGE: usize = 2_000;

/// What is left of one group.
#[derive(Debug)]
pub(crate) struct Source {
    group: i64,
    log: String,
    after: EventPosition,
    before: EventPosition,
    /// Read and not given away yet; the newest is the last.
    page: Vec<(EventPosition, Event)>,
    is_read: bool,
}

pub(crate) struct Newest {
    sources: Vec<Source>,
}

impl Source {
    /// Both times are inclusive.
    pub(crate) fn new(group: i64, log: String, start: Millis, end: Millis) -> Self {
        let (after, before) = (place_at(start), place_at(end.saturating_add(1)));
        Self { group, log, after, before, page: Vec::new(), is_read: false }
    }

    fn fill(&mut self, store: &Store) -> Result<(), StoreError> {
        while self.page.is_empty() && !self.is_read {
            let scan = Scan {
                column: "group",
                owner: self.group,
                after: self.after,
                before: self.before,
                descending: true,
                limit: PAGE,
                keep: &|_, _, _| true,
            };
            let found = store.query(|c| scan.run(c))?;
            match found.stopped {
                Some(place) => self.before = place,
                None => self.is_read = true,
            }
            let (log, group) = (&self.log, self.group);
            let event = |(place, event): (EventPosition, crate::StoredEvent)| {
                let pointer = format!("{group}.{}", event.id);
                let crate::StoredEvent { stream, at, ingested, message, .. } = event;
                (place, Event { at, ingested, stream, log: log.clone(), message, pointer })
            };
            self.page = found.events.into_iter().rev().map(event).collect();
        }
        Ok(())
    }
}

impl Newest {
    pub(crate) fn new(sources: Vec<Source>) -> Self {
        Self { sources }
    }

    /// Returns the next events; none when there are no more.
    pub(crate) fn next(&mut self, store: &Store) -> Result<Vec<Event>, StoreError> {
        let mut events = Vec::new();
        loop {
            for source in &mut self.sources {
                // A group whose page is empty may have the newest of all, so it is read before any is given.
                if source.page.is_empty() && !source.is_read {
                    if !events.is_empty() {
                        return Ok(events);
                    }
                    source.fill(store)?;
                }
            }
            let newest = self.sources.iter_mut().filter(|source| !source.page.is_empty());
            let newest = newest.max_by_key(|source| source.page.last().map(|(place, _)| *place));
            match newest.and_then(|source| source.page.pop()) {
                Some((_, event)) => events.push(event),
                None => return Ok(events),
            }
        }
    }
}
