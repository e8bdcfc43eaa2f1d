//! What a statistic of a point is.

use super::trimmed::{self, Trimmed};
use super::{Point, Statistic};

impl Point {
    /// Returns a statistic; none if it needs values that are not known.
    ///
    /// Percentiles and their like "are not available for metrics when any of the metric values are negative" (API
    /// reference, GetMetricStatistics).
    pub fn statistic(&self, statistic: Statistic) -> Option<f64> {
        match statistic {
            Statistic::SampleCount => return Some(self.count),
            Statistic::Sum => return Some(self.sum),
            Statistic::Average => return (self.count != 0.0).then(|| self.sum / self.count),
            Statistic::Minimum => return Some(self.min),
            Statistic::Maximum => return Some(self.max),
            _ => {}
        }
        let values = self.values.as_ref().filter(|_| self.min >= 0.0)?.values();
        let of = |value: Option<f64>| value.map(|value| self.within(value));
        match statistic {
            Statistic::Percentile(part) => of(trimmed::percentile(values, part)),
            Statistic::TrimmedMean(low, high) => of(Trimmed::of(values, low, high).mean()),
            Statistic::TrimmedCount(low, high) => Some(Trimmed::of(values, low, high).count),
            Statistic::TrimmedSum(low, high) => Some(Trimmed::of(values, low, high).sum),
            Statistic::WinsorizedMean(low, high) => of(trimmed::winsorized(values, low, high)),
            Statistic::PercentileRank(low, high) => {
                let inside = Trimmed::of(values, low, high).count;
                (self.count != 0.0).then(|| 100.0 * inside / self.count)
            }
            _ => None,
        }
    }

    /// The middle of a bucket may be outside of what was measured; the lowest and the highest value are known.
    fn within(&self, value: f64) -> f64 {
        value.clamp(self.min, self.max)
    }
}
