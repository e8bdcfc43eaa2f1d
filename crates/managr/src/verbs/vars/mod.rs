//! `managr vars`: variables and secrets of the application.

pub(super) mod ask;
mod check;
mod copy;
mod edit;
mod export;
mod file;
mod home;
mod import;
mod keys;
mod list;
mod manifest;
mod reach;
mod roll;
mod scratch;
mod set;
mod tracked;
mod unset;

use clap::Subcommand;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// List, set, move and check variables and secrets
///
/// A plain variable is a line in managr.toml. A secret is a name there, and a value in the stage's
/// secret in Secrets Manager (for a stage with a `secrets-file`, in that file).
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr vars list staging\n  managr vars set all LOG_LEVEL=debug\n  \
    managr vars set staging STRIPE_KEY --secret\n  managr vars import staging .env\n  managr vars edit prod\n  managr vars check staging prod --read-secrets")]
pub(crate) struct VarsArgs {
    #[command(subcommand)]
    command: VarsCommand,
}

#[derive(Debug, Subcommand)]
enum VarsCommand {
    List(list::ListArgs),
    Set(set::SetArgs),
    Unset(unset::UnsetArgs),
    Copy(copy::CopyArgs),
    Import(import::ImportArgs),
    Export(export::ExportArgs),
    Edit(edit::EditArgs),
    Check(check::CheckArgs),
}

pub(crate) async fn run(cx: &Context, args: VarsArgs) -> Result<Exit, Failure> {
    match args.command {
        VarsCommand::List(args) => list::run(cx, &args).await,
        VarsCommand::Set(args) => set::run(cx, args).await,
        VarsCommand::Unset(args) => unset::run(cx, &args).await,
        VarsCommand::Copy(args) => copy::run(cx, &args).await,
        VarsCommand::Import(args) => import::run(cx, &args).await,
        VarsCommand::Export(args) => export::run(cx, &args).await,
        VarsCommand::Edit(args) => edit::run(cx, &args).await,
        VarsCommand::Check(args) => check::run(cx, args).await,
    }
}
