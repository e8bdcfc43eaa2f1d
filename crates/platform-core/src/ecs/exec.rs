//! ExecuteCommand and sessions: which container one reaches, or why none.
//!
//! Decides only; who has the sessions opens one and answers it. ECS's words are those that its callers quote:
//! boto/boto3#2822 (interactive), Mic-U/ecsher#56 (length), keidarcy/e1s#206 (not enabled), aws/aws-cli#6070 (not
//! connected). For a container that is missing or not named none are known; those are ours.

use aws_model::{AwsError, Document, seconds};
use serde_json::{Value, json};

use super::find;
use super::input::{flag, required, text};
use crate::world::{ContainerPhase, ContainerState, Task, World};
use crate::{Cx, Input};

/// The operation's name; it is not in [`super::OPERATIONS`], because its answer is not the world's alone.
pub const EXECUTE_COMMAND: &str = "ExecuteCommand";

/// A container that a session reaches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// ARN of the cluster.
    pub cluster_arn: String,
    /// ARN of the task.
    pub task_arn: String,
    /// Id of the task, 32 hex digits.
    pub task_id: String,
    /// ARN of the container.
    pub container_arn: String,
    /// Name of the container.
    pub container_name: String,
    /// Runtime id of the container.
    pub runtime_id: String,
}

impl Destination {
    fn new(task: &Task, container: &ContainerState) -> Self {
        Self {
            cluster_arn: task.cluster_arn.clone(),
            task_arn: task.arn.clone(),
            task_id: task.id.clone(),
            container_arn: container.arn.clone(),
            container_name: container.name.clone(),
            runtime_id: container.runtime_id.clone(),
        }
    }

    /// Returns the name that Systems Manager gives it: `ecs:CLUSTER_TASK_RUNTIME`.
    pub fn target(&self) -> String {
        let cluster = aws_model::arn::cluster_name(&self.cluster_arn).unwrap_or_default();
        format!("ecs:{cluster}_{}_{}", self.task_id, self.runtime_id)
    }

    /// Returns ExecuteCommand's answer, without the session.
    pub fn answer(&self) -> Document {
        let members = [
            ("clusterArn", &self.cluster_arn),
            ("containerArn", &self.container_arn),
            ("containerName", &self.container_name),
            ("taskArn", &self.task_arn),
        ];
        let mut answer: Document = members.into_iter().map(|(k, v)| (k.to_owned(), v.clone().into())).collect();
        answer.insert("interactive".into(), true.into());
        answer
    }
}

/// Decides which container an ExecuteCommand reaches.
///
/// # Errors
/// In ECS's codes and words; see the module.
pub fn execute_command(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Destination, AwsError> {
    required(input, "command")?;
    let named = required(input, "task")?;
    if !flag(input, "interactive") {
        return Err(AwsError::invalid_parameter("Interactive is the only mode supported currently."));
    }
    let cluster = find::cluster(world, cx, input)?;
    let id = named.rsplit('/').next().unwrap_or(named);
    if !matches!(id.len(), 32 | 36) {
        return Err(AwsError::invalid_parameter("task length should be one of [32,36]"));
    }
    let task = find::task(world, cluster, named)
        .ok_or_else(|| AwsError::invalid_parameter("The referenced task was not found."))?;
    let container = match (text(input, "container"), task.containers.as_slice()) {
        (Some(name), _) => task.container(name).ok_or_else(|| {
            AwsError::invalid_parameter(format!("The container '{name}' was not found in the referenced task."))
        })?,
        (None, [only]) => only,
        (None, _) => {
            return Err(AwsError::invalid_parameter(
                "The container name must be specified for tasks containing multiple containers.",
            ));
        }
    };
    if !is_reachable(task, container) {
        return Err(AwsError::invalid_parameter(
            "The execute command failed because execute command was not enabled when the task was run or the execute \
             command agent isn't running. Wait and try again or run a new task with execute command enabled and try \
             again.",
        ));
    }
    Ok(Destination::new(task, container))
}

/// Returns the container that Systems Manager calls `target`, if a session reaches it now.
///
/// A cluster's name may have underscores, a task's id and a runtime id have none.
pub fn of_target(world: &World, cx: &Cx<'_>, target: &str) -> Option<Destination> {
    let mut parts = target.strip_prefix("ecs:")?.rsplitn(3, '_');
    let (runtime_id, task_id, cluster) = (parts.next()?, parts.next()?, parts.next()?);
    let task = world.tasks.get(&cx.arn("ecs", &format!("task/{cluster}/{task_id}")))?;
    let container = task.containers.iter().find(|c| c.runtime_id == runtime_id)?;
    is_reachable(task, container).then(|| Destination::new(task, container))
}

/// Whether the task was started with ExecuteCommand; what its service says since then does not matter.
fn is_enabled(task: &Task) -> bool {
    flag(&task.document, "enableExecuteCommand")
}

/// Nothing needs to be started in the container: its agent is there for as long as the container runs.
fn is_reachable(task: &Task, container: &ContainerState) -> bool {
    is_enabled(task) && container.phase == ContainerPhase::Running
}

/// Returns a container's `managedAgents`; none in a task that was started without ExecuteCommand.
pub(super) fn managed_agents(task: &Task, container: &ContainerState) -> Option<Value> {
    if !is_enabled(task) {
        return None;
    }
    let status = match container.phase {
        ContainerPhase::Waiting
        | ContainerPhase::Pulling
        | ContainerPhase::Pulled
        | ContainerPhase::Starting
        | ContainerPhase::Restarting => "PENDING",
        ContainerPhase::Running => "RUNNING",
        ContainerPhase::Stopped => "STOPPED",
    };
    let mut agent = json!({"name": "ExecuteCommandAgent", "lastStatus": status});
    if let Some(at) = container.started_at {
        agent["lastStartedAt"] = seconds(at);
    }
    if container.phase == ContainerPhase::Stopped && container.started_at.is_some() {
        // In the words of ECS's own agent (aws/amazon-ecs-agent, task_manager.go).
        agent["reason"] = "Received Container Stopped event".into();
    }
    Some(json!([agent]))
}
