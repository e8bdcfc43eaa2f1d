//! A service deployment: one attempt to bring a service to a revision, kept after it ended.

use aws_model::{Document, Millis};
use serde::{Deserialize, Serialize};

use super::TargetBinding;

/// One attempt to bring a service to a service revision. A way back belongs to the attempt that failed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceDeployment {
    /// `arn:aws:ecs:REGION:ACCOUNT:service-deployment/CLUSTER/SERVICE/21 characters`.
    pub arn: String,
    /// Its service.
    pub service_arn: String,
    /// Its cluster.
    pub cluster_arn: String,
    /// What it brings the service to.
    pub target: ServiceRevision,
    /// Numbers of the revisions that ran when it began.
    pub sources: Vec<String>,
    /// How far it got.
    pub status: DeploymentStatus,
    /// Why that is its status.
    pub status_reason: Option<String>,
    /// When it was asked for.
    pub created_at: Millis,
    /// When the scheduler took it up.
    pub started_at: Option<Millis>,
    /// When it last moved.
    pub updated_at: Millis,
    /// When it ended, well or not.
    pub finished_at: Option<Millis>,
    /// When it was stopped, or failed without a way back.
    pub stopped_at: Option<Millis>,
    /// `deploymentConfiguration` when it was asked for, as sent.
    pub configuration: Option<serde_json::Value>,
    /// What the circuit breaker saw of it.
    pub breaker: BreakerView,
    /// What was seen of CloudWatch's alarms while it was under way.
    #[serde(default)]
    pub alarms: AlarmsView,
    /// The way back, if one was begun.
    pub rollback: Option<Rollback>,
}

/// What a service runs, frozen. Has the number of its deployment (`ecs-svc/N`) and never changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ServiceRevision {
    /// Nineteen digits; the end of its ARN, because clients find their deployment by it.
    pub number: String,
    /// The task definition that its tasks run.
    pub task_definition_arn: String,
    /// The service's members that make a revision ([`ServiceRevision::MEMBERS`]), as sent.
    pub document: Document,
    /// Where its tasks register.
    pub load_balancers: Vec<TargetBinding>,
    /// When it was made.
    pub created_at: Millis,
}

impl ServiceRevision {
    /// Members of a service that belong to its revision: going back brings them back.
    pub const MEMBERS: [&'static str; 7] = [
        "launchType",
        "capacityProviderStrategy",
        "platformVersion",
        "networkConfiguration",
        "loadBalancers",
        "serviceRegistries",
        "monitoring",
    ];
}

/// A way back to a revision that was completed once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rollback {
    /// Why.
    pub reason: String,
    /// When it began.
    pub started_at: Millis,
    /// Number of the revision it goes back to; none if there was none.
    pub number: Option<String>,
}

/// What the circuit breaker saw of a deployment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BreakerView {
    /// Whether it looked at all.
    pub enabled: bool,
    /// Whether it ended the deployment.
    pub triggered: bool,
    /// Failures that counted.
    pub failures: u32,
    /// How many it allows.
    pub threshold: u32,
}

/// What was seen of CloudWatch's alarms while a deployment was under way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmsView {
    /// How far it is with looking.
    pub watch: AlarmWatch,
    /// The alarms that were to be watched when it began.
    pub names: Vec<String>,
    /// Those that were seen in ALARM while they were watched.
    pub raised: Vec<String>,
    /// Since when all of its tasks are there and nothing else is: the bake time runs.
    pub baking_since: Option<Millis>,
}

/// How far a deployment is with looking at alarms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AlarmWatch {
    /// It is not known yet whether there is anything to watch.
    #[default]
    New,
    /// There is nothing to watch, or an alarm was in ALARM when it began.
    Off,
    /// No task of it runs yet.
    Waiting,
    /// They are watched.
    On,
    /// One of them ended it.
    Triggered,
}

/// How far a service deployment got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeploymentStatus {
    /// Asked for.
    Pending,
    /// Replacing tasks.
    InProgress,
    /// All tasks are of its revision and healthy.
    Successful,
    /// It was asked to stop where it is.
    StopRequested,
    /// Ended without success: by its user, by a newer one, or by the breaker without a way back.
    Stopped,
    /// It was asked to go back.
    RollbackRequested,
    /// Going back.
    RollbackInProgress,
    /// Back.
    RollbackSuccessful,
    /// There was no way back, or it failed too.
    RollbackFailed,
}

impl DeploymentStatus {
    /// Returns ECS's word.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::InProgress => "IN_PROGRESS",
            Self::Successful => "SUCCESSFUL",
            Self::StopRequested => "STOP_REQUESTED",
            Self::Stopped => "STOPPED",
            Self::RollbackRequested => "ROLLBACK_REQUESTED",
            Self::RollbackInProgress => "ROLLBACK_IN_PROGRESS",
            Self::RollbackSuccessful => "ROLLBACK_SUCCESSFUL",
            Self::RollbackFailed => "ROLLBACK_FAILED",
        }
    }

    /// Whether it is over; an ended deployment never changes its status again.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Successful | Self::Stopped | Self::RollbackSuccessful | Self::RollbackFailed)
    }
}
