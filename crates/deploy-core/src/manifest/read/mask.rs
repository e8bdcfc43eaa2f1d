//! Which part of the text must not be shown in a snippet?
//!
//! The manifest has no place for the value of a secret. One will be written there all the same, and the error that says
//! so must not carry it to a terminal or to a pipeline's log.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Returns the text with what looks like values of secrets starred out, byte for byte as long as it was.
pub(super) fn mask_secrets(text: &str, table: &DeTable<'_>) -> String {
    let mut spans = Vec::new();
    tables(table, &mut spans);
    let mut bytes = text.as_bytes().to_vec();
    for span in spans {
        let end = span.end.min(bytes.len());
        for byte in &mut bytes[span.start.min(end)..end] {
            if !matches!(byte, b'\n' | b'\r' | b'"' | b'\'') {
                *byte = b'*';
            }
        }
    }
    // A span that cut a character in two would leave half of it behind.
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Looks for tables called `secrets`, wherever they are: a misplaced one is as secret.
fn tables(table: &DeTable<'_>, spans: &mut Vec<Range<usize>>) {
    for (key, node) in table {
        match (key.get_ref().as_ref(), node.get_ref()) {
            ("secrets", DeValue::Table(secrets)) => secrets.iter().for_each(|(_, secret)| value(secret, spans)),
            // What a container inherits is a list of names.
            ("secrets", DeValue::Array(_) | DeValue::Boolean(_)) => {}
            ("secrets", _) => value(node, spans),
            (_, DeValue::Table(inner)) => tables(inner, spans),
            _ => {}
        }
    }
}

fn value(node: &Spanned<DeValue<'_>>, spans: &mut Vec<Range<usize>>) {
    match node.get_ref() {
        DeValue::Boolean(_) => {}
        DeValue::Table(members) => {
            for (key, member) in members {
                let is_public = match (key.get_ref().as_ref(), member.get_ref()) {
                    ("containers" | "key" | "generate", _) => true,
                    ("from", DeValue::String(arn)) => arn.starts_with("arn:"),
                    _ => false,
                };
                if !is_public {
                    value(member, spans);
                }
            }
        }
        DeValue::Array(items) => items.iter().for_each(|item| value(item, spans)),
        _ => spans.push(node.span()),
    }
}
