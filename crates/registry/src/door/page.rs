//! Pages of a list.

use aws_model::page::{Cut, Order, cut};
use serde::Deserialize;

/// Which page is asked for.
#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct Paging {
    max_results: Option<usize>,
    next_token: Option<String>,
}

impl Paging {
    /// Cuts a page out of a list.
    pub(super) fn cut<T>(self, all: Vec<T>, key: impl Fn(&T) -> String) -> Cut<T> {
        let mut rows: Vec<(String, T)> = all.into_iter().map(|item| (key(&item), item)).collect();
        rows.sort_by(|(one, _), (other, _)| one.cmp(other));
        cut(rows, Order::Rising, self.next_token.as_deref(), self.max_results.unwrap_or(100))
    }
}
