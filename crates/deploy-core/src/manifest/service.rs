//! A service: containers kept running together, how traffic reaches them, how they are replaced.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Container, Log, Named, OneOrMany, Raw, Scaling, Seconds};

/// Containers that are kept running together, as tasks of one ECS service.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["containers"]))]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Service {
    /// Stages that it is in: elsewhere it is not there. Default: every stage.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<String>,
    /// Whether its tasks stand alone: no ECS service keeps them running. Schedules start them (`service` of a schedule),
    /// and `managr run`. What only a service that runs has (`count`, `ingress`, `release` and the like) has no place here
    /// then. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub standalone: Option<bool>,
    /// Name of the ECS service; `{stage}` is the stage's name. Default: `{app}-{service}-{stage}`.
    #[schemars(extend("format" = "managr-ecs-pattern"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Task definition family. Default: `{app}-{service}-task-{stage}`.
    #[schemars(extend("format" = "managr-ecs-pattern"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// Name of the target group. Default: `{app}-{service}-{stage}`, shortened when it is too long.
    #[schemars(extend("format" = "managr-elb-pattern"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_group: Option<String>,
    /// CPU units of a task (1024 is one vCPU): 256, 512, 1024, 2048, 4096, 8192 or 16384. Default: 256.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<u32>,
    /// Memory of a task in MiB. Default: the least that Fargate has for `cpu`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u32>,
    /// Number of tasks. Default: 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// How the number of tasks follows what is measured, and the clock, instead of `count`. Default: it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaling: Option<Scaling>,
    /// Whether one can get into its tasks with `managr connect` and `managr forward` (ECS Exec). Changing it replaces
    /// them. Default: true in the local stage; elsewhere what the service has, and false for a new one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exec: Option<bool>,
    /// CPU architecture: `linux/amd64` or `linux/arm64`. Default: left out, which Fargate reads as amd64.
    #[schemars(extend("enum" = ["linux/amd64", "linux/arm64"]))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Scratch space of a task in GiB, 21 to 200. Default: Fargate's 20.
    #[schemars(extend("minimum" = 21, "maximum" = 200))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ephemeral_storage: Option<u32>,
    /// How requests reach the service. Default: they do not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress: Option<Ingress>,
    /// Name under which its tasks are found by others in the same network, such as `"api.shop.local"`; `{stage}` is the
    /// stage's name. It is a name of Cloud Map, with the addresses of the tasks that run: what follows the first dot
    /// is a private namespace, which is made if there is none, and answers for every name below it. Default: none.
    #[schemars(extend("format" = "managr-discover"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discover: Option<String>,
    /// A command that runs once, with the new image, before any task is replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub release: Option<Release>,
    /// How running tasks are replaced by new ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deployment: Option<Deployment>,
    /// Volumes of the task. Need not be declared; once one is, every mount must name a declared one.
    #[schemars(extend("propertyNames" = { "format": "managr-container" }))]
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub volumes: Named<Volume>,
    /// Where the output of its containers goes, where they do not say it themselves. Default: streams of the log group
    /// `/{app}/{stage}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<Log>,
    /// Containers of `[sidecars]` that it has as well, behind its own. Default: none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sidecars: Vec<String>,
    /// Containers of a task.
    #[schemars(extend("propertyNames" = { "format": "managr-container" }))]
    pub containers: Named<Container>,
    /// Fields of the task definition, in AWS's own JSON names, merged over what is rendered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws: Option<Raw>,
    /// Members of the rendered task definition to take out, after `aws` was merged over: names with dots between them,
    /// such as `"executionRoleArn"`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aws_without: Vec<String>,
    /// Fields of CreateService, in AWS's own JSON names, merged over what is rendered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_service: Option<Raw>,
}

impl Service {
    /// Returns whether no ECS service keeps its tasks running.
    pub fn is_standalone(&self) -> bool {
        self.standalone == Some(true)
    }
}

/// How requests reach a service: the load balancer's side of one port of one container.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["container", "port"]))]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Ingress {
    /// Container that takes the requests.
    pub container: String,
    /// Port that it listens on.
    #[schemars(extend("minimum" = 1))]
    pub port: u16,
    /// How the load balancer finds out whether a task can take requests.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<IngressHealth>,
    /// Port of the load balancer's listener. Default: 8080 in the local stage, 80 elsewhere.
    #[schemars(extend("minimum" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listener: Option<u16>,
    /// Host names that are routed here; `*` and `?` are wildcards. Default: the stage's `host`, or any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<OneOrMany>,
    /// Paths that are routed here; `*` and `?` are wildcards. Default: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<OneOrMany>,
    /// Time that a task being replaced may take to finish its requests. Default: `"30s"`.
    #[schemars(extend("maximum" = 3600))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deregistration_delay: Option<Seconds>,
    /// Time after a task's start in which failed health checks do not stop it. Default: `"0s"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace_period: Option<Seconds>,
}

/// How the load balancer finds out whether a task can take requests.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct IngressHealth {
    /// Path that is asked for. Default: `/`.
    #[schemars(extend("format" = "managr-path"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Time between checks, `"5s"` to `"5m"`. Default: `"10s"`.
    #[schemars(extend("minimum" = 5, "maximum" = 300))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval: Option<Seconds>,
    /// Time that a check may take, `"2s"` to `"2m"`, less than the interval. Default: `"5s"`, or what fits.
    #[schemars(extend("minimum" = 2, "maximum" = 120))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Seconds>,
    /// Passes in a row that make a task healthy, 2 to 10. Default: 2.
    #[schemars(extend("minimum" = 2, "maximum" = 10))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthy_threshold: Option<u32>,
    /// Failures in a row that make a task unhealthy, 2 to 10. Default: 3.
    #[schemars(extend("minimum" = 2, "maximum" = 10))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unhealthy_threshold: Option<u32>,
    /// Status codes that pass, such as `"200"`, `"200,302"` or `"200-399"`. Default: `"200-399"`.
    #[schemars(extend("format" = "managr-matcher"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub matcher: Option<String>,
}

/// A command that runs once before any task is replaced.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["container", "command"]))]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Release {
    /// Container whose image, variables and secrets the command gets.
    pub container: String,
    /// The command. It replaces the container's own; its exit code must be 0.
    #[schemars(extend("x-help" = "write the command as a list of words, such as [\"python3\", \"manage.py\", \"migrate\"]"))]
    pub command: Vec<String>,
    /// Program that gets the command as its arguments, instead of the ENTRYPOINT of the container or its image; `[]`
    /// is none, and runs the command itself. Default: what the container has.
    #[schemars(extend("x-help" = "write the entrypoint as a list of words, such as [\"/entrypoint.sh\"], or [] for none"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    /// Time that it may take. Default: `"10m"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Seconds>,
}

/// How running tasks are replaced by new ones.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Deployment {
    /// Percentage of `count` that stays healthy all the time. Default: 100.
    #[schemars(extend("maximum" = 100))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_healthy: Option<u32>,
    /// Percentage of `count` that may run at the same time. Default: 200.
    #[schemars(extend("minimum" = 100, "maximum" = 2000))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max: Option<u32>,
    /// Whether a deployment whose tasks fail to start is stopped: `true`, `false` or a table. Default: true, with
    /// rollback.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub circuit_breaker: Option<CircuitBreaker>,
    /// Names of CloudWatch alarms: a deployment during which one of them is raised is stopped, and the service goes back to
    /// the last one that worked. It is complete only after the alarms had time to judge the new tasks. Default: none.
    #[schemars(extend("x-help" = "write the alarms as a list of names, such as [\"shop-errors\"]"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alarms: Option<Vec<String>>,
}

/// Whether a deployment whose tasks fail to start is stopped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(untagged)]
pub enum CircuitBreaker {
    /// Stopped and rolled back, or neither.
    Enabled(bool),
    /// Stopped, with these options.
    Options(CircuitBreakerOptions),
}

/// What happens to a deployment whose tasks fail to start.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CircuitBreakerOptions {
    /// Whether the service goes back to the last deployment that worked. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rollback: Option<bool>,
}

/// A volume of the task. Empty: scratch space that lives as long as the task.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Volume {
    /// Fields of the volume, in AWS's own JSON names, such as `efsVolumeConfiguration`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws: Option<Raw>,
}
