//! Starting tasks for a rule or a schedule, by the same operation as RunTask.

use aws_model::{AwsError, Document, Service, check};
use serde_json::{Value, json};

use crate::{Change, Cx, World, ecs};

/// Most of `startedBy` that AWS writes: `events-rule/prd-recommend-batch-even`, `chronos-schedule/gold-coast-data-lak`
/// were seen, both cut here.
const STARTED_BY: usize = 36;

/// Returns who started the tasks of a rule or a schedule, as AWS says.
pub(crate) fn started_by(prefix: &str, name: &str) -> String {
    format!("{prefix}/{name}").chars().take(STARTED_BY).collect()
}

/// Members of `EcsParameters` that RunTask has under a name that only begins smaller.
const SAME: [&str; 8] = [
    "LaunchType",
    "PlatformVersion",
    "Group",
    "CapacityProviderStrategy",
    "EnableExecuteCommand",
    "PlacementConstraints",
    "PlacementStrategy",
    "PropagateTags",
];

/// Starts what a target's `EcsParameters` say, with what its input says over it.
pub(crate) fn start(
    world: &World,
    cx: &mut Cx<'_>,
    target: &Document,
    input: &str,
    started_by: &str,
) -> Result<Vec<Change>, AwsError> {
    let none = Document::new();
    let parameters = target.get("EcsParameters").and_then(Value::as_object).unwrap_or(&none);
    let mut request = Document::new();
    let mut put = |name: &str, value: Option<&Value>| {
        if let Some(value) = value {
            request.insert(name.to_owned(), value.clone());
        }
    };
    put("cluster", target.get("Arn"));
    put("taskDefinition", parameters.get("TaskDefinitionArn"));
    put("count", parameters.get("TaskCount"));
    put("referenceId", parameters.get("ReferenceId"));
    put("enableECSManagedTags", parameters.get("EnableECSManagedTags"));
    for name in SAME {
        put(&small(name), parameters.get(name));
    }
    put("networkConfiguration", parameters.get("NetworkConfiguration").map(network).as_ref());
    put("tags", parameters.get("Tags").map(tags).as_ref());
    put("overrides", overrides(input).as_ref());
    put("startedBy", Some(&started_by.into()));
    run(world, cx, request)
}

/// Runs a RunTask request whose input has not been checked against the model yet.
pub(crate) fn run(world: &World, cx: &mut Cx<'_>, mut request: Document) -> Result<Vec<Change>, AwsError> {
    let operation = Service::Ecs.model().operation("RunTask").expect("it is served");
    check::admit(operation, &mut request)?;
    Ok(ecs::run_task(world, cx, request)?.changes)
}

fn small(name: &str) -> String {
    let mut name = name.to_owned();
    name[..1].make_ascii_lowercase();
    name
}

fn network(given: &Value) -> Value {
    let members = given.get("awsvpcConfiguration").and_then(Value::as_object).into_iter().flatten();
    let inner: Document = members.map(|(name, value)| (small(name), value.clone())).collect();
    json!({ "awsvpcConfiguration": inner })
}

/// EventBridge's tags are pairs of `Key` and `Value`; Scheduler's are maps with whatever the caller wrote.
fn tags(given: &Value) -> Value {
    let one = |tag: &Value| {
        let member = |name: &str| tag.get(name).or_else(|| tag.get(small(name))).cloned();
        json!({"key": member("Key"), "value": member("Value")})
    };
    given.as_array().into_iter().flatten().map(one).collect()
}

/// What an input says over a task: the members of ECS's TaskOverride (EventBridge user guide, "Amazon ECS task";
/// API reference of ECS, TaskOverride). Anything else is ignored.
fn overrides(input: &str) -> Option<Value> {
    let Ok(Value::Object(said)) = serde_json::from_str(input) else { return None };
    let known = |name: &str| aws_model::shape::has_member("TaskOverride", name);
    let overrides: Document = said.into_iter().filter(|(name, _)| known(name)).collect();
    (!overrides.is_empty()).then_some(Value::Object(overrides))
}
