//! What the gate and the watch do in a task: look at the schedule's other tasks until the decision is made; end the task
//! when its time is over.
//!
//! Both know their task from its metadata endpoint, and speak to ECS with the task's role. Who ends them is not their
//! business: the caller drops what holds a run on SIGTERM.

use std::time::Duration;

use aws::{CallError, Client, ECS, Options, items};
use aws_model::Document;
use deploy_core::gate::{ACTIONS, Run, Turn, policy, timed_out, turn};
use deploy_core::manifest::{Overlap, Seconds};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::observe::{object, text};

/// Where a container asks about its task (ECS developer guide, "Amazon ECS task metadata endpoint version 4").
const METADATA: &str = "ECS_CONTAINER_METADATA_URI_V4";

/// The longest document of a task that is read: ten containers with what they are.
const MOST_BYTES: usize = 1 << 20;

/// DescribeTasks takes at most this many at once (API reference).
const TASKS_AT_ONCE: usize = 100;

/// How often is looked at runs that end: a container has up to 120 s for it.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How long one answer may take: a task that should end does not wait long for leave to.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long a task that was just made may be unknown to a part of ECS (API reference, RunTask, "eventual consistency").
const LOOKS_FOR_ITSELF: u32 = 30;

/// Why a gate could not decide.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// It is not in a task.
    #[error("{METADATA} is not set: this runs only as a container of a schedule's task on ECS")]
    NoTask,
    /// The metadata endpoint did not answer.
    #[error("the task's metadata endpoint did not answer")]
    Metadata(#[source] CallError),
    /// The metadata endpoint answered something else.
    #[error("the task's metadata endpoint answered without {member}")]
    Unclear {
        /// What is missing.
        member: &'static str,
    },
    /// The task's role may not ask.
    #[error("the task's role may not call {operation}: it needs {}, for example by this policy: {policy}", ACTIONS.join(", "))]
    Denied {
        /// The operation that was refused.
        operation: &'static str,
        /// A policy that allows it.
        policy: Value,
        /// ECS's words.
        #[source]
        source: Box<CallError>,
    },
    /// ECS did not answer.
    #[error("ECS could not be asked about the schedule's other runs")]
    Call(#[source] CallError),
    /// ECS does not know the task that asks.
    #[error("ECS does not know the task that this runs in, {task}")]
    Unknown {
        /// Its ARN.
        task: String,
    },
}

/// What became of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Held {
    /// It may go on.
    Goes,
    /// Its task is being stopped, for this reason.
    Stopped(String),
}

/// The task that this runs in.
struct Task {
    client: Client,
    cluster: String,
    arn: String,
    family: String,
}

/// Holds a run until it is decided what becomes of it. Calls `say` with what it waits for.
///
/// # Errors
/// See [`RunError`]. The run must not go on then.
pub async fn hold(overlap: Overlap, say: impl Fn(&str)) -> Result<Held, RunError> {
    let task = Task::find().await?;
    let mut told = false;
    let mut unknown = 0;
    loop {
        let runs = task.runs().await?;
        let Some(own) = runs.iter().find(|run| run.arn == task.arn) else {
            unknown += 1;
            if unknown > LOOKS_FOR_ITSELF {
                return Err(RunError::Unknown { task: task.arn });
            }
            sleep(LOOK_EVERY).await;
            continue;
        };
        let others: Vec<Run> = runs.iter().filter(|run| run.arn != task.arn).cloned().collect();
        match turn(overlap, own, &others) {
            Turn::Go => return Ok(Held::Goes),
            Turn::Yield(reason) => {
                task.stop(&task.arn, &reason).await?;
                return Ok(Held::Stopped(reason));
            }
            Turn::Stop(arns, reason) => {
                for arn in &arns {
                    say(&format!("stopping {arn}: {reason}"));
                    task.stop(arn, &reason).await?;
                }
            }
            Turn::Wait => {
                if !told {
                    say("waiting until a run that was told to stop has ended");
                }
                told = true;
            }
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Tells ECS to stop this run's task, whose time is over; returns the reason.
///
/// # Errors
/// See [`RunError`]: ECS was not told. The container is essential: its end is the task's.
pub async fn end(timeout: Seconds) -> Result<String, RunError> {
    let reason = timed_out(timeout);
    let task = Task::find().await?;
    task.stop(&task.arn, &reason).await?;
    Ok(reason)
}

impl Task {
    async fn find() -> Result<Self, RunError> {
        let url = std::env::var(METADATA).map_err(|_| RunError::NoTask)?;
        // The region is known from the task; a request that is not signed needs none.
        let first = Options { timeout: PATIENCE, ..Options::local(url.as_str(), "us-east-1") };
        let first = Client::new(first).map_err(RunError::Metadata)?;
        let body = first.fetch(&ECS, "the task's metadata", &format!("{url}/task"), MOST_BYTES).await;
        let document: Document = serde_json::from_slice(&body.map_err(RunError::Metadata)?)
            .map_err(|_| RunError::Unclear { member: "a document" })?;
        let member = |name: &'static str| match text(&document, name) {
            "" => Err(RunError::Unclear { member: name }),
            found => Ok(found.to_owned()),
        };
        let (cluster, arn, family) = (member("Cluster")?, member("TaskARN")?, member("Family")?);
        let region = arn.split(':').nth(3).filter(|region| !region.is_empty());
        let region = region.ok_or(RunError::Unclear { member: "a region in TaskARN" })?;
        let client = Client::new(options(region)).map_err(RunError::Call)?;
        Ok(Self { client, cluster, arn, family })
    }

    /// Returns the runs of the schedule that have not ended, its own among them if ECS knows it.
    ///
    /// The family is the schedule's alone. One that ECS wants stopped is STOPPED where it should go, and may still run.
    async fn runs(&self) -> Result<Vec<Run>, RunError> {
        let mut arns = vec![Value::from(self.arn.as_str())];
        for desired in ["RUNNING", "STOPPED"] {
            let mut input = object(json!({ "cluster": self.cluster, "family": self.family, "desiredStatus": desired }));
            loop {
                let answer = self.call("ListTasks", input.clone()).await?;
                arns.extend(items(&answer, "taskArns").iter().filter(|arn| **arn != *self.arn).cloned());
                if !aws::go_on(&mut input, &answer) {
                    break;
                }
            }
        }
        let mut runs = Vec::new();
        for some in arns.chunks(TASKS_AT_ONCE) {
            let answer = self.call("DescribeTasks", object(json!({ "cluster": self.cluster, "tasks": some }))).await?;
            runs.extend(items(&answer, "tasks").iter().filter_map(Value::as_object).filter_map(run));
        }
        Ok(runs)
    }

    async fn stop(&self, arn: &str, reason: &str) -> Result<(), RunError> {
        let input = object(json!({ "cluster": self.cluster, "task": arn, "reason": reason }));
        self.call("StopTask", input).await.map(drop)
    }

    async fn call(&self, operation: &'static str, input: Document) -> Result<Document, RunError> {
        self.client.call(&ECS, operation, input).await.map_err(|source| match source.is_denied() {
            true => RunError::Denied { operation, policy: policy(&self.cluster_arn()), source: Box::new(source) },
            false => RunError::Call(source),
        })
    }

    /// The endpoint tells the cluster's ARN or its name alone (ECS developer guide, "Task metadata JSON V4 response").
    fn cluster_arn(&self) -> String {
        if self.cluster.starts_with("arn:") {
            return self.cluster.clone();
        }
        let home: Vec<&str> = self.arn.split(':').take(5).collect();
        format!("{}:cluster/{}", home.join(":"), self.cluster)
    }
}

/// Returns how ECS is called: as any client in a task does, by what ECS puts into its environment.
fn options(region: &str) -> Options {
    let mut options = Options { timeout: PATIENCE, ..Options::aws(region) };
    let endpoint = aws::endpoint::resolve(&ECS, region, None, |name| std::env::var(name).ok());
    // One that is not spoken to over TLS needs no certificates, and this image may have none.
    options.endpoint = Some(endpoint).filter(|endpoint| endpoint.starts_with("http://"));
    options
}

/// Reads a task; none if nothing of it runs any more.
///
/// ECS developer guide, "Amazon ECS task lifecycle": in DEPROVISIONING the containers have stopped.
fn run(task: &Document) -> Option<Run> {
    if matches!(text(task, "lastStatus"), "STOPPED" | "DEPROVISIONING" | "DELETED") {
        return None;
    }
    // Whole milliseconds, as ECS tells them.
    let created = task.get("createdAt").and_then(Value::as_f64).map_or(0, |seconds| (seconds * 1000.0).round() as i64);
    Some(Run { arn: text(task, "taskArn").to_owned(), created, stops: text(task, "desiredStatus") == "STOPPED" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_counts_until_its_containers_have_stopped() {
        let check = |desired: &str, last: &str, expected: Option<bool>| {
            let task =
                json!({ "taskArn": "t", "createdAt": 1_700_000_000.123, "desiredStatus": desired, "lastStatus": last });
            let found = run(&object(task));
            assert!(found.iter().all(|run| run.created == 1_700_000_000_123), "{found:?}");
            assert_eq!(found.map(|run| run.stops), expected, "{desired} {last}");
        };
        check("RUNNING", "PROVISIONING", Some(false));
        check("RUNNING", "PENDING", Some(false));
        check("RUNNING", "RUNNING", Some(false));
        check("STOPPED", "RUNNING", Some(true));
        check("STOPPED", "DEACTIVATING", Some(true));
        check("STOPPED", "STOPPING", Some(true));
        check("STOPPED", "DEPROVISIONING", None);
        check("STOPPED", "STOPPED", None);
    }

    #[test]
    fn a_cluster_is_named_whole_in_a_policy() {
        let task = |cluster: &str| Task {
            client: Client::new(Options::local("http://127.0.0.1:1", "eu-west-1")).unwrap(),
            cluster: cluster.to_owned(),
            arn: "arn:aws:ecs:eu-west-1:123456789012:task/shop/abc".to_owned(),
            family: "f".to_owned(),
        };
        let arn = "arn:aws:ecs:eu-west-1:123456789012:cluster/shop";
        assert_eq!(task("shop").cluster_arn(), arn);
        assert_eq!(task(arn).cluster_arn(), arn);
    }
}
