//! What AWS takes for absent: nulls, and empty values where nothing is meant by them.
//!
//! Clients write out what they hold: Terraform's provider sends `ProtocolVersion=` and `capacityProviderStrategy: []`
//! of members that the caller did not write. An empty value *means* something where a change is asked for
//! (`loadBalancers: []` removes them, UpdateService API reference), where a member is required, and in free text.

use serde_json::Value;

use crate::Document;
use crate::document::without_nulls;
use crate::model::{Kind, Model, Operation, Shape, Structure};
use crate::protocol::Protocol;
use crate::service::Service;

/// Takes what is as good as absent out of an input.
pub fn normalise(operation: Operation, document: &mut Document) {
    without_nulls(document);
    let model = operation.model();
    let Some(structure) = operation.input().and_then(|shape| model.shape(shape).structure()) else { return };
    match operation.service() {
        // A task definition is a document: it comes back as it was sent.
        Service::Ecs if operation.name() == "RegisterTaskDefinition" => {}
        Service::Ecs if !is_change(operation) => document.retain(|name, value| {
            structure.member(name).is_none_or(|member| {
                member.is_required || !(is_empty_list(value) || is_empty_object(model.shape(member.shape), value))
            })
        }),
        service if service.protocols().contains(&Protocol::Query) => {
            let lists = if is_change(operation) { Lists::Meant } else { Lists::Absent };
            members(model, structure, document, lists, service);
        }
        _ => {}
    }
}

/// Whether an operation changes what is there: what the input leaves out stays, so an empty list has a meaning.
fn is_change(operation: Operation) -> bool {
    let verbs = ["Update", "Put", "Modify", "Set", "Add", "Remove", "Register", "Deregister", "Tag", "Untag"];
    verbs.iter().any(|verb| operation.name().starts_with(verb))
}

#[derive(Clone, Copy, PartialEq)]
enum Lists {
    Meant,
    Absent,
}

fn members(
    model: &'static Model,
    structure: &'static Structure,
    document: &mut Document,
    lists: Lists,
    service: Service,
) {
    document.retain(|name, value| {
        let Some(member) = structure.member(name) else { return true };
        let shape = model.shape(member.shape);
        below(model, shape, value, lists, service);
        let is_absent = match (&shape.kind, &*value) {
            (Kind::Text { words, .. }, Value::String(text)) if text.is_empty() => {
                !words.is_empty() || !is_free_text(service, name)
            }
            (Kind::Structure(_) | Kind::List { .. } | Kind::Map { .. } | Kind::Blob, Value::String(_)) => false,
            (_, Value::String(text)) => text.is_empty(),
            (Kind::List { .. }, list) => lists == Lists::Absent && is_empty_list(list),
            _ => false,
        };
        member.is_required || !is_absent
    });
}

fn below(model: &'static Model, shape: &'static Shape, value: &mut Value, lists: Lists, service: Service) {
    match (&shape.kind, value) {
        (Kind::Structure(structure), Value::Object(object)) => members(model, structure, object, lists, service),
        (Kind::List { item, .. }, Value::Array(items)) => {
            let item = model.shape(*item);
            items.iter_mut().for_each(|one| below(model, item, one, lists, service));
        }
        (Kind::Map { item, .. }, Value::Object(entries)) => {
            let item = model.shape(*item);
            entries.values_mut().for_each(|one| below(model, item, one, lists, service));
        }
        _ => {}
    }
}

/// Whether an empty text is a text: of a description, a tag, a body. The load balancers' other texts are words and
/// identifiers (ports, paths, protocols' versions), which are absent when they are empty: Terraform's provider 5.31
/// makes every target group without a version with `ProtocolVersion=`, and AWS answers one of HTTP1.
fn is_free_text(service: Service, name: &str) -> bool {
    const FREE: [&str; 9] = ["Name", "Key", "Value", "MessageBody", "Query", "Regex", "Replace", "Path", "Host"];
    service != Service::ElbV2 || FREE.contains(&name)
}

fn is_empty_list(value: &Value) -> bool {
    value.as_array().is_some_and(Vec::is_empty)
}

/// Whether an object is empty and means nothing: one with required members is refused for lacking them.
fn is_empty_object(shape: &Shape, value: &Value) -> bool {
    let needs_none = |structure: &Structure| structure.members.iter().all(|member| !member.is_required);
    value.as_object().is_some_and(Document::is_empty) && shape.structure().is_some_and(needs_none)
}
