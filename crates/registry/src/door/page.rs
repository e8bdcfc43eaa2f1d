//! Pages of a list.

use aws_model::AwsError;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;

use super::refusal::invalid;

/// Which page is asked for.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct Paging {
    max_results: Option<usize>,
    next_token: Option<String>,
}

impl Paging {
    /// Cuts a page out of a list; the token is the last key of the page before, so that what
    /// comes and goes between two pages makes none of the others appear twice or never.
    pub(super) fn cut<T>(
        self,
        mut all: Vec<T>,
        key: impl Fn(&T) -> String,
    ) -> Result<(Vec<T>, Option<String>), AwsError> {
        let count = self.max_results.unwrap_or(100);
        all.sort_by_key(&key);
        if let Some(token) = self.next_token {
            let last = STANDARD.decode(token).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let last = last.ok_or_else(|| invalid("nextToken", "Invalid pagination token"))?;
            all.retain(|item| key(item) > last);
        }
        let more = all.len() > count;
        all.truncate(count);
        let token = all.last().filter(|_| more).map(|item| STANDARD.encode(key(item)));
        Ok((all, token))
    }
}
