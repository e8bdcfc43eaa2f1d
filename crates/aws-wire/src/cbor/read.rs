//! Reads a CBOR body into the document that JSON would carry. CBOR says itself what is bytes and what is an instant,
//! so members that the model does not have stay, as in JSON.

use aws_model::{AwsError, Document};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use minicbor::data::{Tag, Type};
use minicbor::decode::{Decoder, Error};
use serde_json::{Number, Value};

use crate::bounds;
use crate::time;

/// Reads the document of a body; an empty body is an empty document, and members that are null are none.
///
/// # Errors
/// `SerializationException` when it is no CBOR map, has too many values or is too deep.
pub fn read(body: &[u8]) -> Result<Document, AwsError> {
    if body.is_empty() {
        return Ok(Document::new());
    }
    let mut reader = Reader { input: Decoder::new(body), values: 0 };
    let value = reader.value(0).map_err(malformed)?;
    if reader.input.position() != body.len() {
        return Err(malformed(Fault::Words("the body goes on after its end".to_owned())));
    }
    match value {
        Value::Object(members) => Ok(members),
        other => {
            let words = format!("the body must be a CBOR map, not {}", crate::json::noun(&other));
            Err(malformed(Fault::Words(words)))
        }
    }
}

fn malformed(fault: Fault) -> AwsError {
    let words = match fault {
        Fault::Cbor(error) => format!("the body is not CBOR: {error}"),
        Fault::Words(words) => words,
    };
    AwsError::new("SerializationException", words)
}

enum Fault {
    Cbor(Error),
    Words(String),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Cbor(error)
    }
}

struct Reader<'b> {
    input: Decoder<'b>,
    values: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Result<Value, Fault> {
        self.values += 1;
        if self.values > bounds::VALUES {
            return Err(Fault::Words(bounds::too_many()));
        }
        if depth > bounds::DEPTH {
            return Err(Fault::Words(bounds::too_deep()));
        }
        let input = &mut self.input;
        Ok(match input.datatype()? {
            Type::Null => input.null().map(|()| Value::Null)?,
            Type::Undefined => input.undefined().map(|()| Value::Null)?,
            Type::Bool => input.bool()?.into(),
            Type::F16 => double(f64::from(input.f16()?)),
            Type::F32 => double(f64::from(input.f32()?)),
            Type::F64 => double(input.f64()?),
            Type::String | Type::StringIndef => self.text()?.into(),
            Type::Bytes | Type::BytesIndef => {
                let bytes = input.bytes_iter()?.collect::<Result<Vec<_>, _>>()?.concat();
                BASE64_STANDARD.encode(bytes).into()
            }
            Type::Array | Type::ArrayIndef => self.list(depth)?,
            Type::Map | Type::MapIndef => self.map(depth)?,
            Type::Tag => self.tagged(depth)?,
            _ => {
                let number = i128::from(input.int()?);
                let whole = i64::try_from(number).map(Value::from).or_else(|_| u64::try_from(number).map(Value::from));
                whole.map_err(|_| Fault::Words("the body has a number of more than 64 bits".to_owned()))?
            }
        })
    }

    fn text(&mut self) -> Result<String, Fault> {
        Ok(self.input.str_iter()?.collect::<Result<Vec<_>, _>>()?.concat())
    }

    /// An instant keeps its milliseconds and no more, as everywhere; of other tags the value counts.
    fn tagged(&mut self, depth: usize) -> Result<Value, Fault> {
        let tag = self.input.tag()?;
        let value = self.value(depth + 1)?;
        Ok(match time::millis_of(&value) {
            Some(at) if tag == Tag::from(minicbor::data::IanaTag::Timestamp) => aws_model::seconds(at),
            _ if is_big_number(tag) => {
                return Err(Fault::Words("the body has a number of more than 64 bits".to_owned()));
            }
            _ => value,
        })
    }

    fn list(&mut self, depth: usize) -> Result<Value, Fault> {
        let mut left = self.input.array()?;
        let mut items = Vec::new();
        while self.goes_on(&mut left)? {
            items.push(self.value(depth + 1)?);
        }
        Ok(Value::Array(items))
    }

    fn map(&mut self, depth: usize) -> Result<Value, Fault> {
        let mut left = self.input.map()?;
        let mut members = Document::new();
        while self.goes_on(&mut left)? {
            let key = self.text()?;
            members.insert(key, self.value(depth + 1)?);
        }
        Ok(Value::Object(members))
    }

    /// Whether another item follows; a length that is not said ends with a break.
    fn goes_on(&mut self, left: &mut Option<u64>) -> Result<bool, Fault> {
        match left {
            Some(0) => Ok(false),
            Some(left) => {
                *left -= 1;
                Ok(true)
            }
            None if self.input.datatype()? == Type::Break => {
                self.input.set_position(self.input.position() + 1);
                Ok(false)
            }
            None => Ok(true),
        }
    }
}

/// Tags 2 and 3 (RFC 8949, 3.4.3).
fn is_big_number(tag: Tag) -> bool {
    matches!(tag.as_u64(), 2 | 3)
}

/// What JSON has no number for stands as text, as AWS's JSON has it.
fn double(number: f64) -> Value {
    match Number::from_f64(number) {
        Some(number) => Value::Number(number),
        None if number.is_nan() => "NaN".into(),
        None if number > 0.0 => "Infinity".into(),
        None => "-Infinity".into(),
    }
}
