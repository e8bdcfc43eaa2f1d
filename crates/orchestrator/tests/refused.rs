//! The store refuses: one change for its own sake, or all of them for want of room. Neither may stop
//! anything else, and nothing is begun again for ever.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aws_model::task_definition::TaskDefinition;
use orchestrator::{Begin, CallCx, Clock, Driver, Engine, Fact, Handle, Routes};
use parking_lot::Mutex;
use platform_core::task::{Action, Event};
use platform_core::world::{Task, TaskStatus};
use platform_core::{Change, Cx, Ids, Outcome, World};
use serde_json::{Value, json};
use store::{Batch, Store};
use testkit::fixtures;
use tokio::sync::mpsc::{self, UnboundedSender};

type Pull = dyn Fn(&Task, &str) -> Event + Send + Sync;

/// Answers every action at once; `pull` decides how a pull ends.
struct Told {
    facts: UnboundedSender<Fact>,
    pull: Box<Pull>,
    begun: Mutex<BTreeMap<(String, Action), usize>>,
}

impl Engine for Told {
    fn architecture(&self) -> Option<&'static str> {
        None
    }

    fn begin(&self, begin: Begin) {
        let arn = begin.task.arn.clone();
        *self.begun.lock().entry((arn.clone(), begin.action.clone())).or_default() += 1;
        let event = match begin.action {
            Action::Prepare => Event::Prepared(fixtures::network(1)),
            Action::Pull(container) => (self.pull)(&begin.task, &container),
            Action::Start(container) => Event::Started { container, restarts: 0, at: 1 },
            Action::Probe(container) => Event::Probed { container, passed: true, at: 1 },
            Action::Terminate(container) | Action::Kill(container) => {
                Event::Exited { container, code: 143, oom: false, restarts: 0, at: 2 }
            }
            Action::TearDown => Event::TornDown,
        };
        let _ = self.facts.send(Fact::Task { arn, event });
    }

    fn adopt(&self, _: Vec<(Arc<Task>, Arc<TaskDefinition>)>) {}

    fn reset(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }
}

struct NoRoutes;

impl Routes for NoRoutes {
    fn apply(&self, _: &World) {}
}

struct Platform {
    store: Store,
    handle: Handle,
    engine: Arc<Told>,
}

fn platform(pull: impl Fn(&Task, &str) -> Event + Send + Sync + 'static) -> Platform {
    let store = Store::ephemeral().unwrap();
    let (facts, receiver) = mpsc::unbounded_channel();
    let engine = Arc::new(Told { facts, pull: Box::new(pull), begun: Mutex::default() });
    let clock = Clock::System;
    let (driver, handle) =
        Driver::open(store.clone(), clock, "123456789012".into(), engine.clone(), Arc::new(NoRoutes), receiver)
            .unwrap();
    tokio::spawn(driver.run());
    Platform { store, handle, engine }
}

impl Platform {
    async fn sql(&self, sql: &'static str) {
        let mut batch = Batch::new();
        batch.with(Box::new(move |tx| tx.execute_batch(sql)));
        self.store.submit(batch).await.unwrap();
    }

    /// Runs a task; returns its ARN.
    async fn run(&self, seed: u64) -> String {
        let mut arn = String::new();
        let cx = CallCx { region: "us-east-1".into(), access_key: String::new() };
        let write = self.handle.write(cx, |world, _| {
            let revision = fixtures::revision(1, json!([{"name": "app", "image": "i"}]));
            let request =
                platform_core::ecs::TaskRequest { cluster_arn: fixtures::CLUSTER.into(), ..Default::default() };
            let mut ids = Ids::new(seed);
            let mut cx = Cx {
                now: 1,
                region: "us-east-1",
                account: "123456789012",
                access_key: "",
                architecture: None,
                ids: &mut ids,
            };
            let task = platform_core::ecs::new_task(world, &mut cx, &revision, request);
            arn = task.arn.clone();
            let changes = vec![Change::Cluster(fixtures::cluster()), Change::Revision(revision), Change::Task(task)];
            Ok(Outcome { reply: Value::Null, changes })
        });
        write.await.unwrap();
        arn
    }

    fn task(&self, arn: &str) -> Arc<Task> {
        self.handle.read(|world| world.tasks[arn].clone())
    }

    async fn until(&self, arn: &str, status: TaskStatus) -> Arc<Task> {
        let wait = async {
            while self.task(arn).last_status != status {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(30), wait).await.expect("gets there");
        self.task(arn)
    }

    fn begun(&self, arn: &str, action: &Action) -> usize {
        self.engine.begun.lock().get(&(arn.to_owned(), action.clone())).copied().unwrap_or(0)
    }
}

fn pull() -> Action {
    Action::Pull("app".into())
}

fn pulled(container: &str, digest: &str) -> Event {
    Event::Pulled { container: container.into(), digest: digest.into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reason_of_megabytes_is_a_reason_of_1024_characters() {
    let platform = platform(|_, container| Event::PullFailed {
        container: container.into(),
        reason: format!("CannotPullContainerError: {}", "é".repeat(4 << 20)),
    });
    let arn = platform.run(1).await;
    let task = platform.until(&arn, TaskStatus::Stopped).await;
    let reason = &task.stop.as_ref().unwrap().reason;
    assert!(reason.starts_with("CannotPullContainerError: éé") && reason.ends_with('…'));
    assert_eq!(reason.chars().count(), 1024);
    assert_eq!(task.containers[0].reason.as_deref(), Some(reason.as_str()));
    assert_eq!(platform.begun(&arn, &pull()), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_stops_when_what_happened_to_it_cannot_be_kept() {
    let platform = platform(|_, container| pulled(container, "sha256:poison"));
    platform
        .sql(
            "CREATE TRIGGER refuse BEFORE INSERT ON documents WHEN instr(CAST(NEW.body AS TEXT), 'poison') \
             BEGIN SELECT RAISE(ABORT, 'not in this house'); END",
        )
        .await;
    let arn = platform.run(1).await;
    let task = platform.until(&arn, TaskStatus::Stopped).await;
    let reason = &task.stop.as_ref().unwrap().reason;
    assert!(reason.contains("could not keep what happened") && reason.contains("not in this house"), "{reason}");
    assert_eq!(platform.begun(&arn, &pull()), 1, "not begun again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_of_which_nothing_can_be_kept_holds_up_no_other_and_is_tried_ever_more_seldom() {
    let platform = platform(|_, container| pulled(container, "sha256:0"));
    let stuck = platform.run(1).await;
    platform.until(&stuck, TaskStatus::Running).await;
    // From here on no row of that task is stored any more.
    let sql = format!(
        "CREATE TRIGGER refuse BEFORE INSERT ON documents WHEN NEW.key = '{stuck}' \
         BEGIN SELECT RAISE(ABORT, 'not this one'); END"
    );
    platform.sql(Box::leak(sql.into_boxed_str())).await;
    let gone = Event::Exited { container: "app".into(), code: 1, oom: false, restarts: 0, at: 5 };
    for _ in 0..50 {
        platform.engine.facts.send(Fact::Task { arn: stuck.clone(), event: gone.clone() }).unwrap();
    }
    let other = platform.run(2).await;
    platform.until(&other, TaskStatus::Running).await;
    assert_eq!(platform.task(&stuck).last_status, TaskStatus::Running, "memory is as the store is");
    platform.sql("DROP TRIGGER refuse").await;
    platform.engine.facts.send(Fact::Task { arn: stuck.clone(), event: gone }).unwrap();
    platform.until(&stuck, TaskStatus::Stopped).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn facts_outlast_a_full_disk_and_nothing_is_begun_twice() {
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let platform = Arc::new(platform(move |_, container| {
        let _ = gate.lock().recv();
        pulled(container, "sha256:0")
    }));
    let arn = platform.run(1).await;
    let begun = async {
        while platform.begun(&arn, &pull()) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), begun).await.unwrap();
    // No page more: whatever is written now finds no room.
    platform
        .sql(
            "CREATE TABLE filler (x); INSERT INTO filler VALUES (zeroblob(100)); \
             CREATE TRIGGER full BEFORE UPDATE ON documents BEGIN INSERT INTO filler VALUES (zeroblob(4194304)); END; \
             CREATE TRIGGER full2 BEFORE INSERT ON documents BEGIN INSERT INTO filler VALUES (zeroblob(4194304)); END;",
        )
        .await;
    let mut batch = Batch::new();
    batch.with(Box::new(|tx| tx.query_row("PRAGMA max_page_count = 1", [], |_| Ok(()))));
    platform.store.submit(batch).await.unwrap();
    drop(go);
    let cx = CallCx { region: "us-east-1".into(), access_key: String::new() };
    let refused = platform
        .handle
        .write(cx, |_, _| Ok(Outcome { reply: Value::Null, changes: vec![Change::Cluster(fixtures::cluster())] }));
    let words = refused.await.unwrap_err().message;
    assert!(words.contains("full"), "{words}");
    tokio::time::sleep(Duration::from_millis(1500)).await; // two of its own tries
    let mut batch = Batch::new();
    batch.with(Box::new(|tx| tx.query_row("PRAGMA max_page_count = 1000000", [], |_| Ok(()))));
    platform.store.submit(batch).await.unwrap();
    platform.sql("DROP TRIGGER full; DROP TRIGGER full2").await;
    platform.until(&arn, TaskStatus::Running).await;
    for action in [Action::Prepare, pull(), Action::Start("app".into())] {
        assert_eq!(platform.begun(&arn, &action), 1, "{action:?}");
    }
}
