//! Writes an input as a request of REST-JSON or REST-XML, as clients do (Smithy specification, "HTTP binding traits" and
//! "XML binding traits"): by path, query and body.

use aws_model::model::{Kind, Location, Member, Model, ShapeId, Structure};
use aws_model::{AwsError, Document, Protocol};
use aws_wire::{query, rest};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::Served;

/// A request, without its signature.
pub(super) struct Rest {
    of: Served,
    path: String,
    query: String,
    pub(super) body: String,
}

/// Returns the request of a call; none if what stands in its path is missing or empty.
pub(super) fn of(served: Served, input: &Document) -> Option<Rest> {
    let (operation, protocol) = served;
    let model = operation.model();
    let structure = operation.input().and_then(|shape| model.shape(shape).structure());
    let members = |wanted: Option<Location>| {
        let members = structure.into_iter().flat_map(|structure| &structure.members);
        members.filter(move |member| member.location == wanted)
    };
    let mut path = operation.path().to_owned();
    for member in members(Some(Location::Path)) {
        let value = input.get(member.name).map(text).filter(|text| !text.is_empty())?;
        path = path.replace(&format!("{{{}}}", member.wire_name()), &encoded(&value));
    }
    let mut pairs = Vec::new();
    for member in members(Some(Location::Query)) {
        let is_list = matches!(model.shape(member.shape).kind, Kind::List { .. });
        let values: Vec<&Value> = match input.get(member.name) {
            Some(Value::Array(items)) if is_list => items.iter().collect(),
            value => value.into_iter().collect(),
        };
        let pair = |value: &Value| format!("{}={}", encoded(member.wire_name()), encoded(&text(value)));
        pairs.extend(values.into_iter().map(pair));
    }
    let body = match (protocol, structure) {
        (Protocol::RestXml, Some(structure)) if members(None).next().is_some() => match operation.root() {
            (Some(root), namespace) => {
                let mut body = format!("<{root} xmlns=\"{}\">", namespace.unwrap_or_default());
                Xml { model, out: &mut body }.members(structure, input, |member| member.location.is_none());
                body + &format!("</{root}>")
            }
            (None, _) => String::new(),
        },
        (Protocol::RestJson, structure) => json(structure, input),
        _ => String::new(),
    };
    Some(Rest { of: served, path, query: pairs.join("&"), body })
}

/// Returns a body of JSON. What the model does not know has no place of its own but there.
fn json(structure: Option<&Structure>, input: &Document) -> String {
    let member = |name: &str| structure.and_then(|structure| structure.member(name));
    let body: Document = input
        .iter()
        .filter(|(name, _)| member(name).is_none_or(|member| member.location.is_none()))
        .map(|(name, value)| {
            (member(name).map_or_else(|| name.clone(), |member| member.wire_name().to_owned()), value.clone())
        })
        .collect();
    if body.is_empty() { String::new() } else { Value::Object(body).to_string() }
}

impl Rest {
    /// Returns the request's path and query.
    pub(super) fn target(&self) -> String {
        if self.query.is_empty() { self.path.clone() } else { format!("{}?{}", self.path, self.query) }
    }

    /// Returns the input as it arrives.
    pub(super) fn arrived(&self) -> Result<Document, AwsError> {
        let (operation, protocol) = self.of;
        let (found, labels) = rest::find(operation.service(), operation.method(), &self.path).expect("a path is known");
        assert_eq!(found.name(), operation.name());
        let (query, headers) = (query::pairs(&self.query), Default::default());
        let request = rest::Request { labels, query: &query, headers: &headers, body: self.body.as_bytes() };
        rest::read(protocol, operation, request)
    }
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

struct Xml<'o> {
    model: &'static Model,
    out: &'o mut String,
}

impl Xml<'_> {
    fn members(&mut self, structure: &Structure, document: &Document, is_wanted: impl Fn(&Member) -> bool) {
        for (name, value) in document {
            match structure.member(name) {
                Some(member) if is_wanted(member) => self.member(member, value),
                Some(_) => {}
                None => self.element(name, |xml| xml.any(value)),
            }
        }
    }

    fn member(&mut self, member: &Member, value: &Value) {
        match (&self.model.shape(member.shape).kind, value) {
            (Kind::List { item, item_name, is_flat }, Value::Array(items)) if *is_flat || member.is_flat => {
                let name = item_name.unwrap_or_else(|| member.wire_name());
                items.iter().for_each(|one| self.element(name, |xml| xml.value(*item, one)));
            }
            (_, Value::Null) => {}
            _ => self.element(member.wire_name(), |xml| xml.value(member.shape, value)),
        }
    }

    fn value(&mut self, id: ShapeId, value: &Value) {
        match (&self.model.shape(id).kind, value) {
            (Kind::Structure(structure), Value::Object(document)) => self.members(structure, document, |_| true),
            (Kind::List { item, item_name, .. }, Value::Array(items)) => {
                let name = item_name.unwrap_or("member");
                items.iter().for_each(|one| self.element(name, |xml| xml.value(*item, one)));
            }
            (_, value) => self.any(value),
        }
    }

    /// Writes a value of whatever type.
    fn any(&mut self, value: &Value) {
        match value {
            Value::Object(document) => {
                document.iter().for_each(|(name, value)| self.element(name, |xml| xml.any(value)));
            }
            Value::Array(items) => items.iter().for_each(|one| self.element("member", |xml| xml.any(one))),
            Value::Null => {}
            value => {
                let text = text(value);
                let escaped = text.chars().map(|c| match c {
                    '&' => "&amp;".to_owned(),
                    '<' => "&lt;".to_owned(),
                    '>' => "&gt;".to_owned(),
                    c => c.to_string(),
                });
                self.out.extend(escaped);
            }
        }
    }

    fn element(&mut self, name: &str, write: impl FnOnce(&mut Self)) {
        self.out.push_str(&format!("<{name}>"));
        write(self);
        self.out.push_str(&format!("</{name}>"));
    }
}
