//! `managr down`: stop the application.

use std::path::Path;
use std::time::Duration;

use crate::context::Context;
use crate::daemon;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::progress;
use crate::verbs::others;
use crate::verbs::platform::WhereArgs;
use crate::verbs::vars::ask;

/// How long a platform may take to say who it is.
const LIMIT: Duration = Duration::from_secs(5);

/// Stop the application; with --purge remove every trace of it
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr down\n  managr down --purge\n  managr down --purge --all")]
pub(crate) struct DownArgs {
    /// Also delete secrets, logs and images, stop the platform and remove its data
    #[arg(long)]
    purge: bool,
    /// With --purge: remove what others have on the platform too, without asking
    #[arg(long, requires = "purge")]
    all: bool,
    /// Stage whose settings are used
    #[arg(long, default_value = deploy_core::manifest::LOCAL, value_name = "STAGE")]
    stage: String,
    #[command(flatten)]
    place: WhereArgs,
}

pub(crate) async fn run(cx: &Context, args: DownArgs) -> Result<Exit, Failure> {
    let data_dir = args.place.settle();
    if args.purge {
        spare_others(cx, &data_dir, args.all).await?;
    }
    if daemon::is_healthy(cx.endpoint()).await {
        let ended = take_down(cx, &args.stage, args.purge).await;
        match ended {
            // What follows removes more, and by force: a full disk must not keep it from doing so.
            Err(failure) if args.purge => {
                cx.ui.say(&format!("it could not be stopped in order:\n{}", failure.render(cx.ui.err)))
            }
            ended => ended?,
        }
    } else if !args.purge {
        cx.ui.say(&format!("nothing to stop: no platform answers at {}", cx.endpoint()));
        return Ok(Exit::Done);
    }
    if args.purge {
        crate::purge::purge(&data_dir).await?;
        cx.ui.say("nothing is left of the platform");
    }
    Ok(Exit::Done)
}

/// Sees to it that nothing of others is removed, unless they or the person say so. Nothing is changed before.
async fn spare_others(cx: &Context, data_dir: &Path, all: bool) -> Result<(), Failure> {
    if daemon::is_healthy(cx.endpoint()).await {
        refuse_another(cx, data_dir).await?;
    }
    if all {
        return Ok(());
    }
    let contents = others::contents(cx, data_dir).await;
    // Without a manifest nothing is this application's.
    let ours = cx.project().map(|project| others::ours(&project, &contents)).unwrap_or_default();
    let Some(words) = others::words(&contents, &ours) else { return Ok(()) };
    let question = format!("{words}\nremove all of it?");
    if ask::is_somebody_there() {
        return match ask::is_agreed(&question) {
            true => Ok(()),
            false => Err(Failure::new("declined; nothing was changed").exit(Exit::Declined)),
        };
    }
    Err(Failure::new(words)
        .hint("`managr down` stops only this application and leaves the rest")
        .hint("to remove all of it: `managr down --purge --all`")
        .exit(Exit::Declined))
}

/// Refuses to purge a directory that is not the one of the platform that answers: one would lose its
/// application, the other its files.
async fn refuse_another(cx: &Context, data_dir: &Path) -> Result<(), Failure> {
    let status = aws::local::request(http::Method::GET, cx.endpoint(), "/_managr/status", LIMIT).await?;
    let answers = status.get("pid").and_then(serde_json::Value::as_i64);
    let holds = daemon::running(data_dir).map(|pid| i64::from(pid.as_raw()));
    if answers == holds {
        return Ok(());
    }
    let words = format!("the platform at {} does not keep its data in {}", cx.endpoint(), data_dir.display());
    Err(Failure::new(words).hint("name its data directory with --data-dir, or its address with --endpoint"))
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
