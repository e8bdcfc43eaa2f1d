//! `managr wait`: until what is under way has ended.

use std::time::{Duration, Instant};

use deploy::release;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupts::Interrupts;
use crate::ui::progress;

/// Wait until the deployments of a stage have ended
///
/// Exits as `managr deploy` would have: 0 if every service runs what it should, 1 failed, 3 rolled back, 4 timed out.
/// It also records how an unwatched release (`--no-wait`, an interrupted deploy) ended.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr deploy staging --yes --no-wait && managr wait staging")]
pub(crate) struct WaitArgs {
    /// Stage
    stage: String,
    /// Seconds to wait at most
    #[arg(long, default_value_t = 900, value_name = "SECONDS")]
    timeout: u64,
}

pub(crate) async fn run(cx: &Context, args: WaitArgs) -> Result<Exit, Failure> {
    let begun = Instant::now();
    let mut interrupts = Interrupts::listen()?;
    let project = cx.project()?;
    let desired = project.names(&args.stage)?;
    let client = cx.client_of(&args.stage, &desired.region)?;
    let limit = Duration::from_secs(args.timeout);
    let work = progress::show(cx, |events| {
        let client = client.clone();
        async move { release::wait(&client, &desired, limit, &events).await }
    });
    // Only reads until the end is known.
    tokio::select! {
        done = work => done.map_err(|failure| failure.in_stage(&args.stage))?,
        () = interrupts.next() => {
            return Err(Failure::new("interrupted; nothing was changed").exit(Exit::Interrupted));
        }
    }
    cx.ui.say(&format!("{} is steady ({:.1} s)", args.stage, begun.elapsed().as_secs_f64()));
    Ok(Exit::Done)
}
