//! Tags: `[{"key":..,"value":..}]`, on clusters, task definitions, services and tasks.

use aws_model::arn::{Arn, InCluster};
use aws_model::{AwsError, Document, Service, tags};
use serde_json::{Value, json};

use super::input::{items, required, texts};
use crate::world::{Change, World};
use crate::{Cx, Input, Outcome};

/// Returns the tags of an input, checked.
pub(super) fn read(input: &Document) -> Result<Vec<Value>, AwsError> {
    merged(&[], items(input, "tags"))
}

/// Returns a tag that ECS gives by itself (`enableECSManagedTags`). No caller's tag may begin with `aws:`, so none
/// is in its way.
pub(super) fn managed(name: &str, value: &str) -> Value {
    json!({"key": format!("aws:ecs:{name}"), "value": value})
}

/// Returns `old` with `new` laid over it by key.
fn merged<'a>(old: &[Value], new: impl Iterator<Item = &'a Value>) -> Result<Vec<Value>, AwsError> {
    let mut merged = old.to_vec();
    for tag in new {
        let key = tag.get("key").and_then(Value::as_str).unwrap_or_default();
        let value = tag.get("value").and_then(Value::as_str).unwrap_or_default();
        tags::refuse(Service::Ecs, [(key, value)])?;
        let tag = json!({"key": key, "value": value});
        match merged.iter_mut().find(|t| t["key"] == key) {
            Some(old) => *old = tag,
            None => merged.push(tag),
        }
    }
    tags::refuse_many(Service::Ecs, merged.len())?;
    Ok(merged)
}

/// ListTagsForResource.
pub(super) fn list(world: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    // This operation declares no ResourceNotFoundException, unlike its two siblings (botocore's model).
    let declared = |e: AwsError| match e.code.as_ref() {
        "ResourceNotFoundException" => AwsError::invalid_parameter(e.message),
        _ => e,
    };
    let (tags, _) = find(world, required(input, "resourceArn")?).map_err(declared)?;
    Ok(json!({"tags": tags}))
}

/// TagResource.
pub(super) fn tag(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    change(world, &input, |old| merged(old, items(&input, "tags")))
}

/// UntagResource.
pub(super) fn untag(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let keys: Vec<_> = texts(&input, "tagKeys").collect();
    let kept = |tag: &&Value| !tag.get("key").and_then(Value::as_str).is_some_and(|key| keys.contains(&key));
    change(world, &input, |old| Ok(old.iter().filter(kept).cloned().collect()))
}

type Put<'w> = Box<dyn FnOnce(Vec<Value>) -> Change + 'w>;

fn change(
    world: &World,
    input: &Document,
    edit: impl FnOnce(&[Value]) -> Result<Vec<Value>, AwsError>,
) -> Result<Outcome, AwsError> {
    let (old, put) = find(world, required(input, "resourceArn")?)?;
    let new = edit(&old)?;
    let changes = if new == old { Vec::new() } else { vec![put(new)] };
    Ok(Outcome { reply: json!({}), changes })
}

/// Returns a resource's tags and how to put other ones.
fn find<'w>(world: &'w World, arn: &str) -> Result<(Vec<Value>, Put<'w>), AwsError> {
    let missing = || AwsError::new("ResourceNotFoundException", format!("The specified resource {arn} was not found."));
    let kind = Arn::parse(arn)
        .filter(|a| a.service == "ecs")
        .and_then(|a| a.resource.split('/').next())
        .ok_or_else(|| AwsError::invalid_parameter("Invalid resourceArn."))?;
    match kind {
        "cluster" => {
            let missing = AwsError::new("ClusterNotFoundException", "Cluster not found.");
            let cluster = world.clusters.get(arn).filter(|c| c.active).ok_or(missing)?;
            let tags = items(&cluster.document, "tags").cloned().collect();
            let put = move |tags: Vec<Value>| {
                let mut cluster = (**cluster).clone();
                cluster.document.insert("tags".into(), Value::Array(tags));
                Change::Cluster(cluster)
            };
            Ok((tags, Box::new(put)))
        }
        "task-definition" => {
            let revision = world.revisions.get(arn).ok_or_else(missing)?;
            let put = move |tags| {
                let mut revision = (**revision).clone();
                revision.tags = tags;
                Change::Revision(revision)
            };
            Ok((revision.tags.clone(), Box::new(put)))
        }
        "service" => {
            let service = world.services.get(arn).ok_or_else(missing)?;
            let put = move |tags| {
                let mut service = (**service).clone();
                service.tags = tags;
                Change::Service(service)
            };
            Ok((service.tags.clone(), Box::new(put)))
        }
        "task" => {
            let task = InCluster::parse("task", arn).and_then(|_| world.tasks.get(arn)).ok_or_else(missing)?;
            let put = move |tags| {
                let mut task = (**task).clone();
                task.tags = tags;
                Change::Task(task)
            };
            Ok((task.tags.clone(), Box::new(put)))
        }
        "container-instance" | "task-set" | "capacity-provider" | "daemon" => Err(missing()),
        _ => Err(AwsError::invalid_parameter("Invalid resourceArn.")),
    }
}
