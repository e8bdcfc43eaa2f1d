//! The only place of this crate that reads a clock or the random source; the pure parts get both as arguments.

#![allow(clippy::disallowed_methods)]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::time::Instant;

/// Time since the start of one end, and the date for frames.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    /// Returns the time since the start.
    pub(crate) fn now(&self) -> Duration {
        self.0.elapsed()
    }

    /// Returns the instant at a time since the start.
    pub(crate) fn at(&self, time: Duration) -> Instant {
        self.0 + time
    }
}

/// Returns milliseconds since the epoch.
pub(crate) fn date() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

/// Returns a random (version 4) UUID's bytes.
pub(crate) fn uuid() -> [u8; 16] {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the kernel's random source answers once the system is up");
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    bytes
}

/// Returns 32 random bytes as text, which cannot be guessed.
pub(crate) fn token() -> String {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the kernel's random source answers once the system is up");
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
