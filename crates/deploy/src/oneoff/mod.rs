//! A one-off task: a command in the image, the settings and the network of a service that runs.

mod end;
mod follow;
mod request;

use aws::{CallError, Client, ECS, items};
use aws_model::Document;
use aws_model::register::COMPUTED;
use deploy_core::entry::{self, Way};
use deploy_core::oneoff::with_needs;
use deploy_core::plan::short;
use deploy_core::same_task_definition;
use serde_json::{Value, json};

pub use self::end::{Ended, ended};
pub use self::follow::{Said, follow};
use self::request::request;
use crate::entry as image;
use crate::error::StageError;
use crate::logs::{self, Source};
use crate::observe::{self, object, text};

/// `startedBy` of a one-off task.
pub const STARTED_BY: &str = "managr-run";

/// A command to run once.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct OneOff {
    /// Cluster.
    pub cluster: String,
    /// What it is started like.
    pub like: Like,
    /// Container that it runs in.
    pub container: String,
    /// Arguments, instead of the container's own. A program that the image or the definition
    /// names as entry point stays in front: no override of ECS can take it away.
    pub command: Vec<String>,
    /// Another entry point, in a definition of its own; an empty one is none, and the command itself is the program.
    pub entrypoint: Option<Vec<String>>,
    /// Variables, over the container's own.
    pub environment: Vec<(String, String)>,
    /// CPU units of the task; none for the service's.
    pub cpu: Option<u32>,
    /// Memory of the task in MiB; none for the service's.
    pub memory: Option<u32>,
    /// Whether every container of the service's task definition runs beside it.
    pub whole: bool,
}

/// What a task is started like.
#[derive(Debug, Clone, PartialEq)]
pub enum Like {
    /// The tasks of a service, by its name in ECS.
    Service(String),
    /// The newest revision of a family that no service runs.
    Family {
        /// The family.
        family: String,
        /// `networkConfiguration` of its tasks, in ECS's spelling.
        network: Value,
    },
}

impl Default for Like {
    fn default() -> Self {
        Self::Service(String::new())
    }
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
    /// There is no revision of a family that no service runs.
    #[error("there is no task definition `{family}`")]
    NoFamily {
        /// The family.
        family: String,
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
    Register(Box<StageError>),
}

/// What a one-off task would be started from. Nothing was done yet.
#[derive(Debug, Clone)]
pub struct Prospect {
    service: Document,
    live: String,
    definition: Document,
    output: Option<Source>,
    /// What is to be known before the command runs, and whether it would not run at all.
    pub told: Option<(String, Way)>,
}

/// Looks at what the service's primary deployment runs, and at what stands in front of a command there. `replace`
/// says how another entry point is given.
///
/// # Errors
/// See [`StartError`].
pub async fn look(client: &Client, wanted: &OneOff, replace: &str) -> Result<Prospect, StartError> {
    let OneOff { cluster, like, container, .. } = wanted;
    let (document, definition) = match like {
        Like::Service(service) => {
            let no_service = || StartError::NoService { service: service.clone(), cluster: cluster.clone() };
            let document = observe::service(client, cluster, service).await?.ok_or_else(no_service)?;
            let found = observe::task_definition_with_tags(client, request::live(&document)).await?;
            (document, found.ok_or_else(no_service)?)
        }
        Like::Family { family, network } => {
            let found = observe::task_definition_with_tags(client, family).await?;
            let document = object(json!({ "launchType": "FARGATE", "networkConfiguration": network }));
            (document, found.ok_or_else(|| StartError::NoFamily { family: family.clone() })?)
        }
    };
    let live = match like {
        Like::Service(_) => request::live(&document).to_owned(),
        Like::Family { .. } => text(&definition, "taskDefinitionArn").to_owned(),
    };
    let found = containers(&definition).find(|found| text(found, "name") == container);
    let Some(found) = found else {
        let known = containers(&definition).map(|found| text(found, "name").to_owned()).collect();
        let revision = short(&live).to_owned();
        return Err(StartError::NoContainer { revision, container: container.clone(), known });
    };
    let told = if wanted.entrypoint.is_none() { told(client, &definition, found, wanted, replace).await } else { None };
    let output = logs::source(found);
    Ok(Prospect { service: document, live, definition, output, told })
}

async fn told(
    client: &Client,
    definition: &Document,
    container: &Document,
    wanted: &OneOff,
    replace: &str,
) -> Option<(String, Way)> {
    let own = entry::of_container(container);
    let (entrypoint, source) = match own.is_empty() {
        true => (image::of_image(client, text(container, "image"), definition).await?, entry::Source::Image),
        false => (own, entry::Source::Definition),
    };
    let words = entry::told(&entrypoint, source, &wanted.command, replace)?;
    Some((words, entry::way(&entrypoint)))
}

/// Starts a one-off task.
///
/// # Errors
/// See [`StartError`].
pub async fn start(client: &Client, wanted: &OneOff, prospect: Prospect) -> Result<Started, StartError> {
    let OneOff { cluster, container, .. } = wanted;
    let Prospect { service, live, definition, output, .. } = prospect;
    let (document, command) = derived(&definition, wanted);
    let revision = match document {
        Some(document) => registered(client, document).await?,
        None => live,
    };
    let answer = client.call(&ECS, "RunTask", request(&service, &revision, wanted, &command)).await?;
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

/// Returns what is to be registered, as `{family}-run`: never a revision that the service could run. None if the
/// service's own revision will do. Beside it the arguments that the command is an override with.
fn derived(live: &Document, wanted: &OneOff) -> (Option<Document>, Vec<String>) {
    let family = format!("{}-run", text(live, "family"));
    let mut document = match (wanted.whole, &wanted.entrypoint) {
        (true, None) => return (None, wanted.command.clone()),
        (true, Some(_)) => {
            let mut whole = live.clone();
            COMPUTED.iter().for_each(|member| drop(whole.shift_remove(*member)));
            whole.insert("family".to_owned(), family.into());
            whole
        }
        (false, _) => with_needs(live, &wanted.container, &family).expect("the container was found before"),
    };
    let Some(entrypoint) = &wanted.entrypoint else { return (Some(document), wanted.command.clone()) };
    let containers = document.get_mut("containerDefinitions").and_then(Value::as_array_mut);
    let mut containers = containers.into_iter().flatten().filter_map(Value::as_object_mut);
    let own = containers.find(|container| text(container, "name") == wanted.container);
    let command = own.map_or(&wanted.command[..], |own| entry::replace(own, entrypoint, &wanted.command)).to_vec();
    (Some(document), command)
}

/// Returns the ARN of a revision that says what is wanted: one that is there, or a new one.
async fn registered(client: &Client, wanted: Document) -> Result<String, StartError> {
    let latest = observe::task_definition_with_tags(client, text(&wanted, "family")).await?;
    let same =
        latest.filter(|latest| same_task_definition(latest, &wanted) && latest.get("tags") == wanted.get("tags"));
    match same {
        Some(same) => Ok(text(&same, "taskDefinitionArn").to_owned()),
        None => crate::apply::register(client, wanted).await.map_err(|error| match error {
            StageError::Call(error) => StartError::Call(error),
            other => StartError::Register(Box::new(other)),
        }),
    }
}

fn containers(definition: &Document) -> impl Iterator<Item = &Document> {
    items(definition, "containerDefinitions").iter().filter_map(Value::as_object)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_entry_point_is_a_definition_of_its_own() {
        let live = object(
            json!({"family": "f", "revision": 7, "taskDefinitionArn": "arn:f:7", "containerDefinitions": [
            {"name": "web", "image": "i", "entryPoint": ["/start"], "command": ["serve"], "portMappings": [{"containerPort": 1}]},
            {"name": "side", "image": "j", "command": ["watch"]}]}),
        );
        let check = |whole, entrypoint: Option<&[&str]>, command: &[&str]| {
            let own = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
            let (container, command) = ("web".to_owned(), own(command));
            let wanted = OneOff { container, command, entrypoint: entrypoint.map(own), whole, ..OneOff::default() };
            let (document, left) = derived(&live, &wanted);
            let shown = document.map(|document| {
                assert_eq!((&document["family"], document.get("revision")), (&json!("f-run"), None));
                let names = items(&document, "containerDefinitions").iter().map(|c| c["name"].clone());
                let own = &document["containerDefinitions"][0];
                json!([names.collect::<Vec<_>>(), own["entryPoint"], own["command"]])
            });
            (shown.unwrap_or_default(), left.join(" "))
        };
        let expect = |value, left: &str| (value, left.to_owned());
        assert_eq!(check(true, None, &["a", "b"]), expect(Value::Null, "a b"));
        assert_eq!(check(false, None, &["a", "b"]), expect(json!([["web"], ["/start"], ["serve"]]), "a b"));
        assert_eq!(check(false, Some(&[]), &["a", "b"]), expect(json!([["web"], ["a"], null]), "b"));
        assert_eq!(check(true, Some(&["sh"]), &["a", "b"]), expect(json!([["web", "side"], ["sh"], null]), "a b"));
    }
}
