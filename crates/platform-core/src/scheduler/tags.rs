//! Tags of groups; schedules have none (user guide, "Tagging schedule groups").

use aws_model::{AwsError, Service};
use serde::Deserialize;
use serde_json::{Value, json};

use super::group::{self, Group};
use super::missing;
use crate::events::tags::{Tag, lay_over};
use crate::operation::read;
use crate::{Change, Cx, Input, Outcome, World};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tagged {
    resource_arn: String,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    tag_keys: Vec<String>,
}

impl Tagged {
    fn find(&self, world: &World, cx: &Cx<'_>) -> Result<Group, AwsError> {
        let name = self.resource_arn.strip_prefix(&group::arn(cx, ""));
        let name = name.ok_or_else(|| missing(format!("{} does not exist.", self.resource_arn)))?;
        group::find(world, cx, Some(name))
    }
}

pub(super) fn add(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let tagged: Tagged = read(input)?;
    let mut group = tagged.find(world, cx)?;
    lay_over(Service::Scheduler, &mut group.tags, tagged.tags)?;
    Ok(Outcome { reply: json!({}), changes: vec![Change::put(&group)] })
}

pub(super) fn remove(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let tagged: Tagged = read(input)?;
    let mut group = tagged.find(world, cx)?;
    group.tags.retain(|tag| !tagged.tag_keys.contains(&tag.key));
    Ok(Outcome { reply: json!({}), changes: vec![Change::put(&group)] })
}

pub(super) fn list(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let tagged: Tagged = read(input.clone())?;
    Ok(json!({"Tags": tagged.find(world, cx)?.tags}))
}
