//! What is kept of a parameter group.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::world::Record;

/// A DB parameter group. Those named `default.*` are not kept: they have no values.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParameterGroup {
    /// Its region.
    pub region: String,
    /// DBParameterGroupName, in small letters.
    pub id: String,
    /// DBParameterGroupFamily.
    pub family: String,
    /// Description.
    pub description: String,
    /// What was set, by the parameter's name.
    pub values: BTreeMap<String, Set>,
    /// Its tags.
    #[serde(default)]
    pub tags: BTreeMap<String, String>,
}

/// A parameter that was set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Set {
    /// To what.
    pub value: String,
    /// `immediate` or `pending-reboot`.
    pub method: String,
}

impl Record for ParameterGroup {
    const TABLE: &'static str = "rds.parameter-groups";

    fn region(&self) -> &str {
        &self.region
    }

    fn id(&self) -> &str {
        &self.id
    }
}
