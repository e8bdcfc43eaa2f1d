//! `managr up`: the whole application on this machine.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use aws::Client;
use deploy::Up;
use deploy::apply::Progress;
use deploy::lease::Claim;
use deploy::release::Terms;
use deploy_core::plan::RiskKind;

use crate::actor::actor;
use crate::context::Context;
use crate::daemon;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupts::Interrupts;
use crate::ui::{progress, report};
use crate::verbs::build::BuilderArgs;
use crate::verbs::platform::{self, HowArgs};
use crate::verbs::{down, logs, ship};

/// Build, ship and run the application on this machine
///
/// Starts the embedded platform if it does not run, builds and pushes the images that changed, makes everything match
/// the manifest, and waits until it is healthy. Then shows the logs until Ctrl-C, which stops the application; with
/// --detach it exits and leaves the application running.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr up\n  managr up --detach\n  managr up --file examples/managr/managr.toml")]
pub(crate) struct UpArgs {
    /// Exit and leave the application running
    #[arg(short, long)]
    detach: bool,
    /// Stage whose settings are used
    #[arg(long, default_value = deploy_core::manifest::LOCAL, value_name = "STAGE")]
    stage: String,
    /// Seconds that services may take to become healthy
    #[arg(long, default_value_t = 300, value_name = "SECONDS")]
    timeout: u64,
    /// Accept the risk that `managr plan` shows under this name, in a stage other than the local one; may be repeated
    #[arg(long, value_name = "NAME", value_parser = ship::risk())]
    allow_risk: Vec<RiskKind>,
    #[command(flatten)]
    builder: BuilderArgs,
    #[command(flatten)]
    how: HowArgs,
}

pub(crate) async fn run(cx: &Context, args: UpArgs) -> Result<Exit, Failure> {
    let begun = Instant::now();
    let mut interrupts = Interrupts::listen()?;
    let project = cx.project()?;
    let client = cx.client(&project.region(&args.stage))?;
    // Whatever can be found out without acting is found out first.
    project.outline(&args.stage, "")?;
    ensure_platform(cx, &args.how).await?;

    let wanted = project.wanted(&args.stage, args.builder.builder);
    let limit = Duration::from_secs(args.timeout);
    let done = Progress::default();
    let by = actor();
    let named: BTreeSet<RiskKind> = args.allow_risk.iter().copied().collect();
    let patience = Some(limit);
    let (app, stage) = (wanted.manifest.app.clone(), args.stage.clone());
    let claim = Claim { app: app.clone(), stage: stage.clone(), by: by.clone(), purpose: "up".to_owned(), patience };
    let terms = Terms { by, tag: None, waits: true, watches_all: true, limit, bake: Duration::ZERO, named };
    let work = progress::show(cx, |events| {
        let (client, claim, terms, done) = (client.clone(), &claim, &terms, &done);
        async move { deploy::up(&client, &wanted, claim, terms, done, &events).await }
    });
    let up = tokio::select! {
        up = work => up?,
        // Every step of `up` may be repeated: stopping in the middle only leaves it unfinished. Its
        // lease is free once this process is gone.
        () = interrupts.next() => {
            deploy::release::tidy(&client, &app, &stage, &done).await;
            return Err(Failure::new("interrupted; what was started keeps running")
                .hint("continue with `managr up`, or remove it with `managr down`")
                .exit(Exit::Interrupted));
        }
    };
    let status = deploy::status(&client, &up.desired).await?;
    cx.ui.data(&report::status(&status, client.now(), cx.ui.out));
    cx.ui.say(&report::next_steps(&status, begun.elapsed(), cx.ui.err));
    if args.detach { Ok(Exit::Done) } else { stay(cx, &client, &up, &args.stage, interrupts).await }
}

/// Starts the platform of this machine if nothing answers.
async fn ensure_platform(cx: &Context, how: &HowArgs) -> Result<(), Failure> {
    if !daemon::is_healthy(cx.endpoint()).await {
        cx.ui.say(&format!("starting the platform at {}", cx.endpoint()));
        platform::begin(cx, how).await?;
    }
    platform::warn_of_notices(cx).await;
    Ok(())
}

/// Shows the logs until Ctrl-C, then stops the application.
async fn stay(
    cx: &Context,
    client: &Client,
    up: &Up,
    stage: &str,
    mut interrupts: Interrupts,
) -> Result<Exit, Failure> {
    cx.ui.say("Ctrl-C stops the application (`managr up --detach` leaves it running)\n");
    // Following only reads: nothing is lost when it is dropped.
    tokio::select! {
        ended = logs::follow(cx, client, &up.desired, logs::now() - 10_000) => ended?,
        () = interrupts.next() => {}
    }
    cx.ui.say("\nstopping; again Ctrl-C leaves it running");
    tokio::select! {
        ended = down::take_down(cx, stage, false) => ended.map(|()| Exit::Interrupted),
        // The service is deleted first: the platform goes on stopping its tasks without us.
        () = interrupts.next() => Ok(Exit::Interrupted),
    }
}
