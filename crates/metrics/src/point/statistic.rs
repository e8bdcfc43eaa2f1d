//! The statistics that CloudWatch knows, and how they are written (user guide, "CloudWatch statistics definitions").

use std::fmt;

/// A statistic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Statistic {
    /// How many values.
    SampleCount,
    /// Their sum.
    Sum,
    /// Their mean.
    Average,
    /// The lowest.
    Minimum,
    /// The highest.
    Maximum,
    /// `p95`: as a part of one.
    Percentile(f64),
    /// `TM(..)`, `tm90`, `IQM`: the mean of what is between.
    TrimmedMean(Bound, Bound),
    /// `TC(..)`: how many are between.
    TrimmedCount(Bound, Bound),
    /// `TS(..)`: the sum of what is between.
    TrimmedSum(Bound, Bound),
    /// `WM(..)`: the mean of all, what is outside being taken for the border.
    WinsorizedMean(Bound, Bound),
    /// `PR(..)`: how many of a hundred are between two values.
    PercentileRank(Bound, Bound),
}

/// A border of what is looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// There is none.
    Open,
    /// A percentile, as a part of one.
    Part(f64),
    /// A value: what equals the lower one is outside, what equals the higher one inside.
    Value(f64),
}

/// The text is no statistic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no statistic")]
pub struct NoStatistic;

impl Statistic {
    /// Reads a statistic as it is written.
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(text: &str) -> Result<Self, NoStatistic> {
        Ok(match text {
            "SampleCount" => Self::SampleCount,
            "Sum" => Self::Sum,
            "Average" => Self::Average,
            "Minimum" => Self::Minimum,
            "Maximum" => Self::Maximum,
            "IQM" => Self::TrimmedMean(Bound::Part(0.25), Bound::Part(0.75)),
            _ => return Self::extended(text).ok_or(NoStatistic),
        })
    }

    fn extended(text: &str) -> Option<Self> {
        if let Some(percent) = text.strip_prefix('p') {
            return Some(Self::Percentile(part(percent)?));
        }
        let (kind, rest) = text.split_at_checked(2)?;
        // One number is written in small letters, two in large ones.
        if let Some(range) = rest.strip_prefix('(') {
            let (low, high) = range.strip_suffix(')')?.split_once(':')?;
            return Self::between(kind, bound(low)?, bound(high)?);
        }
        let kind = match kind {
            "tm" | "tc" | "ts" | "wm" => kind.to_uppercase(),
            _ => return None,
        };
        Self::between(&kind, Bound::Open, Bound::Part(part(rest)?))
    }

    fn between(kind: &str, low: Bound, high: Bound) -> Option<Self> {
        let is_range = match (low, high) {
            (Bound::Open, Bound::Open) => false,
            (Bound::Part(low), Bound::Part(high)) | (Bound::Value(low), Bound::Value(high)) => low < high,
            (Bound::Open, _) | (_, Bound::Open) => true,
            _ => false,
        };
        let is_by_value = !matches!((low, high), (Bound::Part(_), _) | (_, Bound::Part(_)));
        match kind {
            _ if !is_range => None,
            "TM" => Some(Self::TrimmedMean(low, high)),
            "TC" => Some(Self::TrimmedCount(low, high)),
            "TS" => Some(Self::TrimmedSum(low, high)),
            "WM" => Some(Self::WinsorizedMean(low, high)),
            "PR" if is_by_value => Some(Self::PercentileRank(low, high)),
            _ => None,
        }
    }

    /// Whether it is one of the five that need no values.
    pub fn is_simple(&self) -> bool {
        matches!(self, Self::SampleCount | Self::Sum | Self::Average | Self::Minimum | Self::Maximum)
    }
}

/// Between 0 and 100, with ten decimal places at most.
fn part(text: &str) -> Option<f64> {
    let places = text.split_once('.').map_or(0, |(_, places)| places.len());
    let percent = number(text).filter(|percent| (0.0..=100.0).contains(percent) && places <= 10)?;
    Some(percent / 100.0)
}

fn bound(text: &str) -> Option<Bound> {
    match text.strip_suffix('%') {
        _ if text.is_empty() => Some(Bound::Open),
        Some(percent) => part(percent).map(Bound::Part),
        None => number(text).map(Bound::Value),
    }
}

/// Digits and a point: Rust reads more than that as a number.
fn number(text: &str) -> Option<f64> {
    let is_number =
        text.starts_with(|c: char| c.is_ascii_digit()) && text.chars().all(|c| c.is_ascii_digit() || c == '.');
    is_number.then(|| text.parse().ok()).flatten()
}

impl fmt::Display for Bound {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => Ok(()),
            Self::Part(part) => write!(f, "{}%", part * 100.0),
            Self::Value(value) => write!(f, "{value}"),
        }
    }
}
