//! Whether a composite alarm may act while another alarm says that it should not (user guide, "Composite alarm action
//! suppression").

use aws_model::Millis;
use serde::{Deserialize, Serialize};

/// What holds the actions of a change back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Held {
    /// The suppressor may yet become ALARM.
    WaitPeriod {
        /// Until then.
        until: Millis,
    },
    /// The suppressor is ALARM.
    Alarm,
    /// The suppressor has left ALARM, and this alarm may yet follow it.
    ExtensionPeriod {
        /// Until then.
        until: Millis,
    },
}

impl Held {
    /// Returns the API's word.
    pub fn word(self) -> &'static str {
        match self {
            Self::WaitPeriod { .. } => "WaitPeriod",
            Self::Alarm => "Alarm",
            Self::ExtensionPeriod { .. } => "ExtensionPeriod",
        }
    }

    /// Returns when it ends by itself.
    pub fn until(self) -> Option<Millis> {
        match self {
            Self::WaitPeriod { until } | Self::ExtensionPeriod { until } => Some(until),
            Self::Alarm => None,
        }
    }
}

/// The suppressor of an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Suppressor {
    /// Whether it is ALARM.
    pub is_alarm: bool,
    /// Milliseconds that are waited for it to become so.
    pub wait: Millis,
    /// Milliseconds that are waited after it was.
    pub extension: Millis,
}

/// Returns what holds the actions back now, and whether they are to be done now.
///
/// A change discards what was waited for and begins a wait of its own. Actions are those of the state at the time at
/// which they are done; nothing is done where nothing has changed.
pub fn next(held: Option<Held>, has_changed: bool, by: Suppressor, now: Millis) -> (Option<Held>, bool) {
    let wait = |length: Millis, until: fn(Millis) -> Held| match length {
        0 => (None, true),
        length => (Some(until(now + length)), false),
    };
    match held {
        _ if has_changed && by.is_alarm => (Some(Held::Alarm), false),
        _ if has_changed => wait(by.wait, |until| Held::WaitPeriod { until }),
        None => (None, false),
        Some(_) if by.is_alarm => (Some(Held::Alarm), false),
        Some(Held::Alarm) => wait(by.extension, |until| Held::ExtensionPeriod { until }),
        Some(Held::WaitPeriod { until } | Held::ExtensionPeriod { until }) if now >= until => (None, true),
        Some(held) => (Some(held), false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Plays what happens at each instant (`+` the alarm changes, `S` the suppressor becomes ALARM, `s` it leaves it)
    /// and returns the instants at which actions are done. Wait is two units, extension three, as in the user guide.
    fn acts(story: &str) -> Vec<usize> {
        let (mut held, mut is_alarm, mut acted) = (None, false, Vec::new());
        for (at, events) in story.split(' ').enumerate() {
            is_alarm = if events.contains('S') { true } else { is_alarm && !events.contains('s') };
            let by = Suppressor { is_alarm, wait: 2, extension: 3 };
            let (next_held, acts) = next(held, events.contains('+'), by, at as Millis);
            held = next_held;
            if acts {
                acted.push(at);
            }
        }
        acted
    }

    #[test]
    fn the_six_examples_of_the_user_guide() {
        assert_eq!(acts("- - + - - -"), [4], "1: after the wait");
        assert_eq!(acts("- - + S - - - - -"), [0_usize; 0], "2: suppressed before the wait is over");
        assert_eq!(acts("- - + + - - -"), [5], "3: a change begins a wait of its own");
        assert_eq!(acts("S - + - - - - -"), [0_usize; 0], "4: suppressed from the start");
        assert_eq!(acts("- - + S - - s - - - -"), [9], "5: after the extension");
        assert_eq!(acts("- - + S - - s + - - -"), [9], "6: a change discards the extension");
    }
}
