//! A task's life, told as a script: each line is an event, the expectation is what is asked next.

use std::net::Ipv4Addr;

use ecs_model::task_definition::TaskDefinition;
use serde_json::json;

use super::*;
use crate::world::{Cluster, Network, Revision, RevisionStatus, TargetBinding};
use crate::{Cx, Ids};

struct Life {
    world: World,
    arn: String,
    now: Millis,
}

impl Life {
    fn new(containers: serde_json::Value) -> Self {
        let document = json!({"family": "web", "containerDefinitions": containers});
        let spec: TaskDefinition = serde_json::from_value(document.clone()).unwrap();
        let revision = Revision {
            arn: "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1".into(),
            family: "web".into(),
            revision: 1,
            status: RevisionStatus::Active,
            document: document.as_object().unwrap().clone(),
            tags: Vec::new(),
            registered_at: 0,
            registered_by: String::new(),
            deregistered_at: None,
            spec: spec.into(),
        };
        let cluster = Cluster {
            arn: "arn:aws:ecs:us-east-1:123456789012:cluster/c".into(),
            name: "c".into(),
            active: true,
            document: Default::default(),
            created_at: 0,
        };
        let mut world = World::default();
        let mut ids = Ids::new(1);
        let mut cx = Cx { now: 0, region: "us-east-1", account: "123456789012", architecture: None, ids: &mut ids };
        let request = crate::ecs::TaskRequest { cluster_arn: cluster.arn.clone(), ..Default::default() };
        let task = crate::ecs::new_task(&world, &mut cx, &revision, request);
        let arn = task.arn.clone();
        world.apply(Change::Cluster(cluster));
        world.apply(Change::Revision(revision));
        world.apply(Change::Task(task));
        Self { world, arn, now: 0 }
    }

    fn task(&self) -> Task {
        (*self.world.tasks[&self.arn]).clone()
    }

    fn change(&mut self, f: impl FnOnce(&mut Task)) {
        let mut task = self.task();
        f(&mut task);
        self.world.apply(Change::Task(task));
    }

    /// Decides, applies what is decided, returns the state and what was asked.
    fn step(&mut self) -> String {
        let task = self.task();
        let spec = self.world.revisions[&task.task_definition_arn].spec.clone();
        let decision = decide(&self.world, &task, &spec, self.now);
        for change in decision.changes {
            self.world.apply(change);
        }
        let asked: Vec<String> = decision.actions.iter().map(words).collect();
        let status = self.world.tasks.get(&self.arn).map_or("forgotten", |t| t.last_status.as_str());
        format!("{status}: {}", asked.join(", ")).trim_end().to_owned()
    }

    fn event(&mut self, event: Event) {
        let task = self.task();
        let spec = self.world.revisions[&task.task_definition_arn].spec.clone();
        self.world.apply(Change::Task(absorb(&task, &spec, &event, self.now)));
    }

    /// Feeds one line and checks what follows.
    fn check(&mut self, line: &str, expected: &str) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let container = || words[1].to_owned();
        match words[0] {
            "start" => {}
            "prepared" => self.event(Event::Prepared(network())),
            "unprepared" => self.event(Event::PrepareFailed("ResourceInitializationError: no secret".into())),
            "pulled" => self.event(Event::Pulled { container: container(), digest: "sha256:0".into() }),
            "unpulled" => {
                self.event(Event::PullFailed { container: container(), reason: "CannotPullContainerError: x".into() })
            }
            "started" => self.event(Event::Started { container: container(), at: self.now }),
            "exited" => self.event(Event::Exited {
                container: container(),
                code: words[2].parse().unwrap(),
                oom: words.get(3) == Some(&"oom"),
                at: self.now,
            }),
            "passed" => self.event(Event::Probed { container: container(), passed: true, at: self.now }),
            "failed" => self.event(Event::Probed { container: container(), passed: false, at: self.now }),
            "torndown" => self.event(Event::TornDown),
            "lost" => self.event(Event::Lost(super::HOST_RESTARTED.into())),
            "stop" => self.change(|t| {
                t.desired_status = DesiredStatus::Stopped;
                t.stop = Some(StopCause { code: "UserInitiated".into(), reason: "Task stopped by user".into() });
            }),
            "wait" => self.now += words[1].parse::<i64>().unwrap() * 1000,
            other => panic!("no such line: {other}"),
        }
        assert_eq!(self.step(), expected, "after `{line}`");
    }
}

fn network() -> Network {
    Network {
        address: Ipv4Addr::new(10, 77, 0, 2),
        mac: "0a:00:00:00:00:02".into(),
        interface_id: "eni-1".into(),
        attachment_id: "a".into(),
        subnet_id: "subnet-1".into(),
    }
}

fn words(action: &Action) -> String {
    match action {
        Action::Prepare => "prepare".into(),
        Action::Pull(c) => format!("pull {c}"),
        Action::Start(c) => format!("start {c}"),
        Action::Probe(c) => format!("probe {c}"),
        Action::Terminate(c) => format!("term {c}"),
        Action::Kill(c) => format!("kill {c}"),
        Action::TearDown => "teardown".into(),
    }
}

#[test]
fn a_task_runs_and_is_stopped() {
    let mut life = Life::new(json!([{"name": "app", "image": "i"}]));
    life.check("start", "PROVISIONING: prepare");
    life.check("start", "PROVISIONING: prepare"); // a repeat asks for the same
    life.check("prepared", "PENDING: pull app");
    life.check("pulled app", "PENDING: start app");
    life.check("started app", "RUNNING:");
    life.check("stop", "STOPPING: term app");
    life.check("wait 29", "STOPPING: term app");
    life.check("wait 1", "STOPPING: kill app");
    life.check("exited app 137", "DEPROVISIONING: teardown");
    life.check("torndown", "STOPPED:");
    assert_eq!(life.task().version, 6);
    assert_eq!(life.task().containers[0].exit_code, Some(137));
    life.check("wait 3600", "forgotten:");
}

#[test]
fn a_dependency_on_completion_waits_for_the_end_and_a_failure_of_success_is_final() {
    let mut life = Life::new(json!([
        {"name": "app", "image": "i", "dependsOn": [{"containerName": "config", "condition": "SUCCESS"}]},
        {"name": "config", "image": "i", "essential": false},
    ]));
    life.check("prepared", "PENDING: pull app, pull config");
    life.check("pulled app", "PENDING: pull config");
    life.check("pulled config", "PENDING: start config");
    life.check("started config", "PENDING:");
    life.check("exited config 1", "DEPROVISIONING: teardown");
    let stop = life.task().stop.unwrap();
    assert_eq!(stop.code, "TaskFailedToStart");
    assert!(stop.reason.contains("config exited with code 1"), "{}", stop.reason);
}

#[test]
fn a_non_essential_container_may_end() {
    let mut life = Life::new(json!([
        {"name": "app", "image": "i", "dependsOn": [{"containerName": "config", "condition": "COMPLETE"}]},
        {"name": "config", "image": "i", "essential": false},
    ]));
    life.check("prepared", "PENDING: pull app, pull config");
    life.check("pulled app", "PENDING: pull config");
    life.check("pulled config", "PENDING: start config");
    life.check("started config", "PENDING:");
    life.check("exited config 3", "PENDING: start app");
    life.check("started app", "RUNNING:");
}

#[test]
fn an_essential_exit_stops_the_others_dependants_first() {
    let mut life = Life::new(json!([
        {"name": "db", "image": "i"},
        {"name": "app", "image": "i", "dependsOn": [{"containerName": "db", "condition": "START"}]},
        {"name": "side", "image": "i"},
    ]));
    life.check("prepared", "PENDING: pull db, pull app, pull side");
    for c in ["db", "app", "side"] {
        life.event(Event::Pulled { container: c.into(), digest: String::new() });
    }
    life.check("start", "PENDING: start db, start side");
    life.check("started db", "PENDING: start app, start side");
    life.check("started app", "PENDING: start side");
    life.check("started side", "RUNNING:");
    life.check("exited side 0", "STOPPING: term app");
    assert_eq!(life.task().stop.unwrap().code, "EssentialContainerExited");
    life.check("exited app 143", "STOPPING: term db");
    life.check("exited db 143", "DEPROVISIONING: teardown");
}

#[test]
fn health_gates_a_dependant_and_early_failures_do_not_count() {
    let mut life = Life::new(json!([
        {"name": "app", "image": "i", "healthCheck": {"command": ["CMD", "true"], "interval": 10, "retries": 2}},
        {"name": "proxy", "image": "i", "dependsOn": [{"containerName": "app", "condition": "HEALTHY"}]},
    ]));
    life.check("prepared", "PENDING: pull app, pull proxy");
    life.check("pulled app", "PENDING: start app, pull proxy");
    life.check("pulled proxy", "PENDING: start app");
    life.check("started app", "PENDING:");
    life.check("wait 1", "PENDING: probe app");
    life.check("failed app", "PENDING:");
    assert_eq!(life.task().containers[0].health.failures, 0);
    life.check("wait 1", "PENDING: probe app");
    life.check("passed app", "PENDING: start proxy");
    life.check("started proxy", "RUNNING:");
    life.check("wait 10", "RUNNING: probe app");
    life.check("failed app", "RUNNING:");
    life.check("wait 10", "RUNNING: probe app");
    life.check("failed app", "RUNNING:");
    let task = life.task();
    let spec = &life.world.revisions[&task.task_definition_arn].spec;
    assert_eq!(task_health(&task, spec), crate::world::HealthState::Unhealthy);
}

#[test]
fn a_dependency_without_a_health_check_is_never_healthy_and_start_timeout_ends_the_wait() {
    let mut life = Life::new(json!([
        {"name": "app", "image": "i", "startTimeout": 20},
        {"name": "proxy", "image": "i", "dependsOn": [{"containerName": "app", "condition": "HEALTHY"}]},
    ]));
    life.check("prepared", "PENDING: pull app, pull proxy");
    life.check("pulled app", "PENDING: start app, pull proxy");
    life.check("pulled proxy", "PENDING: start app");
    life.check("started app", "PENDING:");
    life.check("wait 19", "PENDING:");
    life.check("wait 1", "STOPPING: term app");
    assert!(life.task().stop.unwrap().reason.contains("timed out"));
}

#[test]
fn what_cannot_start_says_why_and_leaves_nothing_running() {
    let mut life = Life::new(json!([{"name": "app", "image": "i"}, {"name": "b", "image": "i"}]));
    life.check("unprepared", "DEPROVISIONING: teardown");
    assert_eq!(life.task().stop.unwrap().reason, "ResourceInitializationError: no secret");

    let mut life = Life::new(json!([{"name": "app", "image": "i"}, {"name": "b", "image": "i"}]));
    life.check("prepared", "PENDING: pull app, pull b");
    life.check("unpulled b", "DEPROVISIONING: teardown");
    assert_eq!(life.task().containers[1].reason.as_deref(), Some("CannotPullContainerError: x"));
    assert_eq!(life.task().stop.unwrap().code, "TaskFailedToStart");
}

#[test]
fn a_stop_while_a_container_starts_waits_to_learn_whether_it_did() {
    let mut life = Life::new(json!([{"name": "app", "image": "i"}]));
    life.check("prepared", "PENDING: pull app");
    life.check("pulled app", "PENDING: start app");
    life.check("stop", "STOPPING: start app");
    life.check("started app", "STOPPING: term app");
    life.check("exited app 0", "DEPROVISIONING: teardown");
}

#[test]
fn a_lost_task_ends() {
    let mut life = Life::new(json!([{"name": "app", "image": "i"}]));
    life.check("prepared", "PENDING: pull app");
    life.check("pulled app", "PENDING: start app");
    life.check("started app", "RUNNING:");
    life.check("lost", "DEPROVISIONING: teardown");
    let stop = life.task().stop.unwrap();
    assert_eq!((stop.code.as_str(), stop.reason.as_str()), ("InfrastructureHealth", super::HOST_RESTARTED));
    assert_eq!(life.task().containers[0].exit_code, None);
}

#[test]
fn how_a_container_of_a_lost_task_ended_is_told_without_becoming_the_cause() {
    let mut life = Life::new(json!([{"name": "app", "image": "i"}]));
    life.check("prepared", "PENDING: pull app");
    life.check("pulled app", "PENDING: start app");
    life.check("started app", "RUNNING:");
    life.check("lost", "DEPROVISIONING: teardown");
    life.check("exited app 143", "DEPROVISIONING: teardown");
    assert_eq!(life.task().containers[0].exit_code, Some(143));
    assert_eq!(life.task().stop.unwrap().reason, super::HOST_RESTARTED);
    life.check("exited app 137", "DEPROVISIONING: teardown");
    assert_eq!(life.task().containers[0].exit_code, Some(143), "what was told first stands");
}

#[test]
fn memory_is_named_as_the_cause() {
    let mut life = Life::new(json!([{"name": "app", "image": "i"}]));
    life.check("prepared", "PENDING: pull app");
    life.check("pulled app", "PENDING: start app");
    life.check("started app", "RUNNING:");
    life.check("exited app 137 oom", "DEPROVISIONING: teardown");
    assert_eq!(
        life.task().containers[0].reason.as_deref(),
        Some("OutOfMemoryError: Container killed due to memory usage")
    );
}

#[test]
fn targets_drain_before_the_stop_signal() {
    let mut life = Life::new(json!([{"name": "app", "image": "i"}]));
    let group = "arn:aws:elasticloadbalancing:us-east-1:123456789012:targetgroup/g/1".to_owned();
    let binding = TargetBinding { group_arn: group.clone(), container: "app".into(), port: 80 };
    life.change(|t| t.targets = vec![binding]);
    life.check("prepared", "PENDING: pull app");
    life.check("pulled app", "PENDING: start app");
    life.check("started app", "RUNNING:");
    let key = TargetKey { group_arn: group, id: "10.77.0.2".into(), port: 80 };
    assert_eq!(life.world.targets[&key].state, TargetState::Initial);
    life.check("stop", "DEACTIVATING:");
    assert_eq!(life.world.targets[&key].state, TargetState::Draining);
    life.check("wait 5", "DEACTIVATING:");
    let gone = crate::target::drained(&life.world, &key).unwrap();
    life.world.apply(gone);
    life.check("start", "STOPPING: term app");
}

#[test]
fn a_task_whose_start_and_end_arrive_together_has_started() {
    let mut life = Life::new(json!([{"name": "a", "image": "i"}]));
    life.check("start", "PROVISIONING: prepare");
    life.check("prepared", "PENDING: pull a");
    life.check("pulled a", "PENDING: start a");
    life.event(Event::Exited { container: "a".into(), code: 0, oom: false, at: 7 });
    life.step();
    assert_eq!(life.task().started_at, Some(7));
}
