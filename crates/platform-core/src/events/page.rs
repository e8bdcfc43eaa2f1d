//! Pages of lists, in EventBridge and in Scheduler.

use aws_model::AwsError;
use serde_json::{Value, json};

/// How many a page has where nobody says.
const USUAL: usize = 100;

/// Answers a page of `items`, in their order. A token is the identity of the last item shown, which may be gone since.
pub(crate) fn page(
    member: &str,
    items: Vec<(String, Value)>,
    most: Option<usize>,
    token: Option<&str>,
) -> Result<Value, AwsError> {
    let rest: Vec<(String, Value)> = match token {
        None => items,
        Some(token) => {
            let last = unsealed(token).ok_or_else(|| super::wrong("Parameter NextToken is not valid."))?;
            items.into_iter().skip_while(|(id, _)| *id <= last).collect()
        }
    };
    let most = most.unwrap_or(USUAL);
    let more = rest.len() > most;
    let shown: Vec<(String, Value)> = rest.into_iter().take(most).collect();
    let next = shown.last().filter(|_| more).map(|(id, _)| sealed(id));
    let mut answer = json!({member: shown.into_iter().map(|(_, item)| item).collect::<Vec<_>>()});
    if let Some(next) = next {
        answer["NextToken"] = json!(next);
    }
    Ok(answer)
}

/// A token is opaque: hexadecimal, so that nobody takes it for a name.
fn sealed(id: &str) -> String {
    id.bytes().map(|byte| format!("{byte:02x}")).collect()
}

fn unsealed(token: &str) -> Option<String> {
    let digits = token.as_bytes();
    let pairs = digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    if digits.len() % 2 != 0 || !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    String::from_utf8(pairs.collect::<Option<Vec<u8>>>()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_even_if_the_last_item_is_gone() {
        let items = |names: &[&str]| names.iter().map(|name| ((*name).to_owned(), json!(name))).collect();
        let first = page("Items", items(&["a", "b", "c"]), Some(2), None).unwrap();
        assert_eq!(first["Items"], json!(["a", "b"]));
        let token = first["NextToken"].as_str();
        let second = page("Items", items(&["a", "c", "d"]), Some(2), token).unwrap();
        assert_eq!(second, json!({"Items": ["c", "d"]}));
        assert_eq!(page("Items", Vec::new(), None, Some("no")).unwrap_err().code, "ValidationException");
    }
}
