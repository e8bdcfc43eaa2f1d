//! Reads a JSON body. Members that the model does not have stay: documents travel whole.

use aws_model::{AwsError, Document};
use serde_json::Value;

use crate::bounds;

/// Reads the document of a body; an empty body is an empty document, and members that are null are none.
///
/// # Errors
/// `SerializationException` when it is no JSON object, has too many values or is too deep.
pub fn read(body: &[u8]) -> Result<Document, AwsError> {
    if body.is_empty() {
        return Ok(Document::new());
    }
    let malformed = |words: String| AwsError::new("SerializationException", words);
    bounds::weigh(body).map_err(malformed)?;
    match serde_json::from_slice(body).map_err(|error| malformed(format!("the body is not JSON: {error}")))? {
        Value::Object(mut members) => {
            strip_nulls(&mut members);
            Ok(members)
        }
        other => Err(malformed(format!("the body must be a JSON object, not {}", noun(&other)))),
    }
}

/// Removes members that are null, as AWS ignores them.
pub(crate) fn strip_nulls(members: &mut Document) {
    fn inside(value: &mut Value) {
        match value {
            Value::Object(members) => strip_nulls(members),
            Value::Array(items) => items.iter_mut().for_each(inside),
            _ => {}
        }
    }
    if members.values().any(Value::is_null) {
        members.retain(|_, value| !value.is_null());
    }
    members.values_mut().for_each(inside);
}

pub(crate) fn noun(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nulls_are_stripped_at_every_depth() {
        let input = read(br#"{"a":null,"b":{"c":null,"d":[{"e":null,"f":1},null]},"g":0}"#).unwrap();
        assert_eq!(Value::Object(input).to_string(), r#"{"b":{"d":[{"f":1},null]},"g":0}"#);
    }

    #[test]
    fn bodies_that_are_no_objects_are_named() {
        for (body, words) in [("[]", "not a list"), ("null", "not null"), ("\"x\"", "not a string"), ("{", "not JSON")]
        {
            let error = read(body.as_bytes()).unwrap_err();
            assert_eq!(error.code, "SerializationException");
            assert!(error.message.contains(words), "{}", error.message);
        }
        assert!(read(b"").unwrap().is_empty());
    }
}
