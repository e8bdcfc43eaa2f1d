//! Listing parameters, by path, by filter and by history; pages.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::Parameters;
use crate::error::ParameterError;
use crate::filter::{Asker, Condition, Filter, conditions};
use crate::find::Got;
use crate::name;
use crate::parameter::{Parameter, Version};

const BY_PATH_PAGE: usize = 10;
const PAGE: usize = 50;

/// What `GetParametersByPath` asks.
#[derive(Debug, Default)]
pub struct ByPath {
    /// The hierarchy, e.g. `/app/stage`.
    pub path: String,
    /// Whether deeper levels count.
    pub recursive: bool,
    /// All of them must match.
    pub filters: Vec<Filter>,
    /// Whether to open `SecureString`s.
    pub decrypt: bool,
    /// At most so many, 1 to 10.
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

impl Parameters {
    /// Lists values below a path by name; with a filter on labels, of the labelled versions.
    ///
    /// # Errors
    /// When the path, a filter, the size or the token is not valid.
    pub fn by_path(&self, region: &str, query: ByPath) -> Result<Page<Got>, ParameterError> {
        let path = name::path(&query.path)?;
        let conditions = conditions(query.filters, Asker::ByPath)?;
        let below: Vec<(Arc<Parameter>, Arc<Version>)> = self
            .of_region(region, path)
            .into_iter()
            .filter(|p| name::is_below(p.name(), path, query.recursive))
            .filter_map(|parameter| wanted(&parameter, &conditions).map(|version| (parameter, version)))
            .collect();
        let page = page(below, query.max, BY_PATH_PAGE, query.token.as_deref(), |(p, _)| p.name().to_owned())?;
        let got = |(parameter, version)| self.got(parameter, version, query.decrypt);
        Ok(Page { items: page.items.into_iter().map(got).collect::<Result<_, _>>()?, next: page.next })
    }

    /// Lists parameters by name, without their values.
    ///
    /// # Errors
    /// When a filter, the size or the token is not valid.
    pub fn list(
        &self,
        region: &str,
        filters: Vec<Filter>,
        max: Option<usize>,
        token: Option<&str>,
    ) -> Result<Page<Arc<Parameter>>, ParameterError> {
        let conditions = conditions(filters, Asker::Describe)?;
        let mut found = self.of_region(region, "");
        found.retain(|parameter| wanted(parameter, &conditions).is_some());
        page(found, max, PAGE, token, |parameter| parameter.name().to_owned())
    }

    /// Lists the versions of a parameter that are kept, oldest first.
    ///
    /// # Errors
    /// When there is no such parameter, or the size or the token is not valid.
    pub fn history(
        &self,
        region: &str,
        id: &str,
        decrypt: bool,
        max: Option<usize>,
        token: Option<&str>,
    ) -> Result<Page<Got>, ParameterError> {
        let parameter = self.describe(region, id)?;
        let page = page(parameter.versions.clone(), max, PAGE, token, |v| format!("{:012}", v.number))?;
        let got = |version| self.got(parameter.clone(), version, decrypt);
        Ok(Page { items: page.items.into_iter().map(got).collect::<Result<_, _>>()?, next: page.next })
    }

    /// Returns the parameters of a region whose names begin with `start`, by name.
    fn of_region(&self, region: &str, start: &str) -> Vec<Arc<Parameter>> {
        let first = (region.to_owned(), start.to_owned());
        let parameters = self.inner.parameters.read();
        let near = parameters.range(first..).take_while(|((r, name), _)| r == region && name.starts_with(start));
        near.map(|(_, parameter)| parameter.clone()).collect()
    }
}

/// Returns the version that is meant, if every condition holds for it.
fn wanted(parameter: &Parameter, conditions: &[Condition]) -> Option<Arc<Version>> {
    let version = match conditions.iter().find_map(Condition::labels) {
        Some(labels) => labels.iter().find_map(|label| parameter.labelled(label))?,
        None => parameter.latest(),
    };
    conditions.iter().all(|condition| condition.holds(parameter, version)).then(|| version.clone())
}

/// Cuts a page out of `items`, which are in the order of their identities. A token is the identity
/// of the last item shown: what is deleted or added between two pages shifts nothing.
fn page<T>(
    items: Vec<T>,
    max: Option<usize>,
    most: usize,
    token: Option<&str>,
    id: impl Fn(&T) -> String,
) -> Result<Page<T>, ParameterError> {
    let max = max.unwrap_or(most);
    if !(1..=most).contains(&max) {
        return Err(ParameterError::invalid(format!(
            "1 validation error detected: Value '{max}' at 'maxResults' failed to satisfy constraint: Member must have \
             value between 1 and {most}."
        )));
    }
    let last = token.map(read_token).transpose()?;
    let mut rest = items.into_iter().skip_while(|item| last.as_ref().is_some_and(|last| id(item) <= *last));
    let items: Vec<T> = rest.by_ref().take(max).collect();
    let next = rest.next().and_then(|_| items.last()).map(|item| URL_SAFE_NO_PAD.encode(id(item)));
    Ok(Page { items, next })
}

fn read_token(token: &str) -> Result<String, ParameterError> {
    let bytes = URL_SAFE_NO_PAD.decode(token).map_err(|_| ParameterError::NextToken)?;
    String::from_utf8(bytes).map_err(|_| ParameterError::NextToken)
}
