//! Whether a failed attempt is tried again, and after how long. Decides only.
//!
//! The wait is AWS's "full jitter": anything from nothing to a ceiling that doubles, so
//! that many clients which failed together do not come back together.

use std::time::Duration;

/// What an attempt came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The service asked us to slow down; it did nothing.
    Throttled,
    /// The service failed (5xx); it may have done something.
    ServerFault,
    /// The connection was never made; nothing was sent.
    NotConnected,
    /// The connection broke or the answer did not come in time; it may have done something.
    Broken,
    /// The service refused, for good.
    Refused,
}

/// Everything the decision looks at.
#[derive(Debug, Clone, Copy)]
pub struct Attempt {
    /// Attempts made so far, at least 1.
    pub made: u32,
    /// What the last one came to.
    pub outcome: AttemptOutcome,
    /// Whether doing it twice is the same as doing it once.
    pub idempotent: bool,
    /// Whether the endpoint is on this machine.
    pub loopback: bool,
    /// A uniformly random number, for the jitter.
    pub random: u32,
}

/// Attempts in all, as the official clients' standard mode.
pub const MAX_ATTEMPTS: u32 = 4;
const FIRST_CEILING: Duration = Duration::from_millis(100);
const CEILING: Duration = Duration::from_secs(5);

/// Returns how long to wait before the next attempt; none means give up.
///
/// A call that may have taken effect is repeated only if it is idempotent. On this machine
/// a refused connection means that nothing listens: waiting does not help.
pub fn next_wait(attempt: &Attempt) -> Option<Duration> {
    if attempt.made >= MAX_ATTEMPTS {
        return None;
    }
    let again = match attempt.outcome {
        AttemptOutcome::Throttled => true,
        AttemptOutcome::NotConnected => !attempt.loopback,
        AttemptOutcome::ServerFault | AttemptOutcome::Broken => attempt.idempotent,
        AttemptOutcome::Refused => false,
    };
    let ceiling = FIRST_CEILING.saturating_mul(1 << attempt.made.min(16).saturating_sub(1)).min(CEILING);
    again.then(|| ceiling.mul_f64(f64::from(attempt.random) / f64::from(u32::MAX)))
}

/// Returns whether doing an operation twice is the same as doing it once.
///
/// Reads and deletions are; a write is when its caller gave it a token by which the
/// service recognises the repeat.
pub fn is_idempotent(operation: &str, input: &aws_model::Document) -> bool {
    const PREFIXES: [&str; 6] = ["Describe", "List", "Get", "BatchGet", "Filter", "Delete"];
    PREFIXES.iter().any(|prefix| operation.starts_with(prefix))
        || input.contains_key("clientToken")
        || input.contains_key("ClientRequestToken")
}

/// Returns whether an error code asks the caller to slow down.
pub fn is_throttling(code: &str) -> bool {
    // botocore's standard retry mode, retries/standard.py (ThrottledRetryableChecker).
    const CODES: [&str; 11] = [
        "Throttling",
        "ThrottlingException",
        "ThrottledException",
        "RequestThrottledException",
        "RequestThrottled",
        "TooManyRequestsException",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "BandwidthLimitExceeded",
        "LimitExceededException",
        "SlowDown",
    ];
    CODES.contains(&code)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retries(outcome: AttemptOutcome, idempotent: bool, loopback: bool) -> bool {
        next_wait(&Attempt { made: 1, outcome, idempotent, loopback, random: 7 }).is_some()
    }

    #[test]
    fn what_did_nothing_is_repeated_and_what_may_have_is_not() {
        assert!(retries(AttemptOutcome::Throttled, false, true));
        assert!(retries(AttemptOutcome::NotConnected, false, false));
        assert!(!retries(AttemptOutcome::NotConnected, true, true), "nothing listens here; waiting does not help");
        for outcome in [AttemptOutcome::ServerFault, AttemptOutcome::Broken] {
            assert!(retries(outcome, true, false));
            assert!(!retries(outcome, false, false));
        }
        assert!(!retries(AttemptOutcome::Refused, true, false));
    }

    #[test]
    fn the_ceiling_doubles_and_attempts_end() {
        let wait = |made, random| {
            next_wait(&Attempt { made, outcome: AttemptOutcome::Throttled, idempotent: false, loopback: false, random })
        };
        assert_eq!(wait(1, u32::MAX), Some(Duration::from_millis(100)));
        assert_eq!(wait(3, u32::MAX), Some(Duration::from_millis(400)));
        assert_eq!(wait(3, 0), Some(Duration::ZERO));
        assert_eq!(wait(MAX_ATTEMPTS, 0), None);
    }

    #[test]
    fn a_write_with_a_token_may_be_repeated() {
        let mut input = aws_model::Document::new();
        assert!(is_idempotent("DescribeServices", &input));
        assert!(!is_idempotent("CreateService", &input));
        input.insert("clientToken".into(), "x".into());
        assert!(is_idempotent("CreateService", &input));
    }
}
