//! Writes an input as CBOR, as clients do (smithy.io, "Smithy RPC v2 CBOR protocol"): bytes as bytes, instants under
//! tag 1, lengths said for one half of the collections and left open for the other.

use aws_model::Document;
use aws_model::model::{Kind, Model, Operation, ShapeId};
use base64::prelude::{BASE64_STANDARD, Engine};
use minicbor::Encoder;
use minicbor::data::IanaTag;
use serde_json::Value;

/// Returns the body of a call.
pub(super) fn of(operation: Operation, input: &Document) -> Vec<u8> {
    let mut out = Encoder::new(Vec::new());
    put(&mut out, operation.model(), operation.input(), &Value::Object(input.clone()));
    out.into_writer()
}

fn put(out: &mut Encoder<Vec<u8>>, model: &Model, id: Option<ShapeId>, value: &Value) {
    let kind = id.map(|id| &model.shape(id).kind);
    match (kind, value) {
        (_, Value::Null) => drop(out.null().unwrap()),
        (_, Value::Bool(flag)) => drop(out.bool(*flag).unwrap()),
        (Some(Kind::Timestamp(_)), Value::Number(number)) => {
            out.tag(IanaTag::Timestamp).unwrap().f64(number.as_f64().unwrap()).unwrap();
        }
        (Some(Kind::Double), Value::Number(number)) => drop(out.f64(number.as_f64().unwrap()).unwrap()),
        (_, Value::Number(number)) => match number.as_i64() {
            Some(number) => drop(out.i64(number).unwrap()),
            None => drop(out.f64(number.as_f64().unwrap()).unwrap()),
        },
        (Some(Kind::Blob), Value::String(text)) => match BASE64_STANDARD.decode(text) {
            Ok(bytes) => drop(out.bytes(&bytes).unwrap()),
            Err(_) => drop(out.str(text).unwrap()),
        },
        (_, Value::String(text)) => drop(out.str(text).unwrap()),
        (kind, Value::Array(items)) => {
            let item = match kind {
                Some(Kind::List { item, .. }) => Some(*item),
                _ => None,
            };
            let is_open = items.len() % 2 == 1;
            if is_open { out.begin_array() } else { out.array(items.len() as u64) }.unwrap();
            items.iter().for_each(|one| put(out, model, item, one));
            if is_open {
                out.end().unwrap();
            }
        }
        (kind, Value::Object(entries)) => {
            let is_open = entries.len() % 2 == 1;
            if is_open { out.begin_map() } else { out.map(entries.len() as u64) }.unwrap();
            for (word, one) in entries {
                let item = match kind {
                    Some(Kind::Structure(structure)) => structure.member(word).map(|member| member.shape),
                    Some(Kind::Map { item, .. }) => Some(*item),
                    _ => None,
                };
                out.str(word).unwrap();
                put(out, model, item, one);
            }
            if is_open {
                out.end().unwrap();
            }
        }
    }
}
