//! Pages of a list: `maxResults`, `nextToken`.
//!
//! A position is the last item answered, so that a page costs its own length: lists are ranges that begin behind it.

use aws_model::page::{Cut, rest};
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

    /// Answers a page of documents, each with its position; they begin after [`Page::after`] already.
    pub(super) fn answer_documents(&self, name: &str, items: impl Iterator<Item = (String, Value)>) -> Value {
        Self::show(name, rest(items, self.limit))
    }

    /// Answers a page of `items`, which are their own positions and begin after [`Page::after`] already.
    pub(super) fn answer<T: AsRef<str>>(&self, name: &str, items: impl Iterator<Item = T>) -> Value {
        let items = items.map(|item| {
            let value = Value::from(item.as_ref());
            (item, value)
        });
        Self::show(name, rest(items, self.limit))
    }

    fn show(name: &str, page: Cut<Value>) -> Value {
        let mut answer = Document::new();
        if let Some(next) = page.next {
            answer.insert("nextToken".into(), next.into());
        }
        answer.insert(name.to_owned(), Value::Array(page.items));
        Value::Object(answer)
    }
}
