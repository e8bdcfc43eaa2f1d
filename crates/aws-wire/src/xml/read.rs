//! Reads an XML body (the requests of REST-XML) by the model. Elements that the model does not have are passed over,
//! as AWS does; namespaces are not looked at.

use aws_model::model::{Kind, Member, Model, ShapeId, Structure};
use aws_model::{AwsError, Document};
use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};
use serde_json::Value;

use crate::bounds;
use crate::leaf;

/// An element: its name, what stands below it, and its text.
#[derive(Default)]
pub(crate) struct Element {
    name: String,
    below: Vec<Element>,
    text: String,
}

/// Reads a body's elements.
///
/// # Errors
/// `MalformedXML` in Route 53's and S3's words; too many elements, or too deep, too.
pub(crate) fn tree(body: &[u8]) -> Result<Element, AwsError> {
    let text = std::str::from_utf8(body).map_err(|_| malformed("it is not UTF-8"))?;
    let mut reader = Reader::from_str(text);
    let mut open = vec![Element::default()];
    let mut values = 0;
    loop {
        let event = reader.read_event().map_err(|error| malformed(error.to_string()))?;
        let depth = open.len();
        let top = open.last_mut().ok_or_else(|| malformed("an element closes that was not open"))?;
        match event {
            Event::Start(tag) => {
                values += 1;
                let name = String::from_utf8_lossy(tag.local_name().as_ref()).into_owned();
                open.push(Element { name, ..Element::default() });
            }
            Event::Empty(tag) => {
                values += 1;
                let name = String::from_utf8_lossy(tag.local_name().as_ref()).into_owned();
                top.below.push(Element { name, ..Element::default() });
            }
            Event::End(_) => {
                let done = open.pop().ok_or_else(|| malformed("an element closes that was not open"))?;
                let above = open.last_mut().ok_or_else(|| malformed("an element closes that was not open"))?;
                above.below.push(done);
            }
            Event::Text(part) => top.text.push_str(&part.decode().map_err(|error| malformed(error.to_string()))?),
            Event::CData(part) => top.text.push_str(&part.decode().map_err(|error| malformed(error.to_string()))?),
            Event::GeneralRef(reference) => top.text.push(character(&reference)?),
            Event::Eof => break,
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
        if values > bounds::VALUES {
            return Err(malformed(bounds::too_many()));
        }
        if depth > bounds::DEPTH {
            return Err(malformed(bounds::too_deep()));
        }
    }
    match (open.pop(), open.is_empty()) {
        (Some(mut outside), true) if outside.below.len() == 1 => Ok(outside.below.remove(0)),
        _ => Err(malformed("it is not one whole element")),
    }
}

fn malformed(words: impl std::fmt::Display) -> AwsError {
    AwsError::new("MalformedXML", format!("the body is not the XML that is expected: {words}"))
}

/// XML's own five names: an entity that a document declares is never expanded.
fn character(reference: &BytesRef<'_>) -> Result<char, AwsError> {
    if let Some(c) = reference.resolve_char_ref().map_err(|error| malformed(error.to_string()))? {
        return Ok(c);
    }
    let name = reference.decode().map_err(|error| malformed(error.to_string()))?;
    match &*name {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        _ => Err(malformed("an entity that XML does not have")),
    }
}

/// Reads the members of a structure for which `is_wanted` says so.
pub(crate) fn members(
    model: &'static Model,
    structure: &'static Structure,
    element: Element,
    is_wanted: impl Fn(&Member) -> bool,
) -> Result<Document, AwsError> {
    let mut document = Document::new();
    for child in element.below {
        let is_it = |member: &&Member| is_wanted(member) && name_of(model, member) == child.name;
        let Some(member) = structure.members.iter().find(is_it) else { continue };
        match &model.shape(member.shape).kind {
            Kind::List { item, is_flat, .. } if *is_flat || member.is_flat => {
                let value = value(model, *item, child)?.unwrap_or_else(|| Value::from(""));
                match document.entry(member.name).or_insert_with(|| Value::Array(Vec::new())) {
                    Value::Array(items) => items.push(value),
                    _ => return Err(malformed(format!("{} is given twice", member.name))),
                }
            }
            Kind::Map { is_flat, .. } if *is_flat || member.is_flat => {
                let inner = entry(model, member.shape, child)?;
                if let Value::Object(entries) =
                    document.entry(member.name).or_insert_with(|| Value::Object(Document::new()))
                {
                    entries.extend(inner);
                }
            }
            _ => {
                if let Some(value) = value(model, member.shape, child)? {
                    document.insert(member.name.to_owned(), value);
                }
            }
        }
    }
    Ok(document)
}

/// Returns what a member's element is called.
fn name_of(model: &Model, member: &Member) -> &'static str {
    match &model.shape(member.shape).kind {
        Kind::List { item_name: Some(item), is_flat, .. } if *is_flat || member.is_flat => item,
        _ => member.wire_name(),
    }
}

/// Returns an element's value; none if it says nothing.
pub(crate) fn value(model: &'static Model, id: ShapeId, element: Element) -> Result<Option<Value>, AwsError> {
    let kind = &model.shape(id).kind;
    Ok(Some(match kind {
        Kind::Structure(structure) => Value::Object(members(model, structure, element, |_| true)?),
        Kind::List { item, .. } => {
            let read = |child| Ok(value(model, *item, child)?.unwrap_or_else(|| Value::from("")));
            Value::Array(element.below.into_iter().map(read).collect::<Result<_, AwsError>>()?)
        }
        Kind::Map { .. } => {
            let mut entries = Document::new();
            for child in element.below {
                entries.extend(entry(model, id, child)?);
            }
            Value::Object(entries)
        }
        kind => {
            let text = if matches!(kind, Kind::Text { .. }) { element.text.as_str() } else { element.text.trim() };
            let read = leaf::read(kind, text);
            return read.map_err(|want| malformed(format!("{} must be {want}", shown(&element.name))));
        }
    }))
}

fn entry(model: &'static Model, map: ShapeId, element: Element) -> Result<Document, AwsError> {
    let Kind::Map { item, key_name, item_name, .. } = &model.shape(map).kind else { return Ok(Document::new()) };
    let (mut key, mut found) = (None, None);
    for child in element.below {
        if child.name == key_name.unwrap_or("key") {
            key = Some(child.text);
        } else if child.name == item_name.unwrap_or("value") {
            found = value(model, *item, child)?;
        }
    }
    let key = key.ok_or_else(|| malformed("an entry of a map has no key"))?;
    Ok([(key, found.unwrap_or_else(|| Value::from("")))].into_iter().collect())
}

/// Keeps an echo of the caller's bytes short.
fn shown(name: &str) -> String {
    name.chars().take(120).collect()
}
