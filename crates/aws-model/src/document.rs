//! JSON documents as AWS sends them, and the few readings that every caller needs.
//!
//! A document is kept whole: what we do not read we still carry.

use serde_json::{Map, Number, Value};

/// A JSON object whose unknown members are preserved, in their order.
pub type Document = Map<String, Value>;

/// Milliseconds since the Unix epoch, UTC.
pub type Millis = i64;

/// Takes away members that are null, at every depth: to every reader of AWS they are not there. An item of a list
/// that is null stays, and is reported ("Member must not be null").
pub fn without_nulls(members: &mut Document) {
    fn inside(value: &mut Value) {
        match value {
            Value::Object(members) => without_nulls(members),
            Value::Array(items) => items.iter_mut().for_each(inside),
            _ => {}
        }
    }
    if members.values().any(Value::is_null) {
        members.retain(|_, value| !value.is_null());
    }
    members.values_mut().for_each(inside);
}

/// Returns a timestamp as the JSON 1.1 protocol writes it: seconds, with milliseconds as fraction.
pub fn seconds(at: Millis) -> Value {
    if at % 1000 == 0 {
        return Value::from(at / 1000);
    }
    Number::from_f64(at as f64 / 1000.0).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nulls_are_taken_away_at_every_depth_but_out_of_lists() {
        let Value::Object(mut document) =
            json!({"a": null, "b": {"c": null, "d": [{"e": null, "f": 1}, null]}, "g": 0})
        else {
            unreachable!()
        };
        without_nulls(&mut document);
        assert_eq!(Value::Object(document).to_string(), r#"{"b":{"d":[{"f":1},null]},"g":0}"#);
    }
}
