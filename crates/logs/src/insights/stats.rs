//! Aggregates: what `stats` makes of the values of a group. Pure.

use std::collections::HashSet;

use super::ast::Aggregate;
use super::value::Value;

/// An aggregate on its way.
#[derive(Debug)]
pub(super) enum Tally {
    Count(u64),
    Sum(f64, bool),
    /// Count, mean, and the sum of squares of differences from it (Welford).
    Moments(u64, f64, f64, Aggregate),
    Least(Option<Value>),
    Most(Option<Value>),
    Distinct(HashSet<String>),
    All(Vec<f64>, f64),
    /// The value of the earliest or latest event.
    At(Option<(f64, Value)>, bool),
}

impl Tally {
    pub(super) fn new(aggregate: Aggregate) -> Self {
        match aggregate {
            Aggregate::Count => Self::Count(0),
            Aggregate::Sum => Self::Sum(0.0, false),
            Aggregate::Avg | Aggregate::Stddev => Self::Moments(0, 0.0, 0.0, aggregate),
            Aggregate::Min | Aggregate::SortsFirst => Self::Least(None),
            Aggregate::Max | Aggregate::SortsLast => Self::Most(None),
            Aggregate::CountDistinct => Self::Distinct(HashSet::new()),
            Aggregate::Pct(percent) => Self::All(Vec::new(), percent),
            Aggregate::Earliest => Self::At(None, true),
            Aggregate::Latest => Self::At(None, false),
        }
    }

    /// Takes a value in; none is given to `count(*)`. Returns how many bytes it holds more than before.
    pub(super) fn add(&mut self, value: Option<Value>, at: &Value) -> usize {
        if value == Some(Value::Missing) {
            return 0;
        }
        let number = value.as_ref().and_then(Value::number);
        match self {
            Self::Count(count) => *count += 1,
            Self::Sum(sum, any) => {
                if let Some(number) = number {
                    (*sum, *any) = (*sum + number, true);
                }
            }
            Self::Moments(count, mean, squares, _) => {
                if let Some(number) = number {
                    *count += 1;
                    let off = number - *mean;
                    *mean += off / *count as f64;
                    *squares += off * (number - *mean);
                }
            }
            Self::Least(least) => {
                if let Some(value) = value.filter(|value| least.as_ref().is_none_or(|l| value.sorted(l).is_lt())) {
                    *least = Some(value);
                }
            }
            Self::Most(most) => {
                if let Some(value) = value.filter(|value| most.as_ref().is_none_or(|m| value.sorted(m).is_gt())) {
                    *most = Some(value);
                }
            }
            Self::Distinct(seen) => {
                let text = value.map(|value| value.to_string()).unwrap_or_default();
                let weight = text.len() + 64;
                return if seen.insert(text) { weight } else { 0 };
            }
            Self::All(all, _) => {
                all.extend(number);
                return 16;
            }
            Self::At(found, first) => {
                let at = at.number().unwrap_or(f64::MIN);
                let better = found.as_ref().is_none_or(|(known, _)| if *first { at <= *known } else { at > *known });
                if let Some(value) = value.filter(|_| better) {
                    *found = Some((at, value));
                }
            }
        }
        0
    }

    pub(super) fn value(self) -> Value {
        match self {
            Self::Count(count) => Value::Number(count as f64),
            Self::Sum(sum, any) => {
                if any {
                    Value::Number(sum)
                } else {
                    Value::Missing
                }
            }
            Self::Moments(0, ..) => Value::Missing,
            Self::Moments(count, _, squares, Aggregate::Stddev) => Value::Number((squares / count as f64).sqrt()),
            Self::Moments(_, mean, ..) => Value::Number(mean),
            Self::Least(value) | Self::Most(value) => value.unwrap_or(Value::Missing),
            Self::Distinct(seen) => Value::Number(seen.len() as f64),
            Self::All(all, percent) => percentile(all, percent),
            Self::At(found, _) => found.map_or(Value::Missing, |(_, value)| value),
        }
    }
}

/// The least value that so many in a hundred are not above (nearest rank).
fn percentile(mut all: Vec<f64>, percent: f64) -> Value {
    all.sort_by(f64::total_cmp);
    let rank = (percent / 100.0 * all.len() as f64).ceil().max(1.0) as usize;
    all.get(rank - 1).map_or(Value::Missing, |number| Value::Number(*number))
}
