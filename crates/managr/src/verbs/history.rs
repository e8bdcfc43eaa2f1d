//! `managr history`: what was released, by whom, and how it ended.

use deploy::journal::Journal;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::history;

/// Show the releases of a stage: when, what, by whom, how it ended and why
///
/// The record is kept with the stage, in AWS's Parameter Store, so all colleagues and pipelines see the same.
/// What scaled the services of the stage stands between the releases.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr history prod\n  managr history prod --json | jq '.[-1].images'")]
pub(crate) struct HistoryArgs {
    /// Stage
    stage: String,
    /// Print JSON, oldest first: releases alone
    #[arg(long)]
    json: bool,
    /// Releases to show
    #[arg(short = 'n', long, default_value_t = 20, value_name = "COUNT")]
    limit: usize,
}

pub(crate) async fn run(cx: &Context, args: HistoryArgs) -> Result<Exit, Failure> {
    let project = cx.project()?;
    let client = cx.client_of(&args.stage, &project.region(&args.stage))?;
    let desired = project.names(&args.stage)?;
    let releases = Journal::new(&client, &project.manifest.app, &args.stage).releases().await?;
    let releases = &releases[releases.len().saturating_sub(args.limit)..];
    if args.json {
        cx.ui.json(&releases);
    } else {
        let first = releases.first().map(|release| release.started_at).filter(|_| releases.len() == args.limit);
        let mut scaled = deploy::scaling::history(&client, &desired).await?;
        scaled.retain(|(_, one)| first.is_none_or(|first| one.at >= first));
        scaled.truncate(args.limit);
        if releases.is_empty() && scaled.is_empty() {
            cx.ui.say(&format!("{} has no release yet", args.stage));
        } else {
            cx.ui.data(&history::table(releases, &scaled, cx.ui.out));
        }
    }
    Ok(Exit::Done)
}
