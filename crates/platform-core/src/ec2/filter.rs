//! EC2's filters: names, values with wildcards, tags (EC2 user guide, "List and filter using the API").

use std::collections::BTreeMap;

use aws_model::AwsError;
use serde_json::Value;

use super::thing::{structures, texts};
use crate::Input;

/// Where a filter looks.
enum FilterKey {
    Tag(String),
    TagKey,
    TagValue,
    Path(&'static str),
}

/// A filter: one of its values must match one of the values there.
pub(super) struct Filter {
    place: FilterKey,
    values: Vec<String>,
}

/// Reads the filters of a request.
///
/// # Errors
/// A name that the operation does not have.
pub(super) fn read(input: &Input, known: &[(&str, &'static str)]) -> Result<Vec<Filter>, AwsError> {
    let mut filters = Vec::new();
    for filter in structures(input, "Filters") {
        let name = filter.get("Name").and_then(Value::as_str).unwrap_or_default();
        let place = match (name, name.strip_prefix("tag:")) {
            (_, Some(key)) => FilterKey::Tag(key.to_owned()),
            ("tag-key", _) => FilterKey::TagKey,
            ("tag-value", _) => FilterKey::TagValue,
            _ => match known.iter().find(|(known, _)| *known == name) {
                Some((_, path)) => FilterKey::Path(path),
                None => {
                    return Err(AwsError::new("InvalidParameterValue", format!("The filter '{name}' is invalid")));
                }
            },
        };
        filters.push(Filter { place, values: texts(filter, "Values").into_iter().map(str::to_owned).collect() });
    }
    Ok(filters)
}

/// Whether a document passes all filters.
pub(super) fn matches(filters: &[Filter], document: &Value, tags: &BTreeMap<String, String>) -> bool {
    filters.iter().all(|filter| {
        let found: Vec<String> = match &filter.place {
            FilterKey::Tag(key) => tags.get(key).cloned().into_iter().collect(),
            FilterKey::TagKey => tags.keys().cloned().collect(),
            FilterKey::TagValue => tags.values().cloned().collect(),
            FilterKey::Path(path) => {
                let mut found = Vec::new();
                // Several places may be meant: `A|B`.
                for path in path.split('|') {
                    collect(document, path, &mut found);
                }
                found
            }
        };
        found.iter().any(|value| filter.values.iter().any(|pattern| is_like(pattern, value)))
    })
}

/// Collects the leaves at `A.B[].C`.
fn collect(value: &Value, path: &str, found: &mut Vec<String>) {
    let (step, rest) = path.split_once('.').map_or((path, ""), |(step, rest)| (step, rest));
    let (name, is_list) = step.strip_suffix("[]").map_or((step, false), |name| (name, true));
    let Some(below) = value.get(name) else { return };
    let items: Vec<&Value> = match below {
        Value::Array(items) if is_list => items.iter().collect(),
        other => vec![other],
    };
    for item in items {
        match item {
            _ if !rest.is_empty() => collect(item, rest, found),
            Value::String(text) => found.push(text.clone()),
            Value::Bool(_) | Value::Number(_) => found.push(item.to_string()),
            _ => {}
        }
    }
}

/// `*` is any text, `?` one character, a backslash takes both as they are.
fn is_like(pattern: &str, text: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let text: Vec<char> = text.chars().collect();
    // Places in the text that can be reached by what was read of the pattern.
    let mut reached = vec![false; text.len() + 1];
    reached[0] = true;
    let mut at = 0;
    while at < pattern.len() {
        let (c, is_literal) = match pattern[at] {
            '\\' if at + 1 < pattern.len() => {
                at += 1;
                (pattern[at], true)
            }
            c => (c, false),
        };
        at += 1;
        let mut next = vec![false; text.len() + 1];
        if c == '*' && !is_literal {
            let first = reached.iter().position(|is_reached| *is_reached);
            next[first.unwrap_or(text.len() + 1).min(text.len() + 1)..].fill(true);
        } else {
            for (i, is_reached) in reached.iter().enumerate().take(text.len()) {
                next[i + 1] = *is_reached && (text[i] == c || (c == '?' && !is_literal));
            }
        }
        reached = next;
    }
    reached[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_wildcards() {
        let check =
            |pattern: &str, text: &str, want: bool| assert_eq!(is_like(pattern, text), want, "{pattern} {text}");
        check("web", "web", true);
        check("web", "webs", false);
        check("w*b", "wb", true);
        check("*prod*", "a-prod-1", true);
        check("w?b", "wab", true);
        check("w?b", "wb", false);
        check("a\\*", "a*", true);
        check("a\\*", "ab", false);
        check("*", "", true);
        check("", "", true);
        check("**a*", "bca", true);
    }
}
