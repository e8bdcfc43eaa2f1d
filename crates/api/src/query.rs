//! Unfolds the parameters of the Query protocol into the document that they were.
//!
//! `Actions.member.1.Type=forward` becomes `{"Actions":[{"Type":"forward"}]}`; every leaf is a
//! string. Maps (`X.entry.1.key`) stay as they are written: `{"X":{"entry":[{"key":…}]}}`.

use aws_model::Document;
use percent_encoding::percent_decode_str;
use serde_json::Value;

use crate::limits;

/// The deepest nesting that any AWS input has is well under this.
const DEPTH: usize = 24;

/// Splits a form body or a URL's query into its decoded pairs.
pub(crate) fn pairs(form: &str) -> Vec<(String, String)> {
    let decode = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned();
    form.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(key), decode(value))
        })
        .collect()
}

/// Builds the document of `pairs`, without the envelope (`Action`, `Version`, signature).
///
/// # Errors
/// Words for the caller when a name is both a value and a parent, nests too deep, or there are too many.
pub(crate) fn unfold(pairs: Vec<(String, String)>) -> Result<Document, String> {
    let names: usize = pairs.iter().map(|(key, _)| 1 + key.matches('.').count()).sum();
    if names > limits::VALUES {
        return Err(format!("the request has more than {} names", limits::VALUES));
    }
    let mut root = Document::new();
    for (key, value) in pairs {
        if key == "Action" || key == "Version" || key.starts_with("X-Amz-") {
            continue;
        }
        insert(&mut root, &key, value)?;
    }
    Ok(root.into_iter().map(|(key, value)| (key, gather(value))).collect())
}

fn insert(root: &mut Document, path: &str, value: String) -> Result<(), String> {
    let malformed = || format!("The parameter {} is malformed.", path.chars().take(200).collect::<String>());
    let mut segments = path.split('.').peekable();
    let mut place = root;
    for _ in 0..DEPTH {
        let segment = segments.next().filter(|s| !s.is_empty()).ok_or_else(malformed)?;
        if segments.peek().is_none() {
            return match place.insert(segment.to_owned(), Value::String(value)) {
                Some(Value::Object(_)) => Err(malformed()),
                _ => Ok(()),
            };
        }
        place = place
            .entry(segment)
            .or_insert_with(|| Value::Object(Document::new()))
            .as_object_mut()
            .ok_or_else(malformed)?;
    }
    Err(malformed())
}

/// Turns numbered members into arrays, from the leaves up.
fn gather(value: Value) -> Value {
    let Value::Object(members) = value else { return value };
    let mut members: Document = members.into_iter().map(|(key, value)| (key, gather(value))).collect();
    if members.len() == 1
        && let Some(Value::Array(_)) = members.get("member")
        && let Some(list) = members.remove("member")
    {
        return list;
    }
    if !members.is_empty() && members.keys().all(|key| key.bytes().all(|b| b.is_ascii_digit())) {
        let mut numbered: Vec<(u64, Value)> =
            members.into_iter().map(|(key, value)| (key.parse().unwrap_or(u64::MAX), value)).collect();
        numbered.sort_by_key(|(number, _)| *number);
        return numbered.into_iter().map(|(_, value)| value).collect();
    }
    Value::Object(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(form: &str, expected: &str) {
        let got = match unfold(pairs(form)) {
            Ok(document) => Value::Object(document).to_string(),
            Err(words) => words,
        };
        assert_eq!(got, expected, "{form}");
    }

    #[test]
    fn unfolds_lists_structures_and_maps() {
        check("Action=X&Version=1&Name=a%2Fb+c", r#"{"Name":"a/b c"}"#);
        check("L.member.2=b&L.member.1=a&L.member.10=c", r#"{"L":["a","b","c"]}"#);
        check(
            "A.member.1.Type=forward&A.member.1.F.T.member.1.Arn=x",
            r#"{"A":[{"Type":"forward","F":{"T":[{"Arn":"x"}]}}]}"#,
        );
        check("Flat.1=a&Flat.2=b", r#"{"Flat":["a","b"]}"#);
        check("M.entry.1.key=k&M.entry.1.value=v", r#"{"M":{"entry":[{"key":"k","value":"v"}]}}"#);
        check("Empty=", r#"{"Empty":""}"#);
        check("", "{}");
    }

    #[test]
    fn refuses_names_that_contradict_each_other() {
        check("A=1&A.B=2", "The parameter A.B is malformed.");
        check("A.B=2&A=1", "The parameter A is malformed.");
        check("A..B=2", "The parameter A..B is malformed.");
        let many = format!("{}=", "a.".repeat(20));
        check(&vec![many.as_str(); 4_000].join("&"), "the request has more than 70000 names");
        check(&format!("A{}=1", ".x".repeat(40)), &format!("The parameter A{} is malformed.", ".x".repeat(40)));
    }
}
