//! Which periods a question is about, and what was measured in each. Pure; instants are seconds.

use std::collections::BTreeMap;

use crate::point::Point;

/// A minute.
pub const MINUTE: i64 = 60;
const HOUR: i64 = 3600;
/// A day.
pub const DAY: i64 = 24 * HOUR;
/// How long single seconds are kept (API reference, GetMetricData).
pub const FINE_KEPT: i64 = 3 * HOUR;
/// How long minutes are kept.
pub const MINUTES_KEPT: i64 = 15 * DAY;
/// How long five minutes are kept; AWS goes on with hours, for 455 days.
pub const FIVE_MINUTES_KEPT: i64 = 63 * DAY;
/// The resolution of what is older than [`MINUTES_KEPT`].
pub const FIVE_MINUTES: i64 = 300;

/// Equal periods from a start to an end, the last of which may be cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grid {
    /// The first instant.
    pub start: i64,
    /// The first instant that is not meant any more.
    pub end: i64,
    /// The length of a period; above zero.
    pub period: i64,
}

impl Grid {
    /// Returns the periods that a question is about: "CloudWatch rounds the specified time stamp" of the start down to
    /// the minute, to five minutes or to the hour by its age, and for periods below a minute to their own divisions
    /// of it (API reference, GetMetricStatistics).
    pub fn asked(start: i64, end: i64, period: i64, now: i64) -> Self {
        let to = match now - start {
            _ if period < MINUTE => period,
            age if age < MINUTES_KEPT => MINUTE,
            age if age < FIVE_MINUTES_KEPT => FIVE_MINUTES,
            _ => HOUR,
        };
        Self { start: start.div_euclid(to) * to, end, period }
    }

    /// Returns how many periods there are.
    pub fn len(&self) -> usize {
        let length = (self.end - self.start).max(0).unsigned_abs();
        usize::try_from(length.div_ceil(self.period.unsigned_abs())).unwrap_or(usize::MAX)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the start of each period.
    pub fn starts(self) -> impl DoubleEndedIterator<Item = i64> {
        (0..self.len() as i64).map(move |number| self.start + number * self.period)
    }

    /// Returns the start of the period that an instant is in.
    pub fn of(&self, at: i64) -> Option<i64> {
        let start = self.start + (at - self.start).div_euclid(self.period) * self.period;
        (at >= self.start && at < self.end).then_some(start)
    }
}

/// Returns what was measured in each period, where anything was.
pub fn joined(grid: Grid, points: impl IntoIterator<Item = (i64, Point)>) -> BTreeMap<i64, Point> {
    let mut periods: BTreeMap<i64, Point> = BTreeMap::new();
    for (at, point) in points {
        let Some(start) = grid.of(at) else { continue };
        match periods.get_mut(&start) {
            Some(so_far) => so_far.join(&point),
            None => drop(periods.insert(start, point)),
        }
    }
    periods
}

/// Whether a length is one that questions may have: 1, 5, 10, 20, 30 or a multiple of 60 seconds.
pub fn is_period(seconds: i64) -> bool {
    matches!(seconds, 1 | 5 | 10 | 20 | 30) || (seconds > 0 && seconds % MINUTE == 0)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::point::Statistic;

    #[test]
    fn starts_are_rounded_by_age_and_by_period() {
        let now = 100 * DAY;
        let check = |start: i64, period, expected| assert_eq!(Grid::asked(start, now, period, now).start, expected);
        check(now - 3600 + 34, 60, now - 3600); // 12:32:34 to 12:32:00
        check(now - 16 * DAY + 154, 300, now - 16 * DAY);
        check(now - 64 * DAY + 1954, 3600, now - 64 * DAY);
        check(now - 37, 10, now - 40); // 01:05:23 to 01:05:20
        check(now - 43, 5, now - 45);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_when_periods_are_joined(
            values in prop::collection::btree_map(0_i64..7200, -1e6..1e6_f64, 1..200),
            period in prop::sample::select(vec![1_i64, 10, 60, 300, 420, 3600]),
        ) {
            let grid = Grid { start: 0, end: 7200, period };
            let fine = joined(grid, values.iter().map(|(at, value)| (*at, Point::of(*value))));
            let total = |points: &BTreeMap<i64, Point>, statistic| -> f64 {
                points.values().map(|point| point.statistic(statistic).unwrap()).sum()
            };
            prop_assert_eq!(total(&fine, Statistic::SampleCount), values.len() as f64);
            let sum: f64 = values.values().sum();
            prop_assert!((total(&fine, Statistic::Sum) - sum).abs() < 1e-6);
            // Joining what is joined is the same as joining all at once.
            let wide = Grid { start: 0, end: 7200, period: 7200 };
            let twice = joined(wide, fine);
            let once = joined(wide, values.iter().map(|(at, value)| (*at, Point::of(*value))));
            prop_assert_eq!((twice[&0].min, twice[&0].max, twice[&0].count), (once[&0].min, once[&0].max, once[&0].count));
        }

        #[test]
        fn every_instant_of_a_grid_is_in_the_period_that_begins_before_it(
            start in -10_000_i64..10_000, length in 0_i64..5000, period in 1_i64..400, at in -12_000_i64..16_000,
        ) {
            let grid = Grid { start, end: start + length, period };
            let found = grid.starts().find(|first| (*first..first + period).contains(&at));
            prop_assert_eq!(grid.of(at), found.filter(|_| at < grid.end));
        }
    }
}
