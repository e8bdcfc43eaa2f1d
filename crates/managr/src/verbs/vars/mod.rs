//! `managr vars`: variables and secrets of the application.

mod check;

use clap::Subcommand;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Check variables and secrets
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr vars check\n  managr vars check staging prod --read-secrets")]
pub(crate) struct VarsArgs {
    #[command(subcommand)]
    command: VarsCommand,
}

#[derive(Debug, Subcommand)]
enum VarsCommand {
    Check(check::CheckArgs),
}

pub(crate) async fn run(cx: &Context, args: VarsArgs) -> Result<Exit, Failure> {
    match args.command {
        VarsCommand::Check(args) => check::run(cx, args).await,
    }
}
