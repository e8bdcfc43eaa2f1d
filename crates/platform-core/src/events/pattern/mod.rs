//! Event patterns: which events does a rule wait for?
//!
//! The words and the meaning are the user guide's ("Event patterns", "Comparison operators for use in event patterns");
//! where it leaves something open, Event Ruler's, the library of AWS that EventBridge matches with
//! (github.com/aws/event-ruler: `README.md`, and the refusals of `JsonRuleCompiler.java`).
//!
//! An event is taken as its leaves: each with the names that lead to it, and, for each array on the way, which element
//! it is in. What two fields of a pattern say of one array must be true of one element of it.

mod cidr;
mod leaves;
mod read;
mod test;
#[cfg(test)]
mod tests;
mod wildcard;

use aws_model::Document;

use leaves::{Leaf, leaves};
use test::Test;

/// A pattern that was understood: one of its branches must match, and a branch is fields that all must.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    branches: Vec<Vec<Field>>,
}

/// What one field must be: any of these.
#[derive(Debug, Clone, PartialEq)]
struct Field {
    path: Vec<String>,
    any: Vec<Test>,
}

impl Pattern {
    /// Reads a pattern.
    ///
    /// # Errors
    /// EventBridge's reason, without the place in the text that it adds.
    pub fn parse(text: &str) -> Result<Self, String> {
        let value = serde_json::from_str(text).map_err(|error| format!("Invalid JSON: {error}"))?;
        read::branches(&value).map(|branches| Self { branches })
    }

    /// Returns whether an event is one of those that are waited for.
    pub fn matches(&self, event: &Document) -> bool {
        let leaves = leaves(event);
        self.branches.iter().any(|branch| fits(branch, &leaves, &mut Vec::new()))
    }
}

/// Whether all fields can be found, in elements of arrays that agree with each other.
fn fits<'e>(fields: &[Field], leaves: &'e [Leaf<'e>], chosen: &mut Vec<&'e Leaf<'e>>) -> bool {
    let Some((field, rest)) = fields.split_first() else { return true };
    let mut own = leaves.iter().filter(|leaf| leaf.is_at(&field.path)).peekable();
    if own.peek().is_none() {
        return field.any.contains(&Test::Exists(false)) && fits(rest, leaves, chosen);
    }
    for leaf in own {
        if field.any.iter().any(|test| test.takes(leaf.value)) && chosen.iter().all(|other| other.agrees(leaf)) {
            chosen.push(leaf);
            if fits(rest, leaves, chosen) {
                return true;
            }
            chosen.pop();
        }
    }
    false
}
