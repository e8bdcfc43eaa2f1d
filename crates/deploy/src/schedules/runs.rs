//! What became of what schedules started? Read out of tasks, as long as ECS remembers them (an hour).

use std::collections::{BTreeMap, BTreeSet};

use aws::{CallError, Client, ECS, items};
use aws_model::{Document, Millis};
use deploy_core::desired::{Desired, ScheduleDoc};
use deploy_core::gate;
use deploy_core::plan::short;
use futures_util::future::try_join_all;
use futures_util::try_join;
use serde::Serialize;
use serde_json::{Value, json};

use super::started;
use crate::observe::object;
use crate::oneoff::{Ended, ended};
use crate::tasks::{list, millis};
use crate::watch::TaskView;

/// One run of a schedule.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Id of its task.
    pub task: String,
    /// The revision that it ran, `family:revision`.
    pub revision: String,
    /// Whether a user started it, and not the clock.
    pub by_hand: bool,
    /// When its task was asked for, in milliseconds since the epoch.
    pub at: Millis,
    /// When its containers ran.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub started: Option<Millis>,
    /// When it had stopped.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stopped: Option<Millis>,
    /// How it ended.
    #[serde(flatten)]
    pub outcome: RunOutcome,
}

/// How a run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "outcome", rename_all = "kebab-case", rename_all_fields = "camelCase")]
pub enum RunOutcome {
    /// It has not.
    Running,
    /// Its container ended with 0.
    Succeeded,
    /// It is none of the schedule's doing: it was stopped before its container ran, or made room for a newer run.
    Stopped {
        /// As given by whatever stopped it.
        reason: String,
    },
    /// Its container ended with another code, or never ran.
    Failed {
        /// The code; none if the container never ran, or its end is unknown.
        #[serde(skip_serializing_if = "Option::is_none")]
        code: Option<i64>,
        /// Why, in the runtime's and ECS's words; empty if the code says all.
        reason: String,
    },
}

impl Run {
    /// Reads a task of DescribeTasks; `container` is the one that the schedule is about.
    pub fn read(task: &Document, container: &str, by_hand: bool) -> Self {
        let view = TaskView::read(task);
        let at = |name: &str| task.get(name).and_then(millis);
        Self {
            outcome: outcome(&view, container),
            revision: short(&view.task_definition).to_owned(),
            by_hand,
            at: at("createdAt").unwrap_or_default(),
            started: at("startedAt"),
            stopped: at("stoppedAt"),
            task: view.id,
        }
    }

    /// Returns whether it failed.
    pub fn has_failed(&self) -> bool {
        matches!(self.outcome, RunOutcome::Failed { .. })
    }
}

impl RunOutcome {
    /// Returns it in words, such as `exit code 3`.
    pub fn words(&self) -> String {
        match self {
            Self::Running => "it runs".to_owned(),
            Self::Succeeded => "exit code 0".to_owned(),
            // A gate says by itself what it did.
            Self::Stopped { reason } if gate::Stopped::read(reason).is_some() => reason.clone(),
            Self::Stopped { reason } => format!("stopped before it ran: {reason}"),
            Self::Failed { code: Some(code), reason } if reason.is_empty() => format!("exit code {code}"),
            Self::Failed { code: Some(code), reason } => format!("exit code {code}: {reason}"),
            Self::Failed { code: None, reason } => reason.clone(),
        }
    }
}

fn outcome(task: &TaskView, container: &str) -> RunOutcome {
    let named = task.containers.iter().find(|one| one.name == container);
    // What a schedule starts may have been changed to other containers since.
    let Some(watched) = named.or_else(|| task.containers.first()).map(|one| one.name.as_str()) else {
        return if task.is_stopped() { lost(task) } else { RunOutcome::Running };
    };
    let Some(ended) = ended(task, watched) else { return RunOutcome::Running };
    // What stopped it counts, and not its exit code: a program that ends well when it is asked to has ended with 0.
    match (gate::Stopped::read(&task.stopped_reason), &ended) {
        (Some(gate::Stopped::Skipped | gate::Stopped::Replaced), _) => return stopped(task),
        (Some(gate::Stopped::TimedOut), ended) => {
            let code = match ended {
                Ended::Exited { code, .. } => Some(*code),
                Ended::Lost { .. } => None,
            };
            return RunOutcome::Failed { code, reason: task.stopped_reason.clone() };
        }
        (None, _) => {}
    }
    match ended {
        Ended::Exited { code: 0, .. } => RunOutcome::Succeeded,
        Ended::Exited { code, reason } => RunOutcome::Failed { code: Some(code), reason },
        Ended::Lost { .. } if task.stop_code == "UserInitiated" => stopped(task),
        Ended::Lost { reason } => RunOutcome::Failed { code: None, reason },
    }
}

fn stopped(task: &TaskView) -> RunOutcome {
    RunOutcome::Stopped { reason: task.stopped_reason.clone() }
}

fn lost(task: &TaskView) -> RunOutcome {
    RunOutcome::Failed { code: None, reason: format!("{}: {}", task.stop_code, task.stopped_reason) }
}

/// Returns what schedules started, as far as ECS remembers, by the name of the schedule in the manifest: oldest first.
///
/// Asked by family, which schedules may share: two questions for each, whatever started its tasks.
///
/// # Errors
/// See [`CallError`]. A cluster that is not there has started nothing.
pub async fn runs(client: &Client, desired: &Desired) -> Result<BTreeMap<String, Vec<Run>>, CallError> {
    let families: BTreeSet<&str> = desired.schedules.iter().map(|schedule| schedule.family.as_str()).collect();
    let tasks = try_join_all(families.into_iter().map(|family| of_family(client, &desired.cluster, family))).await?;
    let of = |schedule: &ScheduleDoc| {
        let own = tasks.iter().flatten().filter_map(|task| {
            let by_hand = started::is_of(task, schedule)?;
            Some(Run::read(task, &schedule.container, by_hand))
        });
        let mut runs: Vec<Run> = own.collect();
        runs.sort_by(|a, b| (a.at, &a.task).cmp(&(b.at, &b.task)));
        (schedule.name.clone(), runs)
    };
    Ok(desired.schedules.iter().map(of).collect())
}

/// Returns the tasks of a family, running and stopped.
async fn of_family(client: &Client, cluster: &str, family: &str) -> Result<Vec<Document>, CallError> {
    let ask =
        |status: &str| list(client, object(json!({ "cluster": cluster, "family": family, "desiredStatus": status })));
    let (running, stopped) = try_join!(ask("RUNNING"), ask("STOPPED"))?;
    // One that stops in between is in both.
    let arns: BTreeSet<String> = running.into_iter().chain(stopped).collect();
    let arns: Vec<String> = arns.into_iter().collect();
    let mut tasks = Vec::new();
    // DescribeTasks takes at most 100 at once.
    for chunk in arns.chunks(100) {
        let answer = client.call(&ECS, "DescribeTasks", object(json!({"cluster": cluster, "tasks": chunk}))).await?;
        tasks.extend(items(&answer, "tasks").iter().filter_map(Value::as_object).cloned());
    }
    Ok(tasks)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(task: Value) -> String {
        let run = Run::read(&object(task), "nightly", false);
        let took = run.stopped.zip(run.started).map(|(stopped, started)| format!("{} ms: ", stopped - started));
        format!("{}{}{}", if run.has_failed() { "! " } else { "" }, took.unwrap_or_default(), run.outcome.words())
    }

    #[test]
    fn a_run_ended_as_its_container_did() {
        let task = |status: &str, code: Value, more: Value| {
            let mut task = object(json!({"taskArn": "a/t", "lastStatus": status, "desiredStatus": status,
                "taskDefinitionArn": "arn:x/f:7", "createdAt": 1.0, "containers": [
                    {"name": "side", "lastStatus": status, "exitCode": 0},
                    {"name": "nightly", "lastStatus": status, "exitCode": code}]}));
            task.extend(object(more));
            Value::Object(task)
        };
        assert_eq!(read(task("RUNNING", Value::Null, json!({}))), "it runs");
        let exited = json!({"stopCode": "EssentialContainerExited", "startedAt": 2.0, "stoppedAt": 3.5});
        assert_eq!(read(task("STOPPED", json!(0), exited.clone())), "1500 ms: exit code 0");
        assert_eq!(read(task("STOPPED", json!(3), exited)), "! 1500 ms: exit code 3");
        let killed = json!({"stopCode": "UserInitiated", "stoppedReason": "timeout of 1h"});
        assert_eq!(read(task("STOPPED", json!(137), killed)), "! exit code 137: timeout of 1h");
        let never =
            json!({"stopCode": "TaskFailedToStart", "stoppedReason": "CannotPullContainerError: no such image"});
        assert_eq!(
            read(task("STOPPED", Value::Null, never)),
            "! TaskFailedToStart: CannotPullContainerError: no such image"
        );
        let skipped = json!({"stopCode": "UserInitiated", "stoppedReason": "skipped (overlap): task 1 still runs"});
        assert_eq!(read(task("STOPPED", Value::Null, skipped)), "skipped (overlap): task 1 still runs");
        let replaced = json!({"stopCode": "UserInitiated", "stoppedReason": "replaced (overlap): task 2 has begun"});
        assert_eq!(read(task("STOPPED", json!(143), replaced.clone())), "replaced (overlap): task 2 has begun");
        assert_eq!(read(task("STOPPED", json!(0), replaced)), "replaced (overlap): task 2 has begun");
        let late = json!({"stopCode": "UserInitiated", "stoppedReason": "timeout of 1h"});
        assert_eq!(read(task("STOPPED", json!(0), late.clone())), "! exit code 0: timeout of 1h");
        assert_eq!(read(task("STOPPED", Value::Null, late)), "! timeout of 1h");
        let by_hand = json!({"stopCode": "UserInitiated", "stoppedReason": "Task stopped by user"});
        assert_eq!(read(task("STOPPED", Value::Null, by_hand)), "stopped before it ran: Task stopped by user");
    }
}
