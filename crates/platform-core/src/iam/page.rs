//! Pages: `MaxItems` and `Marker` in, `IsTruncated` and `Marker` out.

use aws_model::page::{Order, cut};
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

    /// Answers a page of `items`, each with what identifies it, under `member`.
    pub(super) fn page(&self, member: &str, mut items: Vec<(String, Value)>) -> Value {
        items.sort_by(|(one, _), (other, _)| one.cmp(other));
        let page = cut(items, Order::Rising, self.marker.as_deref(), self.max_items.unwrap_or(USUAL));
        let mut answer = json!({member: page.items, "IsTruncated": page.next.is_some()});
        if let Some(marker) = page.next {
            answer["Marker"] = json!(marker);
        }
        answer
    }
}
