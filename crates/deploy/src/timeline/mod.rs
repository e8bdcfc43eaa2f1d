//! What happened in a stage, in one stream: who released what, how its deployments went, what ECS said of
//! the services, what became of tasks, and what containers wrote.

mod gather;
mod merge;

use aws_model::Millis;
use serde::Serialize;

pub use self::gather::gather;
pub use self::merge::{Facts, ServiceFacts, merge};

/// What an entry tells of. In this order are entries of the same millisecond: causes come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TimelineSubject {
    /// A release of `managr deploy` or `managr rollback`.
    Release,
    /// A deployment of a service.
    Deployment,
    /// What scales a service did something to it.
    Scaling,
    /// An event of a service.
    Service,
    /// A task.
    Task,
    /// A line that a container wrote.
    Log,
}

impl TimelineSubject {
    /// Returns the word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Release => "release",
            Self::Deployment => "deployment",
            Self::Scaling => "scaling",
            Self::Service => "service",
            Self::Task => "task",
            Self::Log => "log",
        }
    }
}

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TimelineEntry {
    /// When, in milliseconds since the epoch.
    pub at: Millis,
    /// What it tells of.
    pub kind: TimelineSubject,
    /// Service or schedule of the manifest; empty for a release and for a line.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service: String,
    /// Id of the task; empty where it is about none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub task: String,
    /// Container; empty where it is about none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub container: String,
    /// What happened.
    pub message: String,
}
