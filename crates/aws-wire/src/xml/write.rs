//! Writes a document as XML, as the model names its elements. What the model does not have is left out: it has no name
//! there.

use aws_model::model::{Kind, Member, Model, Shape, ShapeId, Structure, TimeFormat};
use serde_json::Value;

use crate::time;

/// Writes elements into a text.
pub(crate) struct Writer<'o> {
    pub(crate) out: &'o mut String,
    pub(crate) model: &'static Model,
    /// What an item of a list is called that has no name of its own.
    pub(crate) item: &'static str,
}

impl Writer<'_> {
    /// Writes the members of a structure for which `is_wanted` says so.
    pub(crate) fn members(&mut self, structure: &Structure, value: &Value, is_wanted: impl Fn(&Member) -> bool) {
        let Value::Object(document) = value else { return };
        for (name, value) in document {
            if let Some(member) = structure.member(name).filter(|member| is_wanted(member)) {
                self.member(member, value);
            }
        }
    }

    fn member(&mut self, member: &Member, value: &Value) {
        if value.is_null() {
            return;
        }
        let shape = self.model.shape(member.shape);
        match &shape.kind {
            Kind::List { item, item_name, is_flat } if *is_flat || member.is_flat => {
                let name = item_name.unwrap_or_else(|| member.wire_name());
                value.as_array().into_iter().flatten().for_each(|value| self.element(name, *item, None, value));
            }
            Kind::Map { is_flat, .. } if *is_flat || member.is_flat => {
                for (key, value) in value.as_object().into_iter().flatten() {
                    self.entry(member.wire_name(), shape, key, value);
                }
            }
            _ => self.element(member.wire_name(), member.shape, member.time, value),
        }
    }

    /// Writes one element.
    pub(crate) fn element(&mut self, name: &str, id: ShapeId, format: Option<TimeFormat>, value: &Value) {
        if value.is_null() {
            return;
        }
        open(self.out, name);
        self.content(id, format, value);
        close(self.out, name);
    }

    /// Writes what stands inside an element.
    pub(crate) fn content(&mut self, id: ShapeId, format: Option<TimeFormat>, value: &Value) {
        let shape = self.model.shape(id);
        match (&shape.kind, value) {
            (Kind::Structure(structure), Value::Object(_)) => self.members(structure, value, |_| true),
            (Kind::List { item, item_name, .. }, Value::Array(items)) => {
                let name = item_name.unwrap_or(self.item);
                items.iter().for_each(|value| self.element(name, *item, None, value));
            }
            (Kind::Map { .. }, Value::Object(entries)) => {
                entries.iter().for_each(|(key, value)| self.entry("entry", shape, key, value));
            }
            (Kind::Timestamp(own), Value::Number(_)) => match time::millis_of(value) {
                Some(at) => self.out.push_str(&time::write(at, format.or(*own).unwrap_or(TimeFormat::Iso8601))),
                None => text(self.out, &value.to_string()),
            },
            (_, Value::String(value)) => text(self.out, value),
            (_, Value::Bool(value)) => self.out.push_str(if *value { "true" } else { "false" }),
            (_, Value::Number(number)) => self.out.push_str(&number.to_string()),
            // The answer and the model disagree, which the check of answers says.
            _ => {}
        }
    }

    fn entry(&mut self, name: &str, shape: &Shape, key: &str, value: &Value) {
        let Kind::Map { item, key_name, item_name, .. } = &shape.kind else { return };
        open(self.out, name);
        let key_name = key_name.unwrap_or("key");
        open(self.out, key_name);
        text(self.out, key);
        close(self.out, key_name);
        self.element(item_name.unwrap_or("value"), *item, None, value);
        close(self.out, name);
    }
}

pub(crate) fn open(out: &mut String, name: &str) {
    out.push('<');
    out.push_str(name);
    out.push('>');
}

/// Opens an element in a namespace, if there is one.
pub(crate) fn open_in(out: &mut String, name: &str, namespace: &str) {
    out.push('<');
    out.push_str(name);
    if !namespace.is_empty() {
        out.push_str(" xmlns=\"");
        out.push_str(namespace);
        out.push('"');
    }
    out.push('>');
}

pub(crate) fn close(out: &mut String, name: &str) {
    out.push_str("</");
    out.push_str(name);
    out.push('>');
}

/// Writes an element of text.
pub(crate) fn leaf(out: &mut String, name: &str, value: &str) {
    open(out, name);
    text(out, value);
    close(out, name);
}

/// Escapes; what XML 1.0 cannot carry at all becomes U+FFFD.
pub(crate) fn text(out: &mut String, value: &str) {
    for c in value.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\r' => out.push_str("&#13;"), // a bare one would be read back as a line feed
            '\t' | '\n' => out.push(c),
            '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => out.push('\u{fffd}'),
            _ => out.push(c),
        }
    }
}
