//! How is one key of a JSON object set or taken out, so that every other byte stays?
//!
//! A stage's secret may be written by other tools too, with their own blanks, order and numbers; what
//! is not ours is copied, not printed again.

use std::ops::Range;

use serde_json::{Map, Value};

/// The text is no JSON object. Shows nothing of it: it is a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("its value is not a JSON object with a key for each variable")]
pub struct NotAnObject;

/// One member of the object: its key and its value, as places in the text.
struct Member {
    name: String,
    key: Range<usize>,
    value: Range<usize>,
}

/// Reads the object's texts by key. A value that is no text is what it looks like in JSON, as ECS gives it
/// to a container.
///
/// # Errors
/// When it is no object.
pub fn read(text: &str) -> Result<Vec<(String, String)>, NotAnObject> {
    let object: Map<String, Value> = serde_json::from_str(text).map_err(|_| NotAnObject)?;
    let shown = |value: Value| match value {
        Value::String(text) => text,
        other => other.to_string(),
    };
    Ok(object.into_iter().map(|(name, value)| (name, shown(value))).collect())
}

/// Returns the text with a text under a key.
///
/// # Errors
/// When it is no object.
pub fn set(text: &str, name: &str, value: &str) -> Result<String, NotAnObject> {
    let (members, open) = members(text)?;
    let literal = |text: &str| Value::String(text.to_owned()).to_string();
    let mut out = text.to_owned();
    if let Some(member) = members.iter().rfind(|member| member.name == name) {
        out.replace_range(member.value.clone(), &literal(value));
        return Ok(out);
    }
    let Some(last) = members.last() else {
        out.insert_str(open + 1, &format!("{}:{}", literal(name), literal(value)));
        return Ok(out);
    };
    // As the others are set apart, so is this one.
    let before = members.iter().rev().nth(1).map_or(open, |member| member.value.end);
    let gap = text[before + 1..last.key.start].rsplit(',').next().unwrap_or_default();
    let colon = &text[last.key.end..last.value.start];
    out.insert_str(last.value.end, &format!(",{gap}{}{colon}{}", literal(name), literal(value)));
    Ok(out)
}

/// Returns the text without a key.
///
/// # Errors
/// When it is no object.
pub fn unset(text: &str, name: &str) -> Result<String, NotAnObject> {
    let mut out = text.to_owned();
    loop {
        let (members, _) = members(&out)?;
        let Some(at) = members.iter().position(|member| member.name == name) else { return Ok(out) };
        let member = &members[at];
        let range = match (at.checked_sub(1).map(|before| &members[before]), members.get(at + 1)) {
            (Some(before), _) => before.value.end..member.value.end,
            (None, Some(next)) => member.key.start..next.key.start,
            (None, None) => member.key.start..member.value.end,
        };
        out.replace_range(range, "");
    }
}

/// Returns the members in their order, and where the object begins.
fn members(text: &str) -> Result<(Vec<Member>, usize), NotAnObject> {
    // Whatever passes this is JSON: the walk below need not doubt it.
    serde_json::from_str::<Map<String, Value>>(text).map_err(|_| NotAnObject)?;
    let bytes = text.as_bytes();
    let open = text.find('{').ok_or(NotAnObject)?;
    let (mut members, mut at) = (Vec::new(), open + 1);
    loop {
        at += bytes[at..].iter().take_while(|b| b.is_ascii_whitespace() || **b == b',').count();
        if bytes.get(at) != Some(&b'"') {
            return Ok((members, open));
        }
        let key = at..string_end(bytes, at);
        let blank = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_whitespace() || **b == b':').count();
        let start = key.end + blank(key.end);
        let value = start..value_end(bytes, start);
        let name = serde_json::from_str(&text[key.clone()]).map_err(|_| NotAnObject)?;
        at = value.end;
        members.push(Member { name, key, value });
    }
}

/// Returns where a string that begins at `at` ends.
fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut end = at + 1;
    while bytes[end] != b'"' {
        end += if bytes[end] == b'\\' { 2 } else { 1 };
    }
    end + 1
}

/// Returns where a value that begins at `at` ends.
fn value_end(bytes: &[u8], mut at: usize) -> usize {
    let mut depth = 0_usize;
    loop {
        match bytes[at] {
            b'"' => at = string_end(bytes, at),
            b'{' | b'[' => (depth, at) = (depth + 1, at + 1),
            b'}' | b']' if depth > 0 => (depth, at) = (depth - 1, at + 1),
            b',' | b':' if depth > 0 => at += 1,
            b if b.is_ascii_whitespace() && depth > 0 => at += 1,
            _ => at += bytes[at..].iter().take_while(|b| b.is_ascii_alphanumeric() || b"+-.".contains(b)).count(),
        }
        if depth == 0 {
            return at;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(before: &str, after: &str) {
        assert_eq!(set(before, "NEW", "a\"b").as_deref(), Ok(after), "{before}");
        assert_eq!(unset(after, "NEW").as_deref(), Ok(before), "{after}");
    }

    #[test]
    fn a_key_is_added_as_the_others_are_written() {
        check("{}", r#"{"NEW":"a\"b"}"#);
        check(r#"{"A":1.50e2,"B":{"x":[1, 2,"}"]}}"#, r#"{"A":1.50e2,"B":{"x":[1, 2,"}"]},"NEW":"a\"b"}"#);
        check(r#"{ "A": "\u00e9\\" }"#, r#"{ "A": "\u00e9\\", "NEW": "a\"b" }"#);
        check("{\n  \"A\": null,\n  \"B\": true\n}\n", "{\n  \"A\": null,\n  \"B\": true,\n  \"NEW\": \"a\\\"b\"\n}\n");
        check("{\n  \"A\": []\n}", "{\n  \"A\": [],\n  \"NEW\": \"a\\\"b\"\n}");
        check(r#" {"A" : -1 }"#, r#" {"A" : -1,"NEW" : "a\"b" }"#);
    }

    #[test]
    fn a_value_is_replaced_and_a_key_taken_out_in_place() {
        let text = r#"{ "A" : "1" , "B": {"A": 2}, "A": "3" }"#;
        assert_eq!(set(text, "A", "x").as_deref(), Ok(r#"{ "A" : "1" , "B": {"A": 2}, "A": "x" }"#), "the last counts");
        assert_eq!(unset(text, "A").as_deref(), Ok(r#"{ "B": {"A": 2} }"#));
        assert_eq!(read(text).unwrap(), [("A".into(), "3".into()), ("B".into(), r#"{"A":2}"#.into())]);
    }

    #[test]
    fn what_is_no_object_is_refused_unseen() {
        for text in ["", "hunter2", "[]", "\"x\"", "{\"A\":1", "{} x"] {
            assert_eq!(set(text, "A", "1"), Err(NotAnObject), "{text}");
            assert!(!NotAnObject.to_string().contains("hunter2"));
        }
    }

    proptest! {
        #[test]
        fn nothing_else_changes(keys in prop::collection::vec("[a-c\"\\\\é]{0,3}", 0..5), pretty: bool, value: String) {
            let nested = serde_json::json!({"x": [1, {"y": "z}"}], "e": {}});
            let object: Map<String, Value> = keys.into_iter().enumerate().map(|(n, key)| (key, if n % 2 == 0 { nested.clone() } else { "a,b:c".into() })).collect();
            let text = if pretty { serde_json::to_string_pretty(&object) } else { serde_json::to_string(&object) }.unwrap();
            let after = set(&text, "NEW", &value).unwrap();
            let mut meant = object;
            meant.insert("NEW".into(), value.into());
            prop_assert_eq!(serde_json::from_str::<Map<String, Value>>(&after).unwrap(), meant);
            let common = text.bytes().zip(after.bytes()).take_while(|(a, b)| a == b).count();
            prop_assert!(after.as_bytes().ends_with(&text.as_bytes()[common..]));
            prop_assert_eq!(unset(&after, "NEW").unwrap(), text);
        }
    }
}
