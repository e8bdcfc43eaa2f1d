//! Whose decision is due: now, or at a time.

use std::collections::{BTreeMap, BTreeSet};

use aws_model::Millis;
use platform_core::world::Key;

/// Timers, one for each key at most.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    by_time: BTreeSet<(Millis, Key)>,
    by_key: BTreeMap<Key, Millis>,
}

impl Timers {
    /// Sets, moves or removes a key's timer.
    pub(crate) fn set(&mut self, key: &Key, at: Option<Millis>) {
        if let Some(old) = self.by_key.remove(key) {
            self.by_time.remove(&(old, key.clone()));
        }
        if let Some(at) = at {
            self.by_key.insert(key.clone(), at);
            self.by_time.insert((at, key.clone()));
        }
    }

    /// Takes the keys whose time has come.
    pub(crate) fn take_due(&mut self, now: Millis) -> BTreeSet<Key> {
        let mut due = BTreeSet::new();
        while let Some((at, key)) = self.by_time.first().cloned() {
            if at > now {
                break;
            }
            self.set(&key, None);
            due.insert(key);
        }
        due
    }

    /// Returns the next time.
    pub(crate) fn next(&self) -> Option<Millis> {
        self.by_time.first().map(|(at, _)| *at)
    }

    pub(crate) fn clear(&mut self) {
        self.by_time.clear();
        self.by_key.clear();
    }
}
