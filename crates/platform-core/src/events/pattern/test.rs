//! What may be asked of one value.

use serde_json::Value;

use super::cidr::Cidr;
use super::wildcard::Wildcard;

/// One item of a field's list.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Test {
    /// This value; numbers as numbers.
    Is(Value),
    /// A text that begins so.
    Prefix(Text),
    /// A text that ends so.
    Suffix(Text),
    /// This text, in whatever case.
    IgnoreCase(String),
    /// A text of this form.
    Wildcard(Wildcard),
    /// A number within these bounds.
    Numeric(Vec<Bound>),
    /// An address in a block.
    Cidr(Cidr),
    /// Whether there is a value at all; what there is not is found out before a value is asked.
    Exists(bool),
    /// A value of which none of these is true.
    AnythingBut(Vec<Test>),
}

/// A text to begin or end with.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Text {
    pub(super) text: String,
    pub(super) ignore_case: bool,
}

/// One end of a range.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Bound {
    Is(f64),
    Above(f64),
    From(f64),
    Below(f64),
    To(f64),
}

impl Test {
    /// Whether a value that is there is meant.
    pub(super) fn takes(&self, value: &Value) -> bool {
        match self {
            Self::Is(wanted) => same(wanted, value),
            Self::Prefix(part) => value.as_str().is_some_and(|text| part.begins(text)),
            Self::Suffix(part) => value.as_str().is_some_and(|text| part.ends(text)),
            Self::IgnoreCase(wanted) => value.as_str().is_some_and(|text| lower(text) == lower(wanted)),
            Self::Wildcard(form) => value.as_str().is_some_and(|text| form.takes(text)),
            Self::Numeric(bounds) => {
                value.as_f64().is_some_and(|number| bounds.iter().all(|bound| bound.takes(number)))
            }
            Self::Cidr(block) => value.as_str().is_some_and(|text| block.takes(text)),
            Self::Exists(wanted) => *wanted,
            Self::AnythingBut(tests) => !tests.iter().any(|test| test.takes(value)),
        }
    }
}

fn same(wanted: &Value, value: &Value) -> bool {
    match (wanted, value) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => wanted == value,
    }
}

/// Letter by letter: what a text begins with is not longer in lower case for what comes after.
fn lower(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).collect()
}

impl Text {
    fn begins(&self, text: &str) -> bool {
        if self.ignore_case { lower(text).starts_with(&lower(&self.text)) } else { text.starts_with(&self.text) }
    }

    fn ends(&self, text: &str) -> bool {
        if self.ignore_case { lower(text).ends_with(&lower(&self.text)) } else { text.ends_with(&self.text) }
    }
}

impl Bound {
    fn takes(self, number: f64) -> bool {
        match self {
            Self::Is(wanted) => number == wanted,
            Self::Above(low) => number > low,
            Self::From(low) => number >= low,
            Self::Below(high) => number < high,
            Self::To(high) => number <= high,
        }
    }
}
