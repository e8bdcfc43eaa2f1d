//! Tags of documents; those of parameters are the parameters'.

use aws_model::{AwsError, Service, tags};
use serde::Deserialize;
use serde_json::{Value, json};

use super::document::{Document, Tag};
use crate::operation::read;
use crate::{Change, Cx, Input, Outcome, World};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tagged {
    resource_type: String,
    resource_id: String,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    tag_keys: Vec<String>,
}

impl Tagged {
    fn find(&self, world: &World, cx: &Cx<'_>) -> Result<Document, AwsError> {
        let Self { resource_type, resource_id, .. } = self;
        if resource_type != "Document" {
            let words =
                format!("The resource type {resource_type} is not valid: there are Parameter and Document here.");
            return Err(AwsError::new("InvalidResourceType", words));
        }
        let words = || format!("The resource ID isn't valid: there is no document {resource_id}.");
        world.records.get(cx.region, resource_id).ok_or_else(|| AwsError::new("InvalidResourceId", words()))
    }
}

pub(super) fn add(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let tagged: Tagged = read(input)?;
    let mut document = tagged.find(world, cx)?;
    lay_over(&mut document.tags, tagged.tags)?;
    Ok(Outcome { reply: json!({}), changes: vec![Change::put(&document)] })
}

pub(super) fn list(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    Ok(json!({"TagList": read::<Tagged>(input.clone())?.find(world, cx)?.tags}))
}

pub(super) fn remove(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let tagged: Tagged = read(input)?;
    let mut document = tagged.find(world, cx)?;
    document.tags.retain(|tag| !tagged.tag_keys.contains(&tag.key));
    Ok(Outcome { reply: json!({}), changes: vec![Change::put(&document)] })
}

/// Adds tags, in place of those with the same key.
pub(super) fn lay_over(present: &mut Vec<Tag>, given: Vec<Tag>) -> Result<(), AwsError> {
    tags::refuse(Service::Ssm, given.iter().map(|tag| (tag.key.as_str(), tag.value.as_str())))?;
    for tag in given {
        present.retain(|old| old.key != tag.key);
        present.push(tag);
    }
    Ok(tags::refuse_many(Service::Ssm, present.len())?)
}
