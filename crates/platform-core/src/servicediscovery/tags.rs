//! Tags of namespaces and services.

use aws_model::AwsError;
pub(super) use aws_model::tags::Tag;
use aws_model::tags::{refuse, refuse_many};
use serde::Deserialize;
use serde_json::{Value, json};

use super::thing::{Namespace, Service};
use crate::operation::read;
use crate::{Change, Cx, Input, Outcome, World};

/// What has tags.
enum Tagged {
    Namespace(Namespace),
    Service(Service),
}

impl Tagged {
    fn find(world: &World, cx: &Cx<'_>, arn: &str) -> Result<Self, AwsError> {
        let id = arn.rsplit('/').next().unwrap_or_default();
        let namespace = world.records.get(cx.region, id).map(Self::Namespace).filter(|found| found.arn() == arn);
        let found = namespace.or_else(|| world.records.get(cx.region, id).map(Self::Service));
        found.filter(|found| found.arn() == arn).ok_or_else(|| {
            AwsError::new("ResourceNotFoundException", format!("No resource found with ARN: {arn}")).with_status(404)
        })
    }

    fn arn(&self) -> &str {
        match self {
            Self::Namespace(namespace) => &namespace.arn,
            Self::Service(service) => &service.arn,
        }
    }

    fn tags(&mut self) -> &mut Vec<(String, String)> {
        match self {
            Self::Namespace(namespace) => &mut namespace.tags,
            Self::Service(service) => &mut service.tags,
        }
    }

    fn put(&self) -> Change {
        match self {
            Self::Namespace(namespace) => Change::put(namespace),
            Self::Service(service) => Change::put(service),
        }
    }
}

/// Returns the tags of something new, or those that are added.
pub(super) fn checked(tags: Vec<Tag>) -> Result<Vec<(String, String)>, AwsError> {
    refuse(aws_model::Service::ServiceDiscovery, tags.iter().map(|tag| (tag.key.as_str(), tag.value.as_str())))?;
    Ok(tags.into_iter().map(|tag| (tag.key, tag.value)).collect())
}

#[derive(Deserialize)]
struct Asked {
    #[serde(rename = "ResourceARN")]
    arn: String,
    #[serde(rename = "Tags", default)]
    tags: Vec<Tag>,
    #[serde(rename = "TagKeys", default)]
    keys: Vec<String>,
}

pub(super) fn list(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let mut found = Tagged::find(world, cx, &read::<Asked>(input.clone())?.arn)?;
    let tags: Value = found.tags().iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
    Ok(json!({"Tags": tags}))
}

pub(super) fn tag(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let asked: Asked = read(input)?;
    let mut found = Tagged::find(world, cx, &asked.arn)?;
    let added = checked(asked.tags)?;
    let tags = found.tags();
    tags.retain(|(key, _)| added.iter().all(|(new, _)| new != key));
    tags.extend(added);
    refuse_many(aws_model::Service::ServiceDiscovery, tags.len())?;
    Ok(Outcome { reply: json!({}), changes: vec![found.put()] })
}

pub(super) fn untag(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let asked: Asked = read(input)?;
    let mut found = Tagged::find(world, cx, &asked.arn)?;
    found.tags().retain(|(key, _)| !asked.keys.contains(key));
    Ok(Outcome { reply: json!({}), changes: vec![found.put()] })
}
