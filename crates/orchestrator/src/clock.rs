//! The time: the system's, or Tokio's, which tests can pause.

use std::time::{Duration, SystemTime};

use aws_model::Millis;
use tokio::time::Instant;

/// Tells the time and waits for it.
#[derive(Debug, Clone, Copy)]
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
}

impl Clock {
    /// Returns a clock that counts Tokio's time from `base`.
    pub fn counted(base: Millis) -> Self {
        Self::Counted { base, from: Instant::now() }
    }

    /// Returns the time.
    pub fn now(&self) -> Millis {
        match self {
            Self::System => SystemTime::now()
                .duration_since(SystemTime::UNIX_EPOCH)
                .map_or(0, |d| Millis::try_from(d.as_millis()).unwrap_or(Millis::MAX)),
            Self::Counted { base, from } => base + Millis::try_from(from.elapsed().as_millis()).unwrap_or(0),
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
