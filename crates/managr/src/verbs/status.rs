//! `managr status`: what runs.

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::report;

/// Show what runs: services, tasks, containers
///
/// Ends with 1 when something that should run does not.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr status\n  managr status --json | jq '.services[].tasks'")]
pub(crate) struct StatusArgs {
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Stage whose settings are used
    #[arg(long, default_value = deploy_core::manifest::LOCAL, value_name = "STAGE")]
    stage: String,
}

pub(crate) async fn run(cx: &Context, args: StatusArgs) -> Result<Exit, Failure> {
    let project = cx.project()?;
    let desired = project.outline(&args.stage, "")?;
    let client = cx.client(&desired.region)?;
    let status = deploy::status(&client, &desired).await?;
    if args.json {
        cx.ui.json(&status);
    } else {
        cx.ui.data(&report::status(&status, cx.ui.out));
    }
    let steady = status.services.iter().all(deploy::ServiceStatus::is_steady);
    Ok(if steady { Exit::Done } else { Exit::Failed })
}
