//! Readings of an input document that every operation needs. Types were checked at the door ([`aws_model::check`]).

use aws_model::{AwsError, Document, check};
use serde_json::Value;

/// Returns a text member that is there and not empty.
pub(super) fn text<'a>(input: &'a Document, name: &str) -> Option<&'a str> {
    input.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
}

/// Returns a text member, or refuses in ECS's form.
pub(super) fn required<'a>(input: &'a Document, name: &str) -> Result<&'a str, AwsError> {
    text(input, name).ok_or_else(|| AwsError::invalid_parameter(check::of_blank(name)))
}

/// Returns a whole number.
pub(super) fn number(input: &Document, name: &str) -> Option<i64> {
    input.get(name).and_then(Value::as_i64)
}

/// Whether a flag is set.
pub(super) fn flag(input: &Document, name: &str) -> bool {
    input.get(name).and_then(Value::as_bool).unwrap_or(false)
}

/// Returns the items of a list; none if there is no list.
pub(super) fn items<'a>(input: &'a Document, name: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    input.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// Returns the texts of a list.
pub(super) fn texts<'a>(input: &'a Document, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
    items(input, name).filter_map(Value::as_str)
}

/// Whether `include` names this.
pub(super) fn includes(input: &Document, what: &str) -> bool {
    texts(input, "include").any(|item| item == what)
}

/// Returns the texts of a list that must have one to `most` items.
pub(super) fn named<'a>(input: &'a Document, name: &str, most: usize) -> Result<Vec<&'a str>, AwsError> {
    let texts: Vec<_> = texts(input, name).collect();
    let mut capital = name.to_owned();
    capital[..1].make_ascii_uppercase();
    match texts.len() {
        0 => Err(AwsError::invalid_parameter(format!("{capital} cannot be empty."))),
        n if n > most => Err(AwsError::invalid_parameter(format!("{capital} cannot have more than {most} elements."))),
        _ => Ok(texts),
    }
}

/// Returns `{"arn":..,"reason":..}`.
pub(super) fn failure(arn: impl Into<String>, reason: &str) -> Value {
    let mut failure = Document::new();
    failure.insert("arn".into(), Value::String(arn.into()));
    failure.insert("reason".into(), reason.into());
    Value::Object(failure)
}
