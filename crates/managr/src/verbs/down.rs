//! `managr down`: stop the application.

use crate::context::Context;
use crate::daemon;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::progress;
use crate::verbs::platform::WhereArgs;

/// Stop the application; with --purge leave nothing behind
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr down\n  managr down --purge")]
pub(crate) struct DownArgs {
    /// Also delete secrets, logs and images, stop the platform and remove its data
    #[arg(long)]
    purge: bool,
    /// Stage whose settings are used
    #[arg(long, default_value = deploy_core::manifest::LOCAL, value_name = "STAGE")]
    stage: String,
    #[command(flatten)]
    place: WhereArgs,
}

pub(crate) async fn run(cx: &Context, args: DownArgs) -> Result<Exit, Failure> {
    let data_dir = args.place.settle();
    if daemon::is_healthy(&cx.global.endpoint).await {
        let ended = take_down(cx, &args.stage, args.purge).await;
        match ended {
            // What follows removes more, and by force: a full disk must not keep it from doing so.
            Err(failure) if args.purge => {
                cx.ui.say(&format!("it could not be stopped in order:\n{}", failure.render(cx.ui.err)))
            }
            ended => ended?,
        }
    } else if !args.purge {
        cx.ui.say(&format!("nothing to stop: no platform answers at {}", cx.global.endpoint));
        return Ok(Exit::Done);
    }
    if args.purge {
        crate::purge::purge(&data_dir).await?;
        cx.ui.say("nothing is left of the platform");
    }
    Ok(Exit::Done)
}

/// Stops the application and says so.
pub(crate) async fn take_down(cx: &Context, stage: &str, purge: bool) -> Result<(), Failure> {
    let project = cx.project()?;
    let desired = project.outline(stage, "")?;
    let client = cx.client(&desired.region)?;
    progress::show(cx, |events| async move { deploy::down(&client, &desired, purge, &events).await }).await?;
    cx.ui.say(&format!("{} is down", project.manifest.app));
    Ok(())
}
