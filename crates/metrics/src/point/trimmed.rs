//! What is between two borders of a distribution.
//!
//! A percentile is the value of its rank, counted from the lowest: of ten values p90 is the ninth, "the maximum value of
//! the remaining" ones, and tm90 is the mean of those nine (user guide, "Percentiles versus trimmed mean").

use super::Bound;

/// What of the values is between.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Trimmed {
    pub(super) count: f64,
    pub(super) sum: f64,
}

impl Trimmed {
    pub(super) fn of(values: &[(f64, f64)], low: Bound, high: Bound) -> Self {
        let total: f64 = values.iter().map(|(_, count)| count).sum();
        let first = if let Bound::Part(part) = low { rank(total, part) } else { 0.0 };
        let last = if let Bound::Part(part) = high { rank(total, part) } else { total };
        let mut trimmed = Self { count: 0.0, sum: 0.0 };
        let mut so_far = 0.0;
        for &(value, count) in values {
            let (from, to) = (so_far, so_far + count);
            so_far = to;
            let is_inside = !matches!(low, Bound::Value(low) if value <= low)
                && !matches!(high, Bound::Value(high) if value > high);
            let inside = (to.min(last) - from.max(first)).max(0.0);
            if is_inside && inside > 0.0 {
                trimmed.count += inside;
                trimmed.sum += inside * value;
            }
        }
        trimmed
    }

    pub(super) fn mean(self) -> Option<f64> {
        (self.count > 0.0).then(|| self.sum / self.count)
    }
}

/// Returns the value of a percentile.
pub(super) fn percentile(values: &[(f64, f64)], part: f64) -> Option<f64> {
    let total: f64 = values.iter().map(|(_, count)| count).sum();
    let rank = rank(total, part);
    let mut so_far = 0.0;
    for &(value, count) in values {
        so_far += count;
        if so_far >= rank && count > 0.0 {
            return Some(value);
        }
    }
    values.last().map(|(value, _)| *value)
}

/// Returns the mean of all values, those outside being taken for the border.
pub(super) fn winsorized(values: &[(f64, f64)], low: Bound, high: Bound) -> Option<f64> {
    let border = |bound: Bound, open: f64| match bound {
        Bound::Open => Some(open),
        Bound::Part(part) => percentile(values, part),
        Bound::Value(value) => Some(value),
    };
    let (low, high) = (border(low, f64::MIN)?, border(high, f64::MAX)?);
    let total: f64 = values.iter().map(|(_, count)| count).sum();
    let sum: f64 = values.iter().map(|(value, count)| value.max(low).min(high) * count).sum();
    (total > 0.0).then(|| sum / total)
}

/// A hundredth of a hundred is one: what floating point makes a hair more of it, or less, is not rounded up.
fn rank(total: f64, part: f64) -> f64 {
    let exact = total * part;
    let near = exact.round();
    if (exact - near).abs() <= 1e-9 * total.max(1.0) { near } else { exact.ceil() }
}
