//! Pages of listings.

use aws_model::AwsError;
use aws_model::page::{Order, cut};
use serde::Deserialize;
use serde_json::{Value, json};

/// What every listing may be asked.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Paging {
    next_token: Option<String>,
    max_results: Option<i64>,
}

impl Paging {
    /// Answers a page of `items` under `member`, which are sorted by their keys.
    pub(super) fn page(&self, member: &str, order: Order, items: Vec<(String, Value)>) -> Result<Value, AwsError> {
        // "This value can be between 1 and 50. The default value is 50" (API reference, every listing).
        let most = match self.max_results {
            None => 50,
            Some(most @ 1..=50) => usize::try_from(most).expect("50 at most"),
            Some(_) => return Err(super::find::invalid("Maximum number of results must be between 1 and 50")),
        };
        let cut = cut(items, order, self.next_token.as_deref(), most);
        let mut answer = json!({ member: cut.items });
        if let Some(next) = cut.next {
            answer["NextToken"] = json!(next);
        }
        Ok(answer)
    }
}
