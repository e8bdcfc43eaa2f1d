//! What every alarm has, whatever it watches.

pub(super) use aws_model::tags::Tag;
use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

/// The members that all alarms have.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Common {
    pub(super) alarm_name: String,
    pub(super) alarm_description: Option<String>,
    pub(super) actions_enabled: Option<bool>,
    #[serde(rename = "OKActions", default)]
    pub(super) ok_actions: Vec<String>,
    #[serde(default)]
    pub(super) alarm_actions: Vec<String>,
    #[serde(default)]
    pub(super) insufficient_data_actions: Vec<String>,
    #[serde(default)]
    pub(super) tags: Vec<Tag>,
    pub(super) action_configuration: Option<Value>,
}

/// Returns tags by key.
pub(super) fn by_key(tags: Vec<Tag>) -> BTreeMap<String, String> {
    tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
}
