//! Pages of a list: `maxResults`, `nextToken`.
//!
//! A token is the last item answered, so that a page costs its own length and nothing is skipped when
//! items come and go between two pages.

use aws_model::{AwsError, Document};
use serde_json::Value;

use super::input::{number, text};

/// What part of a list is asked for.
#[derive(Debug)]
pub(super) struct Page<'a> {
    limit: usize,
    /// The last item of the page before.
    pub(super) after: Option<&'a str>,
}

impl<'a> Page<'a> {
    /// Reads `maxResults` (1 to `most`) and `nextToken`.
    pub(super) fn read(input: &'a Document, most: usize) -> Result<Self, AwsError> {
        Self::read_with_default(input, most, most)
    }

    /// The same, with another number of items where `maxResults` is not given.
    pub(super) fn read_with_default(input: &'a Document, most: usize, default: usize) -> Result<Self, AwsError> {
        let limit = match number(input, "maxResults") {
            None => default,
            Some(n) => usize::try_from(n)
                .ok()
                .filter(|n| (1..=most).contains(n))
                .ok_or_else(|| AwsError::invalid_parameter(format!("maxResults must be between 1 and {most}.")))?,
        };
        Ok(Self { limit, after: text(input, "nextToken") })
    }

    /// Refuses a token that no page of this list gave.
    pub(super) fn expect(&self, is_token: impl Fn(&str) -> bool) -> Result<(), AwsError> {
        match self.after {
            Some(token) if !is_token(token) => Err(AwsError::invalid_parameter("Invalid token.")),
            _ => Ok(()),
        }
    }

    /// Answers a page of documents, each with the token after which the next page begins.
    pub(super) fn answer_documents(&self, name: &str, mut items: impl Iterator<Item = (String, Value)>) -> Value {
        let page: Vec<(String, Value)> = items.by_ref().take(self.limit).collect();
        let mut answer = Document::new();
        if let (Some((token, _)), Some(_)) = (page.last(), items.next()) {
            answer.insert("nextToken".into(), token.clone().into());
        }
        answer.insert(name.to_owned(), page.into_iter().map(|(_, item)| item).collect());
        Value::Object(answer)
    }

    /// Answers a page of `items`, which begin after the token already.
    pub(super) fn answer<T: AsRef<str>>(&self, name: &str, items: impl Iterator<Item = T>) -> Value {
        let mut page: Vec<Value> = items.take(self.limit + 1).map(|item| Value::from(item.as_ref())).collect();
        let mut answer = Document::new();
        if page.len() > self.limit {
            page.truncate(self.limit);
            let last = page.last().cloned().expect("the limit is at least one");
            answer.insert("nextToken".into(), last);
        }
        answer.insert(name.to_owned(), Value::Array(page));
        Value::Object(answer)
    }
}
