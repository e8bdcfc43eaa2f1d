//! Which state the points of the last periods make (user guide, "Configuring how CloudWatch alarms treat missing data").

use super::{Comparison, Missing, State};

/// How many periods beyond those that count are looked at, for the sake of those that are missing. The user guide's
/// tables look at five for three; for other counts and periods it gives no numbers.
pub const BEYOND: usize = 2;

/// By what an alarm is judged.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// How many periods count (N).
    pub periods: usize,
    /// How many of them must breach (M).
    pub to_alarm: usize,
    /// What is compared.
    pub comparison: Comparison,
    /// With what.
    pub threshold: f64,
    /// What missing periods are taken for.
    pub missing: Missing,
}

/// A verdict, and what it is made of.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// The state; none if the alarm stays as it is.
    pub state: Option<State>,
    /// Which points were looked at, the newest first: how many periods ago, and the value.
    pub evaluated: Vec<(usize, f64)>,
    /// How many missing periods had to be filled in.
    pub filled: usize,
}

impl Scale {
    /// Returns how many periods are looked at: the evaluation range.
    pub fn range(&self) -> usize {
        self.periods + BEYOND
    }

    /// Returns what the points of the evaluation range make, the oldest first.
    pub fn judge(&self, points: &[Option<f64>]) -> Verdict {
        let newest_first = points.iter().rev().enumerate().filter_map(|(ago, value)| Some((ago, (*value)?)));
        // The newest that are there count, those from farther back included; "the setting is not needed" then.
        let evaluated: Vec<(usize, f64)> = newest_first.take(self.periods).collect();
        let breaching = evaluated.iter().filter(|(_, value)| self.is_breached(*value)).count();
        let filled = self.periods - evaluated.len().min(self.periods);
        let state_of = |is_alarm: bool| Some(if is_alarm { State::Alarm } else { State::Ok });
        let state = match self.missing {
            _ if filled == 0 => state_of(breaching >= self.to_alarm),
            Missing::Breaching => state_of(breaching + filled >= self.to_alarm),
            Missing::NotBreaching => state_of(breaching >= self.to_alarm),
            Missing::Missing | Missing::Ignore if breaching >= self.to_alarm => Some(State::Alarm),
            // The guide's text would have `0 - X - -` of 2 out of 3 in ALARM, its table has it OK, and so has the
            // service (amazon-cloudwatch-user-guide #129).
            Missing::Missing | Missing::Ignore if breaching < evaluated.len() => Some(State::Ok),
            Missing::Ignore => None,
            Missing::Missing => self.of_breaching_and_missing(&evaluated),
        };
        Verdict { state, evaluated, filled }
    }

    /// Nothing but breaching points, and too few of them: an alarm when the oldest of them is as old as the points that
    /// it takes, since then no point that is yet to come can change what it would have been; else it is too early.
    fn of_breaching_and_missing(&self, evaluated: &[(usize, f64)]) -> Option<State> {
        let oldest = evaluated.last().map_or(0, |(ago, _)| ago + 1);
        Some(if oldest >= self.to_alarm && oldest > 0 { State::Alarm } else { State::InsufficientData })
    }

    fn is_breached(&self, value: f64) -> bool {
        self.comparison.is_breached(value, self.threshold)
    }
}

/// Whether a percentile says too little: "fewer than 10/(1-percentile) data points during the evaluation period", and
/// fewer than 10/percentile below the median.
pub fn has_few_samples(percentile: f64, samples: f64) -> bool {
    let needed = if percentile >= 0.5 { 10.0 / (1.0 - percentile) } else { 10.0 / percentile };
    needed.is_finite() && samples + 1e-9 < needed
}
