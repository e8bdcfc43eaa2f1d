//! Operators between numbers, series and arrays of series.

use std::collections::BTreeSet;

use super::MathError;
use super::ast::Operator;
use super::series::{Series, Value};

/// Returns what an operator makes of two numbers; no number where it makes none ("If the value of a data point causes a
/// function to attempt to divide by zero, the data point is dropped").
fn numbers(operator: Operator, left: f64, right: f64) -> f64 {
    let truth = |is_so: bool| f64::from(u8::from(is_so));
    match operator {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide if right == 0.0 => f64::NAN,
        Operator::Divide => left / right,
        Operator::Power => left.powf(right),
        Operator::Equal => truth(left == right),
        Operator::Unequal => truth(left != right),
        Operator::Less => truth(left < right),
        Operator::AtMost => truth(left <= right),
        Operator::Greater => truth(left > right),
        Operator::AtLeast => truth(left >= right),
        Operator::And => truth(left != 0.0 && right != 0.0),
        Operator::Or => truth(left != 0.0 || right != 0.0),
    }
}

/// Where only one of two series has a value, that of the other is taken for nought.
fn series(operator: Operator, left: &Series, right: &Series) -> Series {
    let instants: BTreeSet<i64> = left.points.keys().chain(right.points.keys()).copied().collect();
    let at = |series: &Series, at: &i64| series.points.get(at).copied().unwrap_or(0.0);
    left.with(instants.iter().map(|instant| (*instant, numbers(operator, at(left, instant), at(right, instant)))))
}

/// Returns what an operator makes of two values.
pub(super) fn apply(operator: Operator, left: Value, right: Value) -> Result<Value, MathError> {
    let between = |left: &Series, right: &Series| series(operator, left, right);
    Ok(match (left, right) {
        (Value::Scalar(left), Value::Scalar(right)) => Value::Scalar(numbers(operator, left, right)),
        (Value::Scalar(left), right) => {
            right.each(operator.word(), |series| series.map(|value| numbers(operator, left, value)))?
        }
        (left, Value::Scalar(right)) => {
            left.each(operator.word(), |series| series.map(|value| numbers(operator, value, right)))?
        }
        (Value::Series(left), Value::Series(right)) => Value::Series(between(&left, &right)),
        (Value::Series(left), Value::Array(right)) => {
            let named = |right: &Series| {
                let made = between(&left, right);
                Series { label: right.label.clone(), origin: right.origin.clone(), ..made }
            };
            Value::Array(right.iter().map(named).collect())
        }
        (Value::Array(left), Value::Series(right)) => {
            Value::Array(left.iter().map(|left| between(left, &right)).collect())
        }
        (Value::Array(_), Value::Array(_)) => {
            let word = operator.word();
            return Err(MathError::new(format!(
                "Unsupported operand type(s) for {word}: 'TimeSeriesArray' and 'TimeSeriesArray'"
            )));
        }
    })
}

/// Returns what `IF` makes. Where a condition that is a series has no value there is none; where it is true and the
/// second argument has none there, it is nought; where it is false and the third has none, there is none.
pub(super) fn choose(condition: Value, yes: Value, no: Option<Value>) -> Result<Value, MathError> {
    let unsupported = |value: &Value| MathError::new(format!("Unsupported operand type(s) for IF: '{}'", value.kind()));
    let condition = match condition {
        Value::Scalar(truth) if truth != 0.0 => return Ok(yes),
        Value::Scalar(_) => {
            return Ok(match (no, yes) {
                (Some(no), _) => no,
                (None, Value::Series(yes)) => Value::Series(yes.with([])),
                (None, other) => return Err(unsupported(&other)),
            });
        }
        Value::Series(series) => series,
        other @ Value::Array(_) => return Err(unsupported(&other)),
    };
    for value in [Some(&yes), no.as_ref()].into_iter().flatten() {
        if matches!(value, Value::Array(_)) {
            return Err(unsupported(value));
        }
    }
    let at = |value: &Value, at: i64| match value {
        Value::Scalar(number) => Some(*number),
        Value::Series(series) => series.points.get(&at).copied(),
        Value::Array(_) => None,
    };
    let points = condition.points.iter().filter_map(|(instant, truth)| {
        let value = match *truth != 0.0 {
            true => Some(at(&yes, *instant).unwrap_or(0.0)),
            false => no.as_ref().and_then(|no| at(no, *instant)),
        };
        Some((*instant, value?))
    });
    Ok(Value::Series(condition.with(points)))
}
