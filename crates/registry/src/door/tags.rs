//! Tags of a repository.

use aws_model::arn::Arn;
use aws_model::{AwsError, Call};
use serde::{Deserialize, Serialize};

use super::refusal::invalid;
use crate::{Registry, Repository};

const LIMIT: usize = 50;

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
        let mut tags = repository.tags.clone();
        for (key, value) in new {
            match tags.iter_mut().find(|(known, _)| *known == key) {
                Some(tag) => tag.1 = value,
                None => tags.push((key, value)),
            }
        }
        refuse_too_many(tags.len())?;
        repository.tags = tags;
        Ok::<(), AwsError>(())
    };
    registry.update_repository(input.name(registry)?, change).await?
}

pub(super) async fn untag(registry: &Registry, _: &Call, input: OfResource) -> Result<(), AwsError> {
    let change = |repository: &mut Repository| repository.tags.retain(|(key, _)| !input.tag_keys.contains(key));
    Ok(registry.update_repository(input.name(registry)?, change).await?)
}

/// Returns the tags of a new repository; each key once.
pub(super) fn checked(tags: Vec<Tag>) -> Result<Vec<(String, String)>, AwsError> {
    let invalid = |words: String| Err(AwsError::new("InvalidTagParameterException", words));
    let mut known: Vec<(String, String)> = Vec::new();
    for Tag { key, value } in tags {
        // The lengths are in the API reference and not in its model.
        if key.is_empty() || key.chars().count() > 128 || value.chars().count() > 256 || key.starts_with("aws:") {
            return invalid(format!("Invalid tag key or value at key '{key}'"));
        }
        if known.iter().any(|(known, _)| *known == key) {
            return invalid(format!("Duplicate tag keys found: '{key}'"));
        }
        known.push((key, value));
    }
    refuse_too_many(known.len())?;
    Ok(known)
}

impl OfResource {
    fn name(&self, registry: &Registry) -> Result<&str, AwsError> {
        let ours =
            Arn::parse(&self.resource_arn).filter(|arn| arn.service == "ecr" && arn.account == registry.account());
        let name = ours.and_then(|arn| arn.resource.strip_prefix("repository/"));
        name.ok_or_else(|| invalid("resourceArn", "Invalid ARN"))
    }
}

fn refuse_too_many(count: usize) -> Result<(), AwsError> {
    if count <= LIMIT {
        return Ok(());
    }
    let words = format!("The list of tags on the repository is over the limit. The maximum number of tags is {LIMIT}");
    Err(AwsError::new("TooManyTagsException", words))
}
