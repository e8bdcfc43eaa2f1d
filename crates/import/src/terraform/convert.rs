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
    kept.sort_by_key(|value| value.as_text().and_then(|text| text.known()));
    Value::List(kept)
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
