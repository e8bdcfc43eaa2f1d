//! JSON with pieces in it: how a text with secrets and unknown parts is parsed, and how a value is encoded.
//!
//! Pieces that cannot be shown travel through the parser as marks in Unicode's private use area.

use std::fmt::Write as _;

use serde_json::Value as Json;

use super::value::{Piece, Text, Value};

const OPEN: char = '\u{E0F0}';
const CLOSE: char = '\u{E0F1}';

/// The pieces that the marks of a parsed document stand for.
#[derive(Debug, Default)]
pub(super) struct Marks(Vec<Piece>);

impl Marks {
    /// Returns a string of the document, piece by piece.
    pub(super) fn text(&self, marked: &str) -> Text {
        let mut text = Text::default();
        let mut rest = marked;
        while let Some((before, after)) = rest.split_once(OPEN) {
            text.push(before);
            let (index, after) = after.split_once(CLOSE).unwrap_or(("", after));
            if let Some(piece) = index.parse::<usize>().ok().and_then(|index| self.0.get(index)) {
                text.append(Text(vec![piece.clone()]));
            }
            rest = after;
        }
        text.push(rest);
        if text.0.is_empty() { Text::plain("") } else { text }
    }

    /// Returns the document as a value.
    pub(super) fn value(&self, json: Json) -> Value {
        match json {
            Json::Null => Value::Null,
            Json::Bool(value) => Value::Bool(value),
            Json::Number(number) => Value::Number(number),
            Json::String(text) => Value::Text(self.text(&text)),
            Json::Array(values) => Value::List(values.into_iter().map(|value| self.value(value)).collect()),
            Json::Object(values) => {
                Value::Map(values.into_iter().map(|(key, value)| (key, self.value(value))).collect())
            }
        }
    }

    /// Returns a value as a document, with marks for what cannot be shown.
    pub(super) fn document(&mut self, value: &Value) -> Json {
        match value {
            Value::Null => Json::Null,
            Value::Bool(value) => Json::Bool(*value),
            Value::Number(number) => Json::Number(number.clone()),
            Value::Text(text) => Json::String(self.marked(text)),
            Value::List(values) => values.iter().map(|value| self.document(value)).collect(),
            Value::Map(values) => {
                Json::Object(values.iter().map(|(key, value)| (key.clone(), self.document(value))).collect())
            }
        }
    }

    fn marked(&mut self, text: &Text) -> String {
        let mut marked = String::new();
        for piece in &text.0 {
            match piece {
                Piece::Plain(text) => marked.push_str(text),
                other => marked.push_str(&self.mark(other)),
            }
        }
        marked
    }

    fn mark(&mut self, piece: &Piece) -> String {
        self.0.push(piece.clone());
        format!("{OPEN}{}{CLOSE}", self.0.len() - 1)
    }
}

/// Parses a text as JSON. The error has a line and a column, never a value.
///
/// A piece outside of a string, such as `${cpu}` in `"cpu": ${cpu}`, becomes a string of that piece.
pub(super) fn parse(text: &Text) -> Result<(Json, Marks), String> {
    if let [Piece::Secret { of, text }] = text.0.as_slice() {
        // A whole document that is sensitive: its structure may be shown, its values may not.
        let json: Json = serde_json::from_str(text).map_err(|error| error.to_string())?;
        let mut marks = Marks::default();
        let hidden = marks.value(json).hidden(of);
        return Ok((marks.document(&hidden), marks));
    }
    let mut marks = Marks::default();
    let mut source = String::new();
    let (mut inside, mut escaped) = (false, false);
    for piece in &text.0 {
        match piece {
            Piece::Plain(text) => {
                source.push_str(text);
                for c in text.chars() {
                    (inside, escaped) = match c {
                        _ if escaped => (inside, false),
                        '\\' if inside => (true, true),
                        '"' => (!inside, false),
                        _ => (inside, false),
                    };
                }
            }
            piece if inside => source.push_str(&marks.mark(piece)),
            piece => {
                let mark = marks.mark(piece);
                let _ = write!(source, "\"{mark}\"");
            }
        }
    }
    let json = serde_json::from_str(&source).map_err(|error| error.to_string())?;
    Ok((json, marks))
}

/// Returns a value as Terraform's `jsonencode` writes it: keys in order, `<`, `>` and `&` escaped.
pub(super) fn encode(value: &Value) -> Text {
    let mut text = Text::default();
    write(&mut text, value);
    text
}

fn write(out: &mut Text, value: &Value) {
    match value {
        Value::Null => out.push("null"),
        Value::Bool(value) => out.push(if *value { "true" } else { "false" }),
        Value::Number(number) => out.push(&super::value::digits(number)),
        Value::Text(text) => {
            out.push("\"");
            out.append(text.clone().map(escape));
            out.push("\"");
        }
        Value::List(values) => {
            out.push("[");
            for (index, value) in values.iter().enumerate() {
                out.push(if index == 0 { "" } else { "," });
                write(out, value);
            }
            out.push("]");
        }
        Value::Map(values) => {
            out.push("{");
            for (index, (key, value)) in values.iter().enumerate() {
                out.push(if index == 0 { "" } else { "," });
                out.push(&format!("\"{}\":", escape(key)));
                write(out, value);
            }
            out.push("}");
        }
    }
}

/// Escapes a text for the inside of a JSON string.
fn escape(text: &str) -> String {
    let quoted = Json::String(text.to_owned()).to_string();
    let inside = &quoted[1..quoted.len() - 1];
    // Go's encoder, which Terraform uses, escapes these too.
    inside
        .replace('<', "\\u003c")
        .replace('>', "\\u003e")
        .replace('&', "\\u0026")
        .replace('\u{2028}', "\\u2028")
        .replace('\u{2029}', "\\u2029")
}
