//! Pages of lists, in EventBridge and in Scheduler.

use aws_model::page::{Order, cut};
use serde_json::{Value, json};

/// How many a page has if the caller does not say.
const USUAL: usize = 100;

/// Answers a page of `items`, which are in the order of their keys. The next page is found by the key of the last item
/// that was shown, so that nothing shifts when items come or go.
pub(crate) fn page(member: &str, items: Vec<(String, Value)>, most: Option<usize>, after: Option<&str>) -> Value {
    let cut = cut(items, Order::Rising, after, most.unwrap_or(USUAL));
    let mut answer = json!({member: cut.items});
    if let Some(next) = cut.next {
        answer["NextToken"] = json!(next);
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_even_if_the_last_item_is_gone() {
        let items = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), json!(name))).collect();
        let first = page("Items", items(&["a", "b", "c"]), Some(2), None);
        assert_eq!(first["Items"], json!(["a", "b"]));
        let token = first["NextToken"].as_str();
        let second = page("Items", items(&["a", "c", "d"]), Some(2), token);
        assert_eq!(second, json!({"Items": ["c", "d"]}));
    }
}
