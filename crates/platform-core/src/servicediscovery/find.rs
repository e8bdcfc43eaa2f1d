//! Finding what a call names, filters and pages, in Cloud Map's words.

use aws_model::page::{Cut, Order, cut};
use aws_model::{AwsError, Document, Millis};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Instance, Namespace, Service};
use crate::servicediscovery::thing::key;
use crate::{Cx, World};

pub(super) fn invalid(words: impl Into<String>) -> AwsError {
    AwsError::new("InvalidInput", words)
}

pub(super) fn in_use(words: impl Into<String>) -> AwsError {
    AwsError::new("ResourceInUse", words).with_status(409)
}

/// An id may come as the ARN that ends in it.
fn id_of(text: &str) -> &str {
    text.rsplit('/').next().unwrap_or(text)
}

/// Returns a namespace, by id or ARN.
pub(crate) fn namespace(world: &World, cx: &Cx<'_>, id: &str) -> Result<Namespace, AwsError> {
    let found = world.records.get::<Namespace>(cx.region, id_of(id));
    found
        .ok_or_else(|| AwsError::new("NamespaceNotFound", format!("No namespace found with ID: {id}")).with_status(404))
}

/// Returns a service, by id or ARN.
pub(crate) fn service(world: &World, cx: &Cx<'_>, id: &str) -> Result<Service, AwsError> {
    let found = world.records.get::<Service>(cx.region, id_of(id));
    found.ok_or_else(|| AwsError::new("ServiceNotFound", format!("No service found with ID: {id}")).with_status(404))
}

pub(super) fn instance(world: &World, service: &Service, id: &str) -> Result<Instance, AwsError> {
    let found = world.records.get::<Instance>(&service.region, &key(&service.id, id));
    let words = || format!("No instance found with ID: {id} in service {}", service.id);
    found.ok_or_else(|| AwsError::new("InstanceNotFound", words()).with_status(404))
}

/// What is asked of a listing.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct List {
    #[serde(default)]
    pub(super) filters: Vec<Filter>,
    #[serde(flatten)]
    pub(super) paging: Paging,
}

/// One filter of a listing: its name, its values, and how they are compared.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Filter {
    pub(super) name: String,
    values: Vec<String>,
    condition: Option<String>,
}

impl Filter {
    /// Refuses conditions that a filter does not have (API reference, the filters' members `Condition`).
    pub(super) fn may_be(&self, conditions: &[&str]) -> Result<(), AwsError> {
        let condition = self.condition();
        if !conditions.contains(&condition) {
            return Err(invalid(format!("The condition {condition} is not valid for the filter {}", self.name)));
        }
        let wanted = match condition {
            "IN" => !self.values.is_empty(),
            "BETWEEN" => self.values.len() == 2 && self.values.iter().all(|value| value.parse::<f64>().is_ok()),
            _ => self.values.len() == 1,
        };
        let words = || invalid(format!("The values of the filter {} do not fit the condition {condition}", self.name));
        if wanted { Ok(()) } else { Err(words()) }
    }

    fn condition(&self) -> &str {
        self.condition.as_deref().unwrap_or("EQ")
    }

    pub(super) fn takes(&self, text: &str) -> bool {
        match self.condition() {
            "BEGINS_WITH" => self.values.iter().any(|value| text.starts_with(value)),
            _ => self.values.iter().any(|value| value == text),
        }
    }

    /// Instants are seconds (API reference, OperationFilter).
    pub(super) fn takes_instant(&self, at: Millis) -> bool {
        let bounds: Vec<f64> = self.values.iter().filter_map(|value| value.parse().ok()).collect();
        matches!(bounds[..], [from, to] if (from..=to).contains(&(at as f64 / 1000.0)))
    }
}

/// What part of a list is asked for. A token is the last item of the page before.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Paging {
    max_results: Option<usize>,
    next_token: Option<String>,
}

/// How many a page has if the caller does not say (API reference, `MaxResults`).
const USUAL: usize = 100;

impl Paging {
    /// Answers a page of items, each with what it sorts by.
    pub(super) fn page(&self, member: &str, found: impl Iterator<Item = (String, Value)>) -> Value {
        let Cut { items, next } = self.cut(found);
        told(member, items.into(), next)
    }

    /// Returns a page of items, each with what it sorts by.
    pub(super) fn cut<T>(&self, found: impl Iterator<Item = (String, T)>) -> Cut<T> {
        let mut found: Vec<(String, T)> = found.collect();
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        cut(found, Order::Rising, self.next_token.as_deref(), self.max_results.unwrap_or(USUAL))
    }
}

/// Returns an answer with a member and, if there is more, a token.
pub(super) fn told(member: &str, value: Value, token: Option<String>) -> Value {
    let mut answer = Document::new();
    answer.insert(member.to_owned(), value);
    if let Some(token) = token {
        answer.insert("NextToken".to_owned(), json!(token));
    }
    Value::Object(answer)
}
