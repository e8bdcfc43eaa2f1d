//! What does a variable's value become under its declared type? As Terraform converts: `8000` to `"8000"` and back.

use hcl::edit::expr::{Expression, ObjectKey};

use super::eval::Frame;
use super::scope::Scope;
use super::value::Value;

/// Returns a value converted to a type expression such as `map(object({ cpu = number }))`; one that does not fit stays.
pub(super) fn to_type(scope: &Scope<'_>, value: Value, kind: &Expression) -> Value {
    if value == Value::Null || value.is_unknown().is_some() {
        return value;
    }
    match kind {
        Expression::Variable(name) => scalar(value, name.as_str()),
        // Terraform 0.11 quoted the types.
        Expression::String(name) => scalar(value, name.value()),
        Expression::Parenthesis(inner) => to_type(scope, value, inner.inner()),
        Expression::FuncCall(call) => {
            let args: Vec<_> = call.args.iter().collect();
            match (call.name.name.as_str(), args.as_slice(), value) {
                ("list", [inner], Value::List(values)) => {
                    Value::List(values.into_iter().map(|value| to_type(scope, value, inner)).collect())
                }
                ("set", [inner], Value::List(values)) => {
                    set(values.into_iter().map(|value| to_type(scope, value, inner)).collect())
                }
                ("map", [inner], Value::Map(values)) => {
                    Value::Map(values.into_iter().map(|(key, value)| (key, to_type(scope, value, inner))).collect())
                }
                ("object", [Expression::Object(fields)], value @ Value::Map(_)) => object(scope, value, fields),
                ("optional", [inner, ..], value) => to_type(scope, value, inner),
                (_, _, value) => value,
            }
        }
        _ => value,
    }
}

/// Returns the members of a set: without repetition, in the order in which Terraform goes through them.
pub(super) fn set(values: Vec<Value>) -> Value {
    let mut kept: Vec<Value> = Vec::new();
    for value in values {
        if !kept.contains(&value) {
            kept.push(value);
        }
    }
    kept.sort_by(|left, right| match (left, right) {
        (Value::Number(left), Value::Number(right)) => {
            let (left, right) = (left.as_f64().unwrap_or(0.0), right.as_f64().unwrap_or(0.0));
            left.total_cmp(&right)
        }
        (left, right) => {
            let text = |value: &Value| value.as_text().and_then(|text| text.known());
            text(left).cmp(&text(right))
        }
    });
    Value::List(kept)
}

/// Returns the elements of what must be of one type: beside a text, numbers and truths are texts.
pub(super) fn unified(values: Vec<Value>) -> Vec<Value> {
    let is_text = |value: &Value| matches!(value, Value::Text(text) if text.known().is_some());
    let texts = values.iter().any(is_text);
    values.into_iter().map(|value| if texts { scalar(value, "string") } else { value }).collect()
}

/// Returns the chosen branch of a conditional under the type that both branches have.
pub(super) fn like(chosen: Value, other: &Value) -> Value {
    match (chosen, other) {
        (chosen @ (Value::Number(_) | Value::Bool(_)), Value::Text(text)) if text.known().is_some() => {
            scalar(chosen, "string")
        }
        (Value::List(chosen), Value::List(other)) => {
            let text = other.iter().find(|one| matches!(one, Value::Text(text) if text.known().is_some()));
            let scalars = chosen.iter().all(|one| !matches!(one, Value::List(_) | Value::Map(_)));
            match text.filter(|_| scalars) {
                Some(text) => Value::List(chosen.into_iter().map(|one| like(one, text)).collect()),
                None => Value::List(chosen),
            }
        }
        (Value::Map(chosen), Value::Map(other)) => {
            let one = |(key, value): (String, Value)| {
                let value = other.get(&key).map_or(value.clone(), |other| like(value, other));
                (key, value)
            };
            Value::Map(chosen.into_iter().map(one).collect())
        }
        (chosen, _) => chosen,
    }
}

/// Returns a scalar as another kind of scalar. What is sensitive is a text already, and stays one.
pub(super) fn scalar(value: Value, kind: &str) -> Value {
    let secret = value.any_secret().is_some();
    match kind {
        "string" => value.as_text().map_or(value, Value::Text),
        "number" if !secret => value.as_number().map_or(value, Value::number),
        "bool" if !secret => value.as_bool().map_or(value, Value::Bool),
        _ => value,
    }
}

fn object(scope: &Scope<'_>, value: Value, fields: &hcl::edit::expr::Object) -> Value {
    let Value::Map(mut given) = value else { return value };
    let mut kept = std::collections::BTreeMap::new();
    for (key, field) in fields {
        let name = match key {
            ObjectKey::Ident(ident) => ident.as_str().to_owned(),
            ObjectKey::Expression(Expression::String(name)) => name.value().clone(),
            ObjectKey::Expression(Expression::Variable(name)) => name.as_str().to_owned(),
            ObjectKey::Expression(_) => continue,
        };
        let value = match (given.remove(&name), optional(field.expr())) {
            (Some(value), _) if value != Value::Null => to_type(scope, value, field.expr()),
            (_, Some(Some(default))) => to_type(scope, scope.lenient(default, &Frame::default()), field.expr()),
            (_, _) => Value::Null,
        };
        kept.insert(name, value);
    }
    Value::Map(kept)
}

/// Returns the default of `optional(type, default)`.
fn optional(field: &Expression) -> Option<Option<&Expression>> {
    match field {
        Expression::FuncCall(call) if call.name.name.as_str() == "optional" => Some(call.args.get(1)),
        _ => None,
    }
}
