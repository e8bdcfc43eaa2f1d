//! `managr db STAGE shell`: psql of this machine, on the database of a stage.

use super::Which;
use super::look::{connect, major};
use super::place::Place;
use super::tools::{Door, find};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupts::Interrupts;

/// Open psql on the database
///
/// Uses psql of this machine. Ends with psql's exit code.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr db local shell\n  managr db staging shell -c 'SELECT now()'\n  \
    managr db staging shell -- -At -f report.sql")]
pub(super) struct ShellArgs {
    /// SQL to run instead
    #[arg(short, long, value_name = "SQL")]
    command: Vec<String>,
    /// Arguments of psql
    #[arg(last = true)]
    rest: Vec<String>,
}

pub(super) async fn run(cx: &Context, stage: &str, which: &Which, args: &ShellArgs) -> Result<Exit, Failure> {
    let reached = Place::of(cx, stage, which)?.reach(cx).await?;
    let done = psql(&reached.relay, args).await;
    reached.close().await;
    done
}

async fn psql(relay: &deploy::db::Relay, args: &ShellArgs) -> Result<Exit, Failure> {
    // Whether it can be entered at all is asked first: psql's own words would speak of a socket.
    let server = major(&connect(relay).await?).await?;
    let tools = find(server).await?;
    let door = Door::open(relay)?;
    let mut command = door.command(tools.directory.join("psql"), relay);
    for sql in &args.command {
        command.arg("-c").arg(sql);
    }
    // Ctrl-C is psql's: it ends a query there, and not this program.
    let mut interrupts = Interrupts::listen()?;
    let mut child = command.args(&args.rest).kill_on_drop(true).spawn();
    let child = child.as_mut().map_err(|error| Failure::new(format!("could not start psql: {error}")))?;
    loop {
        tokio::select! {
            ended = child.wait() => {
                let ended = ended.map_err(|error| Failure::new(format!("psql was lost: {error}")))?;
                let code = ended.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
                return Ok(Exit::Remote(code));
            }
            () = interrupts.next() => {}
        }
    }
}
