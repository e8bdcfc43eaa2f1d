//! What expressions are about.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::MathError;
use crate::name::Metric;
use crate::periods::Grid;

/// Values over time, with gaps.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// What it is called in a result.
    pub label: String,
    /// Which instants it may have values for.
    pub grid: Grid,
    /// The values, by the start of their periods in seconds.
    pub points: BTreeMap<i64, f64>,
    /// What it was reckoned from, if that is one metric.
    pub origin: Option<Arc<Origin>>,
}

/// A statistic of a metric.
#[derive(Debug, Clone, PartialEq)]
pub struct Origin {
    /// The metric.
    pub metric: Metric,
    /// The statistic, as it is written.
    pub statistic: String,
}

impl Series {
    /// Returns a series of the same periods and name with other values; what is no number is dropped.
    pub(super) fn with(&self, points: impl IntoIterator<Item = (i64, f64)>) -> Self {
        let points = points.into_iter().filter(|(_, value)| value.is_finite()).collect();
        Self { label: self.label.clone(), grid: self.grid, points, origin: self.origin.clone() }
    }

    /// Returns the same with every value changed.
    pub(super) fn map(&self, change: impl Fn(f64) -> f64) -> Self {
        self.with(self.points.iter().map(|(at, value)| (*at, change(*value))))
    }
}

/// What an expression makes.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A number.
    Scalar(f64),
    /// A time series.
    Series(Series),
    /// An array of time series.
    Array(Vec<Series>),
}

impl Value {
    /// What it is called in an error.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Scalar(_) => "Scalar",
            Self::Series(_) => "TimeSeries",
            Self::Array(_) => "TimeSeriesArray",
        }
    }

    /// Returns its series.
    pub(super) fn into_array(self, function: &str) -> Result<Vec<Series>, MathError> {
        match self {
            Self::Series(series) => Ok(vec![series]),
            Self::Array(all) => Ok(all),
            Self::Scalar(_) => Err(MathError::new(format!("Unsupported operand type(s) for {function}: 'Scalar'"))),
        }
    }

    pub(super) fn into_scalar(self, function: &str) -> Result<f64, MathError> {
        match self {
            Self::Scalar(number) => Ok(number),
            other => Err(MathError::new(format!("Unsupported operand type(s) for {function}: '{}'", other.kind()))),
        }
    }

    /// Changes each of its series.
    pub(super) fn each(self, function: &str, change: impl Fn(Series) -> Series) -> Result<Self, MathError> {
        match self {
            Self::Series(series) => Ok(Self::Series(change(series))),
            Self::Array(all) => Ok(Self::Array(all.into_iter().map(change).collect())),
            Self::Scalar(_) => Err(MathError::new(format!("Unsupported operand type(s) for {function}: 'Scalar'"))),
        }
    }
}
