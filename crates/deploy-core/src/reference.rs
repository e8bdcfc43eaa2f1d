//! What may a manifest say? The same schema for editors, and as a page for people.

use std::fmt::Write as _;

use serde_json::Value;

use crate::manifest::schema_of_manifest;

/// Returns the JSON Schema (2020-12) of `managr.toml`, for editors.
pub fn schema() -> Value {
    let mut schema = schema_of_manifest().clone();
    if let Value::Object(members) = &mut schema {
        members.insert("title".to_owned(), "managr.toml".into());
    }
    schema
}

/// Returns the text of `docs/manifest.md`.
pub fn reference_markdown() -> String {
    let schema = schema();
    let mut page = Page { root: &schema, text: PREFACE.to_owned(), sections: Vec::new(), next: 0 };
    page.section("Top level", &schema);
    let mut at = 0;
    while let Some((title, pointer)) = page.sections.get(at).cloned() {
        at += 1;
        // What a section leads to comes right behind it: ingress after services, not after stages.
        page.next = at;
        if let Some(part) = schema.pointer(&pointer) {
            page.section(&title, part);
        }
    }
    page.text.push_str(EPILOGUE);
    page.text
}

const PREFACE: &str = include_str!("reference/preface.md");
const EPILOGUE: &str = include_str!("reference/epilogue.md");

struct Page<'a> {
    root: &'a Value,
    text: String,
    /// Title and place in the schema of the sections met so far.
    sections: Vec<(String, String)>,
    /// Where in `sections` the next one found belongs.
    next: usize,
}

impl<'a> Page<'a> {
    fn section(&mut self, title: &str, schema: &'a Value) {
        let _ = writeln!(self.text, "\n## {title}\n");
        if let Some(about) = schema.get("description").and_then(Value::as_str) {
            let _ = writeln!(self.text, "{}\n", one_line(about));
        }
        self.text.push_str("| key | type | meaning |\n|---|---|---|\n");
        let required: Vec<&str> =
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        for (key, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let kind = self.kind(property, &key_path(title, key));
            let mut about = property.get("description").and_then(Value::as_str).map(one_line).unwrap_or_default();
            if required.contains(&key.as_str()) {
                about = format!("**Required.** {about}");
            }
            let _ = writeln!(self.text, "| `{key}` | {} | {} |", cell(&kind), cell(&about));
        }
    }

    /// Returns the type in words and remembers the sections that it leads to.
    fn kind(&mut self, schema: &'a Value, path: &str) -> String {
        if let Some(pointer) = schema.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix('#')) {
            let target = self.root.pointer(pointer).unwrap_or(&Value::Null);
            if target.get("properties").is_none() {
                return self.kind(target, path);
            }
            let title = match self.sections.iter().find(|(_, known)| known == pointer) {
                Some((title, _)) => title.clone(),
                None => {
                    self.sections.insert(self.next, (path.to_owned(), pointer.to_owned()));
                    self.next += 1;
                    path.to_owned()
                }
            };
            return format!("[table](#{})", anchor(&title));
        }
        if let Some(words) = words(schema) {
            return words.iter().map(|word| format!("`\"{word}\"`")).collect::<Vec<_>>().join(" or ");
        }
        if let Some(branches) = schema.get("anyOf").and_then(Value::as_array) {
            return branches.iter().map(|branch| self.kind(branch, path)).collect::<Vec<_>>().join(" or ");
        }
        match schema.get("format").and_then(Value::as_str) {
            Some("managr-duration") => return "duration".to_owned(),
            Some("managr-port") => return "port".to_owned(),
            _ => {}
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("object") => match schema.get("additionalProperties") {
                Some(value @ Value::Object(_)) => {
                    let inner = self.kind(value, &format!("{path}.NAME"));
                    format!("table of NAME = {inner}")
                }
                _ => "AWS fields".to_owned(),
            },
            Some("array") => match schema.get("items") {
                Some(items) => format!("list of {}", self.kind(items, path)),
                None => "list".to_owned(),
            },
            Some("string") => "text".to_owned(),
            Some("integer" | "number") => "number".to_owned(),
            Some("boolean") => "true or false".to_owned(),
            _ => "any".to_owned(),
        }
    }
}

fn key_path(title: &str, key: &str) -> String {
    if title == "Top level" { key.to_owned() } else { format!("{title}.{key}") }
}

fn words(schema: &Value) -> Option<Vec<&str>> {
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return words.iter().map(Value::as_str).collect();
    }
    schema.get("oneOf")?.as_array()?.iter().map(|branch| branch.get("const").and_then(Value::as_str)).collect()
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// The anchor that code hosts make of a heading.
fn anchor(title: &str) -> String {
    title
        .chars()
        .filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_' | ' '))
        .collect::<String>()
        .to_lowercase()
        .replace(' ', "-")
}
