//! What an input or an answer holds that the official model does not allow.
//!
//! One walk finds every violation (`walk.rs`); `words.rs` says them as the service does, `lax.rs` knows where a service
//! allows more than its model, and [`normalise()`] takes away what AWS takes for absent. Pure, and it never quotes a
//! value that the model calls sensitive.

mod lax;
mod normalise;
mod path;
mod walk;
mod words;

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use serde_json::Value;

use crate::model::{Operation, Shape};
use crate::service::Service;
use crate::{AwsError, Document};

pub use normalise::normalise;
pub use path::{Path, Step};
pub(crate) use words::of_enumeration;
pub use words::{is_common, of_blank};

/// A value that breaks a rule of the model.
#[derive(Debug)]
pub struct Violation<'d> {
    /// Where it is. For a rule of items, keys or entries: where the list or the map is.
    pub path: Path,
    /// What it breaks.
    pub rule: Rule,
    /// The shape that has the rule; none for a member that the model does not have.
    pub shape: Option<&'static Shape>,
    /// What is there; none if nothing is, or if it must not be shown.
    pub value: Option<&'d Value>,
}

/// A rule of the model.
#[derive(Debug, Clone, PartialEq)]
pub enum Rule {
    /// The type is another; the words are those of AWS's JSON reader.
    Type(String),
    /// A required member is missing, or an item is null.
    Missing,
    /// The model has no such member.
    Unknown,
    /// Fewer characters, bytes, items or entries than this.
    Short(u64),
    /// More characters, bytes, items or entries than this.
    Long(u64),
    /// A lower number.
    Low(f64),
    /// A greater number.
    High(f64),
    /// Not one of the enumeration.
    Enum,
    /// Does not match the expression.
    Pattern,
    /// Not exactly one member of a union.
    Union,
    /// The simple item here of a list breaks a rule of its own, and is the first that does; the shape is the item's.
    Item(usize, Box<Rule>),
    /// This key of a map does; the shape is the key's.
    Key(String, Box<Rule>),
    /// The simple value of this key does; the shape is the value's.
    Entry(String, Box<Rule>),
}

impl Rule {
    /// Returns the rule that is broken, whether by a member, an item, a key or an entry.
    pub fn innermost(&self) -> &Self {
        match self {
            Self::Item(_, inner) | Self::Key(_, inner) | Self::Entry(_, inner) => inner.innermost(),
            rule => rule,
        }
    }
}

impl<'d> Violation<'d> {
    /// Returns where the very value is, be it an item or an entry.
    pub fn place(&self) -> Path {
        let mut path = self.path.clone();
        match &self.rule {
            Rule::Item(index, _) => path.0.push(Step::Item(*index)),
            Rule::Entry(key, _) | Rule::Key(key, _) => path.0.push(Step::Name(key.clone())),
            _ => {}
        }
        path
    }

    /// Returns the very value, be it an item or an entry; none if nothing is there, or if it must not be shown.
    pub fn very_value(&self) -> Option<Cow<'d, Value>> {
        match (&self.rule, self.value?) {
            (Rule::Item(index, _), value) => value.get(index).map(Cow::Borrowed),
            (Rule::Entry(key, _), value) => value.get(key).map(Cow::Borrowed),
            (Rule::Key(key, _), _) => Some(Cow::Owned(Value::from(key.as_str()))),
            (_, value) => Some(Cow::Borrowed(value)),
        }
    }
}

/// Returns everything about an input that the model does not allow: what is there in the document's order, then what is missing.
pub fn input(operation: Operation, input: &Document) -> Vec<Violation<'_>> {
    operation.input().map_or_else(Vec::new, |shape| walk::document(operation.model(), shape, input))
}

/// Returns everything about an answer that breaks a client that was made from the model: other types, members that
/// are missing or unknown, words outside of an enumeration. Lengths, ranges and patterns bind only who calls.
pub fn answer(operation: Operation, answer: &Document) -> Vec<Violation<'_>> {
    let Some(shape) = operation.output() else {
        return answer.keys().map(|name| walk::unknown(name)).collect();
    };
    let breaks = |violation: &Violation<'_>| {
        matches!(violation.rule.innermost(), Rule::Type(_) | Rule::Missing | Rule::Unknown | Rule::Enum | Rule::Union)
    };
    let found = walk::document(operation.model(), shape, answer).into_iter();
    found.filter(|violation| breaks(violation) && !lax::answers(operation, violation)).collect()
}

/// Takes what is as good as absent out of an input, and refuses what is left of it as the service does: with its code,
/// and in its words. Every input goes through this once, before an operation sees it.
///
/// # Errors
/// The service's refusal of what its model does not allow.
pub fn admit(operation: Operation, document: &mut Document) -> Result<(), AwsError> {
    normalise(operation, document);
    refuse(operation, document)
}

/// Refuses an input as the service does.
///
/// # Errors
/// The service's refusal of what its model does not allow.
pub fn refuse(operation: Operation, document: &Document) -> Result<(), AwsError> {
    let mut violations = input(operation, document);
    violations.retain(|violation| !lax::allows(operation, violation));
    if violations.is_empty() || says_it_itself(operation, &violations) {
        return Ok(());
    }
    Err(words::refusal(operation, &violations))
}

/// Whether a service takes what its model forbids here; see `lax.rs`.
pub fn is_allowed(operation: Operation, place: &Path, rule: &Rule) -> bool {
    lax::takes(operation, place, rule)
}

/// Whether the operation has words of its own for what is wrong: registering a task definition does, for the types,
/// the words and the members of its document ([`crate::validate`]).
fn says_it_itself(operation: Operation, violations: &[Violation<'_>]) -> bool {
    let is_its =
        |violation: &Violation<'_>| matches!(violation.rule.innermost(), Rule::Type(_) | Rule::Missing | Rule::Enum);
    operation.service() == Service::Ecs && operation.name() == "RegisterTaskDefinition" && violations.iter().any(is_its)
}

/// Refuses an input of which a value cannot be read as its type.
///
/// # Errors
/// The service's refusal of the first such value.
pub fn refuse_types(operation: Operation, violations: &[Violation<'_>]) -> Result<(), AwsError> {
    let of_type = violations.iter().find(|violation| matches!(violation.rule, Rule::Type(_)));
    of_type.map_or(Ok(()), |violation| Err(words::refusal(operation, std::slice::from_ref(violation))))
}

/// Returns what is wrong with an answer, for the one who wrote it; none if nothing is.
pub fn wrong_answer(operation: Operation, document: &Document) -> Option<String> {
    let mut violations = answer(operation, document);
    // Task definitions and services come back as they were sent, including members that AWS has added since the model
    // was read: those are no fault of ours. The pure tests of ECS look at unknown members all the same.
    if operation.service() == Service::Ecs {
        violations.retain(|violation| violation.rule != Rule::Unknown);
    }
    if violations.is_empty() {
        return None;
    }
    let words: Vec<String> = violations.iter().map(|v| format!("{}: {:?}", v.place(), v.rule.innermost())).collect();
    Some(format!("the answer of {} is not the model's: {}", operation.name(), words.join("; ")))
}
