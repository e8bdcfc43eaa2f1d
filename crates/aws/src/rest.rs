//! Where is an operation of a REST service? Those that we call, and no others.

use aws_model::Document;
use percent_encoding::utf8_percent_encode;
use serde_json::Value;

use crate::query::KEPT;

/// Returns the path of an operation, without its version; none if it is not known or a part of it is not said.
pub(crate) fn path(operation: &str, input: &Document) -> Option<String> {
    let part = |name: &str| {
        let text = input.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())?;
        Some(utf8_percent_encode(text, KEPT).to_string())
    };
    match operation {
        // Route 53 API reference, GetHostedZone.
        "GetHostedZone" => Some(format!("hostedzone/{}", part("Id")?)),
        _ => None,
    }
}
