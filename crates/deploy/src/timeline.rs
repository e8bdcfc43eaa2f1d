//! What happened in a stage, from every side, in one order: deployments, service events, tasks, output.

use aws::{CallError, Client, items};
use deploy_core::desired::Desired;
use ecs_model::{Document, Millis};
use serde::Serialize;
use serde_json::Value;

use crate::event::ContainerState;
use crate::logs::Line;
use crate::observe::{self, text};
use crate::tasks::{self, Row, millis};

/// Which side something is told from. In the order in which what happened at once is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A deployment of a service began, or got to its end.
    Deployment,
    /// An event of a service, in ECS's words.
    Event,
    /// A task got somewhere.
    Task,
    /// A line that a container wrote.
    Log,
}

impl Kind {
    /// Returns its word, as JSON has it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Deployment => "deployment",
            Self::Event => "event",
            Self::Task => "task",
            Self::Log => "log",
        }
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Moment {
    /// When, in milliseconds since the epoch.
    pub at: Millis,
    /// Which side it is told from.
    pub kind: Kind,
    /// Service of the manifest; the container of a line.
    pub source: String,
    /// Task id, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task: Option<String>,
    /// What happened.
    pub message: String,
}

/// Returns what is told of a stage's services and tasks; the lines of its containers are the
/// caller's to add. ECS remembers a service's last hundred events, and stopped tasks for an hour.
///
/// # Errors
/// See [`CallError`].
pub async fn moments(client: &Client, desired: &Desired) -> Result<Vec<Moment>, CallError> {
    let mut found = Vec::new();
    for service in &desired.services {
        if let Some(document) = observe::service(client, &desired.cluster, &service.name).await? {
            found.extend(of_service(&service.service, &document));
        }
    }
    let rows = tasks::tasks(client, desired, true).await?;
    found.extend(rows.iter().flat_map(of_task));
    Ok(found)
}

/// Returns all of it, oldest first. Of what happened at once, causes come before what they lead to,
/// and lines of one container stay in their order. Pure.
pub fn merged(moments: Vec<Moment>, lines: Vec<Line>) -> Vec<Moment> {
    let lines = lines.into_iter().map(|line| Moment {
        at: line.at,
        kind: Kind::Log,
        source: line.container,
        task: Some(line.task),
        message: line.message,
    });
    let mut all: Vec<Moment> = moments.into_iter().chain(lines).collect();
    all.sort_by_key(|moment| (moment.at, moment.kind));
    all
}

/// Reads a service of DescribeServices. Pure.
pub fn of_service(name: &str, service: &Document) -> Vec<Moment> {
    let moment = |at: Option<&Value>, kind, message: String| {
        at.and_then(millis).map(|at| Moment { at, kind, source: name.to_owned(), task: None, message })
    };
    let documents = |list| items(service, list).iter().filter_map(Value::as_object);
    let deployments = documents("deployments").flat_map(|found| {
        let id = text(found, "id");
        let revision = text(found, "taskDefinition").rsplit('/').next().unwrap_or_default();
        let began = moment(found.get("createdAt"), Kind::Deployment, format!("{id} began: {revision}"));
        // What is still under way has no end yet.
        let state = text(found, "rolloutState");
        let reason = Some(text(found, "rolloutStateReason")).filter(|reason| !reason.is_empty());
        let words = format!("{id} {state}{}", reason.map(|reason| format!(": {reason}")).unwrap_or_default());
        let is_over = matches!(state, "COMPLETED" | "FAILED");
        began.into_iter().chain(moment(found.get("updatedAt").filter(|_| is_over), Kind::Deployment, words))
    });
    // Newest first; what happened at once is to be told in the order in which it did.
    let events: Vec<&Document> = documents("events").collect();
    let events = events.into_iter().rev();
    let events =
        events.filter_map(|event| moment(event.get("createdAt"), Kind::Event, text(event, "message").to_owned()));
    deployments.chain(events).collect()
}

/// Returns how far a task got, and when. Pure.
pub fn of_task(row: &Row) -> Vec<Moment> {
    let times = &row.times;
    let why = [row.task.stop_code.as_str(), row.task.stopped_reason.as_str()];
    let why: Vec<&str> = why.into_iter().filter(|word| !word.is_empty()).collect();
    let ends = row.task.containers.iter().filter_map(|container| match &container.state {
        ContainerState::Exited { reason, .. } if reason.is_empty() => {
            Some(format!("{} {}", container.name, container.state.word()))
        }
        ContainerState::Exited { reason, .. } => {
            Some(format!("{} {}: {reason}", container.name, container.state.word()))
        }
        _ => None,
    });
    let steps = [
        (times.created, format!("created: {}", row.revision)),
        (times.pull_started, "pulling images".to_owned()),
        (times.pull_stopped, "images pulled".to_owned()),
        (times.started, "running".to_owned()),
        (times.stopping, format!("stopping: {}", why.join(": "))),
        (times.stopped, format!("stopped: {}", ends.collect::<Vec<_>>().join(", "))),
    ];
    let moment = |(at, message): (Option<Millis>, String)| {
        let (source, task) = (row.owner.clone(), Some(row.task.id.clone()));
        at.map(|at| Moment { at, kind: Kind::Task, source, task, message })
    };
    steps.into_iter().filter_map(moment).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::object;
    use serde_json::json;

    #[test]
    fn a_lost_deployment_is_told_from_every_side_in_one_order() {
        let service = object(json!({
            "deployments": [
                {"id": "ecs-svc/2", "taskDefinition": "arn:x/web:2", "createdAt": 10.0, "updatedAt": 14.0,
                 "rolloutState": "FAILED", "rolloutStateReason": "tasks failed to start"},
                {"id": "ecs-svc/3", "taskDefinition": "arn:x/web:1", "createdAt": 14.0, "updatedAt": 14.0,
                 "rolloutState": "IN_PROGRESS"}],
            "events": [
                {"id": "b", "createdAt": 10.5, "message": "(service web) has started 1 tasks: (task abc)."},
                {"id": "a", "createdAt": 10.5, "message": "(service web) registered a new deployment."}]}));
        let task = object(json!({
            "taskArn": "arn:x/c/abc", "taskDefinitionArn": "arn:x/web:2", "startedBy": "ecs-svc/2",
            "lastStatus": "STOPPED", "stopCode": "EssentialContainerExited", "stoppedReason": "Essential container in task exited",
            "createdAt": 10.5, "pullStartedAt": 11.0, "pullStoppedAt": 11.5, "startedAt": 12.0, "stoppingAt": 12.25, "stoppedAt": 13.0,
            "containers": [{"name": "app", "lastStatus": "STOPPED", "exitCode": 1, "reason": "killed"},
                {"name": "nginx", "lastStatus": "STOPPED", "exitCode": 0}]}));
        let line =
            |at, message: &str| Line { at, container: "app".into(), task: "abc".into(), message: message.into() };
        let moments = [of_service("web", &service), of_task(&Row::read("web", &task))].concat();
        let told: Vec<String> =
            merged(moments, vec![line(12_000, "b: first"), line(12_000, "a: second"), line(12_250, "panic")])
                .iter()
                .map(|m| {
                    format!(
                        "{:>5} {:10} {:3} {:3} {}",
                        m.at,
                        m.kind.word(),
                        m.source,
                        m.task.as_deref().unwrap_or(""),
                        m.message
                    )
                })
                .collect();
        let golden = "\
10000 deployment web     ecs-svc/2 began: web:2
10500 event      web     (service web) registered a new deployment.
10500 event      web     (service web) has started 1 tasks: (task abc).
10500 task       web abc created: web:2
11000 task       web abc pulling images
11500 task       web abc images pulled
12000 task       web abc running
12000 log        app abc b: first
12000 log        app abc a: second
12250 task       web abc stopping: EssentialContainerExited: Essential container in task exited
12250 log        app abc panic
13000 task       web abc stopped: app exited (1): killed, nginx exited (0)
14000 deployment web     ecs-svc/2 FAILED: tasks failed to start
14000 deployment web     ecs-svc/3 began: web:1";
        assert_eq!(told.join("\n"), golden);
    }

    #[test]
    fn json_says_the_kind() {
        let moment = Moment { at: 1, kind: Kind::Event, source: "web".into(), task: None, message: "m".into() };
        let text = serde_json::to_string(&moment).expect("it is plain");
        assert_eq!(text, r#"{"at":1,"kind":"event","source":"web","message":"m"}"#);
    }
}
