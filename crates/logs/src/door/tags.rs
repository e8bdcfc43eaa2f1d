//! Tags, in both their forms: by ARN, and the older one by name.

use std::collections::BTreeMap;

use aws_model::Call;
use serde::{Deserialize, Serialize};

use super::Done;
use crate::Logs;
use crate::error::LogsError;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OfResource {
    resource_arn: String,
    #[serde(default)]
    tags: BTreeMap<String, String>,
    #[serde(default)]
    tag_keys: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OfGroup<T> {
    log_group_name: String,
    #[serde(default)]
    tags: T,
}

#[derive(Serialize)]
pub(super) struct Tags {
    tags: BTreeMap<String, String>,
}

pub(super) async fn list(logs: &Logs, call: &Call, input: OfResource) -> Result<Tags, LogsError> {
    let (region, group) = logs.resolve(&call.region, &input.resource_arn)?;
    Ok(Tags { tags: logs.tags(&region, &group)? })
}

pub(super) async fn list_of_group(logs: &Logs, call: &Call, input: OfGroup<()>) -> Result<Tags, LogsError> {
    Ok(Tags { tags: logs.tags(&call.region, &input.log_group_name)? })
}

pub(super) async fn tag(logs: &Logs, call: &Call, input: OfResource) -> Done {
    let (region, group) = logs.resolve(&call.region, &input.resource_arn)?;
    logs.tag(&region, &group, input.tags).await
}

pub(super) async fn tag_group(logs: &Logs, call: &Call, input: OfGroup<BTreeMap<String, String>>) -> Done {
    logs.tag(&call.region, &input.log_group_name, input.tags).await
}

pub(super) async fn untag(logs: &Logs, call: &Call, input: OfResource) -> Done {
    let (region, group) = logs.resolve(&call.region, &input.resource_arn)?;
    logs.untag(&region, &group, input.tag_keys).await
}

pub(super) async fn untag_group(logs: &Logs, call: &Call, input: OfGroup<Vec<String>>) -> Done {
    logs.untag(&call.region, &input.log_group_name, input.tags).await
}
