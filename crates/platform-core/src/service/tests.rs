//! Rollouts told as stories: a service, what its containers do, and what ECS would say of it.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::Arc;

use serde_json::json;

use super::*;
use crate::Ids;
use crate::task::{Action, Event};
use crate::world::{Cluster, Key, Network, Revision, RevisionStatus};

const SERVICE: &str = "arn:aws:ecs:us-east-1:123456789012:service/c/web";

/// What the containers of a revision do.
#[derive(Clone, Copy)]
enum Does {
    Run,
    /// Ends with 1 as soon as it has started.
    Crash,
    /// Cannot be pulled.
    NoImage,
    /// Runs, and its health check never passes.
    Sick,
}

/// The platform without I/O: decisions applied at once, effects by [`Does`], time jumped over.
struct Stage {
    world: World,
    ids: Ids,
    now: Millis,
    does: BTreeMap<u32, Does>,
    addresses: u8,
    fewest_healthy: usize,
    most_live: usize,
}

impl Stage {
    fn new(desired: u32, breaker: bool) -> Self {
        let mut stage = Self {
            world: World::default(),
            ids: Ids::new(3),
            now: 0,
            does: BTreeMap::new(),
            addresses: 1,
            fewest_healthy: usize::MAX,
            most_live: 0,
        };
        stage.world.apply(Change::Cluster(Cluster {
            arn: "arn:aws:ecs:us-east-1:123456789012:cluster/c".into(),
            name: "c".into(),
            active: true,
            document: Default::default(),
            created_at: 0,
        }));
        let first = stage.revision(1, Does::Run);
        let deployment = crate::ecs::new_deployment(&mut stage.cx(), SERVICE, &first, &Default::default());
        stage.world.apply(Change::Service(Service {
            arn: SERVICE.into(),
            name: "web".into(),
            cluster_arn: "arn:aws:ecs:us-east-1:123456789012:cluster/c".into(),
            status: ServiceStatus::Active,
            document: Default::default(),
            desired_count: desired,
            minimum_healthy_percent: 100,
            maximum_percent: 200,
            health_check_grace_period: None,
            circuit_breaker: breaker,
            circuit_breaker_rollback: breaker,
            load_balancers: Vec::new(),
            deployments: vec![deployment],
            events: Vec::new(),
            created_at: 0,
            created_by: String::new(),
            steady: false,
            failures_in_a_row: 0,
            last_failure_at: None,
            tags: Vec::new(),
        }));
        stage
    }

    fn cx(&mut self) -> Cx<'_> {
        Cx { now: self.now, region: "us-east-1", account: "123456789012", ids: &mut self.ids }
    }

    fn revision(&mut self, number: u32, does: Does) -> String {
        let arn = format!("arn:aws:ecs:us-east-1:123456789012:task-definition/web:{number}");
        let document = json!({"family": "web", "containerDefinitions": [
            {"name": "app", "image": "i", "healthCheck": {"command": ["CMD", "x"], "interval": 5, "retries": 2}}
        ]});
        self.does.insert(number, does);
        self.world.apply(Change::Revision(Revision {
            arn: arn.clone(),
            family: "web".into(),
            revision: number,
            status: RevisionStatus::Active,
            spec: Arc::new(serde_json::from_value(document.clone()).unwrap()),
            document: document.as_object().unwrap().clone(),
            tags: Vec::new(),
            registered_at: 0,
            registered_by: String::new(),
            deregistered_at: None,
        }));
        arn
    }

    fn service(&self) -> Service {
        (*self.world.services[SERVICE]).clone()
    }

    fn deploy(&mut self, number: u32, does: Does) {
        let arn = self.revision(number, does);
        let deployment = crate::ecs::new_deployment(&mut self.cx(), SERVICE, &arn, &Default::default());
        let mut service = self.service();
        service.deployments.insert(0, deployment);
        self.world.apply(Change::Service(service));
    }

    fn effect(&mut self, task: &Task, action: &Action) -> Vec<Event> {
        let number: u32 = task.task_definition_arn.rsplit(':').next().unwrap().parse().unwrap();
        let (does, at) = (self.does[&number], self.now);
        match action {
            Action::Prepare => {
                self.addresses += 1;
                vec![Event::Prepared(Network {
                    address: Ipv4Addr::new(10, 0, 0, self.addresses),
                    mac: String::new(),
                    interface_id: String::new(),
                    attachment_id: String::new(),
                    subnet_id: String::new(),
                })]
            }
            Action::Pull(container) => match does {
                Does::NoImage => vec![Event::PullFailed {
                    container: container.clone(),
                    reason: "CannotPullContainerError: i: not found".into(),
                }],
                _ => vec![Event::Pulled { container: container.clone(), digest: "sha256:0".into() }],
            },
            Action::Start(container) => {
                let mut events = vec![Event::Started { container: container.clone(), at }];
                if matches!(does, Does::Crash) {
                    events.push(Event::Exited { container: container.clone(), code: 1, oom: false, at });
                }
                events
            }
            Action::Probe(container) => {
                let passed = !matches!(does, Does::Sick);
                vec![Event::Probed { container: container.clone(), passed, at }]
            }
            Action::Terminate(container) | Action::Kill(container) => {
                vec![Event::Exited { container: container.clone(), code: 143, oom: false, at }]
            }
            Action::TearDown => vec![Event::TornDown],
        }
    }

    /// Decides once for all; returns whether anything moved, and when to look again.
    fn round(&mut self) -> (bool, Option<Millis>) {
        let mut moved = false;
        let mut look = None;
        let tasks: Vec<String> = self.world.tasks.keys().cloned().collect();
        for arn in tasks {
            let task = self.world.tasks[&arn].clone();
            let spec = self.world.revisions[&task.task_definition_arn].spec.clone();
            let decision = task::decide(&self.world, &task, &spec, self.now);
            look = earliest(look, decision.look_again_at);
            moved |= !decision.changes.is_empty() || !decision.actions.is_empty();
            for change in decision.changes {
                self.world.apply(change);
            }
            for action in decision.actions {
                for event in self.effect(&task, &action) {
                    let Some(current) = self.world.tasks.get(&arn) else { continue };
                    let next = task::absorb(current, &spec, &event, self.now);
                    self.world.apply(Change::Task(next));
                }
            }
        }
        let service = self.world.services[SERVICE].clone();
        let mut ids = self.ids.clone();
        let mut cx = Cx { now: self.now, region: "us-east-1", account: "123456789012", ids: &mut ids };
        let decision = decide(&self.world, &mut cx, &service);
        self.ids = ids;
        look = earliest(look, decision.look_again_at);
        for change in decision.changes {
            moved |= matches!(self.world.apply(change), Some(Key::Task(_) | Key::Service(_)));
        }
        self.measure();
        (moved, look)
    }

    fn measure(&mut self) {
        let live = || self.world.service_tasks(SERVICE).filter(|t| t.desired_status == DesiredStatus::Running);
        self.most_live = self.most_live.max(live().count());
        let healthy = live().filter(|t| {
            t.last_status == TaskStatus::Running && t.containers.iter().all(|c| c.health.state == HealthState::Healthy)
        });
        self.fewest_healthy = self.fewest_healthy.min(healthy.count());
    }

    /// Runs `seconds` of the story.
    fn run(&mut self, seconds: i64) {
        let end = self.now + seconds * 1000;
        loop {
            let (moved, look) = self.round();
            if moved {
                continue;
            }
            match look.filter(|at| *at <= end) {
                Some(at) => self.now = at.max(self.now + 1),
                None => break,
            }
        }
        self.now = end;
    }

    /// Returns the story so far, oldest first, ids replaced by their order of appearance.
    fn told(&self) -> Vec<String> {
        let service = self.service();
        let mut names: Vec<String> = Vec::new();
        service.events.iter().rev().map(|e| normal(&e.message, &mut names)).collect()
    }
}

fn normal(message: &str, names: &mut Vec<String>) -> String {
    let is_id = |word: &str| {
        let id = word.trim_start_matches("ecs-svc/");
        (id.len() == 32 && id.bytes().all(|b| b.is_ascii_hexdigit()))
            || (id.len() == 19 && id.bytes().all(|b| b.is_ascii_digit()))
    };
    let mut out = String::new();
    for word in message.split_inclusive([' ', ')', '.']) {
        let (body, tail) = word.split_at(word.trim_end_matches([' ', ')', '.']).len());
        if is_id(body) {
            let index = names.iter().position(|n| n == body).unwrap_or_else(|| {
                names.push(body.to_owned());
                names.len() - 1
            });
            out.push_str(&format!("#{index}"));
        } else {
            out.push_str(body);
        }
        out.push_str(tail);
    }
    out
}

#[test]
fn a_new_service_reaches_a_steady_state() {
    let mut stage = Stage::new(2, false);
    stage.run(30);
    insta::assert_snapshot!(stage.told().join("\n"));
    assert_eq!(stage.service().deployments[0].rollout_state, RolloutState::Completed);
}

#[test]
fn a_new_revision_replaces_the_old_without_a_gap() {
    let mut stage = Stage::new(2, false);
    stage.run(30);
    (stage.fewest_healthy, stage.most_live) = (usize::MAX, 0);
    stage.deploy(2, Does::Run);
    stage.run(60);
    assert!(stage.fewest_healthy >= 2, "{}", stage.fewest_healthy);
    assert!(stage.most_live <= 4, "{}", stage.most_live);
    insta::assert_snapshot!(stage.told().join("\n"));
    assert_eq!(stage.service().deployments.len(), 1);
}

#[test]
fn a_crash_at_the_start_trips_the_breaker_and_goes_back() {
    let mut stage = Stage::new(1, true);
    stage.run(30);
    (stage.fewest_healthy, stage.most_live) = (usize::MAX, 0);
    stage.deploy(2, Does::Crash);
    stage.run(60);
    insta::assert_snapshot!(stage.told().join("\n"));
    assert!(stage.fewest_healthy >= 1);
    let service = stage.service();
    assert!(service.deployments[0].task_definition_arn.ends_with(":1"));
    assert_eq!(service.deployments[0].rollout_state, RolloutState::Completed);
}

#[test]
fn a_way_back_that_fails_too_is_the_end() {
    let mut stage = Stage::new(1, true);
    stage.run(30);
    stage.does.insert(1, Does::Crash); // what worked before does not any more
    stage.deploy(2, Does::Crash);
    stage.run(600);
    let told = stage.told();
    assert_eq!(told.iter().filter(|l| l.contains("rolling back")).count(), 1, "{told:#?}");
    assert_eq!(stage.service().deployments[0].rollout_state, RolloutState::Failed);
}

#[test]
fn a_health_check_that_never_passes_trips_the_breaker() {
    let mut stage = Stage::new(1, true);
    stage.run(30);
    stage.deploy(2, Does::Sick);
    stage.run(120);
    let told = stage.told().join("\n");
    assert!(told.contains("failed container health checks"), "{told}");
    assert!(told.contains("rolling back to deployment"), "{told}");
}

#[test]
fn without_a_breaker_a_missing_image_is_retried_with_growing_pauses() {
    let mut stage = Stage::new(1, false);
    stage.run(30);
    stage.deploy(2, Does::NoImage);
    stage.run(60);
    let started = stage.told().iter().filter(|l| l.contains("has started")).count();
    // 1 for the first revision; then at 0, 0, 1, 3, 7, 15, 31 seconds.
    assert_eq!(started, 1 + 7, "{:#?}", stage.told());
    assert!(stage.told().iter().any(|l| l.contains("unable to consistently start tasks")));
    assert_eq!(stage.service().deployments[0].rollout_state, RolloutState::InProgress);
}

#[test]
fn deciding_again_changes_nothing() {
    let mut stage = Stage::new(3, true);
    stage.run(30);
    let before = stage.service();
    let (moved, _) = stage.round();
    assert!(!moved);
    assert_eq!(stage.service(), before);
}

#[test]
fn a_deleted_service_drains_and_becomes_inactive() {
    let mut stage = Stage::new(2, false);
    stage.run(30);
    let service = Service { status: ServiceStatus::Draining, desired_count: 0, ..stage.service() };
    stage.world.apply(Change::Service(service));
    stage.run(40);
    assert_eq!(stage.service().status, ServiceStatus::Inactive);
    assert!(stage.world.tasks.values().all(|t| t.is_stopped()));
}
