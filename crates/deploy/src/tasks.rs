//! The tasks of a stage, one-off ones too, as `managr ps` and the timeline show them.

use std::collections::BTreeSet;

use aws::{CallError, Client, ECS, items};
use aws_model::{Document, Millis};
use deploy_core::desired::{Desired, Owner};
use futures_util::future::try_join_all;
use serde::Serialize;
use serde_json::{Value, json};

use crate::observe::{object, text};
use crate::oneoff;
use crate::schedules::started;
use crate::watch::TaskView;

/// Beginnings of `startedBy` of what schedules start.
const BY_SCHEDULES: [&str; 3] = ["events-rule/", "chronos-schedule/", "managr-schedule/"];

/// What a task is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TaskRole {
    /// One of those that a service keeps running.
    Service,
    /// A release command.
    Release,
    /// What a schedule starts, or `managr schedules run` in its place.
    Schedule,
    /// `managr run`, or a RunTask by hand of a family of the stage.
    OneOff,
}

/// A task of a stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// Service or schedule of the manifest whose settings it has.
    pub owner: String,
    /// What it is for.
    pub kind: TaskRole,
    /// HEALTHY, UNHEALTHY or UNKNOWN: of the task as a whole.
    pub health: String,
    /// The revision that it runs, `family:revision`.
    pub revision: String,
    /// Availability zone.
    pub zone: String,
    /// When it got somewhere, in milliseconds since the epoch.
    pub times: Times,
    /// The task itself.
    #[serde(flatten)]
    pub task: TaskView,
}

/// When a task got somewhere, in milliseconds since the epoch; none while it has not.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Times {
    /// It was asked for.
    pub created: Option<Millis>,
    /// Its images began to be pulled.
    pub pull_started: Option<Millis>,
    /// They were there.
    pub pull_stopped: Option<Millis>,
    /// It ran.
    pub started: Option<Millis>,
    /// Its end was decided.
    pub stopping: Option<Millis>,
    /// It had stopped.
    pub stopped: Option<Millis>,
}

impl Row {
    /// Reads a task of DescribeTasks. Pure.
    pub fn read(owner: &str, task: &Document) -> Self {
        let view = TaskView::read(task);
        let revision = view.task_definition.rsplit('/').next().unwrap_or_default().to_owned();
        let family = revision.rsplit_once(':').map_or(revision.as_str(), |(family, _)| family);
        let kind = match view.started_by.as_str() {
            by if by.starts_with("ecs-svc/") => TaskRole::Service,
            by if BY_SCHEDULES.iter().any(|prefix| by.starts_with(prefix)) => TaskRole::Schedule,
            "managr-release" => TaskRole::Release,
            oneoff::STARTED_BY => TaskRole::OneOff,
            // A deployment that is gone is still in `group`.
            _ if text(task, "group").starts_with("service:") => TaskRole::Service,
            _ if family.ends_with("-release") => TaskRole::Release,
            _ => TaskRole::OneOff,
        };
        Self {
            owner: owner.to_owned(),
            kind,
            health: text(task, "healthStatus").to_owned(),
            zone: text(task, "availabilityZone").to_owned(),
            times: Times::read(task),
            revision,
            task: view,
        }
    }
}

impl Times {
    fn read(task: &Document) -> Self {
        let at = |name: &str| millis(task.get(name)?);
        Self {
            created: at("createdAt"),
            pull_started: at("pullStartedAt"),
            pull_stopped: at("pullStoppedAt"),
            started: at("startedAt"),
            stopping: at("stoppingAt"),
            stopped: at("stoppedAt"),
        }
    }
}

/// Returns a time of the JSON protocol (seconds since the epoch, with a fraction) in milliseconds.
pub(crate) fn millis(seconds: &Value) -> Option<Millis> {
    #[expect(clippy::cast_possible_truncation, reason = "times of this century fit")]
    seconds.as_f64().map(|seconds| (seconds * 1000.0).round() as Millis)
}

/// Returns the tasks of a stage, oldest first: those of its services, and those of its families that were started by
/// hand. With `stopped`, also those that ECS remembers (an hour).
///
/// # Errors
/// See [`CallError`]. A cluster that is not there has no tasks.
pub async fn tasks(client: &Client, desired: &Desired, stopped: bool) -> Result<Vec<Row>, CallError> {
    let statuses: &[&str] = if stopped { &["RUNNING", "STOPPED"] } else { &["RUNNING"] };
    let mut questions = Vec::new();
    for task in &desired.task_definitions {
        let (Owner::Service(owner) | Owner::Schedule(owner)) = &task.owner;
        let service = desired.services.iter().find(|service| service.service == *owner);
        let by_service = service.map(|service| json!({ "serviceName": service.name }));
        let by_family = ["", "-run", "-release"].map(|end| json!({ "family": format!("{}{end}", task.family) }));
        for filter in by_service.into_iter().chain(by_family) {
            for status in statuses {
                let mut input = object(json!({ "cluster": desired.cluster, "desiredStatus": status }));
                input.extend(object(filter.clone()));
                questions.push((owner, input));
            }
        }
    }
    let answers = try_join_all(questions.into_iter().map(|(owner, input)| async move {
        list(client, input).await.map(|arns| arns.into_iter().map(|arn| (arn, owner.clone())).collect::<Vec<_>>())
    }));
    let mut seen = BTreeSet::new();
    let found: Vec<(String, String)> =
        answers.await?.into_iter().flatten().filter(|(arn, _)| seen.insert(arn.clone())).collect();
    let mut rows = Vec::with_capacity(found.len());
    // DescribeTasks takes at most 100 at once.
    for chunk in found.chunks(100) {
        let arns: Vec<&str> = chunk.iter().map(|(arn, _)| arn.as_str()).collect();
        let answer =
            client.call(&ECS, "DescribeTasks", object(json!({"cluster": desired.cluster, "tasks": arns}))).await?;
        for task in items(&answer, "tasks").iter().filter_map(Value::as_object) {
            let owner = chunk.iter().find(|(arn, _)| arn == text(task, "taskArn")).map(|(_, owner)| owner.as_str());
            // What a schedule starts of a service's task is the schedule's.
            let schedule = desired.schedules.iter().find(|schedule| started::is_of(task, schedule).is_some());
            let owner = schedule.map(|schedule| schedule.name.as_str()).or(owner);
            rows.push(Row::read(owner.unwrap_or_default(), task));
        }
    }
    rows.sort_by(|a, b| (a.times.created, &a.task.id).cmp(&(b.times.created, &b.task.id)));
    Ok(rows)
}

pub(crate) async fn list(client: &Client, mut input: Document) -> Result<Vec<String>, CallError> {
    let mut arns = Vec::new();
    loop {
        let answer = match client.call(&ECS, "ListTasks", input.clone()).await {
            Err(error) if error.is("ClusterNotFoundException") || error.is("ServiceNotFoundException") => {
                return Ok(arns);
            }
            answer => answer?,
        };
        arns.extend(items(&answer, "taskArns").iter().filter_map(Value::as_str).map(str::to_owned));
        if !aws::go_on(&mut input, &answer) {
            return Ok(arns);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(task: Value) -> TaskRole {
        Row::read("web", &object(task)).kind
    }

    #[test]
    fn who_started_it_tells_what_it_is_for() {
        assert_eq!(kind(json!({"startedBy": "ecs-svc/1"})), TaskRole::Service);
        assert_eq!(kind(json!({"startedBy": "managr-run"})), TaskRole::OneOff);
        assert_eq!(kind(json!({"startedBy": "events-rule/nightly"})), TaskRole::Schedule);
        assert_eq!(kind(json!({"startedBy": "chronos-schedule/nightly"})), TaskRole::Schedule);
        assert_eq!(kind(json!({"startedBy": "managr-release"})), TaskRole::Release);
        assert_eq!(kind(json!({"startedBy": "me", "taskDefinitionArn": "arn:x/web-release:3"})), TaskRole::Release);
        assert_eq!(kind(json!({"group": "service:web"})), TaskRole::Service);
        assert_eq!(kind(json!({"group": "family:web"})), TaskRole::OneOff);
    }

    #[test]
    fn times_are_milliseconds() {
        let row =
            Row::read("web", &object(json!({"createdAt": 1_700_000_000.123, "taskDefinitionArn": "arn:x/web:7"})));
        assert_eq!((row.times.created, row.times.stopped), (Some(1_700_000_000_123), None));
        assert_eq!(row.revision, "web:7");
    }
}
