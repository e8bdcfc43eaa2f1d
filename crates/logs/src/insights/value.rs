//! Values of fields: how they compare, and how they are written. Pure.

use std::cmp::Ordering;

use jiff::Timestamp;

/// A value; a field that is not there has none.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    Missing,
    Number(f64),
    /// Milliseconds since the epoch, written as date and time.
    Time(i64),
    Text(String),
}

impl Value {
    pub(super) fn of(truth: bool) -> Self {
        Self::Number(f64::from(u8::from(truth)))
    }

    /// A truth is 1, as in JSON's `true`.
    pub(super) fn is_true(&self) -> bool {
        match self {
            Self::Missing => false,
            Self::Text(text) => !text.is_empty() && text != "0" && text != "false",
            Self::Number(number) => *number != 0.0,
            Self::Time(_) => true,
        }
    }

    pub(super) fn is_present(&self) -> bool {
        *self != Self::Missing
    }

    /// Returns the number that it is, or that its text is.
    pub(super) fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Time(at) => Some(*at as f64),
            Self::Text(text) => text.trim().parse().ok().filter(|number: &f64| number.is_finite()),
            Self::Missing => None,
        }
    }

    pub(super) fn from_json(value: &serde_json::Value) -> Self {
        match value {
            serde_json::Value::Null => Self::Missing,
            serde_json::Value::Bool(truth) => Self::of(*truth),
            serde_json::Value::Number(number) => number.as_f64().map_or(Self::Missing, Self::Number),
            serde_json::Value::String(text) => Self::Text(text.clone()),
            other => Self::Text(other.to_string()),
        }
    }

    /// Returns whether two values are the same: as numbers where both are, else as texts.
    pub(super) fn equals(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Missing, _) | (_, Self::Missing) => false,
            (Self::Text(one), Self::Text(other)) => one == other,
            _ => match (self.number(), other.number()) {
                (Some(one), Some(other)) => one == other,
                _ => self.to_string() == other.to_string(),
            },
        }
    }

    /// Returns how two values are ordered by `<` and `>`.
    pub(super) fn compared(&self, other: &Self) -> Option<Ordering> {
        match (self.number(), other.number()) {
            (Some(one), Some(other)) => one.partial_cmp(&other),
            _ => match (self, other) {
                (Self::Text(one), Self::Text(other)) => Some(one.cmp(other)),
                _ => None,
            },
        }
    }

    /// Returns how `sort` orders two values: "all the non-number values come before all the number values" (user guide).
    pub(super) fn sorted(&self, other: &Self) -> Ordering {
        match (self.number(), other.number()) {
            (Some(one), Some(other)) => one.total_cmp(&other),
            (None, Some(_)) => Ordering::Less,
            (Some(_), None) => Ordering::Greater,
            (None, None) => self.to_string().cmp(&other.to_string()),
        }
    }

    /// Bytes that it takes, about.
    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Text(text) => text.len() + 32,
            _ => 32,
        }
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Missing => Ok(()),
            Self::Text(text) => f.write_str(text),
            Self::Time(at) => match Timestamp::from_millisecond(*at) {
                Ok(at) => write!(f, "{}", at.strftime("%Y-%m-%d %H:%M:%S.%3f")),
                Err(_) => write!(f, "{at}"),
            },
            Self::Number(number) if number.fract() == 0.0 && number.abs() < 1e15 => write!(f, "{number:.0}"),
            // Four places, as in AWS's answers, without zeros at the end.
            Self::Number(number) => f.write_str(format!("{number:.4}").trim_end_matches('0').trim_end_matches('.')),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_written_and_ordered_as_the_user_guide_says() {
        let text = |text: &str| Value::Text(text.to_owned());
        for (value, written) in [
            (Value::Number(3.0), "3"),
            (Value::Number(2.0 / 3.0), "0.6667"),
            (Value::Number(-2.5), "-2.5"),
            (Value::Number(0.00001), "0"),
            (Value::Time(1_700_000_000_123), "2023-11-14 22:13:20.123"),
            (Value::Missing, ""),
        ] {
            assert_eq!(value.to_string(), written);
        }
        assert!(text("200").equals(&Value::Number(200.0)) && !text("200").equals(&text("200.0")));
        assert!(!Value::Missing.equals(&Value::Missing));
        let mut values = [Value::Number(10.0), text("b"), text("9"), text("a"), Value::Missing];
        values.sort_by(Value::sorted);
        assert_eq!(values.map(|value| value.to_string()).join(" "), " a b 9 10");
    }
}
