//! A one-off task: a command in the image, the settings and the network of a service that runs.

mod end;
mod follow;
mod request;

use aws::{CallError, Client, ECS, items};
use deploy_core::oneoff::with_needs;
use deploy_core::plan::short;
use deploy_core::same_task_definition;
use ecs_model::Document;
use serde_json::{Value, json};

pub use self::end::{Ended, ended};
pub use self::follow::{Said, follow};
use self::request::request;
use crate::error::UpError;
use crate::logs::{self, Source};
use crate::observe::{self, object, text};

/// `startedBy` of a one-off task.
pub const STARTED_BY: &str = "managr-run";

/// A command to run once.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OneOff {
    /// Cluster.
    pub cluster: String,
    /// Name of the service in ECS.
    pub service: String,
    /// Container that it runs in.
    pub container: String,
    /// Arguments, instead of the container's own. A program that the image or the definition
    /// names as entry point stays in front: no override of ECS can take it away.
    pub command: Vec<String>,
    /// Variables, over the container's own.
    pub environment: Vec<(String, String)>,
    /// CPU units of the task; none for the service's.
    pub cpu: Option<u32>,
    /// Memory of the task in MiB; none for the service's.
    pub memory: Option<u32>,
    /// Whether every container of the service's task definition runs beside it.
    pub whole: bool,
}

/// A task that was started.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Started {
    /// Cluster.
    pub cluster: String,
    /// ARN of the task.
    pub arn: String,
    /// Its id: the end of its ARN.
    pub id: String,
    /// The revision that it runs, `family:revision`.
    pub revision: String,
    /// Container that is watched.
    pub container: String,
    /// Where its output goes; none if that is not CloudWatch Logs.
    pub output: Option<Source>,
}

/// Why a one-off task could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A call failed.
    #[error(transparent)]
    Call(#[from] CallError),
    /// There is nothing to take the settings from.
    #[error("there is no service `{service}` in cluster `{cluster}`")]
    NoService {
        /// Name in ECS.
        service: String,
        /// Cluster.
        cluster: String,
    },
    /// The service's task definition has no such container.
    #[error("`{revision}`, which the service runs, has no container `{container}`: there are {}", known.join(", "))]
    NoContainer {
        /// The revision.
        revision: String,
        /// The container that was asked for.
        container: String,
        /// Those that there are.
        known: Vec<String>,
    },
    /// ECS did not place the task.
    #[error("the task was not started: {reason}")]
    NotPlaced {
        /// In ECS's words.
        reason: String,
    },
    /// A definition could not be registered.
    #[error(transparent)]
    Register(Box<UpError>),
}

/// Starts a one-off task from what the service's primary deployment runs.
///
/// # Errors
/// See [`StartError`].
pub async fn start(client: &Client, wanted: &OneOff) -> Result<Started, StartError> {
    let OneOff { cluster, service, container, .. } = wanted;
    let no_service = || StartError::NoService { service: service.clone(), cluster: cluster.clone() };
    let document = observe::service(client, cluster, service).await?.ok_or_else(no_service)?;
    let live = request::live(&document).to_owned();
    let definition = observe::task_definition_with_tags(client, &live).await?.ok_or_else(no_service)?;
    let found = containers(&definition).find(|found| text(found, "name") == container);
    let Some(output) = found.map(logs::source) else {
        let known = containers(&definition).map(|found| text(found, "name").to_owned()).collect();
        let revision = short(&live).to_owned();
        return Err(StartError::NoContainer { revision, container: container.clone(), known });
    };
    let revision = match wanted.whole {
        true => live,
        false => derived(client, &definition, container).await?,
    };
    let answer = client.call(&ECS, "RunTask", request(&document, &revision, wanted)).await?;
    let task = items(&answer, "tasks").first().and_then(Value::as_object);
    let arn = task.map(|task| text(task, "taskArn")).filter(|arn| !arn.is_empty());
    let arn = arn.ok_or_else(|| StartError::NotPlaced { reason: observe::first_failure(&answer) })?.to_owned();
    Ok(Started {
        cluster: cluster.clone(),
        id: short(&arn).to_owned(),
        arn,
        revision: short(&revision).to_owned(),
        container: container.clone(),
        output,
    })
}

/// Asks that a task ends. It gets its stop signal, and SIGKILL when its stop timeout is over.
///
/// # Errors
/// See [`CallError`].
pub async fn stop(client: &Client, task: &Started, reason: &str) -> Result<(), CallError> {
    let input = object(json!({ "cluster": task.cluster, "task": task.arn, "reason": reason }));
    client.call(&ECS, "StopTask", input).await.map(|_| ())
}

/// Returns the ARN of a revision of `{family}-run` that says what is wanted: one that is there, or a new one.
async fn derived(client: &Client, live: &Document, container: &str) -> Result<String, StartError> {
    let family = format!("{}-run", text(live, "family"));
    let wanted = with_needs(live, container, &family).expect("the container was found above");
    let latest = observe::task_definition_with_tags(client, &family).await?;
    let same =
        latest.filter(|latest| same_task_definition(latest, &wanted) && latest.get("tags") == wanted.get("tags"));
    match same {
        Some(same) => Ok(text(&same, "taskDefinitionArn").to_owned()),
        None => crate::apply::register(client, wanted).await.map_err(|error| match error {
            UpError::Call(error) => StartError::Call(error),
            other => StartError::Register(Box::new(other)),
        }),
    }
}

fn containers(definition: &Document) -> impl Iterator<Item = &Document> {
    items(definition, "containerDefinitions").iter().filter_map(Value::as_object)
}
