//! A row on its way through a query: an event's fields, and what the query has added to them. Pure.

use std::cell::OnceCell;
use std::rc::Rc;

use aws_model::Millis;

use super::ast::{Expr, Operator};
use super::functions::{Argument, call};
use super::value::Value;

/// An event, as a query reads it.
#[derive(Debug, Clone)]
pub struct Event {
    /// When it happened.
    pub at: Millis,
    /// When it arrived.
    pub ingested: Millis,
    /// Name of its stream.
    pub stream: String,
    /// `ACCOUNT:GROUP`.
    pub log: String,
    /// What was said.
    pub message: String,
    /// What `@ptr` answers: names this event and no other.
    pub pointer: String,
}

#[derive(Debug, Clone)]
pub(super) struct Row {
    source: Option<Rc<Source>>,
    /// Columns that commands made; the later of two with one name counts.
    own: Vec<(Rc<str>, Value)>,
}

#[derive(Debug)]
struct Source {
    event: Event,
    /// The message, if it is a JSON object.
    document: OnceCell<Option<serde_json::Value>>,
}

impl Row {
    pub(super) fn of_event(event: Event) -> Self {
        Self { source: Some(Rc::new(Source { event, document: OnceCell::new() })), own: Vec::new() }
    }

    pub(super) fn of_columns(own: Vec<(Rc<str>, Value)>) -> Self {
        Self { source: None, own }
    }

    pub(super) fn set(&mut self, name: &Rc<str>, value: Value) {
        match self.own.iter_mut().find(|(known, _)| known == name) {
            Some((_, known)) => *known = value,
            None => self.own.push((name.clone(), value)),
        }
    }

    pub(super) fn get(&self, name: &str) -> Value {
        if let Some((_, value)) = self.own.iter().find(|(known, _)| &**known == name) {
            return value.clone();
        }
        self.source.as_ref().map_or(Value::Missing, |source| source.get(name))
    }

    pub(super) fn pointer(&self) -> Option<&str> {
        self.source.as_ref().map(|source| source.event.pointer.as_str())
    }

    /// Bytes that it takes, about.
    pub(super) fn weight(&self) -> usize {
        let event = self.source.as_ref().map_or(0, |source| {
            let parsed = source.document.get().is_some_and(Option::is_some);
            source.event.message.len() * if parsed { 4 } else { 1 } + source.event.stream.len() + 256
        });
        event + self.own.iter().map(|(_, value)| value.weight()).sum::<usize>() + 64
    }

    pub(super) fn eval(&self, expr: &Expr, aggregates: &[Value]) -> Value {
        let of = |expr: &Expr| self.eval(expr, aggregates);
        match expr {
            Expr::Field(name) | Expr::Column(name) => self.get(name),
            Expr::Number(number) => Value::Number(*number),
            Expr::Text(text) => Value::Text(text.clone()),
            Expr::Period(_) => Value::Missing,
            Expr::Aggregate(number) => aggregates.get(*number).cloned().unwrap_or(Value::Missing),
            Expr::Call(function, arguments, written) => {
                if let Some((_, value)) = self.own.iter().find(|(known, _)| **known == **written) {
                    return value.clone();
                }
                let argument = |argument: &Expr| match argument {
                    Expr::Period(period) => Argument::Period(*period),
                    other => Argument::Value(of(other)),
                };
                call(*function, &arguments.iter().map(argument).collect::<Vec<_>>())
            }
            Expr::Not(inner) => Value::of(!of(inner).is_true()),
            Expr::Negative(inner) => of(inner).number().map_or(Value::Missing, |number| Value::Number(-number)),
            Expr::Contains(text, part) => {
                let (text, part) = (of(text), of(part));
                Value::of(text.is_present() && text.to_string().contains(&part.to_string()))
            }
            Expr::Matches(text, regex) => {
                let text = of(text);
                Value::of(text.is_present() && regex.is_match(&text.to_string()))
            }
            Expr::In(value, list) => {
                let value = of(value);
                Value::of(list.iter().any(|other| value.equals(&of(other))))
            }
            Expr::Binary(Operator::And, left, right) => Value::of(of(left).is_true() && of(right).is_true()),
            Expr::Binary(Operator::Or, left, right) => Value::of(of(left).is_true() || of(right).is_true()),
            Expr::Binary(operator, left, right) => binary(*operator, &of(left), &of(right)),
        }
    }
}

fn binary(operator: Operator, left: &Value, right: &Value) -> Value {
    let order = || left.compared(right);
    let calculated = |f: fn(f64, f64) -> f64| {
        let result = left.number().zip(right.number()).map(|(left, right)| f(left, right));
        result.filter(|number| number.is_finite()).map_or(Value::Missing, Value::Number)
    };
    match operator {
        Operator::Equal => Value::of(left.equals(right)),
        Operator::Unequal => Value::of(!left.equals(right)),
        Operator::Less => Value::of(order().is_some_and(|order| order.is_lt())),
        Operator::AtMost => Value::of(order().is_some_and(|order| order.is_le())),
        Operator::More => Value::of(order().is_some_and(|order| order.is_gt())),
        Operator::AtLeast => Value::of(order().is_some_and(|order| order.is_ge())),
        Operator::Plus => calculated(|left, right| left + right),
        Operator::Minus => calculated(|left, right| left - right),
        Operator::Times => calculated(|left, right| left * right),
        Operator::Over => calculated(|left, right| left / right),
        Operator::Modulo => calculated(|left, right| left % right),
        Operator::Power => calculated(f64::powf),
        Operator::And | Operator::Or => Value::Missing,
    }
}

impl Source {
    fn get(&self, name: &str) -> Value {
        let event = &self.event;
        match name {
            "@timestamp" => Value::Time(event.at),
            "@ingestionTime" => Value::Time(event.ingested),
            "@message" => Value::Text(event.message.clone()),
            "@logStream" => Value::Text(event.stream.clone()),
            "@log" => Value::Text(event.log.clone()),
            "@ptr" => Value::Text(event.pointer.clone()),
            name => self.discovered(name).map_or(Value::Missing, Value::from_json),
        }
    }

    /// Finds a member of the JSON that the message is: `a.b`, `list.0.c`, or a name with dots in it.
    fn discovered(&self, name: &str) -> Option<&serde_json::Value> {
        fn within<'v>(value: &'v serde_json::Value, path: &str) -> Option<&'v serde_json::Value> {
            let member = |key: &str| match value {
                serde_json::Value::Array(items) => items.get(key.parse::<usize>().ok()?),
                value => value.get(key),
            };
            member(path)
                .or_else(|| path.match_indices('.').find_map(|(at, _)| within(member(&path[..at])?, &path[at + 1..])))
        }
        let document = self.document.get_or_init(|| {
            let message = self.event.message.trim_start();
            message.starts_with('{').then(|| serde_json::from_str(message).ok()).flatten()
        });
        within(document.as_ref()?, name)
    }
}
