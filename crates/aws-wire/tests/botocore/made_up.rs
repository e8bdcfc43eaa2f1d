//! Makes up documents from a model, from a seed: the same seed makes the same document.

use aws_model::model::{Kind, Location, Model, ShapeId};
use aws_model::{Document, seconds};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

/// The deepest that a document goes; shapes that hold themselves end here.
const DEPTH: usize = 6;

pub(crate) struct MadeUp {
    model: &'static Model,
    state: u64,
    /// Whether instants have milliseconds: botocore sends whole seconds in JSON.
    pub(crate) has_millis: bool,
}

impl MadeUp {
    pub(crate) fn new(model: &'static Model, seed: u64) -> Self {
        Self { model, state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15), has_millis: false }
    }

    /// Returns the members of a structure: about half of them, and one at least.
    pub(crate) fn document(&mut self, id: Option<ShapeId>) -> Document {
        match id.and_then(|id| self.value(id, 0, false)) {
            Some(Value::Object(document)) => document,
            _ => Document::new(),
        }
    }

    /// SplitMix64.
    fn below(&mut self, bound: u64) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    /// None where a structure would be empty: the XML protocols and Query do not tell that from none.
    /// A value that stands in a header or a path is `plain`.
    fn value(&mut self, id: ShapeId, depth: usize, plain: bool) -> Option<Value> {
        if depth > DEPTH {
            return None;
        }
        let shape = self.model.shape(id);
        Some(match &shape.kind {
            Kind::Structure(structure) => {
                if structure.is_event_stream || structure.members.is_empty() {
                    return None;
                }
                let chosen = self.below(structure.members.len() as u64) as usize;
                let mut document = Document::new();
                for (index, member) in structure.members.iter().enumerate() {
                    let is_said = index == chosen || (!structure.is_union && self.below(2) == 0);
                    // A path always has its parts.
                    if is_said || member.location == Some(Location::Path) {
                        let value = self.value(member.shape, depth + 1, member.location.is_some());
                        document.extend(value.map(|value| (member.name.to_owned(), value)));
                    }
                }
                if document.is_empty() {
                    return None;
                }
                Value::Object(document)
            }
            Kind::List { item, .. } => {
                let count = 1 + self.below(2);
                let items: Vec<Value> = (0..count).filter_map(|_| self.value(*item, depth + 1, plain)).collect();
                if items.is_empty() {
                    return None;
                }
                Value::Array(items)
            }
            Kind::Map { key, item, .. } => {
                let Some(Value::String(key)) = self.value(*key, depth + 1, plain) else { return None };
                let item = self.value(*item, depth + 1, plain)?;
                Value::Object([(key, item)].into_iter().collect())
            }
            Kind::Text { words, .. } if !words.is_empty() => words[self.below(words.len() as u64) as usize].into(),
            Kind::Text { .. } if plain => ["a-b", "Z1", "x_y"][self.below(3) as usize].into(),
            Kind::Text { .. } => {
                let texts =
                    ["a", "", "a b+c%20/ü=&", "<b c=\"d\">&amp;</b>", "line\nline\ttab", " \u{1f600} ", "true", "1"];
                texts[self.below(texts.len() as u64) as usize].into()
            }
            Kind::Integer => (self.below(1 << 32) as i64 - (1 << 31)).into(),
            Kind::Long => (self.below(1 << 60) as i64 - (1 << 59)).into(),
            Kind::Double => (self.below(1 << 20) as f64 / 8.0 + 0.0625).into(),
            Kind::Boolean => (self.below(2) == 0).into(),
            // From 1970 to 2104; about half have milliseconds.
            Kind::Timestamp(_) => {
                let whole = self.below(1 << 32) as i64 * 1_000;
                seconds(if !self.has_millis || self.below(2) == 0 { whole } else { whole + self.below(1_000) as i64 })
            }
            Kind::Blob => {
                let bytes: Vec<u8> = (0..self.below(9)).map(|_| self.below(256) as u8).collect();
                BASE64_STANDARD.encode(bytes).into()
            }
        })
    }
}
