//! An event as its leaves.

use aws_model::Document;
use serde_json::Value;

/// A value that is neither object nor array, and where it is.
#[derive(Debug)]
pub(super) struct Leaf<'e> {
    path: Vec<&'e str>,
    /// For each array on the way: which one, and which element of it.
    elements: Vec<(usize, usize)>,
    pub(super) value: &'e Value,
}

impl Leaf<'_> {
    pub(super) fn is_at(&self, path: &[String]) -> bool {
        self.path.len() == path.len() && self.path.iter().zip(path).all(|(own, other)| own == other)
    }

    /// Whether both can be meant at once: where they share an array, they are in the same element of it.
    pub(super) fn agrees(&self, other: &Self) -> bool {
        let of = |array: usize| other.elements.iter().find(move |(id, _)| *id == array);
        self.elements.iter().all(|(array, element)| of(*array).is_none_or(|(_, theirs)| theirs == element))
    }
}

/// Returns the leaves of an event. What is empty has none.
pub(super) fn leaves(event: &Document) -> Vec<Leaf<'_>> {
    let mut walk = Walk { found: Vec::new(), arrays: 0 };
    walk.members(event, &mut Vec::new(), &mut Vec::new());
    walk.found
}

struct Walk<'e> {
    found: Vec<Leaf<'e>>,
    /// How many arrays were met: their numbers.
    arrays: usize,
}

impl<'e> Walk<'e> {
    fn members(&mut self, of: &'e Document, path: &mut Vec<&'e str>, elements: &mut Vec<(usize, usize)>) {
        for (name, value) in of {
            path.push(name);
            self.value(value, path, elements);
            path.pop();
        }
    }

    fn value(&mut self, value: &'e Value, path: &mut Vec<&'e str>, elements: &mut Vec<(usize, usize)>) {
        match value {
            Value::Object(members) => self.members(members, path, elements),
            Value::Array(items) => {
                let array = self.arrays;
                self.arrays += 1;
                for (index, item) in items.iter().enumerate() {
                    elements.push((array, index));
                    self.value(item, path, elements);
                    elements.pop();
                }
            }
            _ => self.found.push(Leaf { path: path.clone(), elements: elements.clone(), value }),
        }
    }
}
