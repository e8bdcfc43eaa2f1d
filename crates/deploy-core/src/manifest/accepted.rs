//! Findings that somebody has looked at, and has a reason to leave as they are.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A finding of `managr vars check` that is meant to be so: it is not told again, and it is told when it is no more.
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
    /// Why it is meant to be so: for whoever reads the manifest next.
    #[schemars(extend("minLength" = 1))]
    pub reason: String,
    /// Stage that it is about. Default: wherever it is found.
    #[schemars(extend("minLength" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stage: Option<String>,
}
