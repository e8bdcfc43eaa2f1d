//! Patterns for JSON: `{ $.user.id = 1 && $.roles[*] != "admin*" }`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::expr::{Expr, Reader, Test};

/// `$.a.b[0]['c']`, and how it was written.
#[derive(Debug)]
pub(crate) struct Selector {
    written: String,
    steps: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    Key(String),
    Index(usize),
    All,
}

#[derive(Debug)]
pub(crate) struct Json(Expr<Selector>);

impl Json {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let inner = text.strip_prefix('{').and_then(|rest| rest.strip_suffix('}')).ok_or("a brace is not closed")?;
        let mut reader = Reader::new(inner);
        let expr = reader.expression(&|reader| Selector::take(reader))?;
        if !reader.rest.is_empty() {
            return Err(format!("'{}' is not understood", reader.rest));
        }
        Ok(Self(expr))
    }

    /// Returns what the pattern's selectors find in a message that matches.
    pub(super) fn extract(&self, message: &str) -> Option<BTreeMap<String, String>> {
        let document: Value = serde_json::from_str(message).ok().filter(|value: &Value| !value.is_string())?;
        let mut is = |selector: &Selector, test: &Test| is(&selector.find(&document), test);
        if !self.0.holds(&mut is) {
            return None;
        }
        let mut selectors = Vec::new();
        self.0.selectors(&mut selectors);
        let found = selectors.into_iter().filter_map(|selector| {
            let value = selector.find(&document).first().map(|value| text(value))?;
            Some((selector.written.clone(), value))
        });
        Some(found.collect())
    }
}

/// Several values are found by `[*]`; one that passes is enough.
fn is(found: &[&Value], test: &Test) -> bool {
    match test {
        Test::Absent => found.is_empty(),
        Test::Null => found.iter().any(|value| value.is_null()),
        Test::True => found.iter().any(|value| **value == Value::Bool(true)),
        Test::False => found.iter().any(|value| **value == Value::Bool(false)),
        Test::Equals(operand, wanted) => {
            let plain = found.iter().filter(|value| !value.is_array() && !value.is_object());
            plain.clone().any(|value| operand.matches(&text(value)) == *wanted)
        }
        Test::Orders(order, bound) => {
            found.iter().filter_map(|value| value.as_f64()).any(|value| order.holds(value, *bound))
        }
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

impl Selector {
    /// Reads a whole text.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut reader = Reader::new(text);
        Self::take(&mut reader).ok().filter(|_| reader.rest.is_empty())
    }

    fn take(reader: &mut Reader<'_>) -> Result<Self, String> {
        let begun = reader.rest;
        let wrong = || format!("'{begun}' begins with no selector such as $.name");
        let mut rest = begun.strip_prefix('$').ok_or_else(wrong)?;
        let mut steps = Vec::new();
        loop {
            if let Some(bracket) = rest.strip_prefix(".[").or_else(|| rest.strip_prefix('[')) {
                let (inner, after) = bracket.split_once(']').ok_or_else(wrong)?;
                let quoted = inner.strip_prefix('\'').and_then(|inner| inner.strip_suffix('\''));
                steps.push(match (quoted, inner) {
                    (Some(key), _) => Step::Key(key.to_owned()),
                    (None, "*") => Step::All,
                    (None, index) => Step::Index(index.trim().parse().map_err(|_| wrong())?),
                });
                rest = after;
            } else if let Some(name) = rest.strip_prefix('.') {
                let end = name.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).unwrap_or(name.len());
                if end == 0 {
                    return Err(wrong());
                }
                steps.push(Step::Key(name[..end].to_owned()));
                rest = &name[end..];
            } else {
                break;
            }
        }
        if steps.is_empty() {
            return Err(wrong());
        }
        reader.rest = rest.trim_start();
        Ok(Self { written: begun[..begun.len() - rest.len()].to_owned(), steps })
    }

    fn find<'v>(&self, document: &'v Value) -> Vec<&'v Value> {
        let mut found = vec![document];
        for step in &self.steps {
            found = match step {
                Step::Key(key) => found.into_iter().filter_map(|value| value.get(key)).collect(),
                Step::Index(index) => found.into_iter().filter_map(|value| value.get(index)).collect(),
                Step::All => found.into_iter().filter_map(Value::as_array).flatten().collect(),
            };
        }
        found
    }

    /// Returns what it finds first in a message.
    pub(crate) fn first(&self, message: &str) -> Option<String> {
        let document: Value = serde_json::from_str(message).ok()?;
        self.find(&document).first().map(|value| text(value))
    }
}
