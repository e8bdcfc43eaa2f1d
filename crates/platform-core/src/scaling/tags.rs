//! Tags of scalable targets.

use std::collections::BTreeMap;

use aws_model::{AwsError, Service, tags};
use serde::Deserialize;
use serde_json::{Value, json};

use super::ScalableTarget;
use crate::operation::read;
use crate::world::{Change, World};
use crate::{Cx, Input, Outcome};

#[derive(Deserialize)]
struct Tagged {
    #[serde(rename = "ResourceARN")]
    arn: String,
    #[serde(rename = "Tags", default)]
    tags: BTreeMap<String, String>,
    #[serde(rename = "TagKeys", default)]
    keys: Vec<String>,
}

/// Refuses what cannot be a tag.
pub(super) fn refuse(given: &BTreeMap<String, String>) -> Result<(), AwsError> {
    let pairs = given.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    Ok(tags::refuse(Service::ApplicationAutoScaling, pairs)?)
}

fn found(world: &World, cx: &Cx<'_>, arn: &str) -> Result<ScalableTarget, AwsError> {
    let mut all = world.records.all::<ScalableTarget>(cx.region);
    let words = || AwsError::new("ResourceNotFoundException", format!("The resource doesn't exist: {arn}"));
    all.find(|target| target.arn == arn).ok_or_else(words)
}

/// ListTagsForResource.
pub(super) fn list(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let asked: Tagged = read(input.clone())?;
    Ok(json!({"Tags": found(world, cx, &asked.arn)?.tags}))
}

/// TagResource.
pub(super) fn add(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let said: Tagged = read(input)?;
    let mut target = found(world, cx, &said.arn)?;
    refuse(&said.tags)?;
    target.tags.extend(said.tags);
    tags::refuse_many(Service::ApplicationAutoScaling, target.tags.len())?;
    Ok(Outcome { reply: json!({}), changes: vec![Change::put(&target)] })
}

/// UntagResource.
pub(super) fn remove(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let said: Tagged = read(input)?;
    let mut target = found(world, cx, &said.arn)?;
    target.tags.retain(|key, _| !said.keys.contains(key));
    Ok(Outcome { reply: json!({}), changes: vec![Change::put(&target)] })
}
