//! `managr top`: what a stage uses, live or once.

mod live;
mod screen;

use std::io::{self, IsTerminal};
use std::time::Duration;

use deploy::top::Looker;
use deploy_core::manifest::LOCAL;

use super::ago;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui;

/// Seconds between two looks at this machine's platform, which measures every 20.
const OFTEN: u64 = 5;
/// Seconds between two looks elsewhere: AWS publishes minute by minute, and charges for each metric that is asked for.
const SELDOM: u64 = 30;

/// Watch what services, tasks and containers use
///
/// CPU, memory, network, restarts, requests and latency, as CloudWatch has them: on this machine the platform's, on AWS
/// its own. Tasks and containers need Container Insights with enhanced observability; the local stage has it.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Keys: q quits, arrows move, open and close, a opens or closes all, s and S sort by the next or previous \
column, c by CPU, m by memory, r the other way round\n\nExamples:\n  managr top\n  managr top staging --interval 1m\n  \
managr top prod --once --json | jq '.services[] | {name, cpuPercent}'"
)]
pub(crate) struct TopArgs {
    /// Stage
    #[arg(default_value = LOCAL)]
    stage: String,
    /// Print a table once and stop [default where standard output is no terminal]
    #[arg(long)]
    once: bool,
    /// Print JSON once and stop
    #[arg(long)]
    json: bool,
    /// Time between two looks [default: 5s for the local stage, 30s for the others]
    #[arg(long, value_name = "TIME", value_parser = interval)]
    interval: Option<Duration>,
}

/// Reads a time of a second at least: a look is some ten calls.
fn interval(text: &str) -> Result<Duration, String> {
    let ms = ago::parse(text)?;
    let time = Duration::from_millis(ms.unsigned_abs());
    if time < Duration::from_secs(1) { Err("write 1s at least".to_owned()) } else { Ok(time) }
}

pub(crate) async fn run(cx: &Context, args: TopArgs) -> Result<Exit, Failure> {
    let project = cx.project()?;
    let desired = project.names(&args.stage)?;
    let client = cx.client_of(&args.stage, &desired.region)?;
    let every = args.interval.unwrap_or(Duration::from_secs(if args.stage == LOCAL { OFTEN } else { SELDOM }));
    let mut looker = Looker::new(client, desired);
    let top = looker.look().await?;
    if args.json {
        cx.ui.json(&top);
    } else if args.once || !is_watched() {
        cx.ui.data(&ui::top::table(&top, cx.ui.out));
    } else {
        return live::run(cx, looker, top, every).await;
    }
    Ok(Exit::Done)
}

/// Whether a user sees what is drawn, and has keys.
fn is_watched() -> bool {
    let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    io::stdout().is_terminal() && io::stdin().is_terminal() && !is_dumb
}
