//! What should be true in a stage? The manifest and the facts in, AWS's own documents out.
//!
//! The same manifest, stage and facts give the same documents, member for member: what differs between two runs is a
//! real change. Never holds the value of a secret.

mod container;
mod database;
mod facts;
mod gate;
mod main_container;
mod merge;
mod names;
mod preview;
mod scaling;
mod service;
mod spec;
pub mod tag;
mod task;
mod variables;

use aws_model::{AwsError, Document};
use serde::{Deserialize, Serialize};

pub use self::database::{DatabaseSpec, database_instance};
pub use self::facts::{Facts, Git, UNKNOWN_ACCOUNT};
pub use self::gate::{GateSpec, has_gate};
pub use self::main_container::main_container;
pub use self::names::{DEFAULT_REGION, region};
pub use self::preview::{Preview, is_stage, preview, seen};
pub use self::scaling::{PREFIX, PolicySpec, ScalingSpec};
pub use self::service::{DiscoverSpec, IngressHealthSpec, IngressSpec, ReleaseSpec, ServiceDoc, update_document};
pub use self::variables::{Explained, Provenance, Setting, explain};
use crate::manifest::{LOCAL, Manifest, Service, Stage, Via};
use crate::suggest::nearest;

/// Everything that should exist for one stage of an application.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Desired {
    /// Name of the application.
    pub app: String,
    /// Name of the stage.
    pub stage: String,
    /// AWS region.
    pub region: String,
    /// AWS account that the manifest insists on, if it does.
    pub account: Option<String>,
    /// Name of the ECS cluster.
    pub cluster: String,
    /// Images to build and push, in the order of the manifest.
    pub images: Vec<ImageSpec>,
    /// The image of the gates of schedules; none when no schedule needs one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gate: Option<GateSpec>,
    /// Repositories that images are pushed to, without duplicates.
    pub repositories: Vec<String>,
    /// Log groups that containers write to, without duplicates.
    pub log_groups: Vec<String>,
    /// The stage's JSON secret; none when no secret needs it.
    pub secret: Option<SecretSpec>,
    /// Databases, in the order of the manifest.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub databases: Vec<DatabaseSpec>,
    /// `networkConfiguration` of the stage's tasks, in ECS's spelling.
    pub network: serde_json::Value,
    /// Dotenv file with the secret's values, from the manifest's directory.
    pub secrets_file: Option<String>,
    /// Task definitions to register: services first, then schedules.
    pub task_definitions: Vec<TaskDefinitionDoc>,
    /// Services that ECS keeps running, in the order of the manifest.
    pub services: Vec<ServiceDoc>,
    /// Schedules, in the order of the manifest.
    pub schedules: Vec<ScheduleDoc>,
}

impl Desired {
    /// Returns the families that ECS would refuse to register, and in which words: all of them.
    ///
    /// Raw `aws` tables reach ECS unread, so a manifest without faults may still be refused.
    pub fn refusals(&self) -> Vec<(&str, AwsError)> {
        let refused = |task: &TaskDefinitionDoc| aws_model::validate::refusals(&task.document);
        let each = |task| refused(task).into_iter().map(|error| (task.family.as_str(), error));
        self.task_definitions.iter().flat_map(each).collect()
    }

    /// Returns the task definition that a schedule runs: its own, or that of the service whose task it runs.
    pub fn schedule_task(&self, schedule: &str) -> Option<&TaskDefinitionDoc> {
        match self.schedules.iter().find(|doc| doc.name == schedule)?.service.as_deref() {
            Some(service) => self.service_task(service),
            None => self.task_definitions.iter().find(|task| task.owner == Owner::Schedule(schedule.to_owned())),
        }
    }

    /// Returns the service that keeps the task running which a schedule starts; none if the task is its own, or stands
    /// alone.
    pub fn schedule_service(&self, schedule: &ScheduleDoc) -> Option<&ServiceDoc> {
        let service = schedule.service.as_ref()?;
        self.services.iter().find(|other| other.service == *service)
    }

    /// Returns the services of the manifest that no ECS service keeps running, with their task definitions.
    pub fn standalone(&self) -> impl Iterator<Item = (&str, &TaskDefinitionDoc)> {
        self.task_definitions.iter().filter_map(|task| match &task.owner {
            Owner::Service(name) if self.services.iter().all(|service| service.service != *name) => {
                Some((name.as_str(), task))
            }
            _ => None,
        })
    }

    /// Returns the task definition of a service.
    pub fn service_task(&self, service: &str) -> Option<&TaskDefinitionDoc> {
        self.task_definitions.iter().find(|task| task.owner == Owner::Service(service.to_owned()))
    }
}

/// An image to build and push.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ImageSpec {
    /// Name in `[images]`.
    pub name: String,
    /// Path of the Dockerfile from the manifest's directory.
    pub dockerfile: String,
    /// Directory sent to the builder, from the manifest's directory.
    pub context: String,
    /// Stage of the Dockerfile; none is the last.
    pub target: Option<String>,
    /// Build arguments, in the order of the manifest.
    pub args: Vec<(String, String)>,
    /// Platform; none is the builder's own.
    pub platform: Option<String>,
    /// Repository without host and tag.
    pub repository: String,
    /// Tag to push; none when its template asks for something that git did not tell.
    pub tag: Option<String>,
    /// Tags that are to follow what runs; one whose template asks for something that git did not tell is left out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub extra_tags: Vec<String>,
    /// Whether the tag names a commit.
    pub names_commit: bool,
    /// Whether that commit is of a clean working copy: then the tag says what is in the image.
    pub is_settled: bool,
    /// Reference that task definitions name: pinned by a digest when the facts have one.
    pub reference: String,
}

/// The stage's JSON secret: its name and the keys that must be in it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SecretSpec {
    /// Name in Secrets Manager.
    pub name: String,
    /// Keys, by name.
    pub keys: Vec<SecretKey>,
}

/// One key of the stage's JSON secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretKey {
    /// Key in the JSON object.
    pub key: String,
    /// Whether the local stage may make up a random value.
    pub generate: bool,
}

/// What a task definition is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Owner {
    /// A service of the manifest.
    Service(String),
    /// A schedule of the manifest.
    Schedule(String),
}

/// A task definition to register.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TaskDefinitionDoc {
    /// What it is for.
    pub owner: Owner,
    /// Family.
    pub family: String,
    /// Request of RegisterTaskDefinition.
    pub document: Document,
}

/// A schedule: what runs, and when.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ScheduleDoc {
    /// Name in the manifest.
    pub name: String,
    /// Name of its rule in AWS, or of its schedule in EventBridge Scheduler.
    pub rule: String,
    /// Task definition family.
    pub family: String,
    /// `rate(...)`, `cron(...)` or `at(...)`.
    pub expression: String,
    /// What fires it.
    #[serde(skip_serializing_if = "is_rule")]
    pub via: Via,
    /// Time zone of the expression; none is UTC.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timezone: Option<String>,
    /// Its group in EventBridge Scheduler; none is `default`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// How often a start is tried again. If the manifest does not say, what is there stays as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retries: Option<u32>,
    /// Whether it fires. If the manifest does not say, a rule that is there stays as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
    /// Container that the schedule is about.
    #[serde(skip)]
    pub container: String,
    /// ARN of the role that it is started with.
    pub role: String,
    /// `networkConfiguration` of its tasks, in ECS's spelling.
    pub network: serde_json::Value,
    /// Service in the manifest whose task it runs; none if it has a task definition of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// What it changes of the service's task: ECS's `TaskOverride`. Empty is nothing.
    #[serde(skip_serializing_if = "Document::is_empty")]
    pub overrides: Document,
}

fn is_rule(via: &Via) -> bool {
    *via == Via::Rule
}

impl ScheduleDoc {
    /// Returns its group in EventBridge Scheduler.
    pub fn group(&self) -> &str {
        self.group.as_deref().unwrap_or("default")
    }

    /// Returns the name of its time zone.
    pub fn zone(&self) -> &str {
        self.timezone.as_deref().unwrap_or("UTC")
    }
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DesiredError {
    /// The manifest has no such stage.
    #[error("the manifest has no stage `{stage}`{}", hint(meant))]
    UnknownStage {
        /// The stage asked for.
        stage: String,
        /// The nearest stage that there is.
        meant: Option<String>,
    },
    /// The tag of an image cannot be made.
    #[error("the tag of image `{image}` cannot be made")]
    Tag {
        /// Name in `[images]`.
        image: String,
        /// Why.
        #[source]
        source: tag::TagError,
    },
}

fn hint(meant: &Option<String>) -> String {
    meant.as_ref().map(|name| format!(" (did you mean `{name}`?)")).unwrap_or_default()
}

/// A manifest seen from one of its stages, without what is not there; what rendering needs at hand.
struct Scope<'a> {
    manifest: &'a Manifest,
    name: &'a str,
    is_preview: bool,
    stage: &'a Stage,
    facts: &'a Facts,
    region: String,
    images: Vec<ImageSpec>,
}

/// Returns everything that should exist for a stage.
///
/// Facts that are not known yet are filled with what they will probably be, so that a document
/// can be shown before anything exists: a secret's ARN without its suffix, a tag for a digest.
/// A service's `loadBalancers` are left out until the facts have its target group.
///
/// # Errors
/// The stage does not exist, or a tag template asks for something that git did not tell.
pub fn desired(manifest: &Manifest, stage: &str, facts: &Facts) -> Result<Desired, DesiredError> {
    let is_preview = preview(manifest, stage).is_some();
    let manifest = &*seen(manifest, stage);
    let settings = stage_of(manifest, stage)?;
    let manifest = &manifest.in_stage(stage);
    let images = images(manifest, stage, &settings, facts)?;
    let region = facts.region.clone().unwrap_or_else(|| region(manifest, stage).to_owned());
    let scope = Scope { manifest, name: stage, is_preview, stage: &settings, facts, region, images };

    let tasks = spec::tasks(manifest, stage, &settings);
    let task_definitions: Vec<TaskDefinitionDoc> = tasks.iter().map(|task| scope.task(task)).collect();
    // API reference, CreateService: networkConfiguration "is required for task definitions that use the awsvpc network mode
    // [...], and it isn't supported for other network modes".
    let has_network = |name: &str| {
        let of_it = task_definitions.iter().find(|task| task.owner == Owner::Service(name.to_owned()));
        of_it.is_none_or(|task| task.document.get("networkMode").is_some_and(|mode| mode == "awsvpc"))
    };
    let gate = scope.gate_spec(&tasks, &task_definitions);
    let service = |(name, service)| scope.service(name, service, has_network(name));
    let services = kept_running(manifest).map(service).collect();
    Ok(Desired {
        app: manifest.app.clone(),
        stage: stage.to_owned(),
        region: scope.region.clone(),
        account: settings.account.clone(),
        cluster: scope.cluster(),
        repositories: distinct(
            scope.images.iter().map(|image| image.repository.clone()).chain(gate.iter().map(|g| g.repository.clone())),
        ),
        gate,
        log_groups: log_groups(&task_definitions),
        secret: scope.secret_spec(&tasks),
        databases: scope.databases(),
        network: scope.network(),
        secrets_file: settings.secrets_file.clone(),
        services,
        schedules: scope.schedules(),
        task_definitions,
        images: scope.images,
    })
}

/// Returns the services that ECS keeps running.
fn kept_running(manifest: &Manifest) -> impl Iterator<Item = (&str, &Service)> {
    manifest.services.iter().filter(|(_, service)| !service.is_standalone())
}

/// Returns the name of a stage's JSON secret in Secrets Manager, whether anything is in it or not.
///
/// # Errors
/// The stage does not exist.
pub fn secret_name(manifest: &Manifest, stage: &str) -> Result<String, DesiredError> {
    let settings = stage_of(manifest, stage)?;
    Ok(settings.secret.unwrap_or_else(|| format!("{}/{stage}", manifest.app)))
}

/// Returns a stage's settings; `local` is there without being written, and so are previews.
///
/// # Errors
/// There is no such stage.
pub fn stage_of(manifest: &Manifest, stage: &str) -> Result<Stage, DesiredError> {
    let manifest = &*seen(manifest, stage);
    match manifest.stages.get(stage) {
        Some(settings) => Ok(settings.clone().called(manifest, stage)),
        None if stage == LOCAL => Ok(Stage::default().called(manifest, stage)),
        None => {
            let known = manifest.stages.names().chain([LOCAL]);
            let meant = nearest(stage, known).map(str::to_owned);
            Err(DesiredError::UnknownStage { stage: stage.to_owned(), meant })
        }
    }
}

fn images(manifest: &Manifest, name: &str, stage: &Stage, facts: &Facts) -> Result<Vec<ImageSpec>, DesiredError> {
    let default = if name == LOCAL { LOCAL } else { "{stage}-{commit}" };
    let template = stage.tag.as_deref().unwrap_or(default);
    let mut specs = Vec::with_capacity(manifest.images.len());
    for (image, spec) in manifest.images.iter() {
        let made = || tag::render(template, &manifest.app, name, &facts.git);
        let tag = facts.tag.clone().map_or_else(made, Ok);
        let repository = spec.repository.clone().unwrap_or_else(|| format!("{}/{image}", manifest.app));
        let reference = match (facts.images.get(image), &tag) {
            (Some(reference), _) => reference.clone(),
            (None, Ok(tag)) => format!("{}/{repository}:{tag}", facts.registry),
            (None, Err(source)) => {
                return Err(DesiredError::Tag { image: image.to_owned(), source: source.clone() });
            }
        };
        let context = spec.context.clone().unwrap_or_else(|| ".".to_owned());
        let in_context = || format!("{}/Dockerfile", context.trim_end_matches('/'));
        let dockerfile = spec.dockerfile.clone().unwrap_or_else(in_context);
        let differs = stage.images.get(image);
        let extra = differs.and_then(|differs| differs.extra_tags.as_ref()).unwrap_or(&spec.extra_tags);
        let extra = extra.iter().filter_map(|tag| tag::render(tag, &manifest.app, name, &facts.git).ok());
        let mut args = spec.args.clone();
        for (key, value) in differs.into_iter().flat_map(|differs| differs.args.iter()) {
            args.insert(key, value.clone());
        }
        specs.push(ImageSpec {
            name: image.to_owned(),
            dockerfile: dockerfile.trim_start_matches("./").to_owned(),
            target: differs.and_then(|differs| differs.target.clone()).or_else(|| spec.target.clone()),
            extra_tags: distinct(extra),
            args: args.iter().map(|(key, value)| (key.to_owned(), value.to_string())).collect(),
            platform: spec.platform.clone(),
            tag: tag.ok(),
            names_commit: tag::names_a_commit(template),
            is_settled: !facts.git.dirty && tag::names_a_commit(template),
            context,
            repository,
            reference,
        });
    }
    Ok(specs)
}

/// Reads the groups back out of the documents, so that raw tables count too.
fn log_groups(tasks: &[TaskDefinitionDoc]) -> Vec<String> {
    let containers = tasks.iter().filter_map(|task| task.document.get("containerDefinitions")?.as_array()).flatten();
    distinct(containers.filter_map(|container| {
        let log = container.get("logConfiguration")?;
        (log.get("logDriver")? == "awslogs")
            .then(|| log.pointer("/options/awslogs-group")?.as_str().map(str::to_owned))?
    }))
}

fn distinct(items: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = Vec::new();
    for item in items {
        if !seen.contains(&item) {
            seen.push(item);
        }
    }
    seen
}
