//! What an operation can be sent.

use aws_model::Document;
use aws_model::model::{Kind, Model, Operation, Shape, ShapeId, Structure};
use platform_core::Ids;
use serde_json::{Number, Value, json};

use super::text::{below, matching};

/// How much of what may be there is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extent {
    /// Required members only.
    Least,
    /// Every member.
    All,
    /// Some of them.
    Some,
}

/// How deep optional members are written: what is within itself would have no end.
const DEPTH: usize = 7;
/// Longest text that is written where the model allows longer ones.
const LONG: usize = 40;

/// Returns an input that the model allows.
pub fn valid(operation: Operation, extent: Extent, ids: &mut Ids) -> Document {
    let mut writer = Writer { model: operation.model(), extent, ids, within: Vec::new() };
    match operation.input().map(|shape| writer.value(shape)) {
        Some(Value::Object(document)) => document,
        _ => Document::new(),
    }
}

struct Writer<'i> {
    model: &'static Model,
    extent: Extent,
    ids: &'i mut Ids,
    within: Vec<ShapeId>,
}

impl Writer<'_> {
    fn value(&mut self, id: ShapeId) -> Value {
        let shape = self.model.shape(id);
        match &shape.kind {
            Kind::Structure(structure) => {
                self.within.push(id);
                let value = self.structure(structure);
                self.within.pop();
                value
            }
            Kind::List { item, .. } => (0..self.count(shape)).map(|_| self.value(*item)).collect(),
            Kind::Map { key, item, .. } => {
                let mut entries = Document::new();
                for _ in 0..self.count(shape) {
                    if let Value::String(key) = self.value(*key) {
                        entries.insert(key, self.value(*item));
                    }
                }
                Value::Object(entries)
            }
            Kind::Text { words, .. } if !words.is_empty() => words[below(words.len(), self.ids)].into(),
            Kind::Text { .. } => text(shape, self.ids).into(),
            Kind::Integer | Kind::Long => whole(shape, self.ids),
            Kind::Double => {
                let least = shape.min.unwrap_or(0.0);
                json!(shape.max.map_or(least + 1.5, |max| max.min(least + 1.5)))
            }
            Kind::Boolean => Value::Bool(self.ids.next().is_multiple_of(2)),
            Kind::Timestamp(_) => json!(1_700_000_000),
            Kind::Blob => "QUJD".repeat((shape.min.unwrap_or(1.0) as usize).div_ceil(3).clamp(1, 64)).into(),
        }
    }

    fn structure(&mut self, structure: &'static Structure) -> Value {
        let mut document = Document::new();
        if structure.is_union {
            let member = &structure.members[below(structure.members.len(), self.ids)];
            document.insert(member.name.to_owned(), self.value(member.shape));
            return Value::Object(document);
        }
        for member in &structure.members {
            let is_wanted = match self.extent {
                Extent::Least => false,
                Extent::All => true,
                Extent::Some => self.ids.next().is_multiple_of(3),
            };
            let has_end = self.within.len() < DEPTH && !self.within.contains(&member.shape);
            if member.is_required || (is_wanted && has_end) {
                document.insert(member.name.to_owned(), self.value(member.shape));
            }
        }
        Value::Object(document)
    }

    /// Lists have one item at least where they may have one, so that items are tried too.
    fn count(&mut self, shape: &Shape) -> usize {
        let least = shape.min.unwrap_or(0.0) as usize;
        let most = shape.max.map_or(2, |max| max as usize).clamp(least, least.max(2));
        match self.extent {
            Extent::Least => least,
            Extent::All => least.max(1).min(most),
            Extent::Some => least + below(most - least + 1, self.ids),
        }
    }
}

/// Returns a text that a shape without words allows.
pub(super) fn text(shape: &Shape, ids: &mut Ids) -> String {
    let least = shape.min.map_or(0, |min| min as usize);
    let most = shape.max.map_or(usize::MAX, |max| max as usize);
    if let Kind::Text { pattern: Some(pattern), .. } = &shape.kind {
        let least = least.max(1).min(most);
        return matching(pattern, least, most, ids)
            .unwrap_or_else(|| panic!("no text for {} of {}", pattern.text(), shape.name));
    }
    let length = least.max(1) + below(most.clamp(least, least + LONG) - least + 1, ids);
    (0..length.clamp(least, most)).map(|_| char::from(b'a' + below(26, ids) as u8)).collect()
}

fn whole(shape: &Shape, ids: &mut Ids) -> Value {
    let least = shape.min.unwrap_or(0.0) as i64;
    let most = shape.max.map_or(least + 100, |max| max as i64).max(least);
    let number = match below(4, ids) {
        0 => least,
        1 => most.min(i64::from(i32::MAX)),
        _ => least + below((most - least).clamp(0, 1_000) as usize + 1, ids) as i64,
    };
    Value::Number(Number::from(number))
}
