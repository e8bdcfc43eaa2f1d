//! A service, its deployments and its events.

use aws_model::{Document, Millis};
use serde::{Deserialize, Serialize};

/// A service: a wanted number of tasks of a wanted revision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// `arn:aws:ecs:REGION:ACCOUNT:service/CLUSTER/NAME`.
    pub arn: String,
    /// Name.
    pub name: String,
    /// Its cluster.
    pub cluster_arn: String,
    /// ACTIVE, DRAINING (deleted, tasks still stopping) or INACTIVE.
    pub status: ServiceStatus,
    /// The create request with every update merged in, unknown members included. Does not hold
    /// `cluster`, `taskDefinition`, `desiredCount`, `clientToken`, `forceNewDeployment`: those are below.
    pub document: Document,
    /// Tasks wanted.
    pub desired_count: u32,
    /// `minimumHealthyPercent`. Default 100.
    pub minimum_healthy_percent: u32,
    /// `maximumPercent`. Default 200.
    pub maximum_percent: u32,
    /// Seconds after a task started in which failing target health does not count.
    pub health_check_grace_period: Option<u32>,
    /// `deploymentConfiguration.deploymentCircuitBreaker.enable`.
    pub circuit_breaker: bool,
    /// `deploymentConfiguration.deploymentCircuitBreaker.rollback`.
    pub circuit_breaker_rollback: bool,
    /// When the circuit breaker ends a deployment.
    #[serde(default)]
    pub breaker_rule: BreakerRule,
    /// `deploymentConfiguration.alarms`.
    #[serde(default)]
    pub alarms: AlarmRule,
    /// Target groups that tasks register with.
    pub load_balancers: Vec<TargetBinding>,
    /// Deployments that are not gone, PRIMARY first. PRIMARY is the newest, or the one gone back to.
    pub deployments: Vec<Deployment>,
    /// Events, newest first, at most 100.
    pub events: Vec<ServiceEvent>,
    /// When it was created.
    pub created_at: Millis,
    /// Who created it (an ARN).
    pub created_by: String,
    /// Whether the last event of this kind was "has reached a steady state".
    pub steady: bool,
    /// Task failures in a row, for the back-off between launches.
    pub failures_in_a_row: u32,
    /// When the last of those was.
    pub last_failure_at: Option<Millis>,
    /// When it became INACTIVE; it is still described for a while.
    #[serde(default)]
    pub inactive_since: Option<Millis>,
    /// Tags as ECS writes them.
    pub tags: Vec<serde_json::Value>,
}

/// Whether a service runs tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ServiceStatus {
    /// Runs tasks.
    Active,
    /// Deleted; its tasks are stopping.
    Draining,
    /// Deleted; kept so that describe answers, as ECS does.
    Inactive,
}

impl ServiceStatus {
    /// Returns ECS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Draining => "DRAINING",
            Self::Inactive => "INACTIVE",
        }
    }
}

/// `deploymentCircuitBreaker.thresholdConfiguration` and `resetOnHealthyTask`, with ECS's defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerRule {
    /// How many failures end a deployment.
    pub threshold: BreakerThreshold,
    /// Whether a healthy task makes the count start again.
    pub resets: bool,
}

/// How many failures end a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum BreakerThreshold {
    /// As many.
    Count(u32),
    /// Percent of the desired count, between 3 and 200.
    Bounded(u32),
    /// Percent of the desired count.
    Unbounded(u32),
}

impl Default for BreakerRule {
    fn default() -> Self {
        Self { threshold: BreakerThreshold::Bounded(50), resets: true }
    }
}

/// `deploymentConfiguration.alarms`: which alarms of CloudWatch end a deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmRule {
    /// Whether they do.
    pub enabled: bool,
    /// Whether the service then goes back.
    pub rollback: bool,
    /// Their names.
    pub names: Vec<String>,
}

/// A container's port registered with a target group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetBinding {
    /// Target group.
    pub group_arn: String,
    /// Container.
    pub container: String,
    /// Its port.
    pub port: u16,
}

/// A service of Cloud Map that tasks register at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegistryBinding {
    /// Its region.
    pub region: String,
    /// Its id (`srv-...`).
    pub service: String,
    /// The port that is registered, if one is.
    pub port: Option<u16>,
}

/// One deployment of a service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    /// Nineteen digits; `ecs-svc/N` on the wire and the end of the service revision's ARN.
    pub number: String,
    /// ARN of the service deployment (`.../21 characters`), for `DescribeServiceDeployments`.
    pub service_deployment_arn: String,
    /// The revision that its tasks run.
    pub task_definition_arn: String,
    /// Network configuration when it was made, as sent.
    pub network_configuration: Option<serde_json::Value>,
    /// When it was made.
    pub created_at: Millis,
    /// When it last moved.
    pub updated_at: Millis,
    /// How far it got.
    pub rollout_state: RolloutState,
    /// In ECS's words.
    pub rollout_state_reason: String,
    /// Failures that the circuit breaker counts: since its last healthy task, or all of them
    /// ([`BreakerRule::resets`]).
    pub failed_tasks: u32,
}

impl Deployment {
    /// Returns `ecs-svc/N`.
    pub fn id(&self) -> String {
        format!("ecs-svc/{}", self.number)
    }
}

/// How far a deployment got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum RolloutState {
    /// Replacing tasks.
    InProgress,
    /// All tasks are of this deployment and healthy.
    Completed,
    /// Given up.
    Failed,
}

impl RolloutState {
    /// Returns ECS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InProgress => "IN_PROGRESS",
            Self::Completed => "COMPLETED",
            Self::Failed => "FAILED",
        }
    }
}

/// A line of a service's story.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceEvent {
    /// UUID.
    pub id: String,
    /// When.
    pub at: Millis,
    /// In ECS's words.
    pub message: String,
}
