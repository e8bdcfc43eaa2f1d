//! Cuts a list into pages: `PageSize`, `Marker`, `NextMarker`.

use aws_model::{AwsError, Document};
use serde_json::{Map, Value};

use super::input::{invalid, number, text};

/// Answers one page of `items` (name for the marker, document) under `member`.
///
/// The marker names the last item answered, so that a page follows rightly even when items
/// were deleted in between; items must come in the order of their names.
pub(super) fn answer(
    input: &Document,
    member: &str,
    items: impl Iterator<Item = (String, Value)>,
) -> Result<Value, AwsError> {
    let size = number(input, "PageSize")?.unwrap_or(400);
    let after = match text(input, "Marker") {
        None => None,
        Some(marker) => Some(decode(&marker).ok_or_else(|| invalid(format!("Marker '{marker}' is not valid")))?),
    };
    let mut rest = items.filter(|(name, _)| after.as_ref().is_none_or(|after| name > after)).peekable();
    let (mut page, mut last) = (Vec::new(), String::new());
    while page.len() < size {
        let Some((name, item)) = rest.next() else { break };
        page.push(item);
        last = name;
    }
    let mut reply = Map::new();
    reply.insert(member.to_owned(), Value::Array(page));
    if rest.peek().is_some() {
        reply.insert("NextMarker".into(), encode(&last).into());
    }
    Ok(Value::Object(reply))
}

fn encode(name: &str) -> String {
    name.bytes().map(|b| format!("{b:02x}")).collect()
}

fn decode(marker: &str) -> Option<String> {
    if !marker.is_ascii() || !marker.len().is_multiple_of(2) {
        return None;
    }
    let bytes: Option<Vec<u8>> =
        (0..marker.len()).step_by(2).map(|i| u8::from_str_radix(&marker[i..i + 2], 16).ok()).collect();
    String::from_utf8(bytes?).ok()
}
