//! `managr ps`: which tasks and containers run.

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::ps;

/// List tasks and their containers
///
/// The tasks of the stage's services, and one-off tasks (release commands, `managr run`), the newest
/// first.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:
  managr ps
  managr ps prod --service app
  managr ps prod --all                       The stopped ones too, and why they stopped
  managr ps --json | jq -r '.[].tasks[].id'")]
pub(crate) struct PsArgs {
    /// Stage
    #[arg(default_value = deploy_core::manifest::LOCAL)]
    stage: String,
    /// Only this service of the manifest
    #[arg(long, value_name = "SERVICE")]
    service: Option<String>,
    /// Show stopped tasks too, as long as ECS remembers them (an hour)
    #[arg(short, long)]
    all: bool,
    /// Show ids in full
    #[arg(long)]
    no_trunc: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(cx: &Context, args: PsArgs) -> Result<Exit, Failure> {
    let project = cx.project()?;
    let desired = project.names(&args.stage)?;
    if let Some(name) = args.service.as_ref().filter(|name| !desired.services.iter().any(|s| s.service == **name)) {
        return Err(project.no_such_service(name));
    }
    let client = cx.client_of(&args.stage, &desired.region)?;
    let found = deploy::tasks::tasks(&client, &desired, args.service.as_deref(), args.all).await?;
    if args.json {
        cx.ui.json(&found);
    } else {
        cx.ui.data(&ps::table(&found, client.now(), args.no_trunc, cx.ui.out));
    }
    Ok(Exit::Done)
}
