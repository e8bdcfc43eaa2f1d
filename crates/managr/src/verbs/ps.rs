//! `managr ps`: which tasks there are.

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui;

use super::logs::now;

/// List tasks and their containers
///
/// Lists the tasks of services, of schedules, and one-off tasks: `managr run`, release commands.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  managr ps staging\n  managr ps prod --service web --all\n  managr ps prod --schedule nightly --all\n  managr ps local --json | jq -r '.[].id'"
)]
pub(crate) struct PsArgs {
    /// Stage
    #[arg(default_value = deploy_core::manifest::LOCAL)]
    stage: String,
    /// Only tasks of this service of the manifest
    #[arg(long)]
    service: Option<String>,
    /// Only tasks of this schedule of the manifest
    #[arg(long, conflicts_with = "service")]
    schedule: Option<String>,
    /// Also tasks that have stopped, as long as ECS remembers them
    #[arg(short, long)]
    all: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(cx: &Context, args: PsArgs) -> Result<Exit, Failure> {
    let project = cx.project()?;
    let desired = project.names(&args.stage)?;
    if let Some(name) = args.service.as_ref().filter(|name| desired.service_task(name).is_none()) {
        return Err(project.no_such_service(&args.stage, name));
    }
    if let Some(name) = args.schedule.as_ref().filter(|name| desired.schedules.iter().all(|one| one.name != **name)) {
        return Err(project.no_such_schedule(&desired, name));
    }
    let client = cx.client_of(&args.stage, &desired.region)?;
    let mut rows = deploy::tasks::tasks(&client, &desired, args.all).await?;
    rows.retain(|row| args.schedule.as_ref().is_none_or(|name| *name == row.owner));
    rows.retain(|row| args.service.as_ref().is_none_or(|name| *name == row.owner));
    if args.json {
        cx.ui.json(&rows);
    } else if rows.is_empty() {
        cx.ui.say("no tasks");
    } else {
        cx.ui.data(&ui::ps::table(&rows, now(), cx.ui.out));
    }
    Ok(Exit::Done)
}
