//! What an operation must not be sent: a valid input with one thing that its model forbids.

use aws_model::Document;
use aws_model::check::{Path, Rule, Step};
use aws_model::model::{Kind, Model, Operation, Shape, ShapeId};
use platform_core::Ids;
use serde_json::{Value, json};

use super::valid::{Extent, valid};

/// An input that breaks one rule of the model.
#[derive(Debug)]
pub struct Forbidden {
    /// Where.
    pub place: Path,
    /// Which rule.
    pub rule: Rule,
    /// The input, which breaks only this rule.
    pub input: Document,
}

/// Returns an input for each rule of each place of an operation's input: too short, too long, too low, too high, no
/// word of the enumeration, no match of the expression, another type, missing, none and two of a union.
pub fn forbidden(operation: Operation, ids: &mut Ids) -> Vec<Forbidden> {
    let whole = valid(operation, Extent::All, ids);
    let Some(shape) = operation.input() else { return Vec::new() };
    let mut breaker = Breaker { model: operation.model(), at: Vec::new(), found: Vec::new(), whole: &whole };
    breaker.visit(shape, &Value::Object(whole.clone()));
    breaker.found
}

struct Breaker<'w> {
    model: &'static Model,
    at: Vec<Step>,
    found: Vec<Forbidden>,
    whole: &'w Document,
}

impl Breaker<'_> {
    fn visit(&mut self, id: ShapeId, value: &Value) {
        let shape = self.model.shape(id);
        for (rule, broken) in broken(shape, value) {
            self.put(rule, broken);
        }
        match (&shape.kind, value) {
            (Kind::Structure(structure), Value::Object(object)) => {
                for member in &structure.members {
                    let Some(value) = object.get(member.name) else { continue };
                    self.at.push(Step::Name(member.name.to_owned()));
                    if member.is_required {
                        self.remove();
                    }
                    self.visit(member.shape, value);
                    self.at.pop();
                }
                if structure.is_union && structure.members.len() > 1 {
                    self.put(Rule::Union, self.two_of(structure.members.iter().map(|m| (m.name, m.shape)).collect()));
                }
            }
            (Kind::List { item, .. }, Value::Array(items)) => {
                if let Some(first) = items.first() {
                    self.at.push(Step::Item(0));
                    self.visit(*item, first);
                    self.at.pop();
                }
            }
            (Kind::Map { key, item, .. }, Value::Object(entries)) => {
                if let Some((name, first)) = entries.iter().next() {
                    self.at.push(Step::Name(name.clone()));
                    self.visit(*item, first);
                    self.keys(*key, name, first);
                    self.at.pop();
                }
            }
            _ => {}
        }
    }

    /// The first two members of a union, as they would be by themselves.
    fn two_of(&self, members: Vec<(&'static str, ShapeId)>) -> Value {
        let one = |id: ShapeId| match &self.model.shape(id).kind {
            Kind::Structure(_) | Kind::Map { .. } => json!({}),
            Kind::List { .. } => json!([]),
            Kind::Boolean => json!(true),
            Kind::Integer | Kind::Long | Kind::Double | Kind::Timestamp(_) => json!(1),
            Kind::Text { words, .. } => json!(words.first().copied().unwrap_or("a")),
            Kind::Blob => json!("QUJD"),
        };
        Value::Object(members.into_iter().take(2).map(|(name, id)| (name.to_owned(), one(id))).collect())
    }

    fn keys(&mut self, key: ShapeId, name: &str, value: &Value) {
        for (rule, broken) in broken(self.model.shape(key), &Value::from(name)) {
            let (Value::String(other), false) = (broken, matches!(rule, Rule::Type(_))) else { continue };
            let mut input = self.whole.clone();
            let (_, around) = self.at.split_last().expect("a key is in a map");
            if let Some(Value::Object(map)) = place(&mut input, around) {
                map.remove(name);
                map.insert(other.clone(), value.clone());
                let mut path = around.to_vec();
                path.push(Step::Name(other));
                self.found.push(Forbidden { place: Path(path), rule, input });
            }
        }
    }

    fn put(&mut self, rule: Rule, broken: Value) {
        if self.at.is_empty() {
            return;
        }
        let mut input = self.whole.clone();
        if let Some(value) = place(&mut input, &self.at) {
            *value = broken;
            self.found.push(Forbidden { place: Path(self.at.clone()), rule, input });
        }
    }

    fn remove(&mut self) {
        let mut input = self.whole.clone();
        let Some((Step::Name(name), around)) = self.at.split_last() else { return };
        match around.is_empty() {
            true => drop(input.remove(name)),
            false => {
                if let Some(Value::Object(object)) = place(&mut input, around) {
                    object.remove(name);
                }
            }
        }
        self.found.push(Forbidden { place: Path(self.at.clone()), rule: Rule::Missing, input });
    }
}

/// Returns the value at a place that is not the document itself.
fn place<'d>(document: &'d mut Document, path: &[Step]) -> Option<&'d mut Value> {
    let (Step::Name(first), rest) = path.split_first()? else { return None };
    rest.iter().try_fold(document.get_mut(first)?, |value, step| match step {
        Step::Name(name) => value.get_mut(name),
        Step::Item(index) => value.get_mut(index),
    })
}

/// Longest value that is written to be too long: a test's request is no larger than the front takes.
const MOST: f64 = 70_000.0;

/// Returns values that break a rule of a shape each, and which.
fn broken(shape: &Shape, value: &Value) -> Vec<(Rule, Value)> {
    let mut found = vec![(Rule::Type(String::new()), another_type(&shape.kind))];
    let (min, max) = (shape.min.unwrap_or(0.0), shape.max.filter(|max| *max < MOST));
    match (&shape.kind, value) {
        (Kind::Text { words, pattern }, Value::String(text)) => {
            if let Some(max) = max {
                found.push((Rule::Long(max as u64), lengthened(text, max as usize + 1).into()));
            }
            if min >= 1.0 {
                found.push((Rule::Short(min as u64), text.chars().take(min as usize - 1).collect::<String>().into()));
            }
            if !words.is_empty() {
                found.push((Rule::Enum, "NO-SUCH-WORD".into()));
            }
            let odd = ["\u{1}", "\u{7f}", " ", "\u{10ffff}"];
            let spoilt = |odd: &&str| text.chars().skip(1).collect::<String>() + odd;
            if let Some(pattern) = pattern
                && let Some(odd) = odd.iter().find(|odd| !pattern.matches(&spoilt(odd)))
            {
                found.push((Rule::Pattern, spoilt(odd).into()));
            }
        }
        (Kind::Blob, _) => {
            if let Some(max) = max {
                found.push((Rule::Long(max as u64), "QUJD".repeat(max as usize / 3 + 1).into()));
            }
            if min >= 1.0 {
                found.push((Rule::Short(min as u64), "".into()));
            }
        }
        (Kind::Integer | Kind::Long | Kind::Double, _) => {
            let whole = |number: f64| json!(number as i64);
            if let Some(max) = shape.max.filter(|max| *max < f64::from(i32::MAX)) {
                found.push((Rule::High(max), whole(max + 1.0)));
            }
            if let Some(min) = shape.min.filter(|min| *min > f64::from(i32::MIN)) {
                found.push((Rule::Low(min), whole(min - 1.0)));
            }
        }
        (Kind::List { .. }, Value::Array(items)) => {
            if let (Some(max), Some(first)) = (max.filter(|max| *max <= 1_000.0), items.first()) {
                found.push((Rule::Long(max as u64), vec![first.clone(); max as usize + 1].into()));
            }
            if min >= 1.0 {
                found.push((Rule::Short(min as u64), items[..min as usize - 1].to_vec().into()));
            }
        }
        (Kind::Map { .. }, Value::Object(entries)) => {
            if let (Some(max), Some((_, first))) = (max.filter(|max| *max <= 1_000.0), entries.iter().next()) {
                let many: Document = (0..=max as usize).map(|n| (format!("key{n}"), first.clone())).collect();
                found.push((Rule::Long(max as u64), many.into()));
            }
            if min >= 1.0 {
                found.push((Rule::Short(min as u64), json!({})));
            }
        }
        (Kind::Structure(structure), _) if structure.is_union => found.push((Rule::Union, json!({}))),
        _ => {}
    }
    found
}

/// The same text, longer: by its last letter, so that most expressions go on matching.
fn lengthened(text: &str, length: usize) -> String {
    let last = text.chars().next_back().unwrap_or('a');
    text.chars().chain(std::iter::repeat(last)).take(length).collect()
}

fn another_type(kind: &Kind) -> Value {
    match kind {
        Kind::Text { .. } | Kind::Blob => json!({"a": 1}),
        Kind::Structure(_) | Kind::List { .. } | Kind::Map { .. } => json!("text"),
        Kind::Integer | Kind::Long | Kind::Double | Kind::Timestamp(_) => json!("text"),
        Kind::Boolean => json!("text"),
    }
}
