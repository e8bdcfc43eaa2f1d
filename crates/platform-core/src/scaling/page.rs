//! Pages of listings.

use aws_model::AwsError;
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
    /// Answers a page of `items` under `member`, in their order, each with what identifies it. A token is the identity
    /// of the last item shown.
    pub(super) fn page(&self, member: &str, items: Vec<(String, Value)>) -> Result<Value, AwsError> {
        // "This value can be between 1 and 50. The default value is 50" (API reference, every listing).
        let most = match self.max_results {
            None => 50,
            Some(most @ 1..=50) => usize::try_from(most).expect("50 at most"),
            Some(_) => return Err(super::find::invalid("Maximum number of results must be between 1 and 50")),
        };
        let after = match self.next_token.as_deref() {
            None => 0,
            Some(token) => {
                let shown = items.iter().position(|(id, _)| id == token);
                shown.ok_or_else(|| AwsError::new("InvalidNextTokenException", "The next token is not valid."))? + 1
            }
        };
        let more = items.len() > after + most;
        let shown: Vec<(String, Value)> = items.into_iter().skip(after).take(most).collect();
        let token = shown.last().filter(|_| more).map(|(id, _)| id.clone());
        let items: Vec<Value> = shown.into_iter().map(|(_, item)| item).collect();
        let mut answer = json!({ member: items });
        if let Some(token) = token {
            answer["NextToken"] = json!(token);
        }
        Ok(answer)
    }
}
