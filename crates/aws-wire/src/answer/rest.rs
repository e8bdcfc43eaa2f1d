//! Writes an answer of the REST protocols: status, headers and body, as the model binds them.

use std::borrow::Cow;

use aws_model::model::{Kind, Location, Member, Model, Operation, ShapeId, Structure, TimeFormat};
use aws_model::{Document, Protocol};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use serde_json::Value;

use super::{Reply, XML, content_type, namespace};
use crate::time;
use crate::xml::{Writer, close, open_in};

pub(super) fn write(protocol: Protocol, operation: Operation, document: Document) -> Reply {
    let model = operation.model();
    let mut reply = Reply { status: operation.status(), content_type: None, headers: Vec::new(), body: Vec::new() };
    let Some(id) = operation.output() else { return reply };
    let shape = model.shape(id);
    let Some(structure) = shape.structure() else { return reply };
    for (member, value) in structure.members.iter().filter_map(|member| Some((member, document.get(member.name)?))) {
        match member.location {
            Some(Location::Status) => reply.status = value.as_u64().and_then(|s| s.try_into().ok()).unwrap_or(200),
            Some(Location::Header) => {
                let text = header(model, member, value);
                reply.headers.extend(text.map(|text| (Cow::Borrowed(member.wire_name()), text)));
            }
            Some(Location::Headers) => {
                for (key, value) in value.as_object().into_iter().flatten() {
                    let name = format!("{}{key}", member.location_name.unwrap_or_default());
                    reply.headers.extend(value.as_str().map(|text| (Cow::Owned(name), text.to_owned())));
                }
            }
            Some(Location::Path | Location::Query) | None => {}
        }
    }
    match structure.payload.and_then(|name| structure.member(name)) {
        Some(payload) => {
            if let Some(value) = document.get(payload.name).filter(|value| !value.is_null()) {
                whole(protocol, operation, payload, value, &mut reply);
            }
        }
        None if protocol == Protocol::RestXml => {
            if structure.members.iter().any(is_body) {
                let mut out = String::from(XML);
                open_in(&mut out, shape.name, namespace(operation.service()));
                Writer { out: &mut out, model, item: "member" }.members(structure, &document.into(), is_body);
                close(&mut out, shape.name);
                body(&mut reply, content_type(protocol), out.into_bytes());
            }
        }
        None => {
            let mut value = Value::Object(document);
            to_json(model, id, None, &mut value, &|member| is_body(member));
            body(&mut reply, content_type(protocol), value.to_string().into_bytes());
        }
    }
    reply
}

fn is_body(member: &Member) -> bool {
    member.location.is_none()
}

fn body(reply: &mut Reply, content_type: &'static str, body: Vec<u8>) {
    reply.content_type = Some(content_type);
    reply.body = body;
}

/// A member that is the whole body.
fn whole(protocol: Protocol, operation: Operation, payload: &Member, value: &Value, reply: &mut Reply) {
    let model = operation.model();
    let shape = model.shape(payload.shape);
    match (&shape.kind, value) {
        (Kind::Blob, Value::String(text)) => {
            let bytes = BASE64_STANDARD.decode(text).unwrap_or_else(|_| text.clone().into_bytes());
            body(reply, "application/octet-stream", bytes);
        }
        (_, Value::String(text)) => body(reply, "text/plain", text.clone().into_bytes()),
        _ if protocol == Protocol::RestXml => {
            let mut out = String::from(XML);
            let name = payload.location_name.unwrap_or(shape.name);
            open_in(&mut out, name, namespace(operation.service()));
            Writer { out: &mut out, model, item: "member" }.content(payload.shape, None, value);
            close(&mut out, name);
            body(reply, content_type(protocol), out.into_bytes());
        }
        _ => {
            let mut value = value.clone();
            to_json(model, payload.shape, None, &mut value, &|_| true);
            body(reply, content_type(protocol), value.to_string().into_bytes());
        }
    }
}

fn header(model: &'static Model, member: &Member, value: &Value) -> Option<String> {
    let format = match &model.shape(member.shape).kind {
        Kind::Timestamp(own) => member.time.or(*own).unwrap_or(TimeFormat::Http),
        _ => TimeFormat::Http,
    };
    match (&model.shape(member.shape).kind, value) {
        (_, Value::String(text)) => Some(text.clone()),
        (Kind::Timestamp(_), Value::Number(_)) => Some(time::write(time::millis_of(value)?, format)),
        (_, Value::Number(number)) => Some(number.to_string()),
        (_, Value::Bool(value)) => Some(value.to_string()),
        (_, Value::Array(items)) => {
            let texts = items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned));
            Some(texts.collect::<Vec<_>>().join(","))
        }
        _ => None,
    }
}

/// Gives members their names on the wire, and writes instants as the model says; members that are not for the body go.
fn to_json(
    model: &'static Model,
    id: ShapeId,
    format: Option<TimeFormat>,
    value: &mut Value,
    is_wanted: &dyn Fn(&Member) -> bool,
) {
    match (&model.shape(id).kind, value) {
        (Kind::Structure(structure), Value::Object(members)) => members_to_json(model, structure, members, is_wanted),
        (Kind::List { item, .. }, Value::Array(items)) => {
            items.iter_mut().for_each(|value| to_json(model, *item, None, value, &|_| true));
        }
        (Kind::Map { item, .. }, Value::Object(entries)) => {
            entries.values_mut().for_each(|value| to_json(model, *item, None, value, &|_| true));
        }
        (Kind::Timestamp(own), value @ Value::Number(_)) => {
            if let Some(format @ (TimeFormat::Iso8601 | TimeFormat::Http)) = format.or(*own)
                && let Some(at) = time::millis_of(value)
            {
                *value = time::write(at, format).into();
            }
        }
        _ => {}
    }
}

fn members_to_json(
    model: &'static Model,
    structure: &Structure,
    members: &mut Document,
    is_wanted: &dyn Fn(&Member) -> bool,
) {
    for member in &structure.members {
        let Some(value) = members.get_mut(member.name) else { continue };
        to_json(model, member.shape, member.time, value, &|_| true);
        if !is_wanted(member) {
            members.remove(member.name);
        } else if member.wire_name() != member.name
            && let Some(value) = members.remove(member.name)
        {
            members.insert(member.wire_name().to_owned(), value);
        }
    }
}
