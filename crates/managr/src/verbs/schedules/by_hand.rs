//! `managr schedules run|enable|disable STAGE SCHEDULE`.

use aws::Client;
use deploy::schedules::{self, ScheduleError};
use deploy_core::Desired;
use deploy_core::desired::ScheduleDoc;
use deploy_core::manifest::LOCAL;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupts::Interrupts;
use crate::verbs::run::{LOST, watch};

/// Start what a schedule starts, now
///
/// The same task definition, overrides and network as when the clock starts it. The output goes to standard output.
/// Exits with the command's exit code, or with 255 if it could not be run. Ctrl-C stops the task. It runs whether the
/// schedule is enabled or not.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  managr schedules run staging nightly\n  managr schedules run prod nightly --detach"
)]
pub(super) struct RunArgs {
    /// Stage
    stage: String,
    /// Schedule of the manifest
    schedule: String,
    /// Print the task's id and exit
    #[arg(long)]
    detach: bool,
}

/// Let a schedule fire
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr schedules enable prod nightly")]
pub(super) struct EnableArgs {
    #[command(flatten)]
    which: Which,
}

/// Keep a schedule from firing; what it started goes on
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr schedules disable prod nightly")]
pub(super) struct DisableArgs {
    #[command(flatten)]
    which: Which,
}

#[derive(Debug, clap::Args)]
struct Which {
    /// Stage
    stage: String,
    /// Schedule of the manifest
    schedule: String,
}

pub(super) async fn run(cx: &Context, args: &RunArgs) -> Result<Exit, Failure> {
    // One that comes while the task is being started is not lost: it is heard right after.
    let mut interrupts = Interrupts::listen()?;
    let (client, desired, schedule) = found(cx, &args.stage, &args.schedule)?;
    let tasks = schedules::run(&client, &desired, &schedule).await;
    let tasks = tasks.map_err(|error| refused(error, &args.stage).exit(Exit::Remote(LOST)))?;
    if args.detach {
        tasks.iter().for_each(|task| cx.ui.data(&task.id));
        return Ok(Exit::Done);
    }
    let Some((watched, others)) = tasks.split_first() else { return Ok(Exit::Done) };
    cx.ui.say(&format!("task {} ({}), container {}", watched.id, watched.revision, watched.container));
    for other in others {
        cx.ui.say(&format!("task {} was started as well, and is not followed", other.id));
    }
    if watched.output.is_none() {
        cx.ui.say("its output does not go to CloudWatch Logs and is not shown");
    }
    watch(cx, &client, watched, &mut interrupts, None).await
}

pub(super) async fn enable(cx: &Context, args: &EnableArgs) -> Result<Exit, Failure> {
    switch(cx, &args.which, true).await
}

pub(super) async fn disable(cx: &Context, args: &DisableArgs) -> Result<Exit, Failure> {
    switch(cx, &args.which, false).await
}

async fn switch(cx: &Context, which: &Which, on: bool) -> Result<Exit, Failure> {
    let (client, _, schedule) = found(cx, &which.stage, &which.schedule)?;
    let is_news = schedules::switch(&client, &schedule, on).await.map_err(|error| refused(error, &which.stage))?;
    let state = if on { "enabled" } else { "disabled" };
    let already = if is_news { "" } else { "already " };
    cx.ui.say(&format!("schedule {} is {already}{state}", schedule.rule));
    match schedule.enabled {
        Some(said) if said != on => cx.ui.say(&format!(
            "the manifest says `enabled = {said}` of it in this stage: the next deploy brings it back to that"
        )),
        _ => {}
    }
    Ok(Exit::Done)
}

fn found(cx: &Context, stage: &str, name: &str) -> Result<(Client, Desired, ScheduleDoc), Failure> {
    let project = cx.project()?;
    let desired = project.names(stage)?;
    let schedule = desired.schedules.iter().find(|schedule| schedule.name == name).cloned();
    let schedule = schedule.ok_or_else(|| project.no_such_schedule(&desired, name))?;
    Ok((cx.client_of(stage, &desired.region)?, desired, schedule))
}

fn refused(error: ScheduleError, stage: &str) -> Failure {
    let hint = match &error {
        ScheduleError::Absent { .. } if stage == LOCAL => Some("make it: managr up --detach".to_owned()),
        ScheduleError::Absent { .. } => Some(format!("release it first: managr deploy {stage}")),
        ScheduleError::FromEvent { .. } => Some("start it by hand: managr run".to_owned()),
        _ => None,
    };
    let failure = match error {
        ScheduleError::Call(error) => Failure::from(error),
        other => Failure::from_error(other),
    };
    hint.into_iter().fold(failure, Failure::hint)
}
