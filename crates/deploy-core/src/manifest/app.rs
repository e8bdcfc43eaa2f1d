//! The top of the manifest: the application, its images, its variables and secrets.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Accepted, Container, Database, Defaults, Named, Pipeline, Previews, Scalar, Schedule, Service, Stage};

/// One application: what is built, what runs, and how its stages differ.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("required" = ["app"]))]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Manifest {
    /// Name of the application: the prefix of every name in AWS. Lower-case letters, digits and hyphens.
    #[schemars(extend("format" = "managr-app"))]
    pub app: String,
    /// AWS region. Default: `us-east-1`. A stage may override it.
    #[schemars(extend("minLength" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// ECS cluster, for stages that do not say theirs; `{stage}` is the stage's name. Default: `{app}-cluster`.
    #[schemars(extend("format" = "managr-ecs-pattern"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cluster: Option<String>,
    /// Name of the load balancer, for stages that do not say theirs. Default: `{app}-{stage}`.
    #[schemars(extend("format" = "managr-elb-pattern"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub load_balancer: Option<String>,
    /// Log group, for stages that do not say theirs. Default: `/{app}/{stage}`.
    #[schemars(extend("format" = "managr-pattern"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log_group: Option<String>,
    /// Name of the JSON secret, for stages that do not say theirs. Default: `{app}/{stage}`.
    #[schemars(extend("format" = "managr-pattern"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// Role that pulls images, reads secrets and writes logs, for stages that do not say theirs. Default:
    /// `{app}-{stage}-execution`.
    #[schemars(extend("format" = "managr-pattern"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub execution_role: Option<String>,
    /// Role that the application's own AWS calls use, for stages that do not say theirs. Default: `{app}-{stage}-task`.
    #[schemars(extend("format" = "managr-pattern"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub task_role: Option<String>,
    /// Role that EventBridge starts schedules with, for stages that do not say theirs. Default: `{app}-{stage}-schedule`.
    #[schemars(extend("format" = "managr-pattern"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schedule_role: Option<String>,
    /// Images that are built here and pushed to ECR or to the embedded registry.
    #[schemars(extend("propertyNames" = { "format": "managr-name" }))]
    pub images: Named<Image>,
    /// Plain variables. They show in the task definition; use `secrets` for what must not.
    #[schemars(extend("propertyNames" = { "format": "managr-variable" }))]
    pub variables: Named<Variable>,
    /// Sensitive variables: names only. Values live in Secrets Manager, one JSON secret for each stage.
    #[schemars(extend("propertyNames" = { "format": "managr-variable" }))]
    pub secrets: Named<Secret>,
    /// Databases of the application: containers get them by variables, such as `DATABASE_URL`.
    #[schemars(extend("propertyNames" = { "format": "managr-name" }))]
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub databases: Named<Database>,
    /// What every service says that does not say it itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub defaults: Option<Defaults>,
    /// Containers that several services have beside their own: those that name them in `sidecars`.
    #[schemars(extend("propertyNames" = { "format": "managr-container" }))]
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub sidecars: Named<Container>,
    /// Services: sets of containers that are kept running, each set one ECS task.
    #[schemars(extend("propertyNames" = { "format": "managr-name" }))]
    pub services: Named<Service>,
    /// Commands that run at set times.
    #[schemars(extend("propertyNames" = { "format": "managr-name" }))]
    pub schedules: Named<Schedule>,
    /// Places where the application runs. `local`, this machine, is always there.
    #[schemars(extend("propertyNames" = { "format": "managr-name" }))]
    pub stages: Named<Stage>,
    /// Stages that are made for pull requests. Default: none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previews: Option<Previews>,
    /// Findings of `managr vars check` that are meant to be so, each with its reason. Default: none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub accepted: Vec<Accepted>,
    /// What `managr pipeline` writes: branches, tags, the image and the size of steps.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pipeline: Option<Pipeline>,
}

/// An image that is built from a Dockerfile.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Image {
    /// Path of the Dockerfile, from the manifest's directory. Default: `Dockerfile` in the context.
    #[schemars(extend("minLength" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dockerfile: Option<String>,
    /// Directory sent to the builder, from the manifest's directory. Default: the manifest's directory.
    #[schemars(extend("minLength" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// Repository that the image is pushed to, without host and tag. Default: `{app}/{image}`.
    #[schemars(extend("format" = "managr-repository"))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// Stage of the Dockerfile to build. Default: the last.
    #[schemars(extend("minLength" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Build arguments. They show in the image's history: never a secret.
    #[serde(skip_serializing_if = "Named::is_empty")]
    pub args: Named<Scalar>,
    /// Platform to build for, such as `linux/amd64`. Default: the builder's own.
    #[schemars(extend("minLength" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub platform: Option<String>,
    /// Tags that follow what runs, beside the one of the stage, such as `latest`: for others who name the image by
    /// them, as Terraform may. `managr deploy` moves them once a release has succeeded. Placeholders are those of a
    /// stage's `tag`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra_tags: Vec<String>,
}

/// A plain variable: its value, or a table that also says which containers get it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Variable {
    /// The value.
    Value(Scalar),
    /// The value, and the containers that get it.
    Restricted(Restriction),
}

/// A plain variable that only some containers get.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Restriction {
    /// The value.
    pub value: Scalar,
    /// Containers that get the variable. Default: every container that inherits variables.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub containers: Option<Vec<String>>,
}

impl Variable {
    /// Returns the value as a container sees it.
    pub fn value(&self) -> String {
        match self {
            Self::Value(value) => value.to_string(),
            Self::Restricted(restriction) => restriction.value.to_string(),
        }
    }

    /// Returns the containers that the variable is restricted to, if it is.
    pub fn containers(&self) -> Option<&[String]> {
        match self {
            Self::Value(_) => None,
            Self::Restricted(restriction) => restriction.containers.as_deref(),
        }
    }
}

/// A sensitive variable: where its value is kept, never the value.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[schemars(extend("x-help" = "the manifest holds no values of secrets: write `NAME = {}` and keep the value in Secrets Manager, or for the local stage in its `secrets-file`"))]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Secret {
    /// Containers that get the secret. Default: every container that inherits secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub containers: Option<Vec<String>>,
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
