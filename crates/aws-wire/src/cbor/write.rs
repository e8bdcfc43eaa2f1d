//! Writes a document as CBOR, by the model: what JSON cannot say (bytes, instants, infinity) is said.

use std::convert::Infallible;

use aws_model::Document;
use aws_model::model::{Kind, Model, ShapeId};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use minicbor::data::IanaTag;
use minicbor::encode::{Encoder, Error};
use serde_json::Value;

use crate::time;

/// Writes the members of a structure. What the model does not have, or no model, is written as it is.
pub(crate) fn write(of: Option<(&'static Model, ShapeId)>, document: &Document) -> Vec<u8> {
    let mut writer = Writer { out: Encoder::new(Vec::with_capacity(256)), model: of.map(|(model, _)| model) };
    let kind = of.map(|(model, id)| &model.shape(id).kind);
    writer.map(kind, document).expect("writing to memory does not fail");
    writer.out.into_writer()
}

struct Writer {
    out: Encoder<Vec<u8>>,
    model: Option<&'static Model>,
}

type Written = Result<(), Error<Infallible>>;

impl Writer {
    fn value(&mut self, id: Option<ShapeId>, value: &Value) -> Written {
        let kind = self.model.zip(id).map(|(model, id)| &model.shape(id).kind);
        match (kind, value) {
            (_, Value::Null) => self.out.null()?.ok(),
            (_, Value::Bool(value)) => self.out.bool(*value)?.ok(),
            (Some(Kind::Blob), Value::String(text)) => match BASE64_STANDARD.decode(text) {
                Ok(bytes) => self.out.bytes(&bytes)?.ok(),
                Err(_) => self.out.str(text)?.ok(),
            },
            (Some(Kind::Double), Value::String(text)) => match text.as_str() {
                "NaN" => self.out.f64(f64::NAN)?.ok(),
                "Infinity" => self.out.f64(f64::INFINITY)?.ok(),
                "-Infinity" => self.out.f64(f64::NEG_INFINITY)?.ok(),
                text => self.out.str(text)?.ok(),
            },
            (_, Value::String(text)) => self.out.str(text)?.ok(),
            (Some(Kind::Timestamp(_)), Value::Number(_)) => {
                self.out.tag(IanaTag::Timestamp)?;
                match time::millis_of(value) {
                    Some(at) if at % 1_000 == 0 => self.out.i64(at / 1_000)?.ok(),
                    Some(at) => self.out.f64(at as f64 / 1_000.0)?.ok(),
                    None => self.out.null()?.ok(),
                }
            }
            (Some(Kind::Double), Value::Number(number)) => self.out.f64(number.as_f64().unwrap_or_default())?.ok(),
            (_, Value::Number(number)) => match (number.as_i64(), number.as_u64()) {
                (Some(whole), _) => self.out.i64(whole)?.ok(),
                (None, Some(whole)) => self.out.u64(whole)?.ok(),
                (None, None) => self.out.f64(number.as_f64().unwrap_or_default())?.ok(),
            },
            (kind, Value::Array(items)) => {
                let item = match kind {
                    Some(Kind::List { item, .. }) => Some(*item),
                    _ => None,
                };
                self.out.array(items.len() as u64)?;
                items.iter().try_for_each(|value| self.value(item, value))
            }
            (kind, Value::Object(members)) => self.map(kind, members),
        }
    }

    fn map(&mut self, kind: Option<&'static Kind>, members: &Document) -> Written {
        let is_there = |value: &&Value| !value.is_null();
        self.out.map(members.values().filter(is_there).count() as u64)?;
        for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
            self.out.str(name)?;
            let below = match kind {
                Some(Kind::Structure(structure)) => structure.member(name).map(|member| member.shape),
                Some(Kind::Map { item, .. }) => Some(*item),
                _ => None,
            };
            self.value(below, value)?;
        }
        Ok(())
    }
}
