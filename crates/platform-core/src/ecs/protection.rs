//! Task scale-in protection: which tasks of services are not to be stopped by scaling in or by a deployment.
//!
//! Developer guide, "Protect your Amazon ECS tasks from being terminated by scale-in events": only tasks of services
//! have it, it lapses by itself, and it stops neither StopTask nor the end of a task that is not healthy.

use aws_model::{AwsError, Millis, seconds};
use serde_json::{Value, json};

use super::find::{self, arn_in};
use super::input::{failure, named, number};
use crate::world::{Change, DesiredStatus, Task, World};
use crate::{Cx, Input, Outcome};

/// Minutes of a protection that names none, and the most it may name (API reference, UpdateTaskProtection).
const DEFAULT_MINUTES: i64 = 120;
const MOST_MINUTES: i64 = 2_880;

/// GetTaskProtection.
pub fn get(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let cluster = find::cluster(world, cx, input)?;
    let asked = if input.contains_key("tasks") { named(input, "tasks", 100)? } else { Vec::new() };
    let (mut protected, mut failures) = (Vec::new(), Vec::new());
    for name in asked {
        match protectable(find::task(world, cluster, name)) {
            Ok(task) => protected.push(render(task, cx.now)),
            Err(reason) => failures.push(failed(arn_in(cluster, "task", name), name, reason)),
        }
    }
    Ok(json!({"protectedTasks": protected, "failures": failures}))
}

/// UpdateTaskProtection.
pub fn update(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let cluster = find::cluster(world, cx, &input)?;
    let Some(enabled) = input.get("protectionEnabled").and_then(Value::as_bool) else {
        return Err(AwsError::invalid_parameter("protectionEnabled cannot be empty."));
    };
    let minutes = number(&input, "expiresInMinutes").unwrap_or(DEFAULT_MINUTES);
    if enabled && !(1..=MOST_MINUTES).contains(&minutes) {
        return Err(AwsError::invalid_parameter(format!("expiresInMinutes must be between 1 and {MOST_MINUTES}.")));
    }
    let (mut protected, mut failures, mut changes) = (Vec::new(), Vec::new(), Vec::new());
    for name in named(&input, "tasks", 10)? {
        match protectable(find::task(world, cluster, name)) {
            Ok(found) => {
                let mut task = Task::clone(found);
                task.protected_until = enabled.then_some(cx.now + minutes * 60_000);
                protected.push(render(&task, cx.now));
                changes.push(Change::Task(task));
            }
            Err(reason) => failures.push(failed(arn_in(cluster, "task", name), name, reason)),
        }
    }
    Ok(Outcome { reply: json!({"protectedTasks": protected, "failures": failures}), changes })
}

/// Returns a task that can be protected, or why not (developer guide, "API failure reasons").
fn protectable(task: Option<&std::sync::Arc<Task>>) -> Result<&Task, &'static str> {
    match task {
        None => Err("MISSING"),
        Some(task) if task.service_arn.is_none() || task.desired_status == DesiredStatus::Stopped => {
            Err("TASK_NOT_VALID")
        }
        Some(task) => Ok(task),
    }
}

fn failed(arn: Option<String>, name: &str, reason: &str) -> Value {
    failure(arn.unwrap_or_else(|| name.to_owned()), reason)
}

fn render(task: &Task, now: Millis) -> Value {
    let until = task.protected_until.filter(|until| *until > now);
    let mut out = json!({"taskArn": task.arn, "protectionEnabled": until.is_some()});
    if let Some(until) = until {
        out["expirationDate"] = seconds(until);
    }
    out
}
