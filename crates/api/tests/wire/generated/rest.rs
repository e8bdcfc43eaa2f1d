//! Writes an input as a request of REST-JSON, as clients do (Smithy specification, "HTTP binding traits").

use aws_model::model::{Kind, Location, Operation};
use aws_model::{AwsError, Document};
use aws_wire::{query, rest};
use http::HeaderMap;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

/// A request, but for its headers.
pub(super) struct Asked {
    pub(super) method: &'static str,
    pub(super) target: String,
    pub(super) body: String,
}

/// Returns a call as a request; none where its path cannot be written, because what stands in it is missing.
pub(super) fn of(operation: Operation, input: &Document) -> Option<Asked> {
    let model = operation.model();
    let mut target = operation.path().to_owned();
    let (mut pairs, mut body) = (Vec::new(), Document::new());
    let structure = operation.input().and_then(|shape| model.shape(shape).structure());
    for member in structure.into_iter().flat_map(|structure| &structure.members) {
        let value = input.get(member.name);
        match member.location {
            Some(Location::Path) => {
                let text = value.and_then(Value::as_str).filter(|text| !text.is_empty())?;
                target = target.replace(&format!("{{{}}}", member.wire_name()), &encoded(text));
            }
            Some(Location::Query) => {
                let is_list = matches!(model.shape(member.shape).kind, Kind::List { .. });
                let values: Vec<&Value> = match value {
                    Some(Value::Array(items)) if is_list => items.iter().collect(),
                    value => value.into_iter().collect(),
                };
                let pair = |value: &Value| format!("{}={}", encoded(member.wire_name()), encoded(&text(value)));
                pairs.extend(values.into_iter().map(pair));
            }
            Some(_) => {}
            None => {
                if let Some(value) = value {
                    body.insert(member.wire_name().to_owned(), value.clone());
                }
            }
        }
    }
    // What the model does not know has no place of its own but the body.
    let known = |name: &str| structure.is_some_and(|of| of.members.iter().any(|member| member.name == name));
    body.extend(input.iter().filter(|(name, _)| !known(name)).map(|(name, value)| (name.clone(), value.clone())));
    if !pairs.is_empty() {
        target = format!("{target}?{}", pairs.join("&"));
    }
    let body = if body.is_empty() { String::new() } else { Value::Object(body).to_string() };
    Some(Asked { method: operation.method(), target, body })
}

/// Returns what of a request arrives.
pub(super) fn arrived(operation: Operation, asked: &Asked) -> Result<Document, AwsError> {
    let (path, pairs) = asked.target.split_once('?').unwrap_or((&asked.target, ""));
    let found = rest::find(operation.service(), asked.method, path);
    let (found, labels) = found.expect("a path that was written is one");
    assert_eq!(found.name(), operation.name());
    let (query, headers) = (query::pairs(pairs), HeaderMap::new());
    let request = rest::Request { labels, query: &query, headers: &headers, body: asked.body.as_bytes() };
    rest::read(aws_model::Protocol::RestJson, operation, request)
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}
