//! Listing secrets: filters, order, pages.

use std::sync::Arc;

use aws_model::page::{Cut, Order, cut};

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

/// How many a page has if the caller does not say.
const PAGE: usize = 100;

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

impl Secrets {
    /// Lists the secrets of a region by creation.
    ///
    /// # Errors
    /// When a filter is not valid.
    pub fn list(&self, region: &str, query: &ListQuery) -> Result<Cut<Arc<Secret>>, SecretError> {
        for filter in &query.filters {
            check(filter)?;
        }
        let now = (self.inner.now)();
        let secrets = self.inner.secrets.read();
        let found = secrets
            .values()
            .filter(|s| s.region == region && !s.is_gone(now) && (query.planned_deletion || s.deleted.is_none()))
            .filter(|s| query.filters.iter().all(|f| matches(s, f)));
        let key = |secret: &Secret| format!("{:020} {}", secret.created, secret.arn);
        let mut found: Vec<(String, Arc<Secret>)> = found.map(|secret| (key(secret), secret.clone())).collect();
        found.sort_by(|(one, _), (other, _)| one.cmp(other));
        let mut order = Order::Rising;
        if query.descending {
            found.reverse();
            order = Order::Falling;
        }
        Ok(cut(found, order, query.token.as_deref(), query.max.unwrap_or(PAGE)))
    }
}

impl Secret {
    /// Lists versions, newest first; those without a label only when `deprecated`.
    pub fn versions_page(&self, deprecated: bool, max: Option<usize>, token: Option<&str>) -> Cut<Version> {
        let shown = self.versions.iter().filter(|v| deprecated || !v.stages.is_empty());
        let mut shown: Vec<(String, Version)> =
            shown.map(|version| (format!("{:020} {}", version.created, version.id), version.clone())).collect();
        shown.sort_by(|(one, _), (other, _)| other.cmp(one));
        cut(shown, Order::Falling, token, max.unwrap_or(PAGE))
    }
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

/// Which attributes are compared how: API reference, `Filter`; user guide, "Find secrets in AWS Secrets Manager".
fn matches(secret: &Secret, filter: &Filter) -> bool {
    let one = |value: &str| match filter.key.as_str() {
        "name" => secret.name.starts_with(value),
        "description" => {
            // The guide's example: "My Description" finds "Description of my secret".
            let described = words(secret.description.as_deref().unwrap_or_default());
            let asked = words(value);
            !asked.is_empty() && asked.iter().all(|word| begins_one_of(&described, word))
        }
        "tag-key" => secret.tags.iter().any(|t| t.key.starts_with(value)),
        "tag-value" => secret.tags.iter().any(|t| t.value.starts_with(value)),
        // "My_Secret matches secrets with the word my or secret in the name, description, or tags."
        "all" => {
            let tags = secret.tags.iter().flat_map(|tag| [tag.key.as_str(), &tag.value]);
            let attributes = tags.chain([secret.name.as_str(), secret.description.as_deref().unwrap_or_default()]);
            let held: Vec<String> = attributes.flat_map(words).collect();
            words(value).iter().any(|word| begins_one_of(&held, word))
        }
        _ => false, // no replicas, no owning services here
    };
    let (wanted, unwanted): (Vec<&String>, Vec<&String>) = filter.values.iter().partition(|v| !v.starts_with('!'));
    (wanted.is_empty() || wanted.iter().any(|v| one(v))) && !unwanted.iter().any(|v| one(&v[1..]))
}

fn begins_one_of(held: &[String], word: &str) -> bool {
    held.iter().any(|own| own.starts_with(word))
}

/// Breaks a text into words, in small letters. One ends where letters turn into digits or a small letter into a
/// capital, and at everything else: `credsDatabase#892` has three.
fn words(text: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut before: Option<char> = None;
    for c in text.chars() {
        let goes_on = c.is_alphanumeric()
            && before.is_some_and(|b| {
                b.is_alphanumeric() && b.is_numeric() == c.is_numeric() && !(b.is_lowercase() && c.is_uppercase())
            });
        if !goes_on {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        before = Some(c);
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Tag;

    fn check(key: &str, values: &[&str], want: bool) {
        let mut secret: Secret = serde_json::from_str(
            r#"{"arn":"a","region":"r","name":"web/DatabaseUser2","created":0,"changed":0,"tags":[],"versions":[],
                "description":"Description of my secret"}"#,
        )
        .unwrap();
        secret.tags.push(Tag { key: "Team".into(), value: "Blue-Whale".into() });
        let filter = Filter { key: key.into(), values: values.iter().map(|v| (*v).to_owned()).collect() };
        assert_eq!(matches(&secret, &filter), want, "{key} {values:?}");
    }

    #[test]
    fn a_word_ends_where_letters_turn_into_something_else() {
        assert_eq!(words("credsDatabase#892"), ["creds", "database", "892"]);
        assert_eq!(words("My_Secret"), ["my", "secret"]);
        assert_eq!(words("URL a1B2/"), ["url", "a", "1", "b", "2"]);
        assert_eq!(words(" -#"), Vec::<String>::new());
    }

    #[test]
    fn names_and_tags_begin_with_the_value_and_descriptions_have_its_words() {
        check("name", &["web/Data"], true);
        check("name", &["web/data"], false);
        check("name", &["Data"], false);
        check("tag-key", &["Te"], true);
        check("tag-key", &["te"], false);
        check("tag-value", &["Whale"], false);
        check("description", &["My Description"], true);
        check("description", &["my desc"], true);
        check("description", &["my cription"], false);
        check("description", &["my own"], false);
        check("owning-service", &["x"], false);
    }

    #[test]
    fn all_looks_for_any_word_anywhere() {
        check("all", &["whale"], true);
        check("all", &["user"], true);
        check("all", &["hale"], false);
        check("all", &["nothing_TEAM"], true);
        check("all", &["nothing"], false);
        check("all", &["-"], false);
    }

    #[test]
    fn a_mark_in_front_negates() {
        check("name", &["!web"], false);
        check("name", &["!db"], true);
        check("name", &["web", "db"], true);
        check("name", &["web", "!web/Data"], false);
        check("all", &["!whale"], false);
        check("all", &["!shark"], true);
        check("description", &["!my"], false);
    }
}
