//! The text of a manifest, as a person would have written it.
//!
//! What the manifest says is never changed: read again, the text is the same manifest. Where a table goes
//! (a section, or one line) is decided by its place and by its length alone.

use deploy_core::Manifest;
use serde_json::{Map, Value};
use toml_edit::{Array, DocumentMut, InlineTable, Item, Table, Value as Toml};

/// Longest line that a table or list is written in.
const WIDTH: usize = 100;
/// Longest line of a table that is a row among others.
const ROW: usize = 130;

/// Returns the text of a manifest; `header` are lines of a comment above it.
///
/// What TOML cannot hold is left out: a null in a raw table, and a number beyond 64 bits.
pub fn text(manifest: &Manifest, header: &[String]) -> String {
    let value = serde_json::to_value(manifest.said_once()).expect("a manifest has names for keys and no other");
    let Value::Object(mut members) = value else { unreachable!("a manifest is a table") };
    // Tables that the types always have, and that a person would not write when they are empty.
    members.retain(|_, value| value.as_object().is_none_or(|table| !table.is_empty()));
    let mut document = DocumentMut::new();
    *document.as_table_mut() = table(&members, &[]);
    let comment: String = header.iter().flat_map(|text| text.split('\n')).map(comment).collect();
    let gap = if comment.is_empty() { "" } else { "\n" };
    format!("{comment}{gap}{document}")
}

/// A comment holds no control characters (TOML 1.0, "Comment").
fn comment(line: &str) -> String {
    let line: String = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("# {line}").trim_end().to_owned() + "\n"
}

fn table(members: &Map<String, Value>, path: &[&str]) -> Table {
    let mut table = Table::new();
    for (key, value) in members.iter().filter(|(_, value)| !value.is_null()) {
        let path = [path, &[key.as_str()]].concat();
        let item = match value {
            Value::Object(inner) if is_section(inner, &path) && !are_rows(members, &path) => {
                Item::Table(self::table(inner, &path))
            }
            Value::Array(items) => list(key, items),
            _ => plain(value).map_or(Item::None, Item::Value),
        };
        if !item.is_none() {
            table.insert(key, item);
        }
    }
    let only_sections = !table.is_empty() && table.iter().all(|(_, item)| item.is_table());
    table.set_implicit(only_sections);
    table
}

/// Returns whether tables are lines of a list: what differs for several services in a stage, images, what runs when,
/// and what scales when, if each fits in a line.
fn are_rows(members: &Map<String, Value>, path: &[&str]) -> bool {
    let is_short = |(name, value): (&String, &Value)| value.as_object().is_some_and(|inner| width(inner, name) <= ROW);
    let is_list = matches!(path, ["images" | "schedules", _] | ["stages", _, "services" | "schedules" | "images", _]);
    // What TOML has in lines comes before what it has in sections: entries of one kind keep their order only as all lines
    // or all sections.
    let is_time = matches!(path, [.., "scaling", "scheduled", _]);
    (is_list && members.len() > 1 || is_time) && members.iter().all(is_short)
}

/// Returns whether a table is longer than a line.
fn is_long(members: &Map<String, Value>, path: &[&str]) -> bool {
    width(members, path.last().copied().unwrap_or_default()) > WIDTH
}

/// Returns how long the line of a table would be.
fn width(members: &Map<String, Value>, key: &str) -> usize {
    inline(members).to_string().lines().map(str::len).max().unwrap_or(0) + key.len() + 3
}

/// Returns whether a table gets a header of its own.
fn is_section(members: &Map<String, Value>, path: &[&str]) -> bool {
    let is_long = || is_long(members, path);
    match path {
        // One line for each variable and each secret, wherever it is declared.
        [.., "variables" | "secrets", _] if !is_raw(path) => false,
        [_] => true,
        ["images" | "services" | "schedules" | "stages" | "sidecars", _] => true,
        ["stages", _, "variables" | "secrets" | "services" | "schedules" | "images"] => true,
        [.., "services" | "schedules" | "images", _] | [.., "containers", _] | [.., "containers"] if !is_raw(path) => {
            true
        }
        [.., "ingress" | "release"] | [.., "scaling", "scheduled", _] if !is_raw(path) => true,
        [.., "deployment"] if !is_raw(path) => members.len() > 1 || is_long(),
        [.., "variables" | "secrets"] if !is_raw(path) => members.len() > 1 || is_long(),
        [.., "aws" | "aws-service"] => members.len() > 1 || is_long(),
        [.., key @ "inherit"] => width(members, key) > ROW,
        _ => is_long(),
    }
}

/// Returns whether a place is inside a raw table: its names are AWS's, not the manifest's.
fn is_raw(path: &[&str]) -> bool {
    path[..path.len() - 1].iter().any(|name| matches!(*name, "aws" | "aws-service"))
}

/// A list in one line if it fits, else one line for each item.
fn list(key: &str, items: &[Value]) -> Item {
    let mut array: Array = items.iter().filter_map(plain).collect();
    if array.to_string().len() + key.len() + 3 > WIDTH {
        for item in array.iter_mut() {
            item.decor_mut().set_prefix("\n    ");
        }
        array.set_trailing("\n");
        array.set_trailing_comma(true);
    }
    Item::Value(Toml::Array(array))
}

fn inline(members: &Map<String, Value>) -> InlineTable {
    members.iter().filter_map(|(key, value)| Some((key.as_str(), plain(value)?))).collect()
}

fn plain(value: &Value) -> Option<Toml> {
    Some(match value {
        Value::Null => return None,
        Value::Bool(value) => Toml::from(*value),
        Value::Number(number) => match number.as_i64() {
            Some(number) => Toml::from(number),
            None => Toml::from(number.as_f64().filter(|_| !number.is_u64())?),
        },
        Value::String(text) => Toml::from(text.as_str()),
        Value::Array(items) => Toml::Array(items.iter().filter_map(plain).collect()),
        Value::Object(members) => Toml::InlineTable(inline(members)),
    })
}
