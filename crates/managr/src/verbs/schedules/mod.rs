//! `managr schedules`: when they fire, how they went, and doing it by hand.

mod by_hand;
mod show;

use clap::Subcommand;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Show schedules: when each runs next, how it went last; run, enable and disable one
///
/// Times are those of this machine, of the schedule's zone and of UTC. The last run is known as long as ECS remembers its
/// task, which is an hour; after that, who wrote last.
#[derive(Debug, clap::Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  managr schedules prod\n  managr schedules prod --json | jq '.schedules[] | {schedule, nextUtc}'\n  \
        managr schedules run staging nightly\n  managr schedules disable prod nightly"
)]
pub(crate) struct SchedulesArgs {
    #[command(subcommand)]
    command: Option<SchedulesCommand>,
    #[command(flatten)]
    show: show::ShowArgs,
}

#[derive(Debug, Subcommand)]
enum SchedulesCommand {
    Run(by_hand::RunArgs),
    Enable(by_hand::EnableArgs),
    Disable(by_hand::DisableArgs),
}

pub(crate) async fn run(cx: &Context, args: SchedulesArgs) -> Result<Exit, Failure> {
    match args.command {
        None => show::run(cx, &args.show).await,
        Some(SchedulesCommand::Run(args)) => by_hand::run(cx, &args).await,
        Some(SchedulesCommand::Enable(args)) => by_hand::enable(cx, &args).await,
        Some(SchedulesCommand::Disable(args)) => by_hand::disable(cx, &args).await,
    }
}
