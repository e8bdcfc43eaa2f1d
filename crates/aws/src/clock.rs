//! What time the other side thinks it is: every HTTP answer says so in its `Date` header.
//!
//! Times that a service wrote down are compared with the service's clock, so that a laptop whose clock is off takes no
//! lock away.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use http::HeaderMap;

/// How far the service's clock is ahead of ours, in milliseconds; learned from answers.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    ahead: AtomicI64,
}

impl Clock {
    /// Learns from an answer's headers. The header has whole seconds.
    pub(crate) fn learn(&self, headers: &HeaderMap) {
        let date = headers.get(http::header::DATE).and_then(|value| value.to_str().ok());
        let Some(theirs) = date.and_then(|date| jiff::fmt::rfc2822::parse(date).ok()) else { return };
        let ahead = theirs.timestamp().as_millisecond() - ours();
        // Less than what the header leaves out is no difference.
        self.ahead.store(if ahead.abs() <= 1_500 { 0 } else { ahead }, Ordering::Relaxed);
    }

    /// Returns the service's time in milliseconds since the epoch, to about a second.
    pub(crate) fn now(&self) -> i64 {
        ours() + self.ahead.load(Ordering::Relaxed)
    }
}

fn ours() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_off_is_noticed_and_one_that_is_not_is_left_alone() {
        let clock = Clock::default();
        let tell = |seconds: i64| {
            let stamp = jiff::Timestamp::from_second(ours() / 1000 + seconds).unwrap();
            let date = stamp.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
            clock.learn(&HeaderMap::from_iter([(http::header::DATE, date.parse().unwrap())]));
            (clock.now() - ours()) / 1000
        };
        assert_eq!(tell(0), 0);
        assert!((3598..=3600).contains(&tell(3600)));
        assert_eq!(tell(1), 0);
    }
}
