//! How raw AWS tables go over what was rendered.

use aws_model::Document;
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

/// Takes a member out; `path` is names with dots between them. A name may have dots itself: the longest
/// that is there is meant.
pub(super) fn without(document: &mut Document, path: &str) {
    if document.shift_remove(path).is_some() {
        return;
    }
    let mut end = path.len();
    while let Some(at) = path[..end].rfind('.') {
        if let Some(Value::Object(inner)) = document.get_mut(&path[..at]) {
            return without(inner, &path[at + 1..]);
        }
        end = at;
    }
}

#[cfg(test)]
mod tests {
    use super::{merge, without};

    #[test]
    fn takes_members_out_at_any_depth() {
        let document = serde_json::json!({ "a": { "b": { "c": 1, "d.e": 2 } }, "f.g": { "h": 3 }, "i": 4 });
        for (path, left) in [
            ("i", r#"{"a":{"b":{"c":1,"d.e":2}},"f.g":{"h":3}}"#),
            ("a", r#"{"f.g":{"h":3},"i":4}"#),
            ("a.b.c", r#"{"a":{"b":{"d.e":2}},"f.g":{"h":3},"i":4}"#),
            ("a.b.d.e", r#"{"a":{"b":{"c":1}},"f.g":{"h":3},"i":4}"#),
            ("f.g.h", r#"{"a":{"b":{"c":1,"d.e":2}},"f.g":{},"i":4}"#),
            ("a.x.c", r#"{"a":{"b":{"c":1,"d.e":2}},"f.g":{"h":3},"i":4}"#),
            ("i.x", r#"{"a":{"b":{"c":1,"d.e":2}},"f.g":{"h":3},"i":4}"#),
            ("", r#"{"a":{"b":{"c":1,"d.e":2}},"f.g":{"h":3},"i":4}"#),
        ] {
            let mut document = document.as_object().unwrap().clone();
            without(&mut document, path);
            assert_eq!(serde_json::Value::Object(document).to_string(), left, "{path}");
        }
    }

    #[test]
    fn merges_objects_and_replaces_lists() {
        let mut base = serde_json::json!({ "a": { "b": 1, "c": [1, 2] }, "d": 1 }).as_object().unwrap().clone();
        let over = serde_json::json!({ "a": { "c": [3] }, "e": { "f": 1 } }).as_object().unwrap().clone();
        merge(&mut base, &over);
        let merged = serde_json::Value::Object(base);
        assert_eq!(merged, serde_json::json!({ "a": { "b": 1, "c": [3] }, "d": 1, "e": { "f": 1 } }));
    }
}
