//! Which texts are placeholders that are filled in before they are used?
//!
//! Pipelines keep task definitions with `${IMAGE_NAME}` (envsubst), `$TAG`, `<IMAGE1_NAME>` (CodeDeploy) or
//! `{{ image }}` in them. Such a text is no value: nothing can be held against it.

use serde_json::Value;

/// What an image begins with that a source does not tell (`terraform::resources`): the mark stays in the manifest for
/// the user to replace before a deploy.
pub(crate) const UNTOLD: &str = "set-me:";

/// Returns whether a reference of an image is none: a place, or nothing at all. A mark of ours is to be seen as it is.
///
/// What a reference may have in it: the distribution specification's grammar, and brackets of an IPv6 host.
pub(crate) fn is_no_image(reference: &str) -> bool {
    let is_reference =
        |reference: &str| reference.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-/:@+[]".contains(&b));
    reference.is_empty() || !(is_reference(reference) || reference.starts_with(UNTOLD))
}

/// Returns the first place in a text: what stands there, as it is written.
pub(crate) fn place(text: &str) -> Option<&str> {
    let between = |open: &str, close: &str, is_name: fn(&str) -> bool| {
        let mut from = 0;
        while let Some(at) = text[from..].find(open).map(|at| from + at) {
            let inner = &text[at + open.len()..];
            if let Some(end) = inner.find(close).filter(|end| is_name(inner[..*end].trim())) {
                return Some(&text[at..at + open.len() + end + close.len()]);
            }
            from = at + open.len();
        }
        None
    };
    let whole = || text.strip_prefix('$').filter(|name| is_upper(name)).map(|_| text);
    between("${", "}", is_name)
        .or_else(|| between("<", ">", is_upper))
        .or_else(|| between("{{", "}}", is_path))
        .or_else(whole)
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
        && !text.as_bytes()[0].is_ascii_digit()
}

fn is_upper(text: &str) -> bool {
    is_name(text) && text.bytes().all(|b| !b.is_ascii_lowercase())
}

fn is_path(text: &str) -> bool {
    !text.is_empty() && text.split('.').all(|part| part.is_empty() || is_name(part))
}

/// Members of a container whose texts a shell reads: what looks like a place there may be a variable of its own.
const LINES: [&str; 3] = ["command", "entryPoint", "healthCheck"];

/// Returns the places of a document: path and what stands there.
pub(crate) fn places(document: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk(document, String::new(), &mut found);
    found
}

fn walk(value: &Value, path: String, found: &mut Vec<(String, String)>) {
    let named = |item: &Value, index: usize| {
        let name = item.get("name").and_then(Value::as_str).filter(|name| place(name).is_none());
        name.map_or_else(|| index.to_string(), str::to_owned)
    };
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match value {
        Value::String(text) => found.extend(place(text).map(|place| (path, place.to_owned()))),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(index, item)| walk(item, below(&named(item, index)), found));
        }
        Value::Object(members) => {
            let all = members.iter().filter(|(name, _)| !LINES.contains(&name.as_str()));
            all.for_each(|(name, value)| walk(value, below(name), found));
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::{is_no_image, place};

    #[test]
    fn knows_places_from_values() {
        for (text, found) in [
            ("${IMAGE_NAME}", Some("${IMAGE_NAME}")),
            ("repo/shop:${TAG}", Some("${TAG}")),
            ("$PORT", Some("$PORT")),
            ("<IMAGE1_NAME>", Some("<IMAGE1_NAME>")),
            ("{{ .Values.image }}", Some("{{ .Values.image }}")),
            ("$remote_addr - $status", None),
            ("pa$$word", None),
            ("a < b > c", None),
            ("<html>", None),
            ("{\"a\": {}}", None),
            ("${}", None),
            ("", None),
        ] {
            assert_eq!(place(text), found, "{text}");
        }
    }

    #[test]
    fn an_image_is_a_reference_or_none() {
        for image in ["", "${IMAGE_NAME}", "<IMAGE1_NAME>", "shop:${TAG}", "$IMAGE", "a b:1"] {
            assert!(is_no_image(image), "{image}");
        }
        for image in ["nginx", "nginx:1.27", "[::1]:5000/a:1", "1.dkr.ecr.us-east-1.amazonaws.com/a/b@sha256:00"] {
            assert!(!is_no_image(image), "{image}");
        }
    }
}
