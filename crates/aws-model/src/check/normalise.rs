//! What AWS takes for absent: nulls, and empty values where nothing is meant by them.

use serde_json::Value;

use crate::Document;
use crate::model::Operation;

/// Takes what is as good as absent out of an input.
pub fn normalise(_operation: Operation, document: &mut Document) {
    without_nulls(document);
}

/// Members that are null are ignored by every reader of AWS, at every depth. An item of a list that is null stays: it
/// is told ("Member must not be null").
fn without_nulls(members: &mut Document) {
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
