//! What does a stage use, and which metrics tell it? Documents in, a table out; the same on AWS and on the platform.
//!
//! [`questions`] says what CloudWatch is asked, [`table()`] what its answers mean. Neither asks.
//!
//! - `AWS/ECS`: CPU and memory of services, everywhere and for nothing.
//! - `ECS/ContainerInsights`: network, tasks and containers, where the cluster asks for it ([`Insights`]).
//! - `AWS/ApplicationELB`: requests and latency of services that a load balancer sends requests to.

mod ask;
mod notes;
mod table;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use aws_model::{Document, Millis};
use serde::{Deserialize, Serialize};
use serde_json::Value;

pub use ask::{Question, questions};
pub use table::table;

/// A minute, in milliseconds: CloudWatch is asked minute by minute.
pub const MINUTE: Millis = 60_000;
/// How far back is looked, in milliseconds: AWS publishes a minute or two late.
pub const WINDOW: Millis = 10 * MINUTE;

/// How much Container Insights tells of a cluster.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Insights {
    /// Nothing.
    Disabled,
    /// Of services and families.
    Enabled,
    /// Of tasks and containers, too.
    Enhanced,
}

impl Insights {
    /// Reads a cluster of DescribeClusters that was asked for with its settings.
    pub fn of(cluster: &Document) -> Self {
        let settings = cluster.get("settings").and_then(Value::as_array).into_iter().flatten();
        let text = |setting: &Value, name: &str| setting.get(name).and_then(Value::as_str).map(str::to_owned);
        let mut found = settings.filter(|setting| text(setting, "name").as_deref() == Some("containerInsights"));
        match found.next().and_then(|setting| text(setting, "value")).as_deref() {
            Some("enabled") => Self::Enabled,
            Some("enhanced") => Self::Enhanced,
            _ => Self::Disabled,
        }
    }
}

/// What there is in a stage that could use anything.
#[derive(Debug, Clone, PartialEq)]
pub struct Seen {
    /// Application.
    pub app: String,
    /// Stage.
    pub stage: String,
    /// Cluster.
    pub cluster: String,
    /// Region.
    pub region: String,
    /// Where the API answers, if that is not AWS: it stands in commands that are proposed.
    pub endpoint: Option<String>,
    /// What Container Insights tells of the cluster.
    pub insights: Insights,
    /// Services, in the order of the manifest.
    pub services: Vec<SeenService>,
    /// Tasks, oldest first: those that run, and those that ECS remembers.
    pub tasks: Vec<SeenTask>,
}

/// A service of the manifest.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenService {
    /// Name in the manifest.
    pub service: String,
    /// Name in ECS.
    pub name: String,
    /// Whether it is there.
    pub exists: bool,
    /// Tasks wanted.
    pub desired: i64,
    /// Tasks that run.
    pub running: i64,
    /// Where a load balancer sends its requests to.
    pub groups: Vec<Group>,
}

/// A target group under a load balancer, as CloudWatch's dimensions name them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// `targetgroup/NAME/ID`.
    pub group: String,
    /// `app/NAME/ID`.
    pub balancer: String,
}

impl Group {
    /// Reads a target group of DescribeTargetGroups; none without a load balancer.
    pub fn of(group: &Document) -> Option<Self> {
        let own = group.get("TargetGroupArn")?.as_str()?.splitn(6, ':').nth(5)?;
        let balancer = group.get("LoadBalancerArns")?.as_array()?.first()?.as_str()?;
        let balancer = balancer.split_once(":loadbalancer/")?.1;
        Some(Self { group: own.to_owned(), balancer: balancer.to_owned() })
    }
}

/// A task of the stage.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenTask {
    /// Its id.
    pub id: String,
    /// Service or schedule of the manifest whose settings it has.
    pub owner: String,
    /// Name in ECS of the service that keeps it running; none for one that runs once.
    pub service: Option<String>,
    /// Family of its task definition.
    pub family: String,
    /// What it is, in a word or two: `running, healthy`.
    pub state: String,
    /// When it ran.
    pub started: Option<Millis>,
    /// Whether it has stopped, or is about to.
    pub is_ending: bool,
    /// Whether it ended without being asked to.
    pub has_failed: bool,
    /// Containers, in the order of the task definition.
    pub containers: Vec<SeenContainer>,
}

/// A container of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SeenContainer {
    /// Name.
    pub name: String,
    /// What it is, in a word.
    pub state: String,
}

/// Returns whether a stop code and its words say that a task of a service ended of itself.
///
/// ECS replaces a task whose health checks fail by its own decision, and says so in the reason alone (developer guide,
/// "Viewing Amazon ECS stopped tasks errors").
pub fn has_failed(stop_code: &str, reason: &str) -> bool {
    match stop_code {
        "TaskFailedToStart" | "EssentialContainerExited" => true,
        "ServiceSchedulerInitiated" => reason.starts_with("Task failed"),
        _ => false,
    }
}

/// Who used something.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Of {
    /// A service, by its name in ECS.
    Service(String),
    /// A service's target group: the service, and which of its groups.
    Group(String, usize),
    /// A task, by its id.
    Task(String),
    /// A container: its task's id and its name.
    Container(String, String),
}

/// What was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Measure {
    /// CPU in percent of what is reserved.
    CpuShare,
    /// Memory in percent of what is reserved.
    MemoryShare,
    /// CPU units; 1024 of them are a processor.
    Cpu,
    /// CPU units reserved.
    CpuReserved,
    /// Mebibytes.
    Memory,
    /// Mebibytes reserved.
    MemoryReserved,
    /// Bytes a second.
    Received,
    /// Bytes a second.
    Sent,
    /// How often a container was started again.
    Restarts,
    /// Targets that are well: their count shows that the load balancer reported at all.
    Hosts,
    /// Requests within a minute.
    Requests,
    /// Answers of the targets' with a status of 500 and more, within a minute.
    Errors,
    /// Seconds that half of the answers took at most.
    P50,
    /// Seconds that 95 % of the answers took at most.
    P95,
    /// Seconds that 99 % of the answers took at most.
    P99,
}

/// A value, and when the minute began that it tells of.
pub type Point = (Millis, f64);

/// What CloudWatch answered; what is not in it is unknown.
pub type Answers = BTreeMap<(Of, Measure), Vec<Point>>;

/// What a stage uses.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Top {
    /// Application.
    pub app: String,
    /// Stage.
    pub stage: String,
    /// Cluster.
    pub cluster: String,
    /// When it was looked, in milliseconds since the epoch.
    pub at: Millis,
    /// What Container Insights tells of the cluster.
    pub container_insights: Insights,
    /// Services, in the order of the manifest; then whatever else runs, under the name whose settings it has.
    pub services: Vec<Row>,
    /// What is missing, why, and what can be done about it.
    pub notes: Vec<String>,
}

/// What a row is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum RowKind {
    /// A service.
    Service,
    /// What runs once: started by hand, for a release, by a schedule.
    OneOff,
    /// A task.
    Task,
    /// A container.
    Container,
}

/// A service, task or container, and what it uses.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// What it is about.
    pub kind: RowKind,
    /// A service's or container's name, a task's id.
    pub name: String,
    /// What it is, in a few words.
    pub state: String,
    /// What it uses.
    #[serde(flatten)]
    pub usage: Usage,
    /// Tasks of a service, containers of a task.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Row>,
}

/// What a row uses. A value that CloudWatch did not report is absent, never zero.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Usage {
    /// CPU in percent of what is reserved.
    pub cpu_percent: Option<f64>,
    /// CPU units; 1024 of them are a processor.
    pub cpu_units: Option<f64>,
    /// Memory in percent of what is reserved.
    pub memory_percent: Option<f64>,
    /// Memory in mebibytes.
    pub memory_mib: Option<f64>,
    /// Bytes received in a second.
    pub received: Option<f64>,
    /// Bytes sent in a second.
    pub sent: Option<f64>,
    /// How often containers were started again by their restart policy.
    pub restarts: Option<u64>,
    /// Tasks that ended of themselves within the hour that ECS remembers: of services alone.
    pub failed_tasks: Option<u64>,
    /// Requests in a second.
    pub requests: Option<f64>,
    /// Answers with a status of 500 and more in a second.
    pub errors: Option<f64>,
    /// Seconds that half of the answers took at most.
    pub p50: Option<f64>,
    /// Seconds that 95 % of the answers took at most.
    pub p95: Option<f64>,
    /// Seconds that 99 % of the answers took at most.
    pub p99: Option<f64>,
}

impl Usage {
    /// Returns whether nothing is known that metrics tell.
    pub fn is_unknown(&self) -> bool {
        Self { failed_tasks: None, ..*self } == Self::default()
    }

    /// Returns everything that was started again: containers, and tasks in the place of those that failed.
    pub fn all_restarts(&self) -> Option<u64> {
        match (self.restarts, self.failed_tasks) {
            (None, None) => None,
            (restarts, failed) => Some(restarts.unwrap_or(0) + failed.unwrap_or(0)),
        }
    }
}
