//! Listing parameters, by path, by filter and by history; pages.

use std::sync::Arc;

use aws_model::page::{Cut, Order, cut};

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

impl Parameters {
    /// Lists values below a path by name; with a filter on labels, of the labelled versions.
    ///
    /// # Errors
    /// When the path or a filter is not valid.
    pub fn by_path(&self, region: &str, query: ByPath) -> Result<Cut<Got>, ParameterError> {
        let path = name::path(&query.path)?;
        let conditions = conditions(query.filters, Asker::ByPath)?;
        let below: Vec<(Arc<Parameter>, Arc<Version>)> = self
            .of_region(region, path)
            .into_iter()
            .filter(|p| name::is_below(p.name(), path, query.recursive))
            .filter_map(|parameter| wanted(&parameter, &conditions).map(|version| (parameter, version)))
            .collect();
        let below = below.into_iter().map(|found| (found.0.name().to_owned(), found));
        let page = cut(below, Order::Rising, query.token.as_deref(), query.max.unwrap_or(BY_PATH_PAGE));
        let got = |(parameter, version)| self.got(parameter, version, query.decrypt);
        Ok(Cut { items: page.items.into_iter().map(got).collect::<Result<_, _>>()?, next: page.next })
    }

    /// Lists parameters by name, without their values.
    ///
    /// # Errors
    /// When a filter is not valid.
    pub fn list(
        &self,
        region: &str,
        filters: Vec<Filter>,
        max: Option<usize>,
        token: Option<&str>,
    ) -> Result<Cut<Arc<Parameter>>, ParameterError> {
        let conditions = conditions(filters, Asker::Describe)?;
        let mut found = self.of_region(region, "");
        found.retain(|parameter| wanted(parameter, &conditions).is_some());
        let found = found.into_iter().map(|parameter| (parameter.name().to_owned(), parameter));
        Ok(cut(found, Order::Rising, token, max.unwrap_or(PAGE)))
    }

    /// Lists the versions of a parameter that are kept, oldest first.
    ///
    /// # Errors
    /// When there is no such parameter.
    pub fn history(
        &self,
        region: &str,
        id: &str,
        decrypt: bool,
        max: Option<usize>,
        token: Option<&str>,
    ) -> Result<Cut<Got>, ParameterError> {
        let parameter = self.describe(region, id)?;
        let versions = parameter.versions.iter().map(|version| (format!("{:012}", version.number), version.clone()));
        let page = cut(versions, Order::Rising, token, max.unwrap_or(PAGE));
        let got = |version| self.got(parameter.clone(), version, decrypt);
        Ok(Cut { items: page.items.into_iter().map(got).collect::<Result<_, _>>()?, next: page.next })
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
