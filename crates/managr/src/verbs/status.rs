//! `managr status`: what runs.

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::report;

/// Show what runs: services, tasks, containers
///
/// Exits with 1 if something that should run does not.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  managr status\n  managr status staging\n  managr status --json | jq '.services[].tasks'"
)]
pub(crate) struct StatusArgs {
    /// Stage
    #[arg(default_value = deploy_core::manifest::LOCAL)]
    stage: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(cx: &Context, args: StatusArgs) -> Result<Exit, Failure> {
    let project = cx.project()?;
    let desired = project.names(&args.stage)?;
    let client = cx.client_of(&args.stage, &desired.region)?;
    let status = deploy::status(&client, &desired).await?;
    if args.json {
        cx.ui.json(&status);
    } else {
        if args.stage == deploy_core::manifest::LOCAL {
            for line in super::platform::notices(&super::platform::asked(cx).await) {
                cx.ui.data(&line);
            }
        }
        cx.ui.data(&report::status(&status, client.now(), cx.ui.out));
    }
    let steady = status.services.iter().all(deploy::ServiceStatus::is_steady);
    Ok(if steady { Exit::Done } else { Exit::Failed })
}
