//! Reads a JSON body. Members that the model does not have stay: documents travel whole.

use aws_model::{AwsError, Document};
use serde_json::Value;

use crate::bounds;

/// Reads the document of a body; an empty body is an empty document. What is null in it is taken away where an input is
/// held against its model ([`aws_model::check::normalise`]), whatever protocol it came by.
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
        Value::Object(members) => Ok(members),
        other => Err(malformed(format!("the body must be a JSON object, not {}", noun(&other)))),
    }
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
