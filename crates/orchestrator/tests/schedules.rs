//! Rules on a clock that is moved on: each firing at its time, and once whatever ends the loop.
#![allow(clippy::unwrap_used)]

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aws_model::task_definition::TaskDefinition;
use orchestrator::{AdvanceError, Begin, CallCx, Clock, Driver, Engine, Fact, Handle, Routes, load};
use platform_core::events::rule::Rule;
use platform_core::world::Task;
use platform_core::{Input, Kind, World, events};
use serde_json::{Value, json};
use store::{Batch, Store};
use tokio::sync::mpsc::{self, UnboundedSender};

/// Runs nothing, so that every task that was ever started is still there.
struct Still;

impl Engine for Still {
    fn begin(&self, _: Begin) {}
    fn adopt(&self, _: Vec<(Arc<Task>, Arc<TaskDefinition>)>) {}

    fn architecture(&self) -> Option<&'static str> {
        None
    }

    fn reset(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::ready(()))
    }
}

impl Routes for Still {
    fn apply(&self, _: &World) {}
}

struct Life {
    handle: Handle,
    driver: tokio::task::JoinHandle<()>,
    // Keeps the driver's channel open.
    _facts: UnboundedSender<Fact>,
}

fn live(store: &Store, clock: Clock) -> Life {
    let (facts, receiver) = mpsc::unbounded_channel();
    let (engine, routes) = (Arc::new(Still), Arc::new(Still));
    let (driver, handle) = Driver::open(store.clone(), clock, "123456789012".into(), engine, routes, receiver).unwrap();
    Life { handle, driver: tokio::spawn(driver.run()), _facts: facts }
}

async fn call(handle: &Handle, table: &[platform_core::Operation], name: &str, input: Value) {
    let row = table.iter().find(|row| row.name == name).unwrap();
    let Kind::Write(write) = row.kind else { panic!("{name} changes something") };
    let Value::Object(input): Value = input else { panic!("an object") };
    let cx = CallCx { region: "us-east-1".into(), access_key: String::new() };
    let input: Input = input;
    handle.write(cx, move |world, cx| write(world, cx, input)).await.unwrap();
}

/// A rule that starts a task every minute.
async fn every_minute(handle: &Handle) {
    let ecs = platform_core::ecs::OPERATIONS;
    call(handle, ecs, "CreateCluster", json!({"clusterName": "main"})).await;
    let definition = json!({
        "family": "job", "networkMode": "awsvpc", "requiresCompatibilities": ["FARGATE"], "cpu": "256", "memory": "512",
        "containerDefinitions": [{"name": "app", "image": "i", "essential": true}],
    });
    call(handle, ecs, "RegisterTaskDefinition", definition).await;
    let rule = json!({"Name": "r", "ScheduleExpression": "rate(1 minute)"});
    call(handle, events::OPERATIONS, "PutRule", rule).await;
    let target = json!({
        "Id": "1", "Arn": "arn:aws:ecs:us-east-1:123456789012:cluster/main", "RoleArn": "arn:aws:iam::1:role/r",
        "EcsParameters": {"TaskDefinitionArn": "job", "LaunchType": "FARGATE",
            "NetworkConfiguration": {"awsvpcConfiguration": {"Subnets": ["subnet-1"]}}},
    });
    call(handle, events::OPERATIONS, "PutTargets", json!({"Rule": "r", "Targets": [target]})).await;
}

fn fired(world: &World) -> u64 {
    let story = world.records.get::<Rule>("us-east-1", "default/r").unwrap().story;
    assert_eq!(story.failure, None);
    story.fired
}

#[tokio::test]
async fn all_that_is_due_on_the_way_happens_at_its_time() {
    let store = Store::ephemeral().unwrap();
    let life = live(&store, Clock::moved());
    let start = life.handle.now();
    every_minute(&life.handle).await;
    let now = life.handle.advance(start + 90 * 60_000).await.unwrap();
    assert_eq!(now, start + 90 * 60_000);
    life.handle.read(|world| {
        let mut times: Vec<i64> = world.tasks.values().map(|task| task.created_at).collect();
        times.sort_unstable();
        assert!((89..=90).contains(&times.len()), "{}", times.len());
        assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 60_000), "{times:?}");
        assert_eq!(fired(world), times.len() as u64);
    });
    assert!(matches!(life.handle.advance(start).await, Err(AdvanceError::Past { .. })));
    life.driver.abort();
}

#[tokio::test]
async fn the_machine_s_clock_is_not_moved() {
    let life = live(&Store::ephemeral().unwrap(), Clock::System);
    let to = life.handle.now() + 1000;
    assert!(matches!(life.handle.advance(to).await, Err(AdvanceError::Fixed)));
    life.driver.abort();
}

/// A firing is one commit: however far the loop came, as many tasks are kept as the rule says that it fired.
#[tokio::test(flavor = "multi_thread")]
async fn a_rule_fires_exactly_once_over_a_crash() {
    let store = Store::ephemeral().unwrap();
    let mut life = live(&store, Clock::moved());
    every_minute(&life.handle).await;
    let mut before = 0;
    for round in 0..30_u64 {
        let to = life.handle.now() + 100 * 60_000;
        let handle = life.handle.clone();
        let advancing = tokio::spawn(async move { handle.advance(to).await });
        // Some firings are on their way when the loop ends.
        while life.handle.read(fired) < before + 1 + round % 7 {
            tokio::time::sleep(Duration::from_micros(50)).await;
        }
        life.driver.abort();
        let _ = (life.driver.await, advancing.await);
        // What was handed to the store before is on its way, and tables are read one after the other.
        store.submit(Batch::new()).await.unwrap();
        let stored = load(&store).unwrap();
        assert_eq!(stored.tasks.len() as u64, fired(&stored), "round {round}");
        before = fired(&stored);
        // The next life has the machine's time again: what is due is far ahead of it.
        let ahead = Clock::moved();
        life = live(&store, ahead);
        let next = life.handle.read(|world| world.records.get::<Rule>("us-east-1", "default/r").unwrap().next.unwrap());
        life.handle.advance(next - 30_000).await.unwrap();
        assert_eq!(life.handle.read(fired), before);
    }
    life.driver.abort();
}
