//! TOML has no null: takes the nulls, and defaults that say nothing, out of a schema made from types.

use serde_json::Value;

/// Removes `null` from types and unions, and the types' own empty defaults, everywhere in the schema.
pub(super) fn strip_nulls(schema: &mut Value) {
    match schema {
        Value::Array(items) => items.iter_mut().for_each(strip_nulls),
        Value::Object(object) => {
            // What a missing key means depends on other keys; the descriptions say it in words.
            if object.get("default").is_none_or(|value| value.get("type").is_none()) {
                object.remove("default");
            }
            if let Some(Value::Array(types)) = object.get_mut("type") {
                types.retain(|name| name != "null");
                if let [only] = types.as_slice() {
                    let only = only.clone();
                    object.insert("type".to_owned(), only);
                }
            }
            if let Some(Value::Array(words)) = object.get_mut("enum") {
                words.retain(|word| !word.is_null());
            }
            if let Some(Value::Array(branches)) = object.get_mut("anyOf") {
                branches.retain(|branch| branch.get("type").is_none_or(|name| name != "null"));
                if let [only] = branches.as_slice() {
                    let only = only.clone();
                    object.remove("anyOf");
                    if let Value::Object(only) = only {
                        for (key, value) in only {
                            object.entry(key).or_insert(value);
                        }
                    }
                }
            }
            object.values_mut().for_each(strip_nulls);
        }
        _ => {}
    }
}
