//! A stage: where the application runs, and what differs there.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Condition, Expression, IngressHealth, Log, Named, OneOrMany, Overlap, Raw, Scalar, Seconds, Secret, StageDatabase,
    StageScaling, Variable, Via,
};

/// Name of the stage that runs on this machine. It exists in every manifest.
pub const LOCAL: &str = "local";

/// A place where the application runs. It overrides, never repeats.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Stage {
    /// ECS cluster. Default: the manifest's, or `{app}-cluster`.
    #[schemars(extend("format" = "managr-ecs-pattern"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Host names of the application. Requests for other hosts are not routed to it. Default: any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<OneOrMany>,
    /// Port of the load balancer's listener, for services that do not say theirs. Default: 8080 in the local stage, 80
    /// elsewhere.
    #[schemars(extend("minimum" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listener: Option<u16>,
    /// Template of image tags: `{commit}`, `{git-tag}`, `{branch}`, `{pr}`, `{stage}` and `{app}` are replaced.
    /// Default: `local` in the local stage, `{stage}-{commit}` elsewhere.
    #[schemars(extend("format" = "managr-tag"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tag: Option<String>,
    /// AWS region. Default: the manifest's.
    #[schemars(extend("minLength" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// AWS account. A deploy with credentials of another account is refused. Default: the credentials'.
    #[schemars(extend("format" = "managr-account"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Role (ARN or name) that pulls images, reads secrets and writes logs. Default: `{app}-{stage}-execution`.
    #[schemars(extend("format" = "managr-pattern"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_role: Option<String>,
    /// Role (ARN or name) that the application's own AWS calls use. Default: `{app}-{stage}-task`.
    #[schemars(extend("format" = "managr-pattern"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_role: Option<String>,
    /// Role (ARN or name) that EventBridge and EventBridge Scheduler start schedules with. Default: `{app}-{stage}-schedule`.
    #[schemars(extend("format" = "managr-pattern"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule_role: Option<String>,
    /// Subnets of the tasks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub subnets: Vec<String>,
    /// Security groups of the tasks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub security_groups: Vec<String>,
    /// Whether tasks get a public address. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public_ip: Option<bool>,
    /// Name of the load balancer. Default: `{app}-{stage}`.
    #[schemars(extend("format" = "managr-elb-pattern"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<String>,
    /// ARN of a listener that exists already. Default: one is made for the load balancer.
    #[schemars(extend("format" = "managr-arn"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listener_arn: Option<String>,
    /// Log group of every container. Default: `/{app}/{stage}`.
    #[schemars(extend("format" = "managr-pattern"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_group: Option<String>,
    /// Name of the JSON secret in Secrets Manager. Default: `{app}/{stage}`.
    #[schemars(extend("format" = "managr-pattern"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Dotenv file with values of secrets, from the manifest's directory; for the local stage.
    #[schemars(extend("minLength" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secrets_file: Option<String>,
    /// Plain variables that differ here. A container restriction declared above is kept.
    #[schemars(extend("propertyNames" = { "format": "managr-variable" }))]
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub variables: Named<Variable>,
    /// Secrets that differ here. What is not said is taken from `[secrets]`.
    #[schemars(extend("propertyNames" = { "format": "managr-variable" }))]
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub secrets: Named<Secret>,
    /// Services that differ here.
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub services: Named<StageService>,
    /// Schedules that differ here.
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub schedules: Named<StageSchedule>,
    /// Images that differ here.
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub images: Named<StageImage>,
    /// Databases that differ here.
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub databases: Named<StageDatabase>,
}

/// What differs for one image in a stage.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct StageImage {
    /// Build arguments that differ here, beside the image's. An image with such is built for each stage.
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub args: Named<Scalar>,
    /// Stage of the Dockerfile to build here. Default: the image's.
    #[schemars(extend("minLength" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Tags that follow what runs here, instead of the image's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extra_tags: Option<Vec<String>>,
}

/// What differs for one service in a stage.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct StageService {
    /// CPU units of a task. Default: the service's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<u32>,
    /// Memory of a task in MiB. Default: the service's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u32>,
    /// Number of tasks. Default: the service's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
    /// How the number of tasks is moved here: what differs of its `scaling`, or `false` where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaling: Option<StageScaling>,
    /// Whether one can get into its tasks (ECS Exec). Default: the service's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exec: Option<bool>,
    /// Name of the ECS service. Default: the service's, or `{app}-{service}-{stage}`.
    #[schemars(extend("format" = "managr-ecs-pattern"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Task definition family. Default: the service's, or `{app}-{service}-task-{stage}`.
    #[schemars(extend("format" = "managr-ecs-pattern"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// Name of the target group, at most 32 characters, or the ARN of one that exists already. Default:
    /// the service's, or `{app}-{service}-{stage}`, shortened when it is too long.
    #[schemars(extend("format" = "managr-target-group"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_group: Option<String>,
    /// How requests reach it here: what differs of its `ingress`, or `false` where they do not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ingress: Option<StageIngress>,
    /// Name under which its tasks are found here, or `false` where they are not. Default: the service's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discover: Option<StageDiscover>,
    /// Where the output of its containers goes here. What is not said is taken from the service's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<Log>,
    /// Containers that differ here.
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub containers: Named<StageContainer>,
    /// Fields of the task definition that differ here; merged over those of the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws: Option<Raw>,
    /// Members to take out here, beside those that the service takes out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aws_without: Vec<String>,
    /// Fields of CreateService that differ here; merged over those of the service.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws_service: Option<Raw>,
}

/// How requests reach a service in a stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(untagged)]
pub enum StageIngress {
    /// As the service says, or not at all.
    There(bool),
    /// As the service says, but for this.
    Differs(IngressDiffers),
}

/// Name under which a service is found in a stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(untagged)]
pub enum StageDiscover {
    /// As the service says, or none.
    There(bool),
    /// This one.
    Name(#[schemars(extend("format" = "managr-discover"))] String),
}

/// What differs in a stage for the way to a service. A service without an ingress has one here if `container` and
/// `port` are said.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct IngressDiffers {
    /// Container that takes the requests. Default: the service's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<String>,
    /// Port that it listens on. Default: the service's.
    #[schemars(extend("minimum" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    /// How the load balancer finds out whether a task can take requests: all of it. Default: the service's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<IngressHealth>,
    /// Port of the load balancer's listener. Default: the service's, or the stage's.
    #[schemars(extend("minimum" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub listener: Option<u16>,
    /// Host names that are routed here; an empty list is any. Default: the service's, or the stage's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub host: Option<OneOrMany>,
    /// Paths that are routed here; an empty list is any. Default: the service's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<OneOrMany>,
    /// Time that a task being replaced may take to finish its requests. Default: the service's.
    #[schemars(extend("maximum" = 3600))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deregistration_delay: Option<Seconds>,
    /// Time after a task's start in which failed health checks do not stop it. Default: the service's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub grace_period: Option<Seconds>,
}

/// What differs for one schedule in a stage.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct StageSchedule {
    /// Name of the rule, or of the schedule of EventBridge Scheduler. Default: the schedule's, or `{app}-{schedule}-{stage}`.
    #[schemars(extend("format" = "managr-rule-pattern"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Task definition family. Default: the schedule's, or `{app}-{schedule}-task-{stage}`.
    #[schemars(extend("format" = "managr-ecs-pattern"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// When it runs. Default: the schedule's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule: Option<Expression>,
    /// Time zone that `schedule` is meant in. Default: the schedule's.
    #[schemars(extend("format" = "managr-timezone"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// What fires it here. Default: the schedule's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub via: Option<Via>,
    /// Group of EventBridge Scheduler that its schedule is in. Default: the schedule's.
    #[schemars(extend("format" = "managr-rule-pattern"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// How often AWS tries again to start the task. Default: the schedule's.
    #[schemars(extend("maximum" = 185))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<u32>,
    /// Whether it fires. Default: the schedule's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// What happens when it fires while an earlier run has not ended. Default: the schedule's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub overlap: Option<Overlap>,
    /// Time after which a run that has not ended is stopped. Default: the schedule's.
    #[schemars(extend("minimum" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Seconds>,
    /// A name from `[images]`, or any reference, for its own container. Default: the schedule's.
    #[schemars(extend("format" = "managr-image"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Arguments of its own container. Default: the schedule's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// Program of its own container. Default: the schedule's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    /// Where the output of its containers goes here. What is not said is taken from the schedule's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<Log>,
    /// CPU units of the task. Default: the schedule's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<u32>,
    /// Memory of the task in MiB. Default: the schedule's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u32>,
    /// Plain variables of its own container in this stage; they win over everything else.
    #[schemars(extend("propertyNames" = { "format": "managr-variable" }))]
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub variables: Named<Scalar>,
    /// Containers that differ here.
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub containers: Named<StageContainer>,
    /// Fields of the task definition that differ here; merged over those of the schedule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws: Option<Raw>,
    /// Members to take out here, beside those that the schedule takes out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aws_without: Vec<String>,
}

/// What differs for one container in a stage.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct StageContainer {
    /// A name from `[images]`, or any reference. Default: the container's.
    #[schemars(extend("format" = "managr-image"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Arguments. Default: the container's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// Program. Default: the container's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    /// What must have happened to other containers before this one starts, here; all of it. Default: the container's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub depends_on: Option<Named<Condition>>,
    /// Where its output goes here. What is not said is taken from the container's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<Log>,
    /// Plain variables of this container in this stage; they win over everything else.
    #[schemars(extend("propertyNames" = { "format": "managr-variable" }))]
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub variables: Named<Scalar>,
    /// Fields of the container definition that differ here; merged over those of the container.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws: Option<Raw>,
    /// Members to take out here, beside those that the container takes out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aws_without: Vec<String>,
}
