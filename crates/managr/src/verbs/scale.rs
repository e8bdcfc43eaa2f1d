//! `managr scale`: another number of tasks.

use std::time::Duration;

use deploy::stage;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupts::Interrupts;
use crate::ui::{progress, report};

/// Change the number of a service's tasks
///
/// Of a service that scales (`scaling`) the number is moved again, which is said; one outside of `min` and `max` is
/// refused.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr scale staging app 3\n  managr scale local web 0")]
pub(crate) struct ScaleArgs {
    /// Stage
    stage: String,
    /// Service of the manifest
    service: String,
    /// Number of tasks
    #[arg(value_parser = clap::value_parser!(u32).range(0..=5000))]
    count: u32,
    /// Do not wait until they run
    #[arg(long)]
    no_wait: bool,
    /// Seconds that they may take
    #[arg(long, default_value_t = 900, value_name = "SECONDS")]
    timeout: u64,
}

pub(crate) async fn run(cx: &Context, args: ScaleArgs) -> Result<Exit, Failure> {
    let mut interrupts = Interrupts::listen()?;
    let project = cx.project()?;
    let desired = project.names(&args.stage)?;
    let Some(service) = desired.services.iter().find(|service| service.service == args.service) else {
        return Err(project.no_such_service(&args.stage, &args.service));
    };
    let client = cx.client_of(&args.stage, &desired.region)?;
    let limit = Duration::from_secs(args.timeout);
    let wait = (!args.no_wait).then_some(limit);
    let (cluster, name) = (desired.cluster.as_str(), service.name.as_str());
    if service.is_counted {
        cx.ui.say(&format!("the manifest says how many tasks {} has: the next deploy sets that again", args.service));
    }
    let work = progress::show(cx, |events| {
        let client = client.clone();
        async move { stage::scale(&client, cluster, name, args.count, wait, &events).await }
    });
    // Only asked for and watched: to stop watching changes nothing.
    tokio::select! {
        done = work => done.map_err(|failure| failure.in_stage(&args.stage))?,
        () = interrupts.next() => {
            return Err(Failure::new(format!("interrupted; {name} goes on to {}", report::count_tasks(args.count as usize))).exit(Exit::Interrupted));
        }
    }
    let tasks = report::count_tasks(args.count as usize);
    cx.ui.say(&match args.no_wait {
        true => format!("{name} was asked for {tasks}; `managr status {}` tells how many run", args.stage),
        false => format!("{name} runs {tasks}"),
    });
    Ok(Exit::Done)
}
