//! Holds a tree against a JSON Schema: records every fault, returns what is sound.
//!
//! Knows the part of JSON Schema that the manifest's types produce: `type`, `properties`,
//! `additionalProperties`, `propertyNames`, `required`, `items`, `anyOf`, `oneOf` of constants,
//! `enum`, `minimum`, `maximum`, `format` and `$ref`.

use std::ops::Range;

use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::format::{self, Verdict};
use super::report::Report;
use crate::manifest::{Fault, Seconds};
use crate::suggest::nearest;

/// Returns the sound part of the manifest as JSON.
pub(super) fn walk(schema: &Value, table: &Spanned<DeTable<'_>>, report: &mut Report) -> Value {
    let mut walker = Walker { root: schema, path: Vec::new(), report };
    walker.table(schema, table.get_ref(), 0..0)
}

struct Walker<'a> {
    root: &'a Value,
    path: Vec<String>,
    report: &'a mut Report,
}

impl<'a> Walker<'a> {
    /// Returns the value if it is sound, or the sound part of a table or list.
    fn value(&mut self, schema: &'a Value, node: &Spanned<DeValue<'_>>, key: Range<usize>) -> Option<Value> {
        let place = schema;
        let schema = self.resolve(schema);
        if let Some(words) = constants(schema) {
            return self.word(place, &words, node);
        }
        let Some(branch) = self.branches(schema).into_iter().find(|branch| accepts(branch, node.get_ref())) else {
            return self.wrong_type(place, node);
        };
        match node.get_ref() {
            DeValue::String(text) => self.text(branch, text, node.span()),
            DeValue::Integer(_) => self.integer(branch, node),
            DeValue::Table(table) => {
                // The header of a table written as `[a.b]` is found by its key.
                let span = if key.is_empty() { node.span() } else { key };
                Some(self.table(branch, table, span))
            }
            DeValue::Array(items) => {
                let schema = branch.get("items").unwrap_or(&Value::Null);
                let mut sound = Vec::with_capacity(items.len());
                for (index, item) in items.iter().enumerate() {
                    self.path.push(format!("[{index}]"));
                    sound.extend(self.value(schema, item, 0..0));
                    self.path.pop();
                }
                Some(Value::Array(sound))
            }
            other => Some(json(other)),
        }
    }

    fn table(&mut self, schema: &'a Value, table: &DeTable<'_>, span: Range<usize>) -> Value {
        let properties = schema.get("properties").and_then(Value::as_object);
        let rest = schema.get("additionalProperties");
        let names = schema.get("propertyNames");
        let mut sound = Map::new();
        for (key, node) in table {
            let name: &str = key.get_ref();
            if let Some(names) = names {
                self.name(names, name, key.span());
            }
            let schema = match (properties.and_then(|known| known.get(name)), rest) {
                (Some(schema), _) => schema,
                (None, Some(Value::Bool(false))) => {
                    self.unknown_key(name, key.span(), properties);
                    continue;
                }
                (None, Some(schema @ Value::Object(_))) => schema,
                (None, _) => {
                    sound.insert(name.to_owned(), json(node.get_ref()));
                    continue;
                }
            };
            self.path.push(name.to_owned());
            if let Some(value) = self.value(schema, node, key.span()) {
                sound.insert(name.to_owned(), value);
            }
            self.path.pop();
        }
        for key in schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str) {
            if !table.contains_key(key) {
                let help =
                    properties.and_then(|known| known.get(key)).and_then(description).map(|text| about(key, &text));
                let fault = Fault::MissingKey { key: key.to_owned(), table: self.path() };
                self.report.add(fault, span.clone(), format!("`{key}` belongs here"), help);
            }
            if !sound.contains_key(key) {
                // The types take no holes; the checks know from the tree that this was never written.
                let hole = properties.and_then(|known| known.get(key)).map_or(Value::Null, |schema| self.hole(schema));
                sound.insert(key.to_owned(), hole);
            }
        }
        Value::Object(sound)
    }

    fn text(&mut self, schema: &Value, text: &str, span: Range<usize>) -> Option<Value> {
        let verdict = match schema.get("format").and_then(Value::as_str) {
            Some("managr-duration") => match Seconds::read(text) {
                Ok(Seconds(seconds)) => return self.in_range(schema, i128::from(seconds), span, Value::from(text)),
                Err(why) => {
                    let help = "write a duration as \"10s\", \"1m30s\", \"2h\" or a number of seconds".to_owned();
                    let fault = Fault::BadDuration { path: self.path(), why };
                    self.report.add(fault, span, "not a duration", Some(help));
                    return None;
                }
            },
            Some(name) => format::check(name, text),
            None if text.is_empty() && schema.get("minLength").is_some() => {
                Verdict::Text { what: "a value", why: "it is empty".to_owned(), help: None }
            }
            None => Verdict::Good,
        };
        let (fault, help) = match verdict {
            Verdict::Good => return Some(Value::from(text)),
            Verdict::Schedule { why, help } => (Fault::BadSchedule { path: self.path(), why }, help),
            Verdict::Name { what, why, help } => {
                (Fault::BadName { name: text.to_owned(), what: what.to_owned(), why }, help)
            }
            Verdict::Text { what, why, help } => {
                (Fault::BadText { path: self.path(), what: what.to_owned(), why }, help)
            }
        };
        self.report.add(fault, span, "here", help);
        None
    }

    fn integer(&mut self, schema: &Value, node: &Spanned<DeValue<'_>>) -> Option<Value> {
        let number = json(node.get_ref());
        match number.as_i64() {
            Some(value) => self.in_range(schema, i128::from(value), node.span(), number),
            None => {
                let found = node.get_ref().as_integer().map(ToString::to_string).unwrap_or_default();
                let fault = Fault::OutOfRange { path: self.path(), range: "a 64-bit number".to_owned(), found };
                self.report.add(fault, node.span(), "too large", None);
                None
            }
        }
    }

    fn in_range(&mut self, schema: &Value, number: i128, span: Range<usize>, value: Value) -> Option<Value> {
        let bound = |key: &str| schema.get(key).and_then(Value::as_f64).map(|n| n as i128);
        let low = bound("minimum");
        let high = bound("maximum").or(match schema.get("format").and_then(Value::as_str) {
            Some("uint8") => Some(i128::from(u8::MAX)),
            Some("uint16") => Some(i128::from(u16::MAX)),
            Some("uint32") => Some(i128::from(u32::MAX)),
            _ => None,
        });
        if low.is_none_or(|low| number >= low) && high.is_none_or(|high| number <= high) {
            return Some(value);
        }
        let is_duration = schema.get("format").is_some_and(|name| name == "managr-duration");
        let unit = if is_duration { "s" } else { "" };
        // The type's own end is no range that a person means.
        let range = match (low, high.filter(|high| *high != i128::from(u32::MAX) || number > *high)) {
            (Some(low), Some(high)) => format!("{low}{unit} to {high}{unit}"),
            (Some(low), None) => format!("at least {low}{unit}"),
            (None, Some(high)) => format!("at most {high}{unit}"),
            (None, None) => return Some(value),
        };
        let found = format!("{number}{unit}");
        let help = description(schema).map(|text| about(self.path.last().map_or("", String::as_str), &text));
        self.report.add(Fault::OutOfRange { path: self.path(), range, found }, span, "out of range", help);
        None
    }

    fn word(&mut self, schema: &'a Value, words: &[&str], node: &Spanned<DeValue<'_>>) -> Option<Value> {
        let DeValue::String(text) = node.get_ref() else {
            return self.wrong_type(schema, node);
        };
        if words.contains(&text.as_ref()) {
            return Some(Value::from(text.as_ref()));
        }
        let fault = Fault::UnknownValue { path: self.path(), found: text.to_string() };
        self.report.add(fault, node.span(), "not one of its values", Some(meant(text, words, "values")));
        None
    }

    fn name(&mut self, schema: &Value, name: &str, span: Range<usize>) {
        if let Some(words) = constants(schema) {
            if !words.contains(&name) {
                let fault = Fault::UnknownKey { key: name.to_owned(), table: self.path() };
                self.report.add(fault, span, "unknown", Some(meant(name, &words, "keys")));
            }
            return;
        }
        let Some(format) = schema.get("format").and_then(Value::as_str) else { return };
        let (fault, help) = match format::check(format, name) {
            Verdict::Good => return,
            Verdict::Name { what, why, help } | Verdict::Text { what, why, help } => {
                (Fault::BadName { name: name.to_owned(), what: what.to_owned(), why }, help)
            }
            Verdict::Schedule { why, help } => (Fault::BadSchedule { path: self.path(), why }, help),
        };
        self.report.add(fault, span, "here", help);
    }

    fn unknown_key(&mut self, key: &str, span: Range<usize>, properties: Option<&Map<String, Value>>) {
        let known: Vec<&str> = properties.into_iter().flat_map(|known| known.keys().map(String::as_str)).collect();
        let fault = Fault::UnknownKey { key: key.to_owned(), table: self.path() };
        self.report.add(fault, span, "unknown key", Some(meant(key, &known, "keys")));
    }

    fn wrong_type(&mut self, schema: &'a Value, node: &Spanned<DeValue<'_>>) -> Option<Value> {
        let place = schema;
        let schema = self.resolve(schema);
        let mut expected: Vec<&str> = Vec::new();
        for kind in self.branches(schema).into_iter().flat_map(kinds) {
            if !expected.contains(&kind) {
                expected.push(kind);
            }
        }
        let expected = either(&expected.into_iter().map(in_words).collect::<Vec<_>>());
        let found = found_in_words(node.get_ref());
        // What is said about this use is nearer than what is said about the type.
        let key = self.path.last().map_or("", String::as_str);
        let said = [place, schema].into_iter().find_map(|s| s.get("x-help").and_then(Value::as_str));
        let described = || [place, schema].into_iter().find_map(description).map(|text| about(key, &text));
        let help = said.map(str::to_owned).or_else(described);
        let label = format!("not {expected}");
        let fault = Fault::WrongType { path: self.path(), expected, found: found.to_owned() };
        self.report.add(fault, node.span(), label, help);
        None
    }

    /// Returns a value that the types take where nothing sound was written.
    fn hole(&self, schema: &'a Value) -> Value {
        let schema = self.resolve(schema);
        let schema = self.branches(schema).first().copied().unwrap_or(schema);
        match kinds(schema).first() {
            Some(&"string") => Value::from(""),
            Some(&("integer" | "number")) => schema.get("minimum").cloned().unwrap_or(Value::from(1)),
            Some(&"boolean") => Value::from(false),
            Some(&"array") => Value::Array(Vec::new()),
            Some(&"object") => Value::Object(Map::new()),
            _ => Value::Null,
        }
    }

    /// Returns the alternatives of a union, unions inside it opened; a schema that is none is its own.
    fn branches(&self, schema: &'a Value) -> Vec<&'a Value> {
        let schema = self.resolve(schema);
        let list = if constants(schema).is_some() { None } else { schema.get("anyOf").or_else(|| schema.get("oneOf")) };
        match list.and_then(Value::as_array) {
            Some(list) => list.iter().flat_map(|branch| self.branches(branch)).collect(),
            None => vec![schema],
        }
    }

    /// Follows `$ref`; what is said beside it is said about the use, so the definition's constraints count.
    fn resolve(&self, schema: &'a Value) -> &'a Value {
        match schema.get("$ref").and_then(Value::as_str).and_then(|name| name.strip_prefix('#')) {
            Some(pointer) => self.root.pointer(pointer).unwrap_or(schema),
            None => schema,
        }
    }

    /// Returns the path as it is shown: `services.app.containers.web.ports[0]`.
    fn path(&self) -> String {
        let mut text = String::new();
        for part in &self.path {
            if !text.is_empty() && !part.starts_with('[') {
                text.push('.');
            }
            text.push_str(part);
        }
        text
    }
}

/// Returns the words of an enumeration, whichever way the schema writes it.
fn constants(schema: &Value) -> Option<Vec<&str>> {
    if let Some(words) = schema.get("enum").and_then(Value::as_array) {
        return words.iter().map(Value::as_str).collect();
    }
    schema.get("oneOf")?.as_array()?.iter().map(|branch| branch.get("const").and_then(Value::as_str)).collect()
}

/// Returns the JSON types that a schema takes; none when it takes everything.
fn kinds(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(kind)) => vec![kind],
        Some(Value::Array(list)) => list.iter().filter_map(Value::as_str).collect(),
        _ if constants(schema).is_some() => vec!["string"],
        _ => Vec::new(),
    }
}

fn accepts(schema: &Value, node: &DeValue<'_>) -> bool {
    let kinds = kinds(schema);
    let kind = match node {
        DeValue::String(_) => "string",
        DeValue::Integer(_) => "integer",
        DeValue::Float(_) => "number",
        DeValue::Boolean(_) => "boolean",
        DeValue::Datetime(_) => "datetime",
        DeValue::Array(_) => "array",
        DeValue::Table(_) => "object",
    };
    kinds.is_empty() || kinds.contains(&kind) || (kind == "integer" && kinds.contains(&"number"))
}

fn in_words(kind: &str) -> &'static str {
    match kind {
        "string" => "text",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list",
        "object" => "a table",
        _ => "something else",
    }
}

fn found_in_words(node: &DeValue<'_>) -> &'static str {
    match node {
        DeValue::String(_) => "text",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a number with a fraction",
        DeValue::Boolean(true) => "true",
        DeValue::Boolean(false) => "false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    }
}

fn either(words: &[&str]) -> String {
    match words {
        [] => "something else".to_owned(),
        [only] => (*only).to_owned(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// Returns help for an unknown word: the nearest known one, or all of them.
fn meant(word: &str, known: &[&str], what: &str) -> String {
    match nearest(word, known.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None => format!("known {what}: {}", known.join(", ")),
    }
}

fn description(schema: &Value) -> Option<String> {
    let text = schema.get("description")?.as_str()?;
    Some(text.split("\n\n").next().unwrap_or(text).split_whitespace().collect::<Vec<_>>().join(" "))
}

fn about(key: &str, text: &str) -> String {
    format!("`{key}`: {text}")
}

/// Returns a value as JSON; what JSON does not have becomes text.
fn json(node: &DeValue<'_>) -> Value {
    match node {
        DeValue::String(text) => Value::from(text.as_ref()),
        DeValue::Integer(number) => i64::from_str_radix(number.as_str(), number.radix())
            .map(Value::from)
            .or_else(|_| u64::from_str_radix(number.as_str(), number.radix()).map(Value::from))
            .unwrap_or_else(|_| Value::from(number.to_string())),
        DeValue::Float(number) => number.as_str().parse::<f64>().map_or(Value::Null, Value::from),
        DeValue::Boolean(value) => Value::from(*value),
        DeValue::Datetime(value) => Value::from(value.to_string()),
        DeValue::Array(items) => items.iter().map(|item| json(item.get_ref())).collect(),
        DeValue::Table(table) => table
            .iter()
            .map(|(key, node)| (key.get_ref().to_string(), json(node.get_ref())))
            .collect::<Map<_, _>>()
            .into(),
    }
}
