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

/// How much later than the end that they explain last words may arrive: a container's in its log, the
/// balancer's in the service's events.
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
    cluster: &str,
    end: End,
    causes: Vec<Cause>,
    view: &ServiceView,
    task_definition: &str,
) -> Result<Loss, CallError> {
    let told = causes.into_iter().map(|cause| tell(client, cluster, cause, view, task_definition));
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

/// Adds the last words of the container that is to blame for a cause.
pub(super) async fn tell(
    client: &Client,
    cluster: &str,
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
    let health = if is_unhealthy { health(client, cluster, view).await? } else { None };
    Ok(LossCause { cause, health, log, spoke })
}

/// Returns what the balancer said of the target that failed last. The target itself is gone with its
/// task, so the service's event has to say it. A look asks for the service before it asks for the tasks,
/// and AWS writes events when it gets to them: a view that knows of the stop may not have the event yet.
async fn health(client: &Client, cluster: &str, view: &ServiceView) -> Result<Option<String>, CallError> {
    let mut seen = balancer_words(view.events.iter().map(|(_, message)| message.as_str()));
    let said = at_last(async || {
        if let Some(words) = seen.take() {
            return Ok(Some(words));
        }
        let service = observe::service(client, cluster, &view.name).await?.unwrap_or_default();
        let oldest_first = aws::items(&service, "events").iter().rev();
        Ok(balancer_words(oldest_first.filter_map(|event| event.get("message")?.as_str())))
    });
    let target = || view.targets.iter().find(|target| target.health == "unhealthy").map(|target| target.reason.clone());
    Ok(said.await?.or_else(target).filter(|words| !words.is_empty()))
}

/// Returns the reason in the last of a service's events, oldest first, that has one: `(service S) (port 80)
/// is unhealthy in (target-group ARN) due to (reason Health checks failed with these codes: [502]).`
fn balancer_words<'a>(messages: impl DoubleEndedIterator<Item = &'a str>) -> Option<String> {
    messages.rev().find_map(|message| {
        let (_, reason) = message.split_once(" is unhealthy in ")?.1.split_once("(reason ")?;
        Some(reason.trim_end_matches('.').trim_end_matches(')').to_owned())
    })
}

/// Asks until something is answered, for as long as last words may be late.
async fn at_last<T>(mut ask: impl AsyncFnMut() -> Result<Option<T>, CallError>) -> Result<Option<T>, CallError> {
    let since = Instant::now();
    loop {
        let answer = ask().await?;
        if answer.is_some() || since.elapsed() > LATENESS {
            return Ok(answer);
        }
        tokio::time::sleep(LATENESS / 10).await;
    }
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
    let said = at_last(async || {
        let lines = logs::tail(client, &source, task, LINES).await.unwrap_or_default();
        Ok((!lines.is_empty()).then_some(lines))
    });
    said.await.ok().flatten().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_balancers_words_are_those_of_the_last_target_that_failed() {
        let events = [
            "(service s) (port 80) is unhealthy in (target-group a) due to (reason Request timed out).",
            "(service s) (port 80) is unhealthy in (target-group a) due to (reason Health checks failed with these codes: [503]).",
            "(service s) has stopped 1 running tasks: (task t).",
        ];
        let said = balancer_words(events.into_iter());
        assert_eq!(said.as_deref(), Some("Health checks failed with these codes: [503]"));
        assert_eq!(balancer_words(events[2..].iter().copied()), None);
    }

    /// A task was seen to have stopped before the event that says why was: the report had no reason.
    #[tokio::test]
    async fn words_that_come_late_are_waited_for() {
        let mut looks = 0;
        let said = at_last(async || {
            looks += 1;
            Ok((looks == 3).then_some(looks))
        });
        assert_eq!(said.await.expect("no call"), Some(3));
    }
}
