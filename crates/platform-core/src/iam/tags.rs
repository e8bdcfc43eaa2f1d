//! Tags of everything that has them.

pub(super) use aws_model::tags::Tag;
use aws_model::{AwsError, Service, tags};
use serde::Deserialize;
use serde_json::{Value, json};

use super::entity::Principal;
use super::find::{self, Which};
use super::page::Paging;
use super::{InstanceProfile, Policy, Provider};
use crate::operation::read;
use crate::world::Record;
use crate::{Change, Cx, Input, Outcome, World};

/// Something with tags.
pub(super) trait Tagged: Record {
    fn find(world: &World, cx: &Cx<'_>, name: &str) -> Result<Self, AwsError>;
    fn tags(&mut self) -> &mut Vec<Tag>;
}

impl<P: Principal> Tagged for P {
    fn find(world: &World, _: &Cx<'_>, name: &str) -> Result<Self, AwsError> {
        find::principal(world, name)
    }

    fn tags(&mut self) -> &mut Vec<Tag> {
        &mut self.entity_mut().tags
    }
}

impl Tagged for Policy {
    fn find(world: &World, cx: &Cx<'_>, arn: &str) -> Result<Self, AwsError> {
        find::policy(world, cx, arn)
    }

    fn tags(&mut self) -> &mut Vec<Tag> {
        &mut self.tags
    }
}

impl Tagged for InstanceProfile {
    fn find(world: &World, _: &Cx<'_>, name: &str) -> Result<Self, AwsError> {
        find::profile(world, name)
    }

    fn tags(&mut self) -> &mut Vec<Tag> {
        &mut self.tags
    }
}

impl Tagged for Provider {
    fn find(world: &World, _: &Cx<'_>, arn: &str) -> Result<Self, AwsError> {
        find::provider(world, arn)
    }

    fn tags(&mut self) -> &mut Vec<Tag> {
        &mut self.tags
    }
}

#[derive(Deserialize)]
struct Tagging {
    #[serde(flatten)]
    which: Which,
    #[serde(rename = "Tags")]
    tags: Vec<Tag>,
}

pub(super) fn tag<T: Tagged>(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let Tagging { which, tags: given } = read(input)?;
    let mut thing = T::find(world, cx, &which.name)?;
    let given = checked(given)?;
    let present = thing.tags();
    present.retain(|old| given.iter().all(|new| !tags::is_same(Service::Iam, &new.key, &old.key)));
    present.extend(given);
    tags::refuse_many(Service::Iam, present.len())?;
    Ok(Outcome { reply: Value::Null, changes: vec![Change::put(&thing)] })
}

#[derive(Deserialize)]
struct Untagging {
    #[serde(flatten)]
    which: Which,
    #[serde(rename = "TagKeys")]
    keys: Vec<String>,
}

pub(super) fn untag<T: Tagged>(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let Untagging { which, keys } = read(input)?;
    let mut thing = T::find(world, cx, &which.name)?;
    thing.tags().retain(|tag| keys.iter().all(|key| !tags::is_same(Service::Iam, key, &tag.key)));
    Ok(Outcome { reply: Value::Null, changes: vec![Change::put(&thing)] })
}

pub(super) fn list<T: Tagged>(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let mut thing = T::find(world, cx, &read::<Which>(input.clone())?.name)?;
    let shown = thing.tags().iter().map(|tag| (tag.key.clone(), json!(tag))).collect();
    Ok(read::<Paging>(input.clone())?.page("Tags", shown))
}

/// Returns the tags of something new, or those that are added.
pub(super) fn checked(given: Vec<Tag>) -> Result<Vec<Tag>, AwsError> {
    tags::refuse(Service::Iam, given.iter().map(|tag| (tag.key.as_str(), tag.value.as_str())))?;
    Ok(given)
}
