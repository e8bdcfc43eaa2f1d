//! How it went with a rule or a schedule: what AWS tells in metrics, if anywhere.

use aws_model::Millis;
use serde::{Deserialize, Serialize};

/// What became of a rule's or a schedule's firings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Story {
    /// How often it fired.
    pub fired: u64,
    /// When it fired last.
    pub fired_at: Option<Millis>,
    /// How many firings were missed, because the platform was not running at their time.
    pub missed: u64,
    /// When the last one that was missed should have been.
    pub missed_at: Option<Millis>,
    /// The last thing that went wrong; it stays when a later firing goes well.
    pub failure: Option<Failure>,
}

/// What went wrong, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    /// When.
    pub at: Millis,
    /// Which target, by its ARN.
    pub target: String,
    /// `CODE: message`, as the target refused.
    pub error: String,
    /// Whether it will be tried again.
    pub again: bool,
}

impl Story {
    /// Notes a firing.
    pub(crate) fn fire(&mut self, now: Millis) {
        self.fired += 1;
        self.fired_at = Some(now);
    }

    /// Notes that firings were missed, the last of them at `last`.
    pub(crate) fn miss(&mut self, count: u64, last: Millis) {
        self.missed += count;
        self.missed_at = Some(last);
    }
}
