//! Tags of zones are changed.

use aws_model::{AwsError, Service, tags};
use serde::Deserialize;
use serde_json::Value;

use super::answers::{invalid, text};
use super::list::tagged;
use crate::operation::read;
use crate::{Change, Cx, Input, Outcome, World};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Asked {
    #[serde(default)]
    add_tags: Vec<Tag>,
    #[serde(default)]
    remove_tag_keys: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Tag {
    #[serde(default)]
    key: String,
    #[serde(default)]
    value: String,
}

pub(super) fn change(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let mut zone = tagged(world, &input, text(&input, "ResourceId").unwrap_or_default())?;
    let asked: Asked = read(input)?;
    if asked.add_tags.is_empty() && asked.remove_tag_keys.is_empty() {
        return Err(invalid("Neither AddTags nor RemoveTagKeys has something in it"));
    }
    let given = asked.add_tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str()));
    tags::refuse(Service::Route53, given)?;
    zone.tags.retain(|(key, _)| !asked.remove_tag_keys.contains(key));
    for Tag { key, value } in asked.add_tags {
        match zone.tags.iter_mut().find(|(known, _)| *known == key) {
            Some((_, old)) => *old = value,
            None => zone.tags.push((key, value)),
        }
    }
    tags::refuse_many(Service::Route53, zone.tags.len())?;
    Ok(Outcome { reply: Value::Null, changes: vec![Change::put(&zone)] })
}
