//! JSON documents as AWS sends them, and the few readings that every caller needs.
//!
//! A document is kept whole: what we do not read we still carry.

use serde_json::{Map, Number, Value};

/// A JSON object whose unknown members are preserved, in their order.
pub type Document = Map<String, Value>;

/// Milliseconds since the Unix epoch, UTC.
pub type Millis = i64;

/// Returns a timestamp as the JSON 1.1 protocol writes it: seconds, with milliseconds as fraction.
pub fn seconds(at: Millis) -> Value {
    if at % 1000 == 0 {
        return Value::from(at / 1000);
    }
    Number::from_f64(at as f64 / 1000.0).map_or(Value::Null, Value::Number)
}
