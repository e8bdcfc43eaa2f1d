//! The time: the system's, Tokio's, which tests can pause, or one that is moved on by hand.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_model::Millis;
use parking_lot::Mutex;
use tokio::time::Instant;

/// Tells the time and waits for it.
#[derive(Debug, Clone)]
pub enum Clock {
    /// The system's clock.
    System,
    /// Tokio's clock, counted from a given time: with time paused, tests do not wait.
    Counted {
        /// The time at `from`.
        base: Millis,
        /// When counting began.
        from: Instant,
    },
    /// The system's clock, put forward: where nothing really runs, so that a test need not wait for midnight.
    Moved(Arc<Mutex<Hand>>),
}

/// Where a clock is that is moved by hand.
#[derive(Debug, Default)]
pub struct Hand {
    /// How far it is put forward.
    ahead: Millis,
    /// Where it stands still, while it is being moved.
    held: Option<Millis>,
}

impl Clock {
    /// Returns a clock that counts Tokio's time from `base`.
    pub fn counted(base: Millis) -> Self {
        Self::Counted { base, from: Instant::now() }
    }

    /// Returns a clock that can be moved on; it begins with the system's time.
    pub fn moved() -> Self {
        Self::Moved(Arc::default())
    }

    /// Whether it can be moved on.
    pub fn can_be_moved(&self) -> bool {
        matches!(self, Self::Moved(_))
    }

    /// Returns the time.
    pub fn now(&self) -> Millis {
        match self {
            Self::System => system(),
            Self::Counted { base, from } => base + Millis::try_from(from.elapsed().as_millis()).unwrap_or(0),
            Self::Moved(hand) => {
                let hand = hand.lock();
                hand.held.unwrap_or_else(|| system() + hand.ahead)
            }
        }
    }

    /// Makes it stand still at a time, or where it is if that time has passed. Only one that can be moved does.
    pub(crate) fn hold(&self, at: Millis) {
        if let Self::Moved(hand) = self {
            let mut hand = hand.lock();
            let now = hand.held.unwrap_or_else(|| system() + hand.ahead);
            hand.held = Some(at.max(now));
        }
    }

    /// Lets it go on from where it stands.
    pub(crate) fn release(&self) {
        if let Self::Moved(hand) = self {
            let mut hand = hand.lock();
            if let Some(held) = hand.held.take() {
                hand.ahead = held - system();
            }
        }
    }

    /// Puts it back to the system's time: what was ahead is forgotten.
    pub(crate) fn put_back(&self) {
        if let Self::Moved(hand) = self {
            *hand.lock() = Hand::default();
        }
    }

    /// Waits until `at`; forever where there is no such time.
    pub async fn sleep_until(&self, at: Option<Millis>) {
        match at {
            None => std::future::pending().await,
            Some(at) => {
                let wait = u64::try_from(at - self.now()).unwrap_or(0);
                tokio::time::sleep(Duration::from_millis(wait)).await;
            }
        }
    }
}

fn system() -> Millis {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |d| Millis::try_from(d.as_millis()).unwrap_or(Millis::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_moved_goes_on_from_there_and_never_back() {
        let clock = Clock::moved();
        let start = clock.now();
        clock.hold(start + 3_600_000);
        assert_eq!(clock.now(), start + 3_600_000);
        clock.hold(start);
        assert_eq!(clock.now(), start + 3_600_000);
        clock.release();
        assert!((start + 3_600_000..start + 3_700_000).contains(&clock.now()));
        clock.put_back();
        assert!(clock.now() < start + 3_600_000);
    }
}
