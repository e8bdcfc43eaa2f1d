//! A task's life, told as a script: each line is an event, the expectation is what is asked next.

use std::net::Ipv4Addr;

use aws_model::task_definition::TaskDefinition;
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
        let mut cx = Cx {
            now: 0,
            region: "us-east-1",
            account: "123456789012",
            access_key: "",
            architecture: None,
            ids: &mut ids,
        };
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
            "started" => {
                let restarts = self.task().container(words[1]).unwrap().restarts;
                self.event(Event::Started { container: container(), restarts, at: self.now });
            }
            "unstarted" => {
                let reason = "CannotStartContainerError: x".into();
                self.event(Event::StartFailed { container: container(), reason });
            }
            "exited" => self.event(Event::Exited {
                container: container(),
                code: words[2].parse().unwrap(),
                oom: words.get(3) == Some(&"oom"),
                restarts: match words.get(3).and_then(|word| word.parse().ok()) {
                    Some(earlier) => earlier,
                    None => self.task().container(words[1]).unwrap().restarts,
                },
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
    life.event(Event::Exited { container: "a".into(), code: 0, oom: false, restarts: 0, at: 7 });
    life.step();
    assert_eq!(life.task().started_at, Some(7));
}

/// A container with a policy that restarts it after a minute, and one beside it.
fn restarting(essential: bool) -> Life {
    let policy = json!({"enabled": true, "ignoredExitCodes": [7], "restartAttemptPeriod": 60});
    let mut life = Life::new(json!([
        {"name": "app", "image": "i", "essential": essential, "restartPolicy": policy},
        {"name": "side", "image": "i"},
    ]));
    life.check("start", "PROVISIONING: prepare");
    life.check("prepared", "PENDING: pull app, pull side");
    life.check("pulled app", "PENDING: start app, pull side");
    life.check("pulled side", "PENDING: start app, start side");
    life.check("started app", "PENDING: start side");
    life.check("started side", "RUNNING:");
    life
}

#[test]
fn a_container_is_restarted_in_its_task_which_runs_on() {
    for essential in [true, false] {
        let mut life = restarting(essential);
        life.check("wait 60", "RUNNING:");
        life.check("exited app 1", "RUNNING: start app");
        let app = life.task().containers[0].clone();
        assert_eq!((app.phase, app.restarts), (ContainerPhase::Restarting, 1));
        // Told again, by a supervisor that was asked anew: it is the end that is known.
        life.check("exited app 1 0", "RUNNING: start app");
        life.check("started app", "RUNNING:");
        life.check("exited app 1 0", "RUNNING:");
        let app = life.task().containers[0].clone();
        assert_eq!((app.phase, app.exit_code, app.stopped_at), (ContainerPhase::Running, None, None));
        assert_eq!(app.started_at, Some(60_000));
        // Too soon after the restart: it has ended, and the task with it if it is essential.
        life.check("wait 59", "RUNNING:");
        life.check("exited app 1", if essential { "STOPPING: term side" } else { "RUNNING:" });
        assert_eq!(life.task().containers[0].exit_code, Some(1));
    }
}

#[test]
fn an_exit_code_that_is_ignored_is_an_end() {
    let mut life = restarting(true);
    life.check("wait 600", "RUNNING:");
    life.check("exited app 7", "STOPPING: term side");
    assert_eq!(life.task().stop.unwrap().code, "EssentialContainerExited");
}

#[test]
fn nothing_is_restarted_in_a_task_that_is_to_stop() {
    let mut life = restarting(true);
    life.check("wait 600", "RUNNING:");
    life.check("stop", "STOPPING: term app, term side");
    life.check("exited app 143", "STOPPING: term side");
    life.check("exited side 143", "DEPROVISIONING: teardown");
}

#[test]
fn a_restart_that_fails_leaves_the_end_as_it_was() {
    for essential in [true, false] {
        let mut life = restarting(essential);
        life.check("wait 60", "RUNNING:");
        life.check("exited app 3", "RUNNING: start app");
        life.check("unstarted app", if essential { "STOPPING: term side" } else { "RUNNING:" });
        let task = life.task();
        let code = task.stop.map(|stop| stop.code);
        assert_eq!(code.as_deref(), essential.then_some("EssentialContainerExited"));
        assert_eq!(task.containers[0].exit_code, Some(3));
        assert_eq!(task.containers[0].reason.as_deref(), Some("CannotStartContainerError: x"));
    }
}

#[test]
fn a_task_that_stops_while_a_container_is_being_restarted_stops_it_too() {
    let mut life = restarting(true);
    life.check("wait 60", "RUNNING:");
    life.check("exited app 1", "RUNNING: start app");
    life.check("stop", "STOPPING: start app, term side");
    life.check("started app", "STOPPING: term app, term side");
}

/// Who waits for an end waits for the last one, and who waits for health waits anew.
#[test]
fn dependants_wait_for_the_last_end_and_for_health_after_a_restart() {
    let policy = json!({"enabled": true, "ignoredExitCodes": [0], "restartAttemptPeriod": 60});
    let check = json!({"command": ["CMD", "true"], "interval": 30, "retries": 1});
    let mut life = Life::new(json!([
        {"name": "init", "image": "i", "essential": false, "restartPolicy": policy, "healthCheck": check},
        {"name": "app", "image": "i", "dependsOn": [{"containerName": "init", "condition": "SUCCESS"}]},
    ]));
    life.check("start", "PROVISIONING: prepare");
    life.check("prepared", "PENDING: pull init, pull app");
    life.check("pulled init", "PENDING: start init, pull app");
    life.check("pulled app", "PENDING: start init");
    life.check("started init", "PENDING:");
    life.check("passed init", "PENDING:");
    assert_eq!(life.task().containers[0].health.state, crate::world::HealthState::Healthy);
    life.now += 60_000;
    life.check("exited init 1", "PENDING: start init");
    assert_eq!(life.task().containers[0].health, crate::world::Health::default());
    life.check("failed init", "PENDING: start init");
    assert_eq!(life.task().containers[0].health, crate::world::Health::default(), "what was checked has ended");
    life.check("started init", "PENDING:");
    life.check("exited init 0", "PENDING: start app");
}
