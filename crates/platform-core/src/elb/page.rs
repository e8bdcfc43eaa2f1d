//! Cuts a list into pages: `PageSize`, `Marker`, `NextMarker`.

use aws_model::page::{Order, cut};
use aws_model::{AwsError, Document};
use serde_json::{Map, Value};

use super::input::{number, text};

/// Answers one page of `items` (key, document) under `member`; they come in the order of their keys.
pub(super) fn answer(
    input: &Document,
    member: &str,
    items: impl Iterator<Item = (String, Value)>,
) -> Result<Value, AwsError> {
    let size = number(input, "PageSize")?.unwrap_or(400);
    let page = cut(items, Order::Rising, text(input, "Marker").as_deref(), size);
    let mut reply = Map::new();
    reply.insert(member.to_owned(), Value::Array(page.items));
    if let Some(next) = page.next {
        reply.insert("NextMarker".into(), next.into());
    }
    Ok(Value::Object(reply))
}
