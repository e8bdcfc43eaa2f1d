//! Does what a schedule does, because a user says so: starts its task, or lets it fire or not.

use aws::{CallError, Client, ECS, EVENTS, items};
use aws_model::Document;
use deploy_core::desired::{Desired, ScheduleDoc};
use deploy_core::manifest::Via;
use deploy_core::plan::{said_again, short};
use serde_json::{Value, json};

use super::perform::update;
use super::seen;
use super::started::by_hand;
use crate::logs;
use crate::observe::{self, first_failure, object, text};
use crate::oneoff::Started;

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// A call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// There is nothing that would fire it.
    #[error("there is no {} `{name}`", what(*via))]
    Absent {
        /// What the manifest says that it is.
        via: Via,
        /// Its name.
        name: String,
    },
    /// What it tells its task is made of the event that fires it.
    #[error("what rule `{name}` tells its task is made of the event that fires it (`{member}`)")]
    FromEvent {
        /// Name of the rule.
        name: String,
        /// The member of its target.
        member: &'static str,
    },
    /// ECS did not place the task.
    #[error("the task was not started: {reason}")]
    NotPlaced {
        /// In ECS's words.
        reason: String,
    },
}

fn what(via: Via) -> &'static str {
    match via {
        Via::Rule => "rule",
        Via::Scheduler => "schedule of EventBridge Scheduler",
    }
}

fn absent(schedule: &ScheduleDoc) -> ScheduleError {
    ScheduleError::Absent { via: schedule.via, name: schedule.rule.clone() }
}

/// Starts what a schedule starts, in the same way. Returns its tasks: more than one where it starts several.
///
/// # Errors
/// See [`ScheduleError`].
pub async fn run(client: &Client, desired: &Desired, schedule: &ScheduleDoc) -> Result<Vec<Started>, ScheduleError> {
    let seen = seen::look(client, std::slice::from_ref(schedule)).await?;
    let target = seen.target(schedule).ok_or_else(|| absent(schedule))?;
    let request = request(target, schedule)?;
    let answer = client.call(&ECS, "RunTask", request.clone()).await?;
    let arns: Vec<&str> =
        items(&answer, "tasks").iter().filter_map(Value::as_object).map(|task| text(task, "taskArn")).collect();
    if arns.is_empty() {
        return Err(ScheduleError::NotPlaced { reason: first_failure(&answer) });
    }
    let revision = items(&answer, "tasks").first().and_then(Value::as_object);
    let revision = revision.map(|task| text(task, "taskDefinitionArn")).unwrap_or_default();
    let definition = observe::task_definition(client, revision).await?.unwrap_or_default();
    let containers = || items(&definition, "containerDefinitions").iter().filter_map(Value::as_object);
    let watched = containers().find(|one| text(one, "name") == schedule.container).or_else(|| containers().next());
    let one = |arn: &&str| Started {
        cluster: desired.cluster.clone(),
        arn: (*arn).to_owned(),
        id: short(arn).to_owned(),
        revision: short(revision).to_owned(),
        container: watched.map(|one| text(one, "name").to_owned()).unwrap_or_default(),
        output: watched.and_then(logs::source),
    };
    Ok(arns.iter().map(one).collect())
}

/// Members of `EcsParameters` that RunTask has under a name that only begins smaller.
const SAME: [&str; 9] = [
    "LaunchType",
    "PlatformVersion",
    "Group",
    "CapacityProviderStrategy",
    "EnableExecuteCommand",
    "PlacementConstraints",
    "PlacementStrategy",
    "PropagateTags",
    "ReferenceId",
];

/// Returns RunTask as EventBridge would ask it of ECS.
fn request(target: &Document, schedule: &ScheduleDoc) -> Result<Document, ScheduleError> {
    let is_said = |member: &str| target.get(member).is_some_and(|value| !value.is_null());
    if let Some(member) = ["InputPath", "InputTransformer"].into_iter().find(|member| is_said(member)) {
        return Err(ScheduleError::FromEvent { name: schedule.rule.clone(), member });
    }
    let none = Document::new();
    let parameters = target.get("EcsParameters").and_then(Value::as_object).unwrap_or(&none);
    let mut request = Document::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value.filter(|value| !value.is_null() && value.as_array().is_none_or(|a| !a.is_empty())) {
            request.insert(name.to_owned(), value);
        }
    };
    put("cluster", target.get("Arn").cloned());
    put("taskDefinition", parameters.get("TaskDefinitionArn").cloned());
    put("count", parameters.get("TaskCount").cloned());
    put("enableECSManagedTags", parameters.get("EnableECSManagedTags").cloned());
    for name in SAME {
        put(&small(name), parameters.get(name).cloned());
    }
    put("networkConfiguration", parameters.get("NetworkConfiguration").map(network));
    put("tags", parameters.get("Tags").map(tags));
    // What is no override is ignored, as EventBridge does.
    let input =
        target.get("Input").and_then(Value::as_str).and_then(|input| serde_json::from_str::<Document>(input).ok());
    let overrides: Document = input.unwrap_or_default().into_iter().filter(|(name, _)| is_override(name)).collect();
    put("overrides", (!overrides.is_empty()).then_some(Value::Object(overrides)));
    put("startedBy", Some(by_hand(&schedule.rule).into()));
    Ok(request)
}

fn is_override(name: &str) -> bool {
    aws_model::shape::has_member("TaskOverride", name)
}

fn small(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
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

/// Lets a schedule fire, or not. Returns whether that is another state than before.
///
/// # Errors
/// See [`ScheduleError`].
pub async fn switch(client: &Client, schedule: &ScheduleDoc, on: bool) -> Result<bool, ScheduleError> {
    let seen = seen::look(client, std::slice::from_ref(schedule)).await?;
    let (via, described) = seen.described(schedule).ok_or_else(|| absent(schedule))?;
    if described.get("State").is_none_or(|state| state == "ENABLED") == on {
        return Ok(false);
    }
    match via {
        Via::Rule => {
            let operation = if on { "EnableRule" } else { "DisableRule" };
            client.call(&EVENTS, operation, object(json!({ "Name": schedule.rule }))).await?;
        }
        Via::Scheduler => {
            let mut request = said_again(described);
            request.insert("State".to_owned(), if on { "ENABLED" } else { "DISABLED" }.into());
            update(client, request).await?;
        }
    }
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule() -> ScheduleDoc {
        let text = "app = \"shop\"\n[schedules.night]\nschedule = \"rate(1 day)\"\nimage = \"i:1\"\n";
        let manifest = deploy_core::parse("managr.toml", text).unwrap();
        let desired = deploy_core::desired(&manifest, "local", &deploy_core::Facts::local("r")).unwrap();
        desired.schedules[0].clone()
    }

    #[test]
    fn what_is_started_is_what_the_target_says() {
        let target = object(json!({
            "Id": "managr", "Arn": "arn:c", "RoleArn": "arn:role",
            "Input": "{\"containerOverrides\": [{\"name\": \"night\", \"command\": [\"go\"]}], \"else\": 1}",
            "EcsParameters": {"TaskDefinitionArn": "td:1", "TaskCount": 2, "LaunchType": "FARGATE", "Group": "g",
                "CapacityProviderStrategy": [], "PropagateTags": "TASK_DEFINITION", "Tags": [{"Key": "a", "Value": "b"}],
                "NetworkConfiguration": {"awsvpcConfiguration": {"Subnets": ["s"], "AssignPublicIp": "DISABLED"}}}}));
        let expected = json!({
            "cluster": "arn:c", "taskDefinition": "td:1", "count": 2, "launchType": "FARGATE", "group": "g",
            "propagateTags": "TASK_DEFINITION", "tags": [{"key": "a", "value": "b"}],
            "networkConfiguration": {"awsvpcConfiguration": {"subnets": ["s"], "assignPublicIp": "DISABLED"}},
            "overrides": {"containerOverrides": [{"name": "night", "command": ["go"]}]},
            "startedBy": "managr-schedule/shop-night-local"});
        let found = Value::Object(request(&target, &schedule()).unwrap());
        assert_eq!(found, expected);
        let mut of_event = target;
        of_event.insert("InputPath".into(), "$.detail".into());
        let refused = request(&of_event, &schedule()).unwrap_err().to_string();
        assert_eq!(
            refused,
            "what rule `shop-night-local` tells its task is made of the event that fires it (`InputPath`)"
        );
    }
}
