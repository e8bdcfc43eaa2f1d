//! `managr push`: images, in the platform's registry.

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::progress;
use crate::verbs::build::BuilderArgs;

/// Build the images that changed and push them to the registry
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr push\n  managr push --builder podman")]
pub(crate) struct PushArgs {
    #[command(flatten)]
    builder: BuilderArgs,
    /// Stage whose settings are used
    #[arg(long, default_value = deploy_core::manifest::LOCAL, value_name = "STAGE")]
    stage: String,
}

pub(crate) async fn run(cx: &Context, args: PushArgs) -> Result<Exit, Failure> {
    let project = cx.project()?;
    let client = cx.client(&project.region(&args.stage))?;
    let wanted = project.wanted(&args.stage, args.builder.builder);
    let ready =
        progress::show(cx, |events| async move { deploy::up::push_all(&client, &wanted, &events).await }).await?;
    let references: Vec<String> = ready.into_iter().map(|ready| ready.reference).collect();
    if !references.is_empty() {
        cx.ui.data(&references.join("\n"));
    }
    Ok(Exit::Done)
}
