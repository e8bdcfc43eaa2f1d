//! Reads one value that stands as text in a Query parameter, an XML element, a path or a header.

use aws_model::model::Kind;
use serde_json::{Number, Value};

use crate::time;

/// Returns the value of a text, by its shape; none if an empty text says nothing there.
///
/// An empty text is a value only of what can be empty: free text and bytes. For a number, a boolean, an instant or
/// one of some words it is what a client sends that has nothing to say (Terraform's `ProtocolVersion=`).
///
/// # Errors
/// What it should have been. The text itself is never quoted: it may be a secret.
pub(crate) fn read(kind: &Kind, text: &str) -> Result<Option<Value>, &'static str> {
    let can_be_empty = match kind {
        Kind::Text { words, .. } => words.is_empty(),
        Kind::Blob => true,
        _ => false,
    };
    if text.is_empty() && !can_be_empty {
        return Ok(None);
    }
    match kind {
        Kind::Text { .. } | Kind::Blob => Some(Value::from(text)),
        Kind::Integer | Kind::Long => text.trim().parse::<i64>().ok().map(Value::from),
        Kind::Double => double(text.trim()),
        Kind::Boolean if text.eq_ignore_ascii_case("true") => Some(Value::Bool(true)),
        Kind::Boolean if text.eq_ignore_ascii_case("false") => Some(Value::Bool(false)),
        Kind::Timestamp(_) => time::read(text),
        Kind::Boolean | Kind::Structure(_) | Kind::List { .. } | Kind::Map { .. } => None,
    }
    .map(Some)
    .ok_or_else(|| noun(kind))
}

/// What JSON has no number for stands as text, as AWS's JSON has it.
fn double(text: &str) -> Option<Value> {
    if let Ok(whole) = text.parse::<i64>() {
        return Some(Value::from(whole));
    }
    match text {
        "NaN" | "Infinity" | "-Infinity" => Some(Value::from(text)),
        _ => text.parse().ok().and_then(Number::from_f64).map(Value::Number),
    }
}

/// Returns what a value of the kind is called.
pub(crate) fn noun(kind: &Kind) -> &'static str {
    match kind {
        Kind::Structure(_) => "a structure",
        Kind::List { .. } => "a list",
        Kind::Map { .. } => "a map",
        Kind::Text { .. } => "a text",
        Kind::Integer | Kind::Long => "a whole number",
        Kind::Double => "a number",
        Kind::Boolean => "true or false",
        Kind::Timestamp(_) => "an instant in ISO 8601",
        Kind::Blob => "bytes in base64",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_text_is_read_by_its_shape() {
        let text = Kind::Text { words: Vec::new(), pattern: None };
        let word = Kind::Text { words: vec!["a"], pattern: None };
        for (kind, given, want) in [
            (&text, "", Some(json!(""))),
            (&text, "1", Some(json!("1"))),
            (&word, "", None),
            (&Kind::Integer, "", None),
            (&Kind::Integer, "-7", Some(json!(-7))),
            (&Kind::Long, "9007199254740993", Some(json!(9_007_199_254_740_993_i64))),
            (&Kind::Double, "1.5", Some(json!(1.5))),
            (&Kind::Double, "3", Some(json!(3))),
            (&Kind::Double, "-Infinity", Some(json!("-Infinity"))),
            (&Kind::Boolean, "True", Some(json!(true))),
            (&Kind::Boolean, "", None),
            (&Kind::Timestamp(None), "2026-11-30T14:00:00Z", Some(json!(1_796_047_200))),
            (&Kind::Blob, "AAE=", Some(json!("AAE="))),
        ] {
            assert_eq!(read(kind, given), Ok(want), "{given}");
        }
        for (kind, given) in
            [(Kind::Integer, "1.5"), (Kind::Double, "x"), (Kind::Boolean, "yes"), (Kind::Timestamp(None), "now")]
        {
            assert_eq!(read(&kind, given), Err(noun(&kind)), "{given}");
        }
    }
}
