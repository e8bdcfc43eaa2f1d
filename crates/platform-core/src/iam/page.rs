//! Pages: `MaxItems` and `Marker` in, `IsTruncated` and `Marker` out.

use serde::Deserialize;
use serde_json::{Value, json};

/// How many a page has by default (API reference, `MaxItems`).
const USUAL: usize = 100;

/// What every listing may be asked.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Paging {
    marker: Option<String>,
    max_items: Option<usize>,
    pub(super) path_prefix: Option<String>,
}

impl Paging {
    /// Whether something with this path is asked for.
    pub(super) fn wants(&self, path: &str) -> bool {
        self.path_prefix.as_deref().is_none_or(|prefix| path.starts_with(prefix))
    }

    /// Answers a page of `items`, each with what identifies it, under `member`. A marker is the identity of the last
    /// item shown: what is made or deleted between two pages shifts nothing.
    pub(super) fn page(&self, member: &str, mut items: Vec<(String, Value)>) -> Value {
        items.sort_by(|(one, _), (other, _)| one.cmp(other));
        let after = self.marker.as_deref().unwrap_or_default();
        let mut rest = items.into_iter().skip_while(|(id, _)| !after.is_empty() && id.as_str() <= after);
        let shown: Vec<(String, Value)> = rest.by_ref().take(self.max_items.unwrap_or(USUAL)).collect();
        let more = rest.next().is_some();
        let marker = shown.last().filter(|_| more).map(|(id, _)| id.clone());
        let items: Vec<Value> = shown.into_iter().map(|(_, item)| item).collect();
        let mut answer = json!({member: items, "IsTruncated": more});
        if let Some(marker) = marker {
            answer["Marker"] = json!(marker);
        }
        answer
    }
}
