//! What was measured within one second, minute or longer: enough of it for every statistic, and nothing more.
//!
//! Pure. Two points joined are the point of all that was measured, in whatever order they are joined.

pub(crate) mod bytes;
mod distribution;
mod reckon;
mod statistic;
mod trimmed;

#[cfg(test)]
mod tests;

pub use distribution::Distribution;
pub use statistic::{Bound, NoStatistic, Statistic};

/// All that was measured of one metric within one stretch of time.
#[derive(Debug, Clone, PartialEq)]
pub struct Point {
    /// How many values, or their weight.
    pub count: f64,
    /// Their sum.
    pub sum: f64,
    /// The lowest.
    pub min: f64,
    /// The highest.
    pub max: f64,
    /// The values themselves; none once a statistic set came in that does not say them.
    pub(crate) values: Option<Distribution>,
}

impl Point {
    /// Returns the point of one value.
    pub fn of(value: f64) -> Self {
        Self::of_many(value, 1.0)
    }

    /// Returns the point of a value that was measured so many times.
    pub fn of_many(value: f64, count: f64) -> Self {
        let values = Some(Distribution::of(value, count));
        Self { count, sum: value * count, min: value, max: value, values }
    }

    /// Returns the point of a statistic set. Its values are known only if they are all the same (API reference,
    /// PutMetricData: "SampleCount ... is 1", or "Min and Max are equal").
    pub fn of_set(count: f64, sum: f64, min: f64, max: f64) -> Self {
        let values = (min == max).then(|| Distribution::of(min, count));
        Self { count, sum, min, max, values }
    }

    /// Takes another one in.
    pub fn join(&mut self, other: &Self) {
        self.count += other.count;
        self.sum += other.sum;
        self.min = self.min.min(other.min);
        self.max = self.max.max(other.max);
        self.values = match (self.values.take(), &other.values) {
            (Some(mut ours), Some(theirs)) => {
                ours.join(theirs);
                Some(ours)
            }
            _ => None,
        };
    }
}
