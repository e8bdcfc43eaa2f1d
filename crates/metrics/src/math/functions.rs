//! Functions of one series, and of many at once.

use std::collections::BTreeMap;

use super::MathError;
use super::series::{Series, Value};

/// Returns a function that changes a series by itself; none if it has another name.
pub(super) fn of_one(name: &str) -> Option<fn(&Series) -> Series> {
    Some(match name {
        "ABS" => |series| series.map(f64::abs),
        "CEIL" => |series| series.map(f64::ceil),
        "FLOOR" => |series| series.map(f64::floor),
        // What has no logarithm is dropped.
        "LOG" => |series| series.map(f64::ln),
        "LOG10" => |series| series.map(f64::log10),
        "DIFF" => |series| series.with(steps(series).map(|step| (step.at, step.value - step.before))),
        "DIFF_TIME" => |series| series.with(steps(series).map(|step| (step.at, step.seconds))),
        "RATE" => |series| series.with(steps(series).map(|step| (step.at, (step.value - step.before) / step.seconds))),
        "RUNNING_SUM" => |series| {
            let mut sum = 0.0;
            let points: Vec<(i64, f64)> =
                series.points.iter().map(|(at, value)| (*at, add(&mut sum, *value))).collect();
            series.with(points)
        },
        _ => return None,
    })
}

fn add(sum: &mut f64, value: f64) -> f64 {
    *sum += value;
    *sum
}

/// A value and the one before it.
struct Step {
    at: i64,
    seconds: f64,
    value: f64,
    before: f64,
}

fn steps(series: &Series) -> impl Iterator<Item = Step> + '_ {
    let later = series.points.iter().skip(1);
    series.points.iter().zip(later).map(|((from, before), (at, value))| Step {
        at: *at,
        seconds: (at - from) as f64,
        value: *value,
        before: *before,
    })
}

/// Returns a function that makes one number of many; none if it has another name. `all` says how many there might have
/// been: "missing values are treated as 0" by averages.
pub(super) fn of_many(name: &str) -> Option<fn(&[f64], usize) -> f64> {
    Some(match name {
        "SUM" => |values, _| values.iter().sum(),
        "AVG" => |values, all| values.iter().sum::<f64>() / all as f64,
        "MIN" => |values, _| values.iter().copied().reduce(f64::min).unwrap_or(f64::NAN),
        "MAX" => |values, _| values.iter().copied().reduce(f64::max).unwrap_or(f64::NAN),
        "STDDEV" => |values, _| {
            // Of the whole population; which one CloudWatch takes is not documented.
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt()
        },
        "DATAPOINT_COUNT" => |values, _| values.len() as f64,
        _ => return None,
    })
}

/// Makes a number of a series, or one series of many.
pub(super) fn reduce(reduce: fn(&[f64], usize) -> f64, name: &str, value: Value) -> Result<Value, MathError> {
    match value {
        Value::Scalar(_) => Err(MathError::new(format!("Unsupported operand type(s) for {name}: 'Scalar'"))),
        Value::Series(series) => {
            let values: Vec<f64> = series.points.into_values().collect();
            Ok(Value::Scalar(reduce(&values, values.len())))
        }
        Value::Array(all) => {
            let count = all.len();
            let Some(first) = all.first().map(|first| first.with([])) else { return Ok(Value::Array(Vec::new())) };
            let mut instants: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
            for (at, value) in all.into_iter().flat_map(|series| series.points) {
                instants.entry(at).or_default().push(value);
            }
            Ok(Value::Series(first.with(instants.into_iter().map(|(at, values)| (at, reduce(&values, count))))))
        }
    }
}

/// What gaps are filled with.
pub(super) enum Filler {
    Number(f64),
    Series(Series),
    Repeat,
    Linear,
}

/// Returns a series with its gaps filled. What comes before the first value cannot be repeated, and what is outside of
/// two values has no line between them.
pub(super) fn fill(series: &Series, filler: &Filler) -> Series {
    let between = |at: i64| {
        let (from, before) = series.points.range(..at).next_back()?;
        let (to, after) = series.points.range(at..).next()?;
        Some(before + (after - before) * (at - from) as f64 / (to - from) as f64)
    };
    let value = |at: i64| match filler {
        _ if series.points.contains_key(&at) => series.points.get(&at).copied(),
        Filler::Number(number) => Some(*number),
        Filler::Series(other) => other.points.get(&at).copied(),
        Filler::Repeat => series.points.range(..at).next_back().map(|(_, value)| *value),
        Filler::Linear => between(at),
    };
    let filled = series.grid.starts().filter_map(|at| Some((at, value(at)?)));
    series.with(filled.chain(series.points.iter().map(|(at, value)| (*at, *value))))
}

/// Sorts series by what a function makes of each; those of which it makes nothing come last.
pub(super) fn sort(all: &mut [Series], by: fn(&[f64], usize) -> f64, is_rising: bool) {
    let key = |series: &Series| {
        let values: Vec<f64> = series.points.values().copied().collect();
        by(&values, values.len())
    };
    all.sort_by(|left, right| {
        let (left, right) = (key(left), key(right));
        let order = left.partial_cmp(&right).map(|order| if is_rising { order } else { order.reverse() });
        order.unwrap_or_else(|| left.is_nan().cmp(&right.is_nan()))
    });
}
