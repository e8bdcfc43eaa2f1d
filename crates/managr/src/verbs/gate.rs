//! `managr gate`: what the containers do that keep `overlap` and `timeout` of a schedule in its task.
//! Only they call it.
//!
//! Ends with 0 if the task's other containers may go on, or have ended by themselves.

use std::time::Duration;

use deploy::gate::{Held, end, hold};
use deploy_core::manifest::{Overlap, Seconds};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupts::Interrupts;
use crate::ui;

/// A task that is being stopped ends in this time; the longest that ECS gives a container on Fargate.
const STOPPED_WITHIN: Duration = Duration::from_secs(120);

/// Keep a schedule's overlap or timeout, in its task
#[derive(Debug, clap::Args)]
pub(crate) struct GateArgs {
    /// What happens to this run while another has not ended
    #[arg(long, value_name = "skip|replace", value_parser = overlap, required_unless_present = "timeout")]
    overlap: Option<Overlap>,
    /// Time after which the task is stopped
    #[arg(long, value_name = "DURATION", value_parser = Seconds::read, conflicts_with = "overlap")]
    timeout: Option<Seconds>,
}

fn overlap(word: &str) -> Result<Overlap, String> {
    match word {
        "skip" => Ok(Overlap::Skip),
        "replace" => Ok(Overlap::Replace),
        _ => Err("it is skip or replace".to_owned()),
    }
}

pub(crate) async fn run(cx: &Context, args: &GateArgs) -> Result<Exit, Failure> {
    let interrupts = Interrupts::listen()?;
    match args.timeout {
        Some(timeout) => Ok(until(cx, timeout, interrupts).await),
        None => before(cx, args.overlap.unwrap_or_default(), interrupts).await,
    }
}

/// Lets the other containers start by ending well, or does not.
async fn before(cx: &Context, overlap: Overlap, mut interrupts: Interrupts) -> Result<Exit, Failure> {
    // Nothing is kept between two looks: what is dropped is asked again by the next run.
    let held = tokio::select! {
        held = hold(overlap, |words| cx.ui.say(words)) => held.map_err(Failure::from_error)?,
        () = interrupts.next() => return Ok(Exit::Interrupted),
    };
    match held {
        // In silence: a line of every run would be in the application's log.
        Held::Goes => Ok(Exit::Done),
        Held::Stopped(reason) => {
            cx.ui.say(&reason);
            // The end of this container would be a failed start, and be told before the reason.
            let _ = tokio::time::timeout(STOPPED_WITHIN, interrupts.next()).await;
            Ok(Exit::Declined)
        }
    }
}

/// Ends the task when its time is over.
async fn until(cx: &Context, timeout: Seconds, mut interrupts: Interrupts) -> Exit {
    tokio::select! {
        () = tokio::time::sleep(Duration::from_secs(timeout.0.into())) => {}
        // The task's other containers have ended.
        () = interrupts.next() => return Exit::Done,
    }
    // Not dropped on SIGTERM: ECS may send it before it answers, and the time is over all the same.
    match end(timeout).await {
        Ok(reason) => {
            cx.ui.say(&reason);
            let _ = tokio::time::timeout(STOPPED_WITHIN, interrupts.next()).await;
        }
        // This container is essential: its end is the task's, if not with a reason.
        Err(error) => ui::complain(&Failure::from_error(error).render(cx.ui.err)),
    }
    Exit::TimedOut
}
