//! How much may a folder's expressions make? A line of Terraform can double what the line before it made.
//!
//! Memory is what values weigh, time is what they weigh all together, and the stack is how deep they are in each
//! other. The first limit that is met ends everything: from then on every expression is a fault, so that the
//! walk comes to its end at once, and [`super::read`] tells where it was.

use std::cell::{Cell, RefCell};

use super::TerraformError;
use super::eval::Fault;
use super::value::{Piece, Value};
use crate::Place;

/// Bytes of one value: more than any document that AWS takes (a task definition has 64 KiB, a secret too).
const VALUE: u64 = 8 << 20;
/// Bytes of all values that are ever made, copies included.
const WORK: u64 = 512 << 20;
/// What a value weighs besides its text.
const EACH: u64 = 48;
/// Expressions in expressions, names that they lead to included.
const DEEPEST: u32 = 192;
/// Lists and maps within each other.
const DEEPEST_VALUE: u32 = 160;

/// What was spent so far, in all stages of a folder.
#[derive(Debug, Default)]
pub(super) struct Budget {
    spent: Cell<u64>,
    depth: Cell<u32>,
    /// Where the expressions stand that are being evaluated, the innermost last.
    places: RefCell<Vec<Place>>,
    over: RefCell<Option<TerraformError>>,
}

impl Budget {
    /// Returns what ended the evaluation, if anything did.
    pub(super) fn fault(&self) -> Result<(), TerraformError> {
        self.over.borrow().clone().map_or(Ok(()), Err)
    }

    /// Evaluates what stands at a place.
    pub(super) fn at<R>(&self, place: &Place, make: impl FnOnce() -> R) -> R {
        self.places.borrow_mut().push(place.clone());
        let made = make();
        self.places.borrow_mut().pop();
        made
    }

    /// Evaluates one expression and charges for its value.
    pub(super) fn spend(&self, make: impl FnOnce() -> Result<Value, Fault>) -> Result<Value, Fault> {
        if self.over.borrow().is_some() {
            return Err(Fault(ENDED.to_owned()));
        }
        let depth = self.depth.get() + 1;
        if depth > DEEPEST {
            return Err(self.end(format!("expressions are more than {DEEPEST} deep in each other")));
        }
        self.depth.set(depth);
        let made = make();
        self.depth.set(depth - 1);
        let made = made?;
        let weight = weight(&made, 0)
            .ok_or_else(|| self.end(format!("lists and maps are more than {DEEPEST_VALUE} deep in each other")))?;
        self.fits(weight)?;
        self.charge(weight)?;
        Ok(made)
    }

    /// Charges for bytes that are made on the way to a value.
    pub(super) fn charge(&self, bytes: u64) -> Result<(), Fault> {
        let spent = self.spent.get().saturating_add(bytes);
        self.spent.set(spent);
        if spent > WORK {
            return Err(self.end(format!("the folder's expressions make more than {} MiB of values", WORK >> 20)));
        }
        Ok(())
    }

    /// Refuses a value that would weigh so much, before it is made.
    pub(super) fn fits(&self, bytes: u64) -> Result<(), Fault> {
        if bytes > VALUE {
            return Err(self.end(format!("a value has more than {} MiB", VALUE >> 20)));
        }
        Ok(())
    }

    fn end(&self, why: String) -> Fault {
        let place = self.places.borrow().last().cloned().unwrap_or(Place { source: ".".to_owned(), line: None });
        self.over.borrow_mut().get_or_insert(TerraformError::TooMuch { place, why });
        Fault(ENDED.to_owned())
    }
}

const ENDED: &str = "the evaluation was ended";

/// Returns what a value weighs; none if it is deeper than may be walked.
fn weight(value: &Value, depth: u32) -> Option<u64> {
    if depth > DEEPEST_VALUE {
        return None;
    }
    let inner = match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
        Value::Text(text) => text.0.iter().map(piece).sum(),
        Value::List(values) => values.iter().try_fold(0, |sum, value| Some(sum + weight(value, depth + 1)?))?,
        Value::Map(values) => values
            .iter()
            .try_fold(0, |sum, (key, value)| Some(sum + EACH + key.len() as u64 + weight(value, depth + 1)?))?,
    };
    Some(EACH + inner)
}

fn piece(piece: &Piece) -> u64 {
    let text = match piece {
        Piece::Plain(text) | Piece::Unknown(text) => text.len(),
        Piece::Secret { of, text } => of.len() + text.len(),
    };
    EACH + text as u64
}

/// Returns an upper bound of what a function makes of its arguments, where that can be more than their sum.
pub(super) fn product(name: &str, args: &[Value]) -> u64 {
    let weigh = |value: Option<&Value>| value.map_or(0, |value| weight(value, 0).unwrap_or(u64::MAX));
    let length = |value: Option<&Value>| match value {
        Some(Value::List(values)) => values.len() as u64,
        Some(Value::Text(text)) => text.0.iter().map(piece).sum(),
        _ => 0,
    };
    let scalars = || args.iter().filter(|value| !matches!(value, Value::List(_))).map(|v| weigh(Some(v)));
    match name {
        "setproduct" => {
            let rows = args.iter().fold(1_u64, |rows, list| rows.saturating_mul(length(Some(list))));
            let row =
                args.iter().map(|list| weigh(Some(list)) / length(Some(list)).max(1)).fold(0, u64::saturating_add);
            rows.saturating_mul(row.saturating_add(EACH))
        }
        // Each row holds the scalars; what of lists stands in it is counted by their own weight.
        "formatlist" => {
            let rows = args.iter().map(|value| length(Some(value))).max().unwrap_or(0);
            let rows = if args.iter().any(|value| matches!(value, Value::List(_))) { rows } else { 1 };
            rows.saturating_mul(scalars().fold(0, u64::saturating_add))
        }
        "join" => length(args.get(1)).saturating_mul(weigh(args.first()).saturating_sub(EACH)),
        "replace" => (length(args.first()) + 1).saturating_mul(length(args.get(2)).saturating_sub(EACH)),
        "indent" => {
            let lines = args.get(1).and_then(Value::shown).map_or(0, |text| text.matches('\n').count() as u64);
            let width = args.first().and_then(Value::as_number).unwrap_or(0.0).clamp(0.0, 1024.0) as u64;
            lines.saturating_mul(width)
        }
        "regex" | "regexall" => {
            let groups = args.first().and_then(Value::shown).map_or(0, |text| text.matches('(').count() as u64);
            length(args.get(1)).saturating_mul(groups)
        }
        "range" => 1024 * EACH,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_multiplies_is_known_before_it_is_made() {
        let list = |count: usize| Value::List(vec!["x".into(); count]);
        assert!(product("setproduct", &[list(1000), list(1000), list(1000)]) > 1_000_000_000);
        assert!(product("setproduct", &[list(3), list(4)]) < 12_000);
        assert!(
            product("replace", &["x".repeat(5000).as_str().into(), "x".into(), "y".repeat(5000).as_str().into()])
                > 20_000_000
        );
        assert!(product("join", &["y".repeat(5000).as_str().into(), list(5000)]) > 20_000_000);
        assert!(product("join", &[",".into(), list(5000)]) < 1_000_000);
    }

    #[test]
    fn a_value_that_is_too_deep_is_not_walked() {
        let mut value = Value::Null;
        for _ in 0..=DEEPEST_VALUE {
            value = Value::List(vec![value]);
        }
        assert_eq!(weight(&value, 0), None);
    }
}
