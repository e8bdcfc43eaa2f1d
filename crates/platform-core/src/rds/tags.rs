//! Tags of whatever has them, by ARN.

use std::collections::BTreeMap;

use aws_model::arn::Arn;
use aws_model::{AwsError, Service};
use serde_json::{Value, json};

use super::input::{self, done, tag_list, text, texts, value};
use super::parameter_group::ParameterGroup;
use super::subnet_groups::SubnetGroup;
use super::{parameters, snapshots, subnet_groups};
use crate::{Change, Cx, Input, Outcome, World};

type Tags = BTreeMap<String, String>;

/// What an ARN names.
fn named<'i>(cx: &Cx<'_>, input: &'i Input) -> Result<(&'i str, &'i str), AwsError> {
    let arn = text(input, "ResourceName").unwrap_or_default();
    let invalid = || value(format!("Invalid resource name: {arn}"));
    let parsed = Arn::parse(arn).filter(|arn| arn.service == "rds").ok_or_else(invalid)?;
    if parsed.region != cx.region || parsed.account != cx.account {
        return Err(invalid());
    }
    arn.splitn(6, ':').nth(5).and_then(|resource| resource.split_once(':')).ok_or_else(invalid)
}

/// Changes the tags of what an ARN names.
fn retag(world: &World, cx: &Cx<'_>, input: &Input, change: impl FnOnce(&mut Tags)) -> Result<Change, AwsError> {
    match named(cx, input)? {
        ("db", name) => {
            let mut instance = input::instance_named(world, cx, name)?;
            change(&mut instance.tags);
            Ok(Change::put(&instance))
        }
        ("snapshot", name) => snapshots::retag(world, cx, name, change),
        ("subgrp", name) => {
            let mut group: SubnetGroup = subnet_groups::find(world, cx, name)?;
            change(&mut group.tags);
            Ok(Change::put(&group))
        }
        ("pg", name) => {
            let mut group: ParameterGroup = parameters::own(world, cx, name)?;
            change(&mut group.tags);
            Ok(Change::put(&group))
        }
        (kind, name) => Err(value(format!("Invalid resource name: {kind}:{name}"))),
    }
}

/// AddTagsToResource.
pub(super) fn add(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let given = input::tags(&input)?;
    let mut count = 0;
    let change = retag(world, cx, &input, |tags| {
        tags.extend(given);
        count = tags.len();
    })?;
    aws_model::tags::refuse_many(Service::Rds, count)?;
    Ok(done(json!({}), vec![change]))
}

/// RemoveTagsFromResource.
pub(super) fn remove(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let keys = texts(&input, "TagKeys");
    let change = retag(world, cx, &input, |tags| tags.retain(|key, _| !keys.contains(&key.as_str())))?;
    Ok(done(json!({}), vec![change]))
}

/// ListTagsForResource.
pub(super) fn list(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    if let ("og", _) = named(cx, input)? {
        return Ok(json!({"TagList": []}));
    }
    if let ("pg", name) = named(cx, input)?
        && parameters::is_default(name)
    {
        parameters::family_of(world, cx, name)?;
        return Ok(json!({"TagList": []}));
    }
    let mut all = Tags::new();
    retag(world, cx, input, |tags| all.clone_from(tags))?;
    Ok(json!({"TagList": tag_list(&all)}))
}
