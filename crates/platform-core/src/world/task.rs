//! A task and its containers.

use std::net::Ipv4Addr;

use aws_model::{Document, Millis};
use serde::{Deserialize, Serialize};

/// A task: containers that share a network namespace and an address.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// `arn:aws:ecs:REGION:ACCOUNT:task/CLUSTER/ID`.
    pub arn: String,
    /// 32 hex digits.
    pub id: String,
    /// Its cluster.
    pub cluster_arn: String,
    /// The revision it runs.
    pub task_definition_arn: String,
    /// Family of that revision.
    pub family: String,
    /// `service:NAME`, `family:FAMILY`, or what the caller named.
    pub group: String,
    /// `ecs-svc/N` for a service's task, or what the caller named.
    pub started_by: Option<String>,
    /// Its service, if a service wants it.
    pub service_arn: Option<String>,
    /// Members of the run request that are answered again as they came (`launchType`,
    /// `platformVersion`, `capacityProviderName`, `enableExecuteCommand`, `overrides`,
    /// `networkConfiguration`, `ephemeralStorage`, ...), unknown ones included.
    pub document: Document,
    /// Tags as ECS writes them.
    pub tags: Vec<serde_json::Value>,
    /// What is wanted.
    pub desired_status: DesiredStatus,
    /// What is.
    pub last_status: TaskStatus,
    /// Containers, in the task definition's order.
    pub containers: Vec<ContainerState>,
    /// Address, once attached.
    pub network: Option<Network>,
    /// Where its ports register; fixed when the task was made.
    pub targets: Vec<super::TargetBinding>,
    /// Where it registers at Cloud Map; fixed when the task was made.
    #[serde(default)]
    pub registries: Vec<super::RegistryBinding>,
    /// Why it stops or stopped.
    pub stop: Option<StopCause>,
    /// Grows with every state that ECS counts (docs/notes/ecs-behaviour.md 7.4).
    pub version: u32,
    /// When it was made.
    pub created_at: Millis,
    /// When the first pull began.
    pub pull_started_at: Option<Millis>,
    /// When the last pull ended.
    pub pull_stopped_at: Option<Millis>,
    /// When it reached RUNNING.
    pub started_at: Option<Millis>,
    /// When stopping began.
    pub stopping_at: Option<Millis>,
    /// When its last container ended.
    pub execution_stopped_at: Option<Millis>,
    /// When it reached STOPPED.
    pub stopped_at: Option<Millis>,
    /// When its network was attached.
    pub connectivity_at: Option<Millis>,
    /// Whether its service has taken note of its end.
    #[serde(default)]
    pub counted: bool,
    /// Whether it was ever healthy, as its deployment counts it.
    #[serde(default)]
    pub was_healthy: bool,
    /// Whether its checks failed, and its service took note of that: it is to be replaced.
    #[serde(default)]
    pub failed_checks: bool,
    /// Until when scaling in and deployments leave it alone.
    #[serde(default)]
    pub protected_until: Option<Millis>,
    /// Until when who knows it by a name that it has left may still come.
    #[serde(default)]
    pub named_until: Option<Millis>,
}

/// A task's network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Network {
    /// Private address.
    pub address: Ipv4Addr,
    /// MAC address.
    pub mac: String,
    /// `eni-...`.
    pub interface_id: String,
    /// Attachment's UUID.
    pub attachment_id: String,
    /// Subnet named in the request, or the platform's own.
    pub subnet_id: String,
}

/// What is wanted of a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DesiredStatus {
    /// Run.
    Running,
    /// Stop.
    Stopped,
}

impl DesiredStatus {
    /// Returns ECS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Stopped => "STOPPED",
        }
    }
}

/// Where a task is in its life, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TaskStatus {
    /// Network and secrets are being made ready.
    Provisioning,
    /// Images are pulled, containers are started.
    Pending,
    /// Registering with target groups.
    Activating,
    /// Runs.
    Running,
    /// Deregistering from target groups, connections draining.
    Deactivating,
    /// Containers are asked to end.
    Stopping,
    /// Network and files are removed.
    Deprovisioning,
    /// Over.
    Stopped,
}

impl TaskStatus {
    /// Returns ECS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Provisioning => "PROVISIONING",
            Self::Pending => "PENDING",
            Self::Activating => "ACTIVATING",
            Self::Running => "RUNNING",
            Self::Deactivating => "DEACTIVATING",
            Self::Stopping => "STOPPING",
            Self::Deprovisioning => "DEPROVISIONING",
            Self::Stopped => "STOPPED",
        }
    }
}

/// Why a task stops.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StopCause {
    /// `TaskFailedToStart`, `EssentialContainerExited`, `UserInitiated`, `ServiceSchedulerInitiated`, ...
    pub code: String,
    /// In ECS's words.
    pub reason: String,
}

/// One container of a task.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ContainerState {
    /// Name in the task definition.
    pub name: String,
    /// `arn:aws:ecs:REGION:ACCOUNT:container/CLUSTER/TASK/UUID`.
    pub arn: String,
    /// `TASK-NUMBER`, as on Fargate.
    pub runtime_id: String,
    /// Image reference as written.
    pub image: String,
    /// Manifest digest, once pulled.
    pub image_digest: Option<String>,
    /// Where it is in its life.
    pub phase: ContainerPhase,
    /// Health, if it has a health check.
    pub health: Health,
    /// Exit code, once ended.
    pub exit_code: Option<i32>,
    /// Why it ended or could not start, in ECS's words.
    pub reason: Option<String>,
    /// When it began to be wanted (its dependencies were met), for `startTimeout`.
    pub wanted_at: Option<Millis>,
    /// When it started.
    pub started_at: Option<Millis>,
    /// When SIGTERM was decided.
    pub stop_asked_at: Option<Millis>,
    /// When SIGKILL was decided.
    pub kill_asked_at: Option<Millis>,
    /// When it ended.
    pub stopped_at: Option<Millis>,
    /// How often it was started again (`restartPolicy`), the start under way included.
    #[serde(default)]
    pub restarts: u32,
    /// When that was decided last.
    #[serde(default)]
    pub restarted_at: Option<Millis>,
}

/// Where a container is in its life, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ContainerPhase {
    /// Nothing was done yet.
    Waiting,
    /// Its image is being pulled (intent).
    Pulling,
    /// Its image is here; it waits for its dependencies.
    Pulled,
    /// It is being started (intent).
    Starting,
    /// It runs.
    Running,
    /// It ended and is being started again in its task (intent); for ECS it runs.
    Restarting,
    /// It ended, or will never start.
    Stopped,
}

/// A container's health.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Health {
    /// What ECS answers.
    pub state: HealthState,
    /// Failures in a row that count.
    pub failures: u32,
    /// When the last check ended; none before the first.
    pub checked_at: Option<Millis>,
    /// When `state` last became different.
    pub since: Option<Millis>,
}

/// What a health check told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum HealthState {
    /// No check, or none ended yet.
    #[default]
    Unknown,
    /// Passed.
    Healthy,
    /// Failed as often as `retries`.
    Unhealthy,
}

impl HealthState {
    /// Returns ECS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Unknown => "UNKNOWN",
            Self::Healthy => "HEALTHY",
            Self::Unhealthy => "UNHEALTHY",
        }
    }
}

impl Task {
    /// Returns the container of this name.
    pub fn container(&self, name: &str) -> Option<&ContainerState> {
        self.containers.iter().find(|c| c.name == name)
    }

    /// Whether the task is over.
    pub fn is_stopped(&self) -> bool {
        self.last_status == TaskStatus::Stopped
    }
}
