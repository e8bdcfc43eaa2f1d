//! `managr db`: what is done with a stage's database. Each part is a file; none of them shows a password to a program.

mod amount;
mod dump;
mod look;
mod place;
mod pour;
mod pull;
mod restore;
mod shell;
mod snapshot;
mod tools;
mod url;

use clap::Subcommand;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Work with a stage's database
///
/// Reaches the database over this machine where a platform runs it, and through a session into a task elsewhere: no port
/// is opened, and the password is in no environment, file or process list of this machine.
#[derive(Debug, clap::Args)]
#[command(
    subcommand_required = true,
    after_help = "Examples:\n  managr db local shell\n  managr db staging shell -c 'SELECT count(*) FROM orders'\n  \
    managr db staging dump before.dump\n  managr db prod snapshot\n  managr db prod snapshots --json\n  \
    managr db pull staging local --anonymise anonymise.sql"
)]
pub(crate) struct DbArgs {
    /// Stage; `pull` names two
    stage: Option<String>,
    #[command(flatten)]
    which: Which,
    #[command(subcommand)]
    command: DbCommand,
}

/// Which database is meant, and how it is reached.
#[derive(Debug, Clone, Default, clap::Args)]
pub(super) struct Which {
    /// Database of the manifest [default: the only one, or the one called `main`]
    #[arg(long, global = true, value_name = "NAME")]
    database: Option<String>,
    /// Secret with its parts or its URL, for a database that the manifest does not have
    #[arg(long, global = true, value_name = "SECRET", conflicts_with = "database")]
    secret: Option<String>,
    /// Connect from here, not through a task (over a VPN)
    #[arg(long, global = true)]
    direct: bool,
}

#[derive(Debug, Subcommand)]
enum DbCommand {
    Url(url::UrlArgs),
    Shell(shell::ShellArgs),
    /// Show how large the database and its tables are
    #[command(after_help = "Examples:\n  managr db staging size\n  managr db staging size --json | jq .bytes")]
    Size(look::LookArgs),
    /// Show who waits for whom
    #[command(after_help = "Examples:\n  managr db staging locks")]
    Locks(look::LookArgs),
    /// Show what took the most time (pg_stat_statements)
    #[command(after_help = "Examples:\n  managr db staging slow")]
    Slow(look::LookArgs),
    Dump(dump::DumpArgs),
    Restore(restore::RestoreArgs),
    Snapshot(snapshot::SnapshotArgs),
    Snapshots(snapshot::SnapshotsArgs),
    Rollback(snapshot::RollbackArgs),
    Pull(pull::PullArgs),
}

pub(crate) async fn run(cx: &Context, args: DbArgs) -> Result<Exit, Failure> {
    let DbArgs { stage, which, command } = args;
    if let DbCommand::Pull(args) = &command {
        return match stage {
            None => pull::run(cx, &which, args).await,
            Some(stage) => {
                let failure = Failure::new("`pull` names both stages itself").exit(Exit::Usage);
                Err(failure.hint(format!("managr db pull {stage} TARGET")))
            }
        };
    }
    let stage = stage.ok_or_else(|| {
        Failure::new("the stage is missing").hint("it comes first: `managr db staging size`").exit(Exit::Usage)
    })?;
    match command {
        DbCommand::Url(args) => url::run(cx, &stage, &which, &args).await,
        DbCommand::Shell(args) => shell::run(cx, &stage, &which, &args).await,
        DbCommand::Size(args) => look::size(cx, &stage, &which, &args).await,
        DbCommand::Locks(args) => look::locks(cx, &stage, &which, &args).await,
        DbCommand::Slow(args) => look::slow(cx, &stage, &which, &args).await,
        DbCommand::Dump(args) => dump::run(cx, &stage, &which, &args).await,
        DbCommand::Restore(args) => restore::run(cx, &stage, &which, &args).await,
        DbCommand::Snapshot(args) => snapshot::make(cx, &stage, &which, &args).await,
        DbCommand::Snapshots(args) => snapshot::list(cx, &stage, &which, &args).await,
        DbCommand::Rollback(args) => snapshot::rollback(cx, &stage, &which, &args).await,
        DbCommand::Pull(_) => unreachable!("it was seen to above"),
    }
}
