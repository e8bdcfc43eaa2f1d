//! Filter patterns: which messages match, and what is read out of them. Pure.
//!
//! Read in the CloudWatch Logs user guide, "Filter pattern syntax for metric filters, subscription filters, filter log
//! events, and Live Tail".

mod expr;
mod fields;
mod json;
mod terms;

use std::collections::BTreeMap;

use crate::error::LogsError;

pub(crate) use json::Selector;

/// A pattern that was understood.
#[derive(Debug)]
pub(crate) enum Pattern {
    Terms(terms::Terms),
    Json(json::Json),
    Fields(fields::Fields),
}

impl Pattern {
    pub(crate) fn parse(pattern: &str) -> Result<Self, LogsError> {
        let pattern = pattern.trim();
        let parsed = match pattern.bytes().next() {
            Some(b'{') => json::Json::parse(pattern).map(Self::Json),
            Some(b'[') => fields::Fields::parse(pattern).map(Self::Fields),
            _ => terms::Terms::parse(pattern).map(Self::Terms),
        };
        parsed.map_err(|reason| LogsError::invalid(format!("Invalid filter pattern: {reason}")))
    }

    pub(crate) fn matches(&self, message: &str) -> bool {
        match self {
            Self::Terms(terms) => terms.matches(message),
            Self::Json(_) | Self::Fields(_) => self.extract(message).is_some(),
        }
    }

    /// Returns what the pattern names in a message that matches it.
    pub(crate) fn extract(&self, message: &str) -> Option<BTreeMap<String, String>> {
        match self {
            Self::Terms(terms) => terms.matches(message).then(BTreeMap::new),
            Self::Json(json) => json.extract(message),
            Self::Fields(fields) => fields.extract(message),
        }
    }
}

#[cfg(test)]
mod tests;
