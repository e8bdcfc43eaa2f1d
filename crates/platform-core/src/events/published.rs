//! An event on a bus, until its rules were told; and which events follow from what happens to ECS (developer guide,
//! "Amazon ECS events": task state change, service action, deployment state change).

use aws_model::{Document, Millis};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::bus::DEFAULT;
use super::event::{Said, event, millis};
use super::fire::tell;
use super::rule::Rule;
use crate::ecs::render_task;
use crate::service::{Decision, moments};
use crate::world::{Record, RecordKey, RolloutState, Service, Task};
use crate::{Change, Cx, Ids, World};

/// An event that some rule waits for. It is forgotten with the commit that tells them.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Published {
    region: String,
    id: String,
    bus: String,
    /// The event.
    pub(super) event: Document,
    /// How often it was passed from bus to bus.
    hops: u32,
    /// Not before.
    due: Millis,
}

impl Record for Published {
    const TABLE: &'static str = "events.published";

    fn region(&self) -> &str {
        &self.region
    }

    fn id(&self) -> &str {
        &self.id
    }
}

impl Published {
    /// Returns an event on a bus.
    pub(crate) fn new(cx: &mut Cx<'_>, bus: &str, event: Document, hops: u32) -> Self {
        let (region, id) = (cx.region.to_owned(), cx.ids.uuid());
        Self { region, id, bus: bus.to_owned(), event, hops, due: cx.now }
    }

    /// Returns the change that keeps it, if any rule waits for it.
    pub(crate) fn wanted(self, world: &World) -> Vec<Change> {
        let is_wanted = world.listening.of(&self.region, &self.bus, &self.event).next().is_some();
        is_wanted.then(|| Change::put(&self)).into_iter().collect()
    }

    /// Tells the rules that wait for it.
    fn decide(self, world: &World, cx: &mut Cx<'_>) -> Decision {
        if self.due > cx.now {
            return Decision { look_again_at: Some(self.due), ..Decision::default() };
        }
        let mut changes = Vec::new();
        for id in world.listening.of(&self.region, &self.bus, &self.event) {
            let Some(mut rule) = world.records.get::<Rule>(&self.region, id) else { continue };
            changes.extend(tell(world, cx, &mut rule, &self.event, self.hops));
            changes.push(Change::put(&rule));
        }
        changes.push(Change::remove::<Self>(&self.region, &self.id));
        Decision { changes, ..Decision::default() }
    }
}

/// Decides over an event: tells the rules that wait for it.
pub(crate) fn decide(world: &World, cx: &mut Cx<'_>, key: &RecordKey) -> Decision {
    let event = world.records.get::<Published>(&key.region, &key.id);
    event.map(|event| event.decide(world, cx)).unwrap_or_default()
}

/// A rule may start what it waits for. So that this is no storm, tasks that a rule started are reported a second after
/// they were made at the earliest: such a loop turns once in a second, not as fast as the disk.
const PATIENCE: Millis = 1000;

/// Returns what is published with a change that is about to be applied to `world`.
pub fn follows(world: &World, change: &Change, now: Millis, account: &str, ids: &mut Ids) -> Vec<Change> {
    if world.listening.is_empty() {
        return Vec::new();
    }
    let (arn, facts) = match change {
        Change::Task(task) => (&task.arn, of_task(world, task, now)),
        Change::Service(service) => (&service.arn, of_service(world, service)),
        _ => return Vec::new(),
    };
    let region = arn.split(':').nth(3).unwrap_or_default();
    let mut cx = Cx { now, region, account, access_key: "", architecture: None, ids };
    let mut changes = Vec::new();
    for (said, due) in facts {
        let event = event(&mut cx, said);
        let published = Published::new(&mut cx, DEFAULT, event, 0);
        changes.extend(Published { due: due.unwrap_or(now), ..published }.wanted(world));
    }
    changes
}

/// What is published, and when at the earliest.
type Facts<'a> = Vec<(Said<'a>, Option<Millis>)>;

/// A task's or one of its containers' state is another one.
fn of_task(world: &World, task: &Task, now: Millis) -> Facts<'static> {
    let state = |task: &Task| {
        let shown = render_task(world, task);
        let containers = shown["containers"].as_array().into_iter().flatten();
        let containers = containers.map(|one| (one["lastStatus"].clone(), one["healthStatus"].clone()));
        (shown["lastStatus"].clone(), shown["desiredStatus"].clone(), containers.collect::<Vec<_>>())
    };
    if world.tasks.get(&task.arn).is_some_and(|before| state(before) == state(task)) {
        return Vec::new();
    }
    let is_chained = task.started_by.as_deref().is_some_and(|by| by.starts_with("events-rule/"));
    let said = Said {
        source: "aws.ecs",
        kind: "ECS Task State Change",
        at: now,
        resources: vec![task.arn.clone()],
        detail: task_detail(world, task, now),
    };
    vec![(said, is_chained.then_some(task.created_at + PATIENCE))]
}

/// The detail is what DescribeTasks answers, but for its tags, with times as texts (the guide's examples).
fn task_detail(world: &World, task: &Task, now: Millis) -> Value {
    let mut detail = render_task(world, task);
    let members = detail.as_object_mut().expect("a task is shown as an object");
    members.shift_remove("tags");
    members.shift_remove("inferenceAccelerators");
    for (name, value) in members.iter_mut() {
        #[expect(clippy::cast_possible_truncation, reason = "a time is far from the ends")]
        if let (true, Some(seconds)) = (name.ends_with("At"), value.as_f64()) {
            *value = millis((seconds * 1000.0).round() as Millis).into();
        }
    }
    for attachment in members.get_mut("attachments").and_then(Value::as_array_mut).into_iter().flatten() {
        attachment["type"] = "eni".into();
    }
    members.insert("updatedAt".to_owned(), millis(now).into());
    detail
}

fn of_service<'a>(world: &World, service: &'a Service) -> Facts<'a> {
    let before = world.services.get(&service.arn);
    let mut facts = Vec::new();
    for deployment in service.deployments.iter().rev() {
        let old = before.and_then(|before| before.deployments.iter().find(|old| old.number == deployment.number));
        if old.is_some_and(|old| old.rollout_state == deployment.rollout_state) {
            continue;
        }
        let (kind, name) = match deployment.rollout_state {
            RolloutState::InProgress => ("INFO", "SERVICE_DEPLOYMENT_IN_PROGRESS"),
            RolloutState::Completed => ("INFO", "SERVICE_DEPLOYMENT_COMPLETED"),
            RolloutState::Failed => ("ERROR", "SERVICE_DEPLOYMENT_FAILED"),
        };
        let detail = json!({
            "eventType": kind,
            "eventName": name,
            "deploymentId": deployment.id(),
            "updatedAt": millis(deployment.updated_at),
            "reason": deployment.rollout_state_reason,
        });
        facts.push(("ECS Deployment State Change", deployment.updated_at, detail));
    }
    let is_new = |id: &String| before.is_none_or(|before| before.events.iter().all(|old| old.id != *id));
    for told in service.events.iter().rev().filter(|told| is_new(&told.id)) {
        let Some((kind, name)) = moments::of(service, &told.message) else { continue };
        let mut detail = json!({
            "eventType": kind,
            "eventName": name,
            "clusterArn": service.cluster_arn,
            "createdAt": millis(told.at),
        });
        if kind != "INFO" {
            detail["reason"] = told.message.as_str().into();
        }
        facts.push(("ECS Service Action", told.at, detail));
    }
    let said = |(kind, at, detail)| Said { source: "aws.ecs", kind, at, resources: vec![service.arn.clone()], detail };
    facts.into_iter().map(|fact| (said(fact), None)).collect()
}
