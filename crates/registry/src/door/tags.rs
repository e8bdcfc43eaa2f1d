//! Tags of a repository.

use aws_model::arn::Arn;
use aws_model::{AwsError, Call, Service, tags};
use serde::{Deserialize, Serialize};

use super::refusal::invalid;
use crate::{Registry, Repository};

/// A tag, as it is sent and answered.
#[derive(Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    key: String,
    value: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OfResource {
    resource_arn: String,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    tag_keys: Vec<String>,
}

#[derive(Serialize)]
pub(super) struct Tags {
    tags: Vec<Tag>,
}

pub(super) async fn list(registry: &Registry, _: &Call, input: OfResource) -> Result<Tags, AwsError> {
    let repository = registry.repository(input.name(registry)?)?;
    Ok(Tags { tags: repository.tags.into_iter().map(|(key, value)| Tag { key, value }).collect() })
}

pub(super) async fn tag(registry: &Registry, _: &Call, mut input: OfResource) -> Result<(), AwsError> {
    let new = checked(std::mem::take(&mut input.tags))?;
    let change = |repository: &mut Repository| {
        let mut all = repository.tags.clone();
        for (key, value) in new {
            match all.iter_mut().find(|(known, _)| *known == key) {
                Some(tag) => tag.1 = value,
                None => all.push((key, value)),
            }
        }
        tags::refuse_many(Service::Ecr, all.len())?;
        repository.tags = all;
        Ok::<(), AwsError>(())
    };
    registry.update_repository(input.name(registry)?, change).await?
}

pub(super) async fn untag(registry: &Registry, _: &Call, input: OfResource) -> Result<(), AwsError> {
    let change = |repository: &mut Repository| repository.tags.retain(|(key, _)| !input.tag_keys.contains(key));
    Ok(registry.update_repository(input.name(registry)?, change).await?)
}

/// Returns the tags of a new repository; each key once.
pub(super) fn checked(given: Vec<Tag>) -> Result<Vec<(String, String)>, AwsError> {
    tags::refuse(Service::Ecr, given.iter().map(|tag| (tag.key.as_str(), tag.value.as_str())))?;
    Ok(given.into_iter().map(|Tag { key, value }| (key, value)).collect())
}

impl OfResource {
    fn name(&self, registry: &Registry) -> Result<&str, AwsError> {
        let ours =
            Arn::parse(&self.resource_arn).filter(|arn| arn.service == "ecr" && arn.account == registry.account());
        let name = ours.and_then(|arn| arn.resource.strip_prefix("repository/"));
        name.ok_or_else(|| invalid("resourceArn", "Invalid ARN"))
    }
}
