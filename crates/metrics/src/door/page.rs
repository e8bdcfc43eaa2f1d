//! Lists in pages, cut as everywhere (`aws_model::page`).

use aws_model::page::{Order, cut};

/// Returns a page of rows that are sorted by their keys, and the position from which the next one goes on.
pub(super) fn page<T>(
    rows: impl IntoIterator<Item = (String, T)>,
    most: usize,
    after: Option<&str>,
) -> (Vec<T>, Option<String>) {
    let cut = cut(rows, Order::Rising, after, most);
    (cut.items, cut.next)
}
