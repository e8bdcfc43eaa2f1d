//! The one walk through a document beside its shape.

use serde_json::{Number, Value};

use super::{Path, Rule, Step, Violation};
use crate::Document;
use crate::model::{Kind, Model, Shape, ShapeId, Structure};

/// Returns what of a document its shape does not allow.
pub(super) fn document<'d>(model: &'static Model, shape: ShapeId, document: &'d Document) -> Vec<Violation<'d>> {
    let mut walk = Walk { model, at: Vec::new(), hidden: 0, found: Vec::new() };
    let shape = model.shape(shape);
    if let Some(structure) = shape.structure() {
        walk.members(shape, structure, document);
    }
    walk.found
}

/// Returns the violation of a member where there are none.
pub(super) fn unknown(name: &str) -> Violation<'_> {
    Violation { path: Path(vec![Step::Name(name.to_owned())]), rule: Rule::Unknown, shape: None, value: None }
}

/// A step whose words are not copied before something is found.
#[derive(Clone, Copy)]
enum At<'d> {
    Name(&'d str),
    Item(usize),
}

struct Walk<'d> {
    model: &'static Model,
    at: Vec<At<'d>>,
    /// How many of the shapes around are sensitive.
    hidden: usize,
    found: Vec<Violation<'d>>,
}

impl<'d> Walk<'d> {
    fn report(&mut self, rule: Rule, shape: Option<&'static Shape>, value: Option<&'d Value>) {
        let step = |at: &At<'_>| match at {
            At::Name(name) => Step::Name((*name).to_owned()),
            At::Item(index) => Step::Item(*index),
        };
        let path = Path(self.at.iter().map(step).collect());
        let is_sensitive = self.hidden > 0 || shape.is_some_and(|shape| shape.is_sensitive);
        self.found.push(Violation { path, rule, shape, value: value.filter(|_| !is_sensitive) });
    }

    fn below(&mut self, at: At<'d>, visit: impl FnOnce(&mut Self)) {
        self.at.push(at);
        visit(self);
        self.at.pop();
    }

    fn members(&mut self, shape: &'static Shape, structure: &'static Structure, object: &'d Document) {
        for (name, value) in object {
            self.below(At::Name(name), |walk| match structure.member(name) {
                Some(member) => walk.value(walk.model.shape(member.shape), value),
                None => walk.report(Rule::Unknown, None, None),
            });
        }
        for member in structure.members.iter().filter(|m| m.is_required && !object.contains_key(m.name)) {
            self.below(At::Name(member.name), |walk| {
                walk.report(Rule::Missing, Some(walk.model.shape(member.shape)), None);
            });
        }
        // A member that came after our model may be the one that is set.
        let known = object.keys().filter(|name| structure.member(name).is_some()).count();
        if structure.is_union && known != 1 && (known > 1 || object.is_empty()) {
            self.report(Rule::Union, Some(shape), None);
        }
    }

    fn value(&mut self, shape: &'static Shape, value: &'d Value) {
        self.hidden += usize::from(shape.is_sensitive);
        match (&shape.kind, value) {
            (Kind::Structure(structure), Value::Object(object)) => self.members(shape, structure, object),
            (Kind::List { item, .. }, Value::Array(items)) => self.list(shape, self.model.shape(*item), value, items),
            (Kind::Map { key, item, .. }, Value::Object(entries)) => {
                self.map(shape, (self.model.shape(*key), self.model.shape(*item)), value, entries);
            }
            _ => rules(shape, value, &mut |rule| self.report(rule, Some(shape), Some(value))),
        }
        self.hidden -= usize::from(shape.is_sensitive);
    }

    fn list(&mut self, shape: &'static Shape, item: &'static Shape, value: &'d Value, items: &'d [Value]) {
        sized(shape, items.len(), &mut |rule| self.report(rule, Some(shape), Some(value)));
        let mut is_told = false;
        for (index, one) in items.iter().enumerate() {
            if !is_simple(item) && !one.is_null() {
                self.below(At::Item(index), |walk| walk.value(item, one));
                continue;
            }
            // A list of simple values is reported once, however many break a rule.
            let mut broken = Vec::new();
            rules(item, one, &mut |rule| broken.push(rule));
            for rule in broken {
                if matches!(rule, Rule::Type(_)) {
                    self.below(At::Item(index), |walk| walk.report(rule, Some(item), Some(one)));
                } else if !std::mem::replace(&mut is_told, true) {
                    self.simple(Rule::Item(index, Box::new(rule)), item, value);
                }
            }
        }
    }

    fn map(
        &mut self,
        shape: &'static Shape,
        (key, item): (&'static Shape, &'static Shape),
        value: &'d Value,
        entries: &'d Document,
    ) {
        sized(shape, entries.len(), &mut |rule| self.report(rule, Some(shape), Some(value)));
        let (mut key_told, mut entry_told) = (false, false);
        for (name, one) in entries {
            let mut broken = Vec::new();
            text_rules(key, name, &mut |rule| broken.push(rule));
            let first = (!broken.is_empty()).then(|| broken.swap_remove(0));
            broken.clear();
            if let Some(rule) = first
                && !std::mem::replace(&mut key_told, true)
            {
                self.simple(Rule::Key(name.clone(), Box::new(rule)), key, value);
            }
            if !is_simple(item) && !one.is_null() {
                self.below(At::Name(name), |walk| walk.value(item, one));
                continue;
            }
            rules(item, one, &mut |rule| broken.push(rule));
            for rule in broken {
                if matches!(rule, Rule::Type(_)) {
                    self.below(At::Name(name), |walk| walk.report(rule, Some(item), Some(one)));
                } else if !std::mem::replace(&mut entry_told, true) {
                    self.simple(Rule::Entry(name.clone(), Box::new(rule)), item, value);
                }
            }
        }
    }

    fn simple(&mut self, rule: Rule, shape: &'static Shape, around: &'d Value) {
        self.report(rule, Some(shape), Some(around));
    }
}

/// Whether values of a shape are reported as part of the list or map that they are in.
pub(super) fn is_simple(shape: &Shape) -> bool {
    !matches!(shape.kind, Kind::Structure(_) | Kind::List { .. } | Kind::Map { .. })
}

fn sized(shape: &Shape, count: usize, report: &mut dyn FnMut(Rule)) {
    let count = count as f64;
    // The greatest first, as AWS's own lists of constraints have them.
    if let Some(max) = shape.max.filter(|max| count > *max) {
        report(Rule::Long(max as u64));
    }
    if let Some(min) = shape.min.filter(|min| count < *min) {
        report(Rule::Short(min as u64));
    }
}

fn text_rules(shape: &Shape, text: &str, report: &mut dyn FnMut(Rule)) {
    let Kind::Text { words, pattern } = &shape.kind else { return };
    // The expression comes first (fluent-plugin-cloudwatch-logs #223, aws-runas #80).
    if pattern.as_ref().is_some_and(|pattern| !pattern.matches(text)) {
        report(Rule::Pattern);
    }
    if !words.is_empty() && !words.contains(&text) {
        report(Rule::Enum);
    }
    if shape.min.is_some() || shape.max.is_some() {
        sized(shape, text.chars().count(), report);
    }
}

fn rules(shape: &'static Shape, value: &Value, report: &mut dyn FnMut(Rule)) {
    match (&shape.kind, value) {
        (_, Value::Null) => report(Rule::Missing),
        (Kind::Text { .. }, Value::String(text)) => text_rules(shape, text, report),
        (Kind::Blob, Value::String(text)) => match bytes(text) {
            Some(count) => sized(shape, count, report),
            None => report(Rule::Type("the bytes are not base64".into())),
        },
        (Kind::Boolean, Value::Bool(_)) | (Kind::Timestamp(_), Value::Number(_)) => {}
        // AWS's reader takes 1.0 and 1.5 for an integer too (it truncates); we take only what is one.
        (Kind::Integer, Value::Number(number)) if number.as_i64().is_some_and(|n| i32::try_from(n).is_ok()) => {
            ranged(shape, number, report);
        }
        (Kind::Long, Value::Number(number)) if number.is_i64() => ranged(shape, number, report),
        (Kind::Double, Value::Number(number)) => ranged(shape, number, report),
        (kind, value) => report(Rule::Type(mistyped(kind, value))),
    }
}

fn ranged(shape: &Shape, number: &Number, report: &mut dyn FnMut(Rule)) {
    let Some(number) = number.as_f64() else { return };
    if let Some(max) = shape.max.filter(|max| number > *max) {
        report(Rule::High(max));
    }
    if let Some(min) = shape.min.filter(|min| number < *min) {
        report(Rule::Low(min));
    }
}

/// Returns how many bytes a text in base64 stands for, if it is one.
fn bytes(text: &str) -> Option<usize> {
    let digits = text.trim_end_matches('=');
    let is_digit = |b: u8| b.is_ascii_alphanumeric() || b == b'+' || b == b'/';
    let is_whole = text.len() - digits.len() <= 2 && digits.len() % 4 != 1;
    (is_whole && digits.bytes().all(is_digit)).then_some(digits.len() * 3 / 4)
}

/// The words of AWS's JSON reader (seen in amazon-ecs-deploy-task-definition #587 and the like).
fn mistyped(kind: &Kind, value: &Value) -> String {
    let token = match value {
        Value::Object(_) => return "Start of structure or map found where not expected.".into(),
        Value::Array(_) => return "Start of list found where not expected".into(),
        Value::Null => "NULL_VALUE",
        Value::Bool(true) => "TRUE_VALUE",
        Value::Bool(false) => "FALSE_VALUE",
        Value::Number(number) if number.is_f64() => "DECIMAL_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        Value::String(_) => "STRING_VALUE",
    };
    match kind {
        Kind::Structure(_) => "Expected null".into(),
        Kind::List { .. } => "Expected list or null".into(),
        Kind::Map { .. } => "Expected map or null".into(),
        Kind::Text { .. } | Kind::Blob => format!("{token} cannot be converted to String"),
        Kind::Integer => format!("{token} cannot be converted to Integer"),
        Kind::Long => format!("{token} cannot be converted to Long"),
        Kind::Boolean => format!("{token} cannot be converted to Boolean"),
        Kind::Timestamp(_) => format!("{token} cannot be converted to Timestamp"),
        Kind::Double => format!("{token} cannot be converted to Double"),
    }
}
