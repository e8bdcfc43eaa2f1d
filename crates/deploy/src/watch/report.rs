//! Why a deployment was lost, with the last words of the container to blame.

use std::time::{Duration, Instant};

use aws::{CallError, Client};
use aws_model::Document;
use serde::Serialize;
use serde_json::Value;

use super::verdict::{Cause, End};
use super::view::{ServiceView, TargetView};
use crate::logs;
use crate::observe;

/// How much later than the end of its container a last word may arrive.
const LATENESS: Duration = Duration::from_secs(2);

/// Log lines shown for each cause.
const LINES: usize = 20;

/// A deployment that was lost.
#[derive(Debug, Clone, Serialize)]
pub struct Loss {
    /// Service.
    pub service: String,
    /// Why the wait ended.
    pub end: End,
    /// ECS's words for the deployment; empty if it has none.
    pub reason: String,
    /// `family:revision` that the service is to run now.
    pub now: String,
    /// Why tasks stopped, the most frequent cause first.
    pub causes: Vec<LossCause>,
    /// Targets that are not healthy.
    pub targets: Vec<TargetView>,
    /// Containers that have not come up, as `name: state`.
    pub waiting: Vec<String>,
}

/// A cause, with the last words of its container.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LossCause {
    /// The cause.
    #[serde(flatten)]
    pub cause: Cause,
    /// What the load balancer said of the target, if its health check failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health: Option<String>,
    /// The container's last log lines, oldest first: of the one to blame or, when the load balancer's
    /// check failed, of the one that it asked.
    pub log: Vec<String>,
    /// That container; none without lines.
    pub spoke: Option<String>,
}

/// Collects what is known of a lost deployment.
///
/// # Errors
/// See [`CallError`]; a log that cannot be read is left out.
pub async fn collect(
    client: &Client,
    end: End,
    causes: Vec<Cause>,
    view: &ServiceView,
    task_definition: &str,
) -> Result<Loss, CallError> {
    let told = causes.into_iter().map(|cause| tell(client, cause, view, task_definition));
    let told = futures_util::future::try_join_all(told).await?;
    let reason = view.service_deployment.as_ref().map(|ours| ours.reason.clone()).filter(|words| !words.is_empty());
    // What it says of one that is under way or completed is no reason to be lost.
    let ours = view.deployments.iter().find(|d| d.task_definition == task_definition && d.rollout_state == "FAILED");
    Ok(Loss {
        service: view.name.clone(),
        end,
        reason: reason.or_else(|| ours.map(|d| d.reason.clone())).unwrap_or_default(),
        now: view.task_definition.rsplit('/').next().unwrap_or_default().to_owned(),
        causes: told,
        targets: view.targets.iter().filter(|t| t.health != "healthy" && t.health != "draining").cloned().collect(),
        waiting: waiting(view, task_definition),
    })
}

/// Adds the last words of whoever is to blame for a cause.
pub(super) async fn tell(
    client: &Client,
    cause: Cause,
    view: &ServiceView,
    task_definition: &str,
) -> Result<LossCause, CallError> {
    let definition = observe::task_definition(client, task_definition).await?.unwrap_or_default();
    let is_unhealthy = cause.reason.contains("ELB health checks");
    let asked = (is_unhealthy && !view.serves.is_empty()).then(|| view.serves.clone());
    let speaker = cause.container.clone().or(asked);
    let log = match (&speaker, cause.tasks.last()) {
        // One that never ran has nothing to say.
        (Some(container), Some(task)) if cause.stop_code != "TaskFailedToStart" => {
            last_words(client, &definition, container, task).await
        }
        _ => Vec::new(),
    };
    let spoke = speaker.filter(|_| !log.is_empty());
    let health = is_unhealthy.then(|| health(view)).flatten();
    Ok(LossCause { cause, health, log, spoke })
}

/// Returns what the balancer said of the target that failed last. The target itself is gone with its
/// task; the service's event says it: `(service S) (port 80) is unhealthy in (target-group ARN) due to
/// (reason Health checks failed with these codes: [502]).`
fn health(view: &ServiceView) -> Option<String> {
    let said = view.events.iter().rev().find_map(|(_, message)| {
        let (_, reason) = message.split_once(" is unhealthy in ")?.1.split_once("(reason ")?;
        Some(reason.trim_end_matches('.').trim_end_matches(')').to_owned())
    });
    let target = || view.targets.iter().find(|target| target.health == "unhealthy").map(|target| target.reason.clone());
    said.or_else(target).filter(|words| !words.is_empty())
}

/// Returns the containers of the newest living task that are not up.
fn waiting(view: &ServiceView, task_definition: &str) -> Vec<String> {
    use crate::event::ContainerState::{Created, Pulling, Unhealthy, Waiting};
    let task = view.tasks.iter().rfind(|task| task.task_definition == task_definition && !task.is_stopped());
    let containers = task.into_iter().flat_map(|task| &task.containers);
    let stuck = containers.filter(|c| matches!(c.state, Waiting | Pulling | Created | Unhealthy));
    stuck.map(|c| format!("{}: {}", c.name, c.state.word())).collect()
}

async fn last_words(client: &Client, definition: &Document, container: &str, task: &str) -> Vec<String> {
    let containers = aws::items(definition, "containerDefinitions").iter().filter_map(Value::as_object);
    let Some(source) = containers.filter_map(logs::source).find(|source| source.container == container) else {
        return Vec::new();
    };
    let since = Instant::now();
    loop {
        let lines = logs::tail(client, &source, task, LINES).await.unwrap_or_default();
        if !lines.is_empty() || since.elapsed() > LATENESS {
            return lines;
        }
        tokio::time::sleep(LATENESS / 10).await;
    }
}
