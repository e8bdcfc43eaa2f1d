//! What a metric is called: its namespace, its name and its dimensions, each set of which is a metric of its own.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// A dimension.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Dimension {
    /// e.g. `ServiceName`.
    pub name: String,
    /// e.g. `web`.
    pub value: String,
}

/// A metric's identity within a region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Metric {
    /// e.g. `AWS/ECS`.
    pub namespace: String,
    /// e.g. `CPUUtilization`.
    pub name: String,
    /// Sorted by name: their order means nothing.
    pub dimensions: Vec<Dimension>,
}

impl Metric {
    /// Returns the identity, whatever the order of the dimensions.
    pub fn new(namespace: impl Into<String>, name: impl Into<String>, mut dimensions: Vec<Dimension>) -> Self {
        dimensions.sort();
        Self { namespace: namespace.into(), name: name.into(), dimensions }
    }

    /// Returns the value of a dimension.
    pub fn dimension(&self, name: &str) -> Option<&str> {
        self.dimensions.iter().find(|dimension| dimension.name == name).map(|dimension| dimension.value.as_str())
    }

    /// Returns it as the API writes a `Metric`.
    pub(crate) fn document(&self) -> Value {
        json!({"Namespace": self.namespace, "MetricName": self.name, "Dimensions": self.dimensions})
    }
}

/// Whether a text has a character that is invisible.
pub(crate) fn has_control(text: &str) -> bool {
    text.chars().any(|c| c.is_ascii_control())
}

/// Returns what is wrong with the text of a namespace, a name or a dimension, if anything is: ASCII without control
/// characters, something to see in it, no colon in front (API reference, Dimension).
pub(crate) fn fault(text: &str, may_begin_with_colon: bool) -> Option<&'static str> {
    if !text.chars().all(|c| c.is_ascii() && !c.is_ascii_control()) {
        return Some("must contain only ASCII characters");
    }
    if text.trim().is_empty() {
        return Some("must contain at least one non-whitespace character");
    }
    (text.starts_with(':') && !may_begin_with_colon).then_some("must not begin with a colon")
}
