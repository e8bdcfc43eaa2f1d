//! Findings that the user has accepted, with a reason.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A finding of `managr vars check` that you accept: it is not shown again, and a warning says when it no longer
/// exists.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["finding", "name", "reason"]))]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Accepted {
    /// Code of the finding, such as `vars::near-miss`: `managr vars check` shows it behind each one.
    #[schemars(extend("minLength" = 1))]
    pub finding: String,
    /// Name of the variable, secret or key that it is about.
    #[schemars(extend("minLength" = 1))]
    pub name: String,
    /// Why it is accepted: for the next reader of the manifest.
    #[schemars(extend("minLength" = 1))]
    pub reason: String,
    /// Stage that it is about. Default: wherever it is found.
    #[schemars(extend("minLength" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
}
