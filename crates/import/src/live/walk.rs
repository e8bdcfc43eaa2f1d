//! The leaves of an answer, each with where it stands, and what its place is called in AWS's model.

use aws_model::Document;
use serde_json::Value;

/// A value that has none beneath it; a list of plain values is one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Leaf {
    /// Where it is, such as `Conditions.0.Field`.
    pub(crate) path: String,
    /// The same in the model's words: `Conditions[].Field`.
    pub(crate) pattern: String,
    /// The pattern of what it is in; none at the top.
    pub(crate) above: Option<String>,
    /// The same as ECS's model tells of faults: `Conditions[0].Field`.
    pub(crate) indexed: String,
    /// It is a list or a table with nothing in it.
    pub(crate) is_empty: bool,
}

impl Leaf {
    /// Returns the first name of its path.
    pub(crate) fn top(&self) -> &str {
        self.path.split('.').next().unwrap_or(&self.path)
    }
}

/// Returns the leaves of a document, in its order. Attributes of ELBv2 (`Key` and `Value`) are leaves by their keys.
pub(crate) fn leaves(document: &Document) -> Vec<Leaf> {
    let mut all = Vec::new();
    let top = Spot { path: String::new(), pattern: String::new(), indexed: String::new() };
    members(document, &top, &mut all);
    all
}

struct Spot {
    path: String,
    pattern: String,
    indexed: String,
}

impl Spot {
    fn member(&self, name: &str) -> Self {
        let below = |above: &str| if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") };
        Self { path: below(&self.path), pattern: below(&self.pattern), indexed: below(&self.indexed) }
    }

    fn item(&self, number: usize) -> Self {
        Self {
            path: format!("{}.{number}", self.path),
            pattern: format!("{}[]", self.pattern),
            indexed: format!("{}[{number}]", self.indexed),
        }
    }

    fn leaf(&self, above: &Self, is_empty: bool) -> Leaf {
        let above = Some(above.pattern.clone()).filter(|pattern| !pattern.is_empty());
        let Self { path, pattern, indexed } = self;
        Leaf { path: path.clone(), pattern: pattern.clone(), above, indexed: indexed.clone(), is_empty }
    }
}

fn members(document: &Document, spot: &Spot, all: &mut Vec<Leaf>) {
    for (name, value) in document {
        walk(value, &spot.member(name), spot, all);
    }
}

fn walk(value: &Value, spot: &Spot, above: &Spot, all: &mut Vec<Leaf>) {
    match value {
        Value::Null => {}
        Value::Object(document) if !document.is_empty() => members(document, spot, all),
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            for (number, item) in items.iter().enumerate() {
                let spot = spot.item(number);
                match item {
                    Value::Object(attribute) if above.path.is_empty() => self::attribute(attribute, &spot, all),
                    item => walk(item, &spot, &spot, all),
                }
            }
        }
        Value::Object(_) => all.push(spot.leaf(above, true)),
        Value::Array(items) => all.push(spot.leaf(above, items.is_empty())),
        // An element of XML with nothing in it is an empty text, whatever it would hold.
        other => all.push(spot.leaf(above, other.as_str() == Some(""))),
    }
}

/// An item of `Attributes` is one leaf, by its key; what it has beside key and value is another.
fn attribute(item: &Document, spot: &Spot, all: &mut Vec<Leaf>) {
    let key = item.get("Key").and_then(Value::as_str);
    let Some(key) = key.filter(|_| spot.pattern == "Attributes[]") else { return members(item, spot, all) };
    let value = spot.member("Value");
    all.push(Leaf { path: format!("Attributes.{key}"), ..value.leaf(spot, false) });
    let beside = item.iter().filter(|(name, _)| !matches!(name.as_str(), "Key" | "Value"));
    beside.for_each(|(name, value)| walk(value, &spot.member(name), spot, all));
}
