//! Tags of rules and buses.

pub(crate) use aws_model::tags::Tag;
use aws_model::tags::{refuse, refuse_many};
use aws_model::{AwsError, Service};
use serde::Deserialize;
use serde_json::{Value, json};

use super::bus::{self, Bus};
use super::rule::{self, Rule};
use super::{missing, wrong};
use crate::operation::read;
use crate::{Change, Cx, Input, Outcome, World};

/// Adds tags, in place of those with the same key.
pub(crate) fn lay_over(service: Service, present: &mut Vec<Tag>, tags: Vec<Tag>) -> Result<(), AwsError> {
    refuse(service, tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str())))?;
    for tag in tags {
        present.retain(|old| old.key != tag.key);
        present.push(tag);
    }
    Ok(refuse_many(service, present.len())?)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tagged {
    #[serde(rename = "ResourceARN")]
    arn: String,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    tag_keys: Vec<String>,
}

enum Found {
    Rule(Box<Rule>),
    Bus(Box<Bus>),
}

impl Found {
    fn of(world: &World, cx: &Cx<'_>, arn: &str) -> Result<Self, AwsError> {
        if let Some(name) = arn.strip_prefix(&bus::arn(cx, "")) {
            return bus::find(world, cx, Some(name)).map(Box::new).map(Self::Bus);
        }
        let home = cx.arn("events", "rule/");
        let path = arn.strip_prefix(&home).ok_or_else(|| wrong(format!("Parameter {arn} is not valid.")))?;
        let (bus, name) = path.rsplit_once('/').unwrap_or((bus::DEFAULT, path));
        let found = world.records.get::<Rule>(cx.region, &rule::id(bus, name));
        let found = found.ok_or_else(|| missing(format!("Rule {name} does not exist on EventBus {bus}.")))?;
        Ok(Self::Rule(Box::new(found)))
    }

    fn tags(&mut self) -> &mut Vec<Tag> {
        match self {
            Self::Rule(rule) => &mut rule.tags,
            Self::Bus(bus) => &mut bus.tags,
        }
    }

    fn put(&self) -> Outcome {
        let change = match self {
            Self::Rule(rule) => Change::put(&**rule),
            Self::Bus(bus) => Change::put(&**bus),
        };
        Outcome { reply: json!({}), changes: vec![change] }
    }
}

pub(super) fn add(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let tagged: Tagged = read(input)?;
    let mut found = Found::of(world, cx, &tagged.arn)?;
    lay_over(Service::Events, found.tags(), tagged.tags)?;
    Ok(found.put())
}

pub(super) fn remove(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let tagged: Tagged = read(input)?;
    let mut found = Found::of(world, cx, &tagged.arn)?;
    found.tags().retain(|tag| !tagged.tag_keys.contains(&tag.key));
    Ok(found.put())
}

pub(super) fn list(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let tagged: Tagged = read(input.clone())?;
    let mut found = Found::of(world, cx, &tagged.arn)?;
    Ok(json!({"Tags": found.tags()}))
}
