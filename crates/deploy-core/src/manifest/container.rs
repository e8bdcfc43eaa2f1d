//! A container of a service, in the words of the manifest.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Named, Port, Raw, Scalar, Seconds};

/// One container of a service's task.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["image"]))]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Container {
    /// A name from `[images]`, or any reference with a tag or digest, such as `nginx:1.27`.
    #[schemars(extend("format" = "managr-image"))]
    pub image: String,
    /// Stages that it is in: elsewhere it is not there. Default: every stage.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<String>,
    /// Arguments, instead of the image's CMD.
    #[schemars(extend("x-help" = "write the command as a list of words, such as [\"python3\", \"manage.py\", \"migrate\"]"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command: Option<Vec<String>>,
    /// Program, instead of the image's ENTRYPOINT.
    #[schemars(extend("x-help" = "write the entrypoint as a list of words, such as [\"/entrypoint.sh\"]"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entrypoint: Option<Vec<String>>,
    /// Ports that the container listens on: `8000`, or `"8125/udp"`. The ingress port need not be repeated here.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<Port>,
    /// What must have happened to other containers of the task before this one starts.
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub depends_on: Named<Condition>,
    /// Command that tells whether the container is healthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub health_check: Option<ContainerHealth>,
    /// Whether the task stops when this container stops. Default: true, but false for a container that another
    /// one waits on to complete or succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub essential: Option<bool>,
    /// Volumes of the task by name, and where they are mounted: a path, or a table.
    #[schemars(extend("propertyNames" = { "format": "managr-container" }))]
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub volumes: Named<Mount>,
    /// Plain variables of this container alone; they win over `[variables]`.
    #[schemars(extend("propertyNames" = { "format": "managr-variable" }))]
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub variables: Named<Scalar>,
    /// Secrets of this container alone; they win over `[secrets]`.
    #[schemars(extend("propertyNames" = { "format": "managr-variable" }))]
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub secrets: Named<ContainerSecret>,
    /// What the container gets of the application's variables and secrets: `true` (the default) is everything,
    /// `false` nothing, a table decides for each, such as `{ variables = true, secrets = ["SECRET_KEY"] }`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inherit: Option<Inherit>,
    /// User, as `name`, `uid`, `name:group` or `uid:gid`. Default: the image's.
    #[schemars(extend("minLength" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// Working directory. Default: the image's.
    #[schemars(extend("minLength" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub working_directory: Option<String>,
    /// CPU units reserved of the task's (1024 is one vCPU). Default: a share of what is left.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpu: Option<u32>,
    /// Hard memory limit in MiB. Default: the task's.
    #[schemars(extend("minimum" = 4))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory: Option<u32>,
    /// Memory reserved in MiB.
    #[schemars(extend("minimum" = 4))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub memory_reservation: Option<u32>,
    /// Time between SIGTERM and SIGKILL, `"2s"` to `"2m"`. Default: `"30s"`.
    #[schemars(extend("minimum" = 2, "maximum" = 120))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stop_timeout: Option<Seconds>,
    /// Time that containers which depend on this one wait for it, at least `"2s"`. Default: no limit.
    #[schemars(extend("minimum" = 2, "maximum" = i32::MAX))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_timeout: Option<Seconds>,
    /// Resource limits by name (`nofile`, `nproc`, ...): a number, or `{ soft, hard }`.
    #[schemars(extend("propertyNames" = { "enum": [
        "core", "cpu", "data", "fsize", "locks", "memlock", "msgqueue", "nice", "nofile", "nproc", "rss", "rtprio",
        "rttime", "sigpending", "stack"
    ] }))]
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub ulimits: Named<Ulimit>,
    /// Whether a small init process forwards signals and reaps children. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub init: Option<bool>,
    /// Whether the root file system is read-only. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readonly_root: Option<bool>,
    /// Linux capabilities, without `CAP_`. Fargate allows adding `SYS_PTRACE` only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub capabilities: Option<Capabilities>,
    /// Memory file systems by path: a size in MiB, or `{ size, options }`.
    #[schemars(extend("propertyNames" = { "format": "managr-path" }))]
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub tmpfs: Named<Tmpfs>,
    /// Labels of the container.
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub labels: Named<String>,
    /// Where the container's output goes. Default: what its service or schedule says, or a stream of the log group
    /// `/{app}/{stage}`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<Log>,
    /// Whether the container is restarted inside its task when it exits: `true`, or a table. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart: Option<Restart>,
    /// Fields of the container definition, in AWS's own JSON names, merged over what is rendered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aws: Option<Raw>,
    /// Members of the rendered container definition to take out, after `aws` was merged over: names with dots between them,
    /// such as `"logConfiguration.options.awslogs-create-group"`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aws_without: Vec<String>,
}

/// What must have happened to a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Condition {
    /// It runs, or has run.
    Start,
    /// It has ended, with any exit code.
    Complete,
    /// It has ended with exit code 0.
    Success,
    /// Its health check passes.
    Healthy,
}

/// A command that tells whether a container is healthy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct ContainerHealth {
    /// A line for the container's shell, or a list of words that is run as it is. Exit code 0 is healthy.
    pub command: CommandLine,
    /// Time between checks, `"5s"` to `"5m"`. Default: `"30s"`.
    #[schemars(extend("minimum" = 5, "maximum" = 300))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub interval: Option<Seconds>,
    /// Time that a check may take, `"2s"` to `"1m"`. Default: `"5s"`.
    #[schemars(extend("minimum" = 2, "maximum" = 60))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timeout: Option<Seconds>,
    /// Failures in a row that make it unhealthy, 1 to 10. Default: 3.
    #[schemars(extend("minimum" = 1, "maximum" = 10))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retries: Option<u32>,
    /// Time at the start in which failures do not count, at most `"5m"`. Default: none.
    #[schemars(extend("maximum" = 300))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_period: Option<Seconds>,
}

/// A command: a line for the shell, or a list of words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(untagged)]
pub enum CommandLine {
    /// A line for the container's shell.
    Shell(String),
    /// Words, run as they are.
    Words(Vec<String>),
}

/// Where a volume is mounted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(untagged)]
pub enum Mount {
    /// Absolute path in the container.
    Path(#[schemars(extend("format" = "managr-path"))] String),
    /// Path and options.
    Options(MountOptions),
}

/// Where and how a volume is mounted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MountOptions {
    /// Absolute path in the container.
    #[schemars(extend("format" = "managr-path"))]
    pub path: String,
    /// Whether the container may only read. Default: false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
}

impl Mount {
    /// Returns the path in the container.
    pub fn path(&self) -> &str {
        match self {
            Self::Path(path) => path,
            Self::Options(options) => &options.path,
        }
    }

    /// Returns whether the container may only read.
    pub fn is_read_only(&self) -> bool {
        matches!(self, Self::Options(MountOptions { read_only: Some(true), .. }))
    }
}

/// A secret that one container declares for itself.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-help" = "the manifest holds no values of secrets: write `NAME = {}`"))]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct ContainerSecret {
    /// Whether the local stage may make up a random value when it has none. Default: false.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generate: Option<bool>,
    /// Key in the stage's JSON secret. Default: the variable's name.
    #[schemars(extend("minLength" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// ARN of a secret (with optional `:key:stage:version`) or of an SSM parameter, instead of the stage's secret.
    #[schemars(extend("format" = "managr-arn"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
}

/// What a container gets of the application's variables and secrets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(untagged)]
pub enum Inherit {
    /// Everything, or nothing.
    All(bool),
    /// Decided for each.
    Parts(InheritParts),
}

/// What a container gets, decided for variables and for secrets.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct InheritParts {
    /// `true`, `false` or a list of names. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub variables: Option<Names>,
    /// `true`, `false` or a list of names. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secrets: Option<Names>,
}

/// All, none or some names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(untagged)]
pub enum Names {
    /// All, or none.
    All(bool),
    /// These.
    Some(Vec<String>),
}

/// A resource limit: one number for both, or a soft and a hard one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(untagged)]
pub enum Ulimit {
    /// Soft and hard alike.
    Both(u32),
    /// Soft and hard.
    Range(UlimitRange),
}

/// A soft and a hard limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UlimitRange {
    /// Soft limit.
    pub soft: u32,
    /// Hard limit.
    pub hard: u32,
}

/// Linux capabilities added to and dropped from Docker's default set.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Capabilities {
    /// Capabilities to add.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub add: Vec<String>,
    /// Capabilities to drop, or `ALL`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub drop: Vec<String>,
}

/// A memory file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(untagged)]
pub enum Tmpfs {
    /// Size in MiB.
    Size(#[schemars(extend("minimum" = 1))] u32),
    /// Size and options.
    Options(TmpfsOptions),
}

/// Size and mount options of a memory file system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TmpfsOptions {
    /// Size in MiB.
    #[schemars(extend("minimum" = 1))]
    pub size: u32,
    /// Mount options, such as `noexec`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub options: Vec<String>,
}

/// Where a container's output goes.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Log {
    /// Log group. Default: the stage's `log-group`.
    #[schemars(extend("minLength" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// First part of the stream's name, before `/{container}/{task}`. Default: the service.
    #[schemars(extend("minLength" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// Whether the tasks themselves may make the log group when it is not there. Default: true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub create_group: Option<bool>,
}

/// Restart of a container inside its task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
#[serde(untagged)]
pub enum Restart {
    /// Whether it is restarted.
    Enabled(bool),
    /// Restarted, with these options.
    Options(RestartOptions),
}

/// When a container is restarted inside its task.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct RestartOptions {
    /// Exit codes that do not restart it. Default: none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ignored_exit_codes: Vec<u8>,
    /// Time that it must have run before it is restarted, `"1m"` to `"30m"`. Default: `"5m"`.
    #[schemars(extend("minimum" = 60, "maximum" = 1800))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attempt_period: Option<Seconds>,
}
