//! When to try again what failed: soon at first, seldom in the end, never in a hurry.

use std::collections::HashMap;
use std::hash::Hash;

use aws_model::Millis;

const FIRST: Millis = 1_000;
const LONGEST: Millis = 60_000;

/// How often something failed in a row, and when it may be tried again.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Backoff {
    failures: u32,
    at: Millis,
}

impl Backoff {
    /// Notes a failure; returns when to try again.
    pub(crate) fn failed(&mut self, now: Millis) -> Millis {
        let wait = FIRST.saturating_mul(1 << self.failures.min(16)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        self.at = now + wait;
        self.at
    }

    /// Returns how often it failed in a row.
    pub(crate) fn failures(&self) -> u32 {
        self.failures
    }

    /// Returns when it may be tried again.
    pub(crate) fn until(&self) -> Millis {
        self.at
    }

    /// Whether it may be tried now.
    pub(crate) fn is_due(&self, now: Millis) -> bool {
        now >= self.at
    }
}

/// What keeps failing, by key.
#[derive(Debug)]
pub(crate) struct Backoffs<K> {
    by_key: HashMap<K, Backoff>,
}

impl<K> Default for Backoffs<K> {
    fn default() -> Self {
        Self { by_key: HashMap::new() }
    }
}

impl<K: Eq + Hash + Clone> Backoffs<K> {
    /// Notes a failure; returns how often it failed in a row, this time included, and when to try again.
    pub(crate) fn failed(&mut self, key: &K, now: Millis) -> (u32, Millis) {
        let backoff = self.by_key.entry(key.clone()).or_default();
        let at = backoff.failed(now);
        (backoff.failures(), at)
    }

    /// Whether the key may be tried now.
    pub(crate) fn is_due(&self, key: &K, now: Millis) -> bool {
        self.by_key.get(key).is_none_or(|backoff| backoff.is_due(now))
    }

    /// Notes that it went well.
    pub(crate) fn well(&mut self, key: &K) {
        self.by_key.remove(key);
    }

    /// Forgets the keys that `keep` refuses.
    pub(crate) fn retain(&mut self, keep: impl Fn(&K) -> bool) {
        self.by_key.retain(|key, _| keep(key));
    }

    /// Forgets the keys that were due: it went well with them.
    pub(crate) fn retain_waiting(&mut self, now: Millis) {
        self.by_key.retain(|_, backoff| !backoff.is_due(now));
    }

    /// Whether nothing fails.
    pub(crate) fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_twice_as_long_each_time_up_to_a_minute() {
        let mut backoff = Backoff::default();
        let mut now = 0;
        let mut waits = Vec::new();
        for _ in 0..9 {
            let at = backoff.failed(now);
            assert!(!backoff.is_due(at - 1) && backoff.is_due(at));
            waits.push(at - now);
            now = at;
        }
        assert_eq!(waits, [1000, 2000, 4000, 8000, 16000, 32000, 60000, 60000, 60000]);
    }

    #[test]
    fn what_went_well_begins_anew() {
        let mut all = Backoffs::default();
        all.failed(&"a", 0);
        assert!(!all.is_due(&"a", 0) && all.is_due(&"b", 0));
        all.well(&"a");
        assert_eq!(all.failed(&"a", 0), (1, 1000));
    }
}
