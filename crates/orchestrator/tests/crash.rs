//! The platform is killed after every intent it stored, and started again: what was acknowledged
//! comes true, nothing is started twice, nothing is left over.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aws_model::task_definition::TaskDefinition;
use orchestrator::{Begin, CallCx, Clock, Driver, Engine, Fact, Handle, Routes};
use parking_lot::Mutex;
use platform_core::task::{Action, Event};
use platform_core::world::{DesiredStatus, Service, StopCause, Task, TaskStatus};
use platform_core::{Change, Outcome, World};
use serde_json::{Value, json};
use store::Store;
use testkit::fixtures::{self, SERVICE};
use tokio::sync::mpsc::{self, UnboundedSender};

/// What outlives the platform: which containers of which task run.
#[derive(Default)]
struct Host {
    tasks: BTreeMap<String, BTreeMap<String, Running>>,
    starts: BTreeMap<(String, String), usize>,
}

#[derive(Clone, Copy, PartialEq)]
enum Running {
    Yes,
    Ended(i32),
}

/// The engine of one life of the platform; its `begin` number `dies_at` is never carried out.
struct Mortal {
    host: Arc<Mutex<Host>>,
    facts: UnboundedSender<Fact>,
    begun: AtomicUsize,
    dies_at: usize,
    /// Carry the fatal action out on the host, but report nothing: it died between effect and event.
    dies_after_effect: bool,
    dead: Arc<tokio::sync::Notify>,
}

impl Mortal {
    fn effect(&self, begin: &Begin) -> Event {
        let mut host = self.host.lock();
        let arn = begin.task.arn.clone();
        match &begin.action {
            Action::Prepare => {
                host.tasks.entry(arn).or_default();
                Event::Prepared(fixtures::network(1))
            }
            Action::Pull(container) => Event::Pulled { container: container.clone(), digest: "sha256:0".into() },
            Action::Start(container) => {
                let task = host.tasks.entry(arn.clone()).or_default();
                if !task.contains_key(container) {
                    task.insert(container.clone(), Running::Yes);
                    *host.starts.entry((arn, container.clone())).or_default() += 1;
                }
                Event::Started { container: container.clone(), restarts: 0, at: 1 }
            }
            Action::Probe(container) => Event::Probed { container: container.clone(), passed: true, at: 1 },
            Action::Terminate(container) | Action::Kill(container) => {
                if let Some(state) = host.tasks.get_mut(&arn).and_then(|t| t.get_mut(container)) {
                    *state = Running::Ended(143);
                }
                Event::Exited { container: container.clone(), code: 143, oom: false, restarts: 0, at: 2 }
            }
            Action::TearDown => {
                host.tasks.remove(&arn);
                Event::TornDown
            }
        }
    }
}

impl Engine for Mortal {
    fn architecture(&self) -> Option<&'static str> {
        None
    }

    fn begin(&self, begin: Begin) {
        let number = self.begun.fetch_add(1, Ordering::SeqCst);
        if number > self.dies_at {
            return;
        }
        if number == self.dies_at {
            if self.dies_after_effect {
                self.effect(&begin);
            }
            self.dead.notify_one();
            return;
        }
        let event = self.effect(&begin);
        let _ = self.facts.send(Fact::Task { arn: begin.task.arn.clone(), event });
    }

    fn adopt(&self, tasks: Vec<(Arc<Task>, Arc<TaskDefinition>)>) {
        let mut host = self.host.lock();
        let wanted: BTreeSet<&String> = tasks.iter().map(|(t, _)| &t.arn).collect();
        host.tasks.retain(|arn, _| wanted.contains(arn));
        for (arn, containers) in &host.tasks {
            for (container, state) in containers {
                if let Running::Ended(code) = state {
                    let event =
                        Event::Exited { container: container.clone(), code: *code, oom: false, restarts: 0, at: 2 };
                    let _ = self.facts.send(Fact::Task { arn: arn.clone(), event });
                }
            }
        }
    }

    fn reset(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.host.lock().tasks.clear();
        Box::pin(std::future::ready(()))
    }
}

struct NoRoutes;

impl Routes for NoRoutes {
    fn apply(&self, _: &World) {}
}

struct Life {
    handle: Handle,
    dead: Arc<tokio::sync::Notify>,
    driver: tokio::task::JoinHandle<()>,
    // Keeps the driver's channel open.
    _facts: UnboundedSender<Fact>,
}

fn live(store: &Store, host: &Arc<Mutex<Host>>, dies_at: usize, dies_after_effect: bool) -> Life {
    let (facts, receiver) = mpsc::unbounded_channel();
    let dead = Arc::new(tokio::sync::Notify::new());
    let engine = Mortal {
        host: host.clone(),
        facts: facts.clone(),
        begun: AtomicUsize::new(0),
        dies_at,
        dies_after_effect,
        dead: dead.clone(),
    };
    let clock = Clock::counted(1_000_000);
    let (driver, handle) =
        Driver::open(store.clone(), clock, "123456789012".into(), Arc::new(engine), Arc::new(NoRoutes), receiver)
            .unwrap();
    Life { handle, dead, driver: tokio::spawn(driver.run()), _facts: facts }
}

async fn change(handle: &Handle, f: impl FnOnce(&World) -> Vec<Change>) {
    let cx = CallCx { region: "us-east-1".into(), access_key: String::new() };
    let write = handle.write(cx, |world, _| Ok(Outcome { reply: Value::Null, changes: f(world) }));
    write.await.unwrap();
}

fn service(world: &World, count: u32) -> Vec<Change> {
    let mut changes = Vec::new();
    if !world.clusters.contains_key(fixtures::CLUSTER) {
        changes.push(Change::Cluster(fixtures::cluster()));
        changes.push(Change::Revision(fixtures::revision(
            1,
            json!([
                {"name": "config", "image": "i"},
                {"name": "app", "image": "i", "dependsOn": [{"containerName": "config", "condition": "START"}]},
            ]),
        )));
    }
    let existing = world.services.get(SERVICE).map(|s| Service { desired_count: count, ..(**s).clone() });
    changes.push(Change::Service(existing.unwrap_or_else(|| fixtures::service(count))));
    changes
}

fn running(handle: &Handle) -> usize {
    handle.read(|w| w.service_tasks(SERVICE).filter(|t| t.last_status == TaskStatus::Running).count())
}

/// Real time: the store's thread does not follow Tokio's paused clock.
async fn until(handle: &Handle, what: impl Fn(&Handle) -> bool) {
    let wait = async {
        while !what(handle) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait).await.expect("converges");
}

/// Two tasks run, one is stopped by its user and replaced, the service is scaled to none.
async fn story(dies_at: usize, dies_after_effect: bool) -> bool {
    let store = Store::ephemeral().unwrap();
    let host = Arc::new(Mutex::new(Host::default()));
    let mut died = false;
    let mut life = live(&store, &host, dies_at, dies_after_effect);
    for act in 0..3 {
        match act {
            0 => change(&life.handle, |w| service(w, 2)).await,
            1 => {
                change(&life.handle, |w| {
                    let task = w.service_tasks(SERVICE).find(|t| t.last_status == TaskStatus::Running).unwrap();
                    let stop = Some(StopCause { code: "UserInitiated".into(), reason: "r".into() });
                    vec![Change::Task(Task { desired_status: DesiredStatus::Stopped, stop, ..(**task).clone() })]
                })
                .await;
            }
            _ => change(&life.handle, |w| service(w, 0)).await,
        }
        let reached = |handle: &Handle| match act {
            0 => running(handle) == 2,
            1 => running(handle) == 2 && handle.read(|w| w.tasks.values().any(|t| t.is_stopped())),
            _ => handle.read(|w| w.tasks.len() >= 3 && w.tasks.values().all(|t| t.is_stopped())),
        };
        let dead = life.dead.clone();
        tokio::select! {
            () = until(&life.handle, reached) => {}
            () = dead.notified() => {
                died = true;
                life.driver.abort();
                let _ = life.driver.await;
                life = live(&store, &host, usize::MAX, false);
                until(&life.handle, reached).await;
            }
        }
    }
    let host = host.lock();
    assert!(host.tasks.is_empty(), "left over after a crash at {dies_at}: {:?}", host.tasks.keys());
    assert!(host.starts.values().all(|n| *n == 1), "started twice after a crash at {dies_at}: {:?}", host.starts);
    assert_eq!(host.starts.len(), 6, "three tasks of two containers after a crash at {dies_at}");
    died
}

#[tokio::test]
async fn a_crash_before_any_action_changes_nothing_of_what_comes_true() {
    let mut at = 0;
    while story(at, false).await {
        at += 1;
    }
    assert!(at > 20, "the story has {at} actions");
}

#[tokio::test]
async fn a_crash_after_any_effect_changes_nothing_of_what_comes_true() {
    let mut at = 0;
    while story(at, true).await {
        at += 1;
    }
    assert!(at > 20, "the story has {at} actions");
}
