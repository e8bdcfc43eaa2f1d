//! `cargo xtask bench`: managr beside what a user would otherwise run, in one run on one machine.
//! Ratios count, not absolute times.

pub(crate) mod api;
pub(crate) mod cli;
pub(crate) mod forward;
pub(crate) mod start;
pub(crate) mod wrk;

use std::time::Duration;

/// Lowest and middle of some durations.
pub(crate) struct Spread {
    pub(crate) min: Duration,
    pub(crate) median: Duration,
}

impl Spread {
    /// Returns `None` when there are no samples.
    pub(crate) fn of(mut samples: Vec<Duration>) -> Option<Self> {
        samples.sort();
        Some(Self { min: *samples.first()?, median: *samples.get(samples.len() / 2)? })
    }
}

pub(crate) fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}
