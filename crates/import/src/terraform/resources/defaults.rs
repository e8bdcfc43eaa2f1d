//! What is an attribute where it is not written?

use serde_json::Value as Json;

use super::super::schema;

/// Returns what the provider, or AWS where the provider says nothing, takes for an attribute.
pub(super) fn default(kind: &str, path: &str) -> Option<Json> {
    serde_json::from_str(schema::default(kind, path)?.value).ok()
}
