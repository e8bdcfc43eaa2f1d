//! Which container of a stage is meant, and why one cannot get in: for the verbs that get into containers.

use aws::{CallError, Client};
use deploy::exec::OpenError;
use deploy_core::exec::{Choice, ChoiceError, Wanted, choose};
use deploy_core::main_container;
use deploy_core::manifest::LOCAL;

use crate::context::{Context, Project};
use crate::exit::Exit;
use crate::failure::Failure;

/// The exit code of what could not be done over there, as ssh has it.
pub(crate) const UNREACHED: Exit = Exit::Remote(255);

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked<'a> {
    /// Stage.
    pub(crate) stage: &'a str,
    /// Service of the manifest; none is the container's, or the one that takes requests, or the first.
    pub(crate) service: Option<&'a str>,
    /// Container; none is the service's main one.
    pub(crate) container: Option<&'a str>,
    /// How the id of the task begins; none is any.
    pub(crate) task: Option<&'a str>,
}

/// Containers that can be reached.
#[derive(Debug)]
pub(crate) struct Reached {
    /// A client of the stage's endpoint.
    pub(crate) client: Client,
    /// Name of the cluster.
    pub(crate) cluster: String,
    /// Service in the manifest.
    pub(crate) service: String,
    /// The containers, the best first.
    pub(crate) choice: Choice,
}

/// Looks for the container that is asked for.
///
/// # Errors
/// When the manifest has no such stage or service (exit 2); when no container can be reached (255).
pub(crate) async fn reach(cx: &Context, asked: Asked<'_>) -> Result<Reached, Failure> {
    let project = cx.project()?;
    let desired = project.names(asked.stage)?;
    let name = &*service(&project, asked)?;
    let main = || main_container(&project.manifest, asked.stage, name);
    let container = asked.container.or_else(main).expect("the manifest's services have containers");
    let service = desired.services.iter().find(|service| service.service == name).expect("every service is desired");
    let client = cx.client_of(asked.stage, &desired.region)?;
    let tasks = deploy::observe::tasks(&client, &desired.cluster, &service.name).await;
    let tasks = tasks.map_err(|error| Failure::from(error).exit(UNREACHED))?;
    let choice = choose(&tasks, Wanted { container, task: asked.task });
    let choice = choice.map_err(|error| unreachable(error, asked.stage, name))?;
    Ok(Reached { client, cluster: desired.cluster.clone(), service: name.to_owned(), choice })
}

fn service(project: &Project, asked: Asked<'_>) -> Result<String, Failure> {
    let mut there = project.manifest.in_stage(asked.stage);
    there.services.retain(|_, service| !service.is_standalone());
    let services = &there.services;
    if let Some(wanted) = asked.service {
        let found = services.names().find(|name| *name == wanted);
        return found.map(str::to_owned).ok_or_else(|| project.no_such_service(asked.stage, wanted));
    }
    let has = |wanted| services.iter().find(|(_, service)| service.containers.contains(wanted));
    let serves = || services.iter().find(|(_, service)| service.ingress.is_some());
    let found = asked.container.and_then(has).or_else(serves).or_else(|| services.iter().next());
    let none = || Failure::new(format!("stage `{}` has no service", asked.stage)).exit(Exit::Usage);
    found.map(|(name, _)| name.to_owned()).ok_or_else(none)
}

fn unreachable(error: ChoiceError, stage: &str, service: &str) -> Failure {
    let hints: Vec<String> = match &error {
        ChoiceError::NoTask | ChoiceError::NotRunning { .. } => vec![status(stage)],
        ChoiceError::Disabled { .. } => enable(stage, service),
        ChoiceError::NoAgent { status: word, .. } if word == "PENDING" => {
            vec!["it starts some seconds after the container: try again".to_owned()]
        }
        ChoiceError::NoAgent { .. } => causes(),
        ChoiceError::NoSuchTask { .. } | ChoiceError::Ambiguous { .. } | ChoiceError::NoContainer { .. } => Vec::new(),
    };
    with_hints(Failure::from_error(error), hints)
}

/// Returns the failure of a session that was not granted.
pub(crate) fn refused(error: OpenError, stage: &str, service: &str) -> Failure {
    let hints = match &error {
        OpenError::Call(CallError::Service { code, message, .. }) => match code.as_str() {
            "TargetNotConnectedException" | "TargetNotConnected" => causes(),
            "InvalidParameterException" if message.contains("execute command") => enable(stage, service),
            code if code.starts_with("AccessDenied") => vec![
                "your own credentials need ecs:ExecuteCommand, and ssm:StartSession for `managr forward`".to_owned(),
            ],
            _ => Vec::new(),
        },
        OpenError::Call(error) => error.hint().into_iter().collect(),
        OpenError::Incomplete { .. } => Vec::new(),
    };
    with_hints(Failure::from_error(error), hints)
}

fn with_hints(failure: Failure, hints: Vec<String>) -> Failure {
    hints.into_iter().fold(failure.exit(UNREACHED), Failure::hint)
}

fn status(stage: &str) -> String {
    if stage == LOCAL { "managr status".to_owned() } else { format!("managr status {stage}") }
}

/// How a service is made so that one can get in. A running task stays as it was started.
fn enable(stage: &str, service: &str) -> Vec<String> {
    let next = if stage == LOCAL { "managr up".to_owned() } else { format!("managr deploy {stage}") };
    vec![format!(
        "write `exec = true` under [services.{service}] in managr.toml, then `{next}`: its tasks are replaced"
    )]
}

/// Why an agent is not there for a task that should have one ("Troubleshooting Amazon ECS Exec issues").
fn causes() -> Vec<String> {
    vec![
        "the task role may lack ssmmessages:CreateControlChannel, CreateDataChannel, OpenControlChannel and \
         OpenDataChannel: `managr verify` looks"
            .to_owned(),
        "AWS_ACCESS_KEY_ID in the container's environment makes the agent use other credentials than the task role's"
            .to_owned(),
        "the task may have no route to the ssmmessages endpoint: a NAT gateway or an interface endpoint".to_owned(),
    ]
}
