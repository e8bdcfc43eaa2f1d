//! What a service looks like at one instant, read out of the documents; and what is new
//! since the instant before. Pure.

use std::collections::BTreeMap;

use aws_model::{Document, Millis};
use serde::Serialize;
use serde_json::Value;

use crate::event::{ContainerState, Event};
use crate::tasks::millis;

/// A service and the tasks of one of its deployments.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ServiceView {
    /// Name.
    pub name: String,
    /// ACTIVE, DRAINING or INACTIVE.
    pub status: String,
    /// ARN of the revision that it is to run.
    pub task_definition: String,
    /// Tasks wanted.
    pub desired: i64,
    /// Tasks running, of every deployment.
    pub running: i64,
    /// Deployments that are not gone, PRIMARY first.
    pub deployments: Vec<DeploymentView>,
    /// Events, oldest first: id and message.
    pub events: Vec<(String, String)>,
    /// Tasks, running and stopped, oldest first.
    pub tasks: Vec<TaskView>,
    /// The load balancer's targets.
    pub targets: Vec<TargetView>,
    /// The container that the load balancer sends requests to; empty without one.
    pub serves: String,
    /// Who replaces its tasks: ECS, CODE_DEPLOY, EXTERNAL; empty where the endpoint does not say.
    pub controller: String,
    /// The service deployment that is followed, where the endpoint knows such.
    pub service_deployment: Option<ServiceDeploymentView>,
}

/// A service deployment: how one deployment stands as a whole, rollback and all.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ServiceDeploymentView {
    /// Its ARN.
    pub arn: String,
    /// PENDING, IN_PROGRESS, SUCCESSFUL, STOPPED, ROLLBACK_IN_PROGRESS, ...
    pub status: String,
    /// In ECS's words.
    pub reason: String,
}

impl ServiceDeploymentView {
    /// Reads an item of ListServiceDeployments.
    pub fn read(document: &Document) -> Self {
        Self {
            arn: text(document, "serviceDeploymentArn"),
            status: text(document, "status"),
            reason: text(document, "statusReason"),
        }
    }
}

/// One deployment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DeploymentView {
    /// `ecs-svc/N`.
    pub id: String,
    /// PRIMARY or ACTIVE.
    pub status: String,
    /// ARN of the revision.
    pub task_definition: String,
    /// IN_PROGRESS, COMPLETED or FAILED; empty where the endpoint does not say.
    pub rollout_state: String,
    /// In ECS's words.
    pub reason: String,
    /// When it was made, in seconds since the epoch.
    pub created_at: f64,
    /// Tasks of it that are wanted and that run.
    pub counts: (i64, i64),
}

/// One task.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaskView {
    /// Its id: the end of its ARN.
    pub id: String,
    /// ARN of the revision.
    pub task_definition: String,
    /// The deployment that started it.
    pub started_by: String,
    /// PROVISIONING ... STOPPED.
    pub last_status: String,
    /// RUNNING, or STOPPED once its end is decided.
    pub desired_status: String,
    /// Private address, once it has one.
    pub address: String,
    /// Why it stopped, as ECS's code; empty while it runs.
    pub stop_code: String,
    /// Why it stopped, in ECS's words.
    pub stopped_reason: String,
    /// Containers, in the order of the task definition.
    pub containers: Vec<ContainerView>,
    /// When it began to pull images, or else to run: by then it had read its secrets, in milliseconds since
    /// the epoch.
    #[serde(skip)]
    pub began: Option<Millis>,
}

/// One container of a task.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ContainerView {
    /// Name.
    pub name: String,
    /// Image reference.
    pub image: String,
    /// Where it is.
    #[serde(flatten)]
    pub state: ContainerState,
}

/// One target of the load balancer.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
pub struct TargetView {
    /// `address:port`.
    pub target: String,
    /// `initial`, `healthy`, `unhealthy`, `draining`, ...
    pub health: String,
    /// In the balancer's words.
    pub reason: String,
}

fn text(document: &Document, name: &str) -> String {
    document.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn number(document: &Document, name: &str) -> i64 {
    document.get(name).and_then(Value::as_i64).unwrap_or_default()
}

fn objects<'a>(document: &'a Document, name: &str) -> impl DoubleEndedIterator<Item = &'a Document> {
    aws::items(document, name).iter().filter_map(Value::as_object)
}

impl ServiceView {
    /// Reads a service of DescribeServices, the tasks of DescribeTasks and the targets of
    /// DescribeTargetHealth.
    pub fn read<'a>(
        service: &Document,
        tasks: impl IntoIterator<Item = &'a Document>,
        targets: impl IntoIterator<Item = &'a Document>,
    ) -> Self {
        let mut tasks: Vec<(f64, TaskView)> = tasks
            .into_iter()
            .map(|task| (task.get("createdAt").and_then(Value::as_f64).unwrap_or_default(), TaskView::read(task)))
            .collect();
        tasks.sort_by(|(a, x), (b, y)| a.total_cmp(b).then_with(|| x.id.cmp(&y.id)));
        Self {
            name: text(service, "serviceName"),
            status: text(service, "status"),
            task_definition: text(service, "taskDefinition"),
            desired: number(service, "desiredCount"),
            running: number(service, "runningCount"),
            deployments: objects(service, "deployments").map(DeploymentView::read).collect(),
            events: objects(service, "events").rev().map(|e| (text(e, "id"), text(e, "message"))).collect(),
            tasks: tasks.into_iter().map(|(_, task)| task).collect(),
            targets: targets.into_iter().map(TargetView::read).collect(),
            serves: objects(service, "loadBalancers").next().map(|b| text(b, "containerName")).unwrap_or_default(),
            controller: service
                .get("deploymentController")
                .and_then(Value::as_object)
                .map(|one| text(one, "type"))
                .unwrap_or_default(),
            service_deployment: None,
        }
    }

    /// Returns the PRIMARY deployment.
    pub fn primary(&self) -> Option<&DeploymentView> {
        self.deployments.iter().find(|deployment| deployment.status == "PRIMARY")
    }
}

impl DeploymentView {
    fn read(document: &Document) -> Self {
        Self {
            id: text(document, "id"),
            status: text(document, "status"),
            task_definition: text(document, "taskDefinition"),
            rollout_state: text(document, "rolloutState"),
            reason: text(document, "rolloutStateReason"),
            created_at: document.get("createdAt").and_then(Value::as_f64).unwrap_or_default(),
            counts: (number(document, "desiredCount"), number(document, "runningCount")),
        }
    }
}

impl TaskView {
    /// Reads a task of DescribeTasks.
    pub fn read(document: &Document) -> Self {
        let phase = Phase::of(document);
        Self {
            id: text(document, "taskArn").rsplit('/').next().unwrap_or_default().to_owned(),
            task_definition: text(document, "taskDefinitionArn"),
            started_by: text(document, "startedBy"),
            last_status: text(document, "lastStatus"),
            desired_status: text(document, "desiredStatus"),
            address: address_of(document),
            stop_code: text(document, "stopCode"),
            stopped_reason: text(document, "stoppedReason"),
            containers: objects(document, "containers").map(|c| ContainerView::read(c, phase)).collect(),
            began: ["pullStartedAt", "startedAt"].iter().find_map(|name| millis(document.get(*name)?)),
        }
    }

    /// Returns whether it has stopped.
    pub fn is_stopped(&self) -> bool {
        self.last_status == "STOPPED"
    }

    /// Returns whether it has stopped or is about to: its cause is known, though containers
    /// may take their time to end.
    pub fn is_ending(&self) -> bool {
        self.is_stopped() || self.desired_status == "STOPPED"
    }
}

fn address_of(task: &Document) -> String {
    let from_container = objects(task, "containers").flat_map(|c| objects(c, "networkInterfaces"));
    let mut addresses = from_container.map(|interface| text(interface, "privateIpv4Address"));
    addresses.next().unwrap_or_default()
}

/// How far a task got with its images: what a PENDING container waits for.
#[derive(Clone, Copy)]
enum Phase {
    BeforePull,
    Pulling,
    Pulled,
}

impl Phase {
    fn of(task: &Document) -> Self {
        let has = |name: &str| task.get(name).is_some_and(|value| !value.is_null());
        match (has("pullStartedAt"), has("pullStoppedAt")) {
            (_, true) => Self::Pulled,
            (true, false) => Self::Pulling,
            (false, false) => Self::BeforePull,
        }
    }
}

impl ContainerView {
    fn read(document: &Document, phase: Phase) -> Self {
        let health = text(document, "healthStatus");
        let state = match text(document, "lastStatus").as_str() {
            "STOPPED" => ContainerState::Exited {
                code: document.get("exitCode").and_then(Value::as_i64),
                reason: text(document, "reason"),
            },
            "RUNNING" if health == "HEALTHY" => ContainerState::Healthy,
            "RUNNING" if health == "UNHEALTHY" => ContainerState::Unhealthy,
            "RUNNING" => ContainerState::Running,
            _ => match phase {
                Phase::BeforePull => ContainerState::Waiting,
                Phase::Pulling => ContainerState::Pulling,
                Phase::Pulled => ContainerState::Created,
            },
        };
        Self { name: text(document, "name"), image: text(document, "image"), state }
    }
}

impl TargetView {
    fn read(document: &Document) -> Self {
        let member = |name: &str| document.get(name).and_then(Value::as_object).cloned().unwrap_or_default();
        let (target, health) = (member("Target"), member("TargetHealth"));
        let reason = text(&health, "Description");
        Self {
            target: format!("{}:{}", text(&target, "Id"), text(&target, "Port")),
            health: text(&health, "State"),
            reason: if reason.is_empty() { text(&health, "Reason") } else { reason },
        }
    }
}

/// Returns what is new in `after`. Events older than the watch are not told again: give the
/// first view as `before`, with no tasks and no targets.
pub fn news(before: &ServiceView, after: &ServiceView) -> Vec<Event> {
    let mut news = Vec::new();
    let service = &after.name;
    for (id, message) in &after.events {
        if !before.events.iter().any(|(known, _)| known == id) {
            news.push(Event::Service { service: service.clone(), message: message.clone() });
        }
    }
    let known: BTreeMap<(&str, &str), &ContainerState> = containers(before).collect();
    for ((task, container), state) in containers(after) {
        if known.get(&(task, container)) != Some(&state) {
            let (service, task, container) = (service.clone(), task.to_owned(), container.to_owned());
            news.push(Event::Container { service, task, container, state: state.clone() });
        }
    }
    for target in &after.targets {
        if !before.targets.contains(target) {
            let TargetView { target, health, reason } = target.clone();
            news.push(Event::Target { service: service.clone(), target, health, reason });
        }
    }
    news
}

fn containers(view: &ServiceView) -> impl Iterator<Item = ((&str, &str), &ContainerState)> {
    view.tasks.iter().flat_map(|task| task.containers.iter().map(|c| ((task.id.as_str(), c.name.as_str()), &c.state)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn object(value: Value) -> Document {
        value.as_object().expect("an object").clone()
    }

    fn state(task: Value, container: Value) -> String {
        let mut task = object(task);
        task.insert("containers".into(), json!([container]));
        TaskView::read(&task).containers[0].state.word()
    }

    #[test]
    fn a_container_passes_through_every_state() {
        let pending = json!({"lastStatus": "PENDING"});
        assert_eq!(state(json!({}), pending.clone()), "waiting");
        assert_eq!(state(json!({"pullStartedAt": 1}), pending.clone()), "pulling");
        assert_eq!(state(json!({"pullStartedAt": 1, "pullStoppedAt": 2}), pending), "created");
        assert_eq!(state(json!({}), json!({"lastStatus": "RUNNING", "healthStatus": "UNKNOWN"})), "running");
        assert_eq!(state(json!({}), json!({"lastStatus": "RUNNING", "healthStatus": "HEALTHY"})), "healthy");
        assert_eq!(state(json!({}), json!({"lastStatus": "RUNNING", "healthStatus": "UNHEALTHY"})), "unhealthy");
        assert_eq!(state(json!({}), json!({"lastStatus": "STOPPED", "exitCode": 3})), "exited (3)");
        assert_eq!(state(json!({}), json!({"lastStatus": "STOPPED"})), "failed");
    }

    #[test]
    fn only_what_changed_is_told_and_events_come_oldest_first() {
        let service = object(json!({"serviceName": "s", "events": [
            {"id": "2", "message": "second"}, {"id": "1", "message": "first"}, {"id": "0", "message": "old"}]}));
        let task = object(json!({"taskArn": "arn:x/c/abc", "containers": [{"name": "web", "lastStatus": "RUNNING"}]}));
        let target = object(json!({"Target": {"Id": "10.0.0.1", "Port": "80"}, "TargetHealth": {"State": "initial"}}));
        let before = ServiceView { events: vec![("0".into(), "old".into())], ..ServiceView::default() };
        let after = ServiceView::read(&service, [&task], [&target]);
        let told: Vec<String> = news(&before, &after)
            .iter()
            .map(|event| match event {
                Event::Service { message, .. } => message.clone(),
                Event::Container { task, container, state, .. } => format!("{task} {container} {}", state.word()),
                Event::Target { target, health, .. } => format!("{target} {health}"),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(told, ["first", "second", "abc web running", "10.0.0.1:80 initial"]);
        assert_eq!(news(&after, &after), []);
    }
}
