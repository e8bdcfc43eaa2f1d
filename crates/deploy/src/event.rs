//! What happened, as values: the terminal, a log and `--json` render the same ones.

use serde::Serialize;
use tokio::sync::mpsc;

use crate::watch::{LossCause, Rollout};

/// One thing that happened while acting or watching.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "kebab-case")]
pub enum Event {
    /// A resource was looked at and brought to what it should be.
    Resource {
        /// What was done.
        outcome: ResourceChange,
        /// e.g. `cluster`, `task definition`.
        kind: &'static str,
        /// Its name.
        name: String,
    },
    /// Work on an image began.
    ImageStarted {
        /// Name in the manifest.
        image: String,
        /// What is being done.
        phase: ImagePhase,
    },
    /// A line of a build's or a push's output.
    ImageLine {
        /// Name in the manifest.
        image: String,
        /// The line, without its end.
        line: String,
    },
    /// An image is in the registry.
    ImageReady {
        /// Name in the manifest.
        image: String,
        /// `repository:tag`.
        reference: String,
        /// Whether it had to be built or pushed.
        outcome: ResourceChange,
    },
    /// A container got somewhere.
    Container {
        /// Service.
        service: String,
        /// Task id.
        task: String,
        /// Container.
        container: String,
        /// Where it is now.
        #[serde(flatten)]
        state: ContainerState,
    },
    /// A load balancer's target got somewhere.
    Target {
        /// Service.
        service: String,
        /// `address:port`.
        target: String,
        /// `initial`, `healthy`, `unhealthy`, `draining`, ...
        health: String,
        /// Why, in the balancer's words; empty if it gave none.
        reason: String,
    },
    /// The service said something new.
    Service {
        /// Service.
        service: String,
        /// In ECS's words.
        message: String,
    },
    /// A rollout got somewhere.
    Rollout(Rollout),
    /// A task stopped for a cause that was not seen before.
    Failure {
        /// Service.
        service: String,
        /// The cause, with the last lines of the container to blame.
        #[serde(flatten)]
        told: LossCause,
    },
    /// A line that the release command wrote.
    Output {
        /// Container.
        container: String,
        /// Task id.
        task: String,
        /// The line, without its end.
        line: String,
    },
    /// Something that the user should know and that is not a failure.
    Warning {
        /// A sentence.
        message: String,
    },
}

/// What was done to a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ResourceChange {
    /// It was not there.
    Created,
    /// It was different.
    Updated,
    /// It was as it should be.
    Unchanged,
    /// It was there and is gone.
    Deleted,
}

/// What is being done to an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ImagePhase {
    /// By docker, podman or buildah.
    Building,
    /// To the stage's registry.
    Pushing,
}

/// Where a container is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum ContainerState {
    /// Its task has no network or image yet.
    Waiting,
    /// Its task's images are being pulled.
    Pulling,
    /// It can start once what it depends on is met.
    Created,
    /// It runs; it has no health check, or the check has not spoken.
    Running,
    /// It runs and its health check passes.
    Healthy,
    /// It runs and its health check fails.
    Unhealthy,
    /// It ended.
    Exited {
        /// Exit code; none if it never ran.
        code: Option<i64>,
        /// The runtime's words; empty if it gave none.
        reason: String,
    },
}

impl ContainerState {
    /// Returns the word that a table shows.
    pub fn word(&self) -> String {
        match self {
            Self::Waiting => "waiting".to_owned(),
            Self::Pulling => "pulling".to_owned(),
            Self::Created => "created".to_owned(),
            Self::Running => "running".to_owned(),
            Self::Healthy => "healthy".to_owned(),
            Self::Unhealthy => "unhealthy".to_owned(),
            Self::Exited { code: Some(code), .. } => format!("exited ({code})"),
            Self::Exited { code: None, .. } => "failed".to_owned(),
        }
    }
}

/// Where events go. Cheap to clone; a listener that went away is no fault.
#[derive(Debug, Clone)]
pub struct Events(mpsc::UnboundedSender<Event>);

impl Events {
    /// Returns a sender and its listener.
    pub fn channel() -> (Self, mpsc::UnboundedReceiver<Event>) {
        let (sender, receiver) = mpsc::unbounded_channel();
        (Self(sender), receiver)
    }

    /// Says what happened.
    pub fn emit(&self, event: Event) {
        let _ = self.0.send(event);
    }

    pub(crate) fn resource(&self, outcome: ResourceChange, kind: &'static str, name: &str) {
        self.emit(Event::Resource { outcome, kind, name: name.to_owned() });
    }
}
