//! How raw AWS tables go over what was rendered.

use ecs_model::Document;
use serde_json::Value;

/// Merges `over` into `base`: objects member by member, everything else, lists included, replaced.
pub(super) fn merge(base: &mut Document, over: &Document) {
    for (key, value) in over {
        match (base.get_mut(key), value) {
            (Some(Value::Object(base)), Value::Object(over)) => merge(base, over),
            _ => {
                base.insert(key.clone(), value.clone());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::merge;

    #[test]
    fn merges_objects_and_replaces_lists() {
        let mut base = serde_json::json!({ "a": { "b": 1, "c": [1, 2] }, "d": 1 }).as_object().unwrap().clone();
        let over = serde_json::json!({ "a": { "c": [3] }, "e": { "f": 1 } }).as_object().unwrap().clone();
        merge(&mut base, &over);
        let merged = serde_json::Value::Object(base);
        assert_eq!(merged, serde_json::json!({ "a": { "b": 1, "c": [3] }, "d": 1, "e": { "f": 1 } }));
    }
}
