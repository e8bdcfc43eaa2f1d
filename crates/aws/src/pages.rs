//! Lists that a service answers in pages: how the next one is asked for.

use aws_model::Document;
use serde_json::Value;

use crate::{CallError, Client, Service, items};

/// What says in an answer that more follows, and what says it in the next call: most services, and those of Query.
const TOKENS: [(&str, &str); 3] = [("nextToken", "nextToken"), ("NextToken", "NextToken"), ("NextMarker", "Marker")];

/// Makes the next call of one that was answered in part; returns whether there is more. No token is one that is missing,
/// null or empty: services, and their doubles, write all three.
pub fn go_on(input: &mut Document, answer: &Document) -> bool {
    let token = |name: &str| answer.get(name)?.as_str().filter(|token| !token.is_empty());
    let Some((given, token)) = TOKENS.iter().find_map(|(answered, given)| Some((*given, token(answered)?))) else {
        return false;
    };
    input.insert(given.to_owned(), token.into());
    true
}

impl Client {
    /// Calls an operation until its list has ended; returns the items that are objects.
    ///
    /// # Errors
    /// See [`CallError`].
    pub async fn pages(
        &self,
        service: &Service,
        operation: &str,
        mut input: Document,
        list: &str,
    ) -> Result<Vec<Document>, CallError> {
        let mut found = Vec::new();
        loop {
            let answer = self.call(service, operation, input.clone()).await?;
            found.extend(items(&answer, list).iter().filter_map(Value::as_object).cloned());
            if !go_on(&mut input, &answer) {
                return Ok(found);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_token_is_given_back_under_the_name_that_the_service_takes_it_by() {
        let next = |answer: Value| {
            let mut input = Document::new();
            let more = go_on(&mut input, answer.as_object().unwrap());
            assert_eq!(more, !input.is_empty());
            Value::Object(input)
        };
        assert_eq!(next(json!({"nextToken": "a"})), json!({"nextToken": "a"}));
        assert_eq!(next(json!({"NextToken": "a"})), json!({"NextToken": "a"}));
        assert_eq!(next(json!({"NextMarker": "a"})), json!({"Marker": "a"}));
        for none in [json!({}), json!({"nextToken": null}), json!({"NextMarker": ""})] {
            assert_eq!(next(none), json!({}));
        }
    }
}
