//! What the orchestrator needs of the world outside.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use aws_model::AwsError;
use aws_model::task_definition::TaskDefinition;
use platform_core::events::letter::Letter;
use platform_core::rds::work::{Order, Standing, Told};
use platform_core::task::{Action, Event};
use platform_core::world::{TargetKey, TargetState, Task};
use platform_core::{RecordKey, World};

/// One action to begin, with all that it needs.
#[derive(Debug, Clone)]
pub struct Begin {
    /// What to do.
    pub action: Action,
    /// The task as stored.
    pub task: Arc<Task>,
    /// Its definition.
    pub spec: Arc<TaskDefinition>,
}

/// Runs tasks, for real or not. Results come back as [`Fact`]s on the driver's channel.
pub trait Engine: Send + Sync + 'static {
    /// Begins an action and returns at once. Beginning it again, even after a crash, is the same as
    /// once; every action but `Terminate` and `Kill` ends in the event that completes it.
    fn begin(&self, begin: Begin);

    /// Takes over what an earlier process left: reports for every task what happened meanwhile,
    /// [`Event::Lost`] for those it knows nothing of, and removes what belongs to no task given.
    fn adopt(&self, tasks: Vec<(Arc<Task>, Arc<TaskDefinition>)>);

    /// Returns what a container can be built for to run here, in ECS's word; none if it does not matter.
    fn architecture(&self) -> Option<&'static str>;

    /// Removes everything.
    fn reset(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// Sends requests to targets.
pub trait Routes: Send + Sync + 'static {
    /// Makes the balancer serve what the world says. Idempotent; returns at once.
    fn apply(&self, world: &World);
}

/// Writes events to log groups.
pub trait Outlet: Send + Sync + 'static {
    /// Begins to write a letter and returns at once; it ends in [`Fact::Posted`]. It may be asked for twice.
    fn post(&self, letter: Letter);
}

/// Runs databases. Without one every order is done at once: databases are documents then.
pub trait Databases: Send + Sync + 'static {
    /// Begins a work and returns at once. Beginning it again, even after a crash, is the same as once; it ends in
    /// [`Fact::Database`] with its turn.
    fn begin(&self, order: Order);

    /// Takes over what an earlier process left, before any order: what should run is adopted or started, what belongs to
    /// nothing given may be removed.
    fn adopt(&self, standing: Standing);

    /// Stops and removes everything.
    fn reset(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// Something that happened outside.
#[derive(Debug, Clone)]
pub enum Fact {
    /// To a task.
    Task {
        /// ARN.
        arn: String,
        /// What.
        event: Event,
    },
    /// A target's health checks decided.
    TargetHealth {
        /// Target.
        key: TargetKey,
        /// New state.
        state: TargetState,
        /// ELB's reason code.
        reason: Option<String>,
        /// ELB's description.
        description: Option<String>,
    },
    /// A letter was written, or refused.
    Posted {
        /// The delivery that it was of.
        delivery: RecordKey,
        /// Why it was not written.
        refused: Option<AwsError>,
    },
    /// A work of a database's ended, or something happened to it.
    Database {
        /// The instance's or the snapshot's record.
        record: RecordKey,
        /// The turn of the work; none for what happened by itself.
        turn: Option<u64>,
        /// What.
        told: Told,
    },
    /// A draining target's last connection ended.
    TargetDrained(TargetKey),
    /// A listener listens, or cannot.
    Listener {
        /// ARN.
        arn: String,
        /// Why it cannot.
        fault: Option<String>,
    },
}
