//! `managr run`: a command, once, as a task of its own.

use std::future::pending;
use std::io::IsTerminal;
use std::time::Duration;

use aws::Client;
use deploy::oneoff::{self, Ended, Like, OneOff, Said, StartError, Started};
use deploy_core::entry::Way;
use deploy_core::manifest::LOCAL;

use super::ago;
use crate::context::{Context, Project};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupts::Interrupts;
use crate::ui::progress::short;
use crate::ui::visible;

/// How another entry point is given.
const REPLACE: &str = "`--entrypoint ''` runs the command itself";

/// The code for a command that could not be run, or whose end is unknown.
pub(super) const LOST: u8 = 255;

/// Run a command once, in the image and with the settings of a service
///
/// Starts a task of its own from what the service's newest deployment runs (or, for a standalone service, from its
/// newest revision): one container with the command, and what it depends on. The output goes to standard output. Exits
/// with the command's exit code, or with 255 if it could not be run. Ctrl-C stops the task.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  managr run staging -- python3 manage.py showmigrations\n  managr run prod --memory 4096 --detach -- ./import all\n  managr run local --env DEBUG=True -- sh -c 'env | sort'\n  managr run prod --entrypoint '' -- python3 manage.py shell -c 'print(1)'"
)]
pub(crate) struct RunArgs {
    /// Stage
    stage: String,
    /// Service of the manifest [default: the only one]
    #[arg(long)]
    service: Option<String>,
    /// Container [default: the release command's, or the first that the application builds]
    #[arg(long)]
    container: Option<String>,
    /// Program that gets the command as its arguments, instead of the image's ENTRYPOINT; '' runs the
    /// command itself
    ///
    /// ECS cannot override an ENTRYPOINT, so a task definition is registered for it, in a family of its own that no
    /// service runs.
    #[arg(long, value_name = "PROGRAM")]
    entrypoint: Option<String>,
    /// Variable for this run, over the container's own
    #[arg(long, value_name = "NAME=VALUE", value_parser = parse_variable)]
    env: Vec<(String, String)>,
    /// CPU units of the task [default: the service's]
    #[arg(long, value_name = "UNITS")]
    cpu: Option<u32>,
    /// Memory of the task in MiB [default: the service's]
    #[arg(long, value_name = "MIB")]
    memory: Option<u32>,
    /// Run every container of the service beside it, not only what it depends on
    #[arg(long)]
    whole: bool,
    /// Print the task's id and exit
    #[arg(long, conflicts_with = "timeout")]
    detach: bool,
    /// Stop the task if it takes longer: 30s, 10m, 2h, 1d
    #[arg(long, value_name = "TIME", value_parser = ago::parse)]
    timeout: Option<i64>,
    /// The command, after `--`
    #[arg(last = true, required = true, num_args = 1.., value_name = "COMMAND")]
    command: Vec<String>,
}

fn parse_variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write NAME=VALUE".to_owned()),
    }
}

pub(crate) async fn run(cx: &Context, args: RunArgs) -> Result<Exit, Failure> {
    // One that comes while the task is being started is not lost: it is heard right after.
    let mut interrupts = Interrupts::listen()?;
    let project = cx.project()?;
    let (client, wanted) = wanted(cx, &project, &args)?;
    let prospect = oneoff::look(&client, &wanted, REPLACE).await.map_err(|error| not_started(error, &args.stage))?;
    match &prospect.told {
        // What was asked for would not run, and something else would.
        Some((words, Way::Lost)) => {
            let failure = Failure::new(format!("container {}: {words}", wanted.container));
            return Err(failure.hint("nothing was started").exit(Exit::Usage));
        }
        Some((words, _)) => cx.ui.say(&format!("container {}: {words}", wanted.container)),
        None => {}
    }
    let started = oneoff::start(&client, &wanted, prospect).await.map_err(|error| not_started(error, &args.stage))?;
    if args.detach {
        cx.ui.data(&started.id);
        return Ok(Exit::Done);
    }
    cx.ui.say(&format!("task {} ({}), container {}", started.id, started.revision, started.container));
    if started.output.is_none() {
        cx.ui.say("its output does not go to CloudWatch Logs and is not shown");
    }
    watch(cx, &client, &started, &mut interrupts, args.timeout).await
}

fn wanted(cx: &Context, project: &Project, args: &RunArgs) -> Result<(Client, OneOff), Failure> {
    let desired = project.names(&args.stage)?;
    let running: Vec<&str> = desired.services.iter().map(|service| service.service.as_str()).collect();
    let names: Vec<&str> = running.iter().copied().chain(desired.standalone().map(|(name, _)| name)).collect();
    let service = match (&args.service, names.as_slice()) {
        (Some(name), _) if !names.contains(&name.as_str()) => {
            return Err(project.no_such_service(&args.stage, name));
        }
        (Some(name), _) => name.as_str(),
        (None, [only]) => only,
        // What is kept running is the application; a task that stands alone is asked for by name.
        (None, _) if running.len() == 1 => running[0],
        (None, []) => return Err(Failure::new(format!("stage `{}` has no service", args.stage)).exit(Exit::Usage)),
        (None, _) => {
            return Err(Failure::new("which service?")
                .hint(format!("say --service NAME; there are {}", names.join(", ")))
                .exit(Exit::Usage));
        }
    };
    let container = match (&args.container, deploy_core::main_container(&project.manifest, &args.stage, service)) {
        (Some(name), _) => name.clone(),
        (None, Some(main)) => main.to_owned(),
        (None, None) => {
            let failure = Failure::new(format!("service `{service}` has no essential container"));
            return Err(failure.hint("say --container NAME").exit(Exit::Usage));
        }
    };
    let name = desired.services.iter().find(|found| found.service == service).map(|found| found.name.clone());
    let family = desired.service_task(service).map(|task| task.family.clone()).unwrap_or_default();
    let like = name.map_or_else(|| Like::Family { family, network: desired.network.clone() }, Like::Service);
    let wanted = OneOff {
        cluster: desired.cluster.clone(),
        like,
        container,
        command: args.command.clone(),
        entrypoint: args.entrypoint.as_ref().map(|program| match program.is_empty() {
            true => Vec::new(),
            false => vec![program.clone()],
        }),
        environment: args.env.clone(),
        cpu: args.cpu,
        memory: args.memory,
        whole: args.whole,
    };
    Ok((cx.client_of(&args.stage, &desired.region)?, wanted))
}

fn not_started(error: StartError, stage: &str) -> Failure {
    let exit = match &error {
        StartError::NoContainer { .. } => Exit::Usage,
        _ => Exit::Remote(LOST),
    };
    let hint = match (&error, stage) {
        (StartError::NoService { .. } | StartError::NoFamily { .. }, LOCAL) => {
            Some("start it: managr up --detach".to_owned())
        }
        (StartError::NoService { .. } | StartError::NoFamily { .. }, _) => {
            Some(format!("release it first: managr deploy {stage}"))
        }
        _ => None,
    };
    let failure = match error {
        StartError::Call(error) => Failure::from(error),
        other => Failure::from_error(other),
    };
    let failure = failure.exit(exit);
    hint.into_iter().fold(failure, Failure::hint)
}

/// Why a task was asked to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stop {
    Interrupted,
    TimedOut,
}

/// Follows the task to its end; stops it when told to, or when its time is over.
pub(super) async fn watch(
    cx: &Context,
    client: &Client,
    task: &Started,
    interrupts: &mut Interrupts,
    timeout: Option<i64>,
) -> Result<Exit, Failure> {
    let following = oneoff::follow(client, task, |said| tell(cx, said));
    tokio::pin!(following);
    let limit = timeout.map(|ms| Duration::from_millis(ms.unsigned_abs()));
    let late = async {
        match limit {
            Some(limit) => tokio::time::sleep(limit).await,
            None => pending().await,
        }
    };
    tokio::pin!(late);
    let mut stopped = None;
    loop {
        let stop = tokio::select! {
            ended = &mut following => return over(cx, ended, stopped, task),
            () = interrupts.next() => Stop::Interrupted,
            () = &mut late, if stopped.is_none() => Stop::TimedOut,
        };
        if stop == Stop::Interrupted && stopped.is_some() {
            return Err(Failure::new(format!("left; task {} may still be stopping", task.id))
                .hint(by_hand(client, task))
                .exit(Exit::Interrupted));
        }
        stopped = Some(stop);
        let (word, reason) = match stop {
            Stop::Interrupted => ("interrupted", "managr run: interrupted"),
            Stop::TimedOut => ("its time is over", "managr run: timed out"),
        };
        cx.ui.say(&format!("{word}: stopping task {}; Ctrl-C leaves it alone", short(&task.id)));
        let asked = tokio::select! {
            asked = oneoff::stop(client, task, reason) => asked,
            () = interrupts.next() => {
                return Err(Failure::new(format!("left; task {} may still run", task.id))
                    .hint(by_hand(client, task))
                    .exit(Exit::Interrupted));
            }
        };
        if let Err(error) = asked {
            let failure = Failure::from(error).hint(by_hand(client, task));
            return Err(failure.exit(if stop == Stop::Interrupted { Exit::Interrupted } else { Exit::TimedOut }));
        }
    }
}

/// Returns how to stop a task without us.
fn by_hand(client: &Client, task: &Started) -> String {
    let endpoint = client.endpoint(&aws::ECS);
    let at = if aws::endpoint::is_loopback(&endpoint) { format!(" --endpoint-url {endpoint}") } else { String::new() };
    let region = client.region();
    format!("stop it: aws ecs stop-task --cluster {} --task {} --region {region}{at}", task.cluster, task.id)
}

fn tell(cx: &Context, said: Said) {
    match said {
        // A program's output is for a file, or for the next program, as it is.
        Said::Line(line) if !std::io::stdout().is_terminal() => cx.ui.exact(&format!("{line}\n")),
        Said::Line(line) => cx.ui.data(&format!("{}\n", visible::log(&line, cx.ui.out))),
        Said::State(state) => cx.ui.say(&cx.ui.err.dim(&state.word())),
        Said::Silent { error } => cx.ui.say(&format!("{error}; trying again")),
        Said::NoOutput { error } => cx.ui.say(&format!("its output cannot be read: {error}")),
    }
}

/// Returns how the run ended, and says what its code alone does not.
fn over(
    cx: &Context,
    ended: Result<Ended, aws::CallError>,
    stopped: Option<Stop>,
    task: &Started,
) -> Result<Exit, Failure> {
    let ended = ended.map_err(|error| {
        Failure::from(error).hint(format!("task {} may still run", task.id)).exit(Exit::Remote(LOST))
    })?;
    match (stopped, ended) {
        (Some(Stop::Interrupted), _) => Err(Failure::new("interrupted; the task was stopped").exit(Exit::Interrupted)),
        (Some(Stop::TimedOut), _) => Err(Failure::new("timed out; the task was stopped").exit(Exit::TimedOut)),
        (None, Ended::Lost { reason }) => {
            Err(Failure::new(format!("task {}: {reason}", task.id)).exit(Exit::Remote(LOST)))
        }
        (None, Ended::Exited { code, reason }) => {
            let why = if reason.is_empty() { String::new() } else { format!(": {reason}") };
            let exit = Exit::Remote(code_of(code));
            if let Some(signal) = signal(code) {
                return Err(
                    Failure::new(format!("container `{}` was killed ({signal}){why}", task.container)).exit(exit)
                );
            }
            if !reason.is_empty() {
                cx.ui.say(&format!("container `{}` ended with {code}{why}", task.container));
            }
            Ok(exit)
        }
    }
}

/// Returns a code as a process can end with it. What does not fit is no success.
fn code_of(code: i64) -> u8 {
    u8::try_from(code).unwrap_or(LOST)
}

/// Returns the signals that end a container from outside.
fn signal(code: i64) -> Option<&'static str> {
    match code {
        137 => Some("SIGKILL"),
        143 => Some("SIGTERM"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_is_split_at_the_first_sign() {
        assert_eq!(parse_variable("A=b=c"), Ok(("A".into(), "b=c".into())));
        assert_eq!(parse_variable("A="), Ok(("A".into(), String::new())));
        assert!(parse_variable("A").is_err() && parse_variable("=b").is_err());
    }

    #[test]
    fn a_code_that_does_not_fit_is_no_success() {
        assert_eq!([0, 3, 137, 255, 256, -1].map(code_of), [0, 3, 137, 255, 255, 255]);
    }
}
