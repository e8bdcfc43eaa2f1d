//! Listing secrets: filters, order, pages.

use std::sync::Arc;

use crate::Secrets;
use crate::error::SecretError;
use crate::secret::{Secret, Version};

/// One filter: some value must match; values beginning with `!` must not.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Filter {
    /// `name`, `description`, `tag-key`, `tag-value`, `primary-region`, `owning-service` or `all`.
    #[serde(default)]
    pub key: String,
    /// Values.
    #[serde(default)]
    pub values: Vec<String>,
}

/// What `ListSecrets` asks.
#[derive(Debug, Default)]
pub struct ListQuery {
    /// All of them must match.
    pub filters: Vec<Filter>,
    /// Whether to show secrets marked for deletion.
    pub planned_deletion: bool,
    /// Newest first.
    pub descending: bool,
    /// At most so many, 1 to 100.
    pub max: Option<usize>,
    /// Where the last page ended.
    pub token: Option<String>,
}

/// A page.
#[derive(Debug)]
pub struct Page<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Where the next one begins, if there is one.
    pub next: Option<String>,
}

impl Secrets {
    /// Lists the secrets of a region by creation.
    ///
    /// # Errors
    /// When a filter or the token is not valid.
    pub fn list(&self, region: &str, query: &ListQuery) -> Result<Page<Arc<Secret>>, SecretError> {
        for filter in &query.filters {
            check(filter)?;
        }
        let now = (self.inner.now)();
        let mut found: Vec<Arc<Secret>> = self
            .inner
            .secrets
            .read()
            .values()
            .filter(|s| s.region == region && !s.is_gone(now) && (query.planned_deletion || s.deleted.is_none()))
            .filter(|s| query.filters.iter().all(|f| matches(s, f)))
            .cloned()
            .collect();
        found.sort_by(|a, b| (a.created, &a.arn).cmp(&(b.created, &b.arn)));
        if query.descending {
            found.reverse();
        }
        page(found, query.max, query.token.as_deref(), |s| &s.arn)
    }
}

impl Secret {
    /// Lists versions, newest first; those without a label only when `deprecated`.
    ///
    /// # Errors
    /// When the token is not one of this listing.
    pub fn versions_page(
        &self,
        deprecated: bool,
        max: Option<usize>,
        token: Option<&str>,
    ) -> Result<Page<Version>, SecretError> {
        let shown = self.versions.iter().rev().filter(|v| deprecated || !v.stages.is_empty());
        page(shown.cloned().collect(), max, token, |v| &v.id)
    }
}

/// Cuts a page out of `items`; a token is the identity of the last item shown.
pub(crate) fn page<T>(
    items: Vec<T>,
    max: Option<usize>,
    token: Option<&str>,
    id: impl Fn(&T) -> &str,
) -> Result<Page<T>, SecretError> {
    let max = max.unwrap_or(100);
    if !(1..=100).contains(&max) {
        return Err(SecretError::parameter("MaxResults must be between 1 and 100."));
    }
    let start = match token {
        None => 0,
        Some(token) => 1 + items.iter().position(|item| id(item) == token).ok_or(SecretError::InvalidToken)?,
    };
    let more = items.len() > start + max;
    let items: Vec<T> = items.into_iter().skip(start).take(max).collect();
    let next = items.last().filter(|_| more).map(|item| id(item).to_owned());
    Ok(Page { items, next })
}

fn check(filter: &Filter) -> Result<(), SecretError> {
    const KEYS: [&str; 7] = ["description", "name", "tag-key", "tag-value", "primary-region", "owning-service", "all"];
    if !KEYS.contains(&filter.key.as_str()) {
        return Err(SecretError::parameter(format!("'{}' is not a filter key.", filter.key)));
    }
    if filter.values.is_empty() {
        return Err(SecretError::parameter(format!("The filter '{}' has no values.", filter.key)));
    }
    Ok(())
}

/// Which attributes are compared how: botocore, secretsmanager `Filter$Key`.
fn matches(secret: &Secret, filter: &Filter) -> bool {
    let one = |value: &str| match filter.key.as_str() {
        "name" => secret.name.starts_with(value),
        "description" => starts_ignoring_case(secret.description.as_deref().unwrap_or_default(), value),
        "tag-key" => secret.tags.iter().any(|t| t.key.starts_with(value)),
        "tag-value" => secret.tags.iter().any(|t| t.value.starts_with(value)),
        "all" => {
            value.split(|c: char| !c.is_alphanumeric()).filter(|w| !w.is_empty()).all(|word| anywhere(secret, word))
        }
        _ => false, // no replicas, no owning services here
    };
    let (wanted, unwanted): (Vec<&String>, Vec<&String>) = filter.values.iter().partition(|v| !v.starts_with('!'));
    (wanted.is_empty() || wanted.iter().any(|v| one(v))) && !unwanted.iter().any(|v| one(&v[1..]))
}

fn starts_ignoring_case(text: &str, start: &str) -> bool {
    text.to_lowercase().starts_with(&start.to_lowercase())
}

fn anywhere(secret: &Secret, word: &str) -> bool {
    let word = word.to_lowercase();
    let has = |text: &str| text.to_lowercase().contains(&word);
    has(&secret.name)
        || secret.description.as_deref().is_some_and(has)
        || secret.tags.iter().any(|t| has(&t.key) || has(&t.value))
}
