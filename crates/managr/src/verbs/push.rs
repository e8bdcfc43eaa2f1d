//! `managr push`: images, in the platform's registry.

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::progress;
use crate::verbs::build::BuilderArgs;

/// Build the images that changed and push them to the registry
///
/// With --from, images of this commit that another stage has get this stage's tags, by digest and without a build; only
/// missing ones are built.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr push\n  managr push staging\n  managr push --builder podman\n  \
    managr push prod --from staging")]
pub(crate) struct PushArgs {
    /// Stage whose registry and tags are used
    #[arg(default_value = deploy_core::manifest::LOCAL)]
    stage: String,
    /// Stage whose images of this commit are taken over
    #[arg(long, value_name = "STAGE")]
    from: Option<String>,
    #[command(flatten)]
    builder: BuilderArgs,
}

pub(crate) async fn run(cx: &Context, args: PushArgs) -> Result<Exit, Failure> {
    let project = cx.project()?;
    let client = cx.client_of(&args.stage, &project.region(&args.stage))?;
    let wanted = project.wanted(&args.stage, args.builder.builder);
    let ready = progress::show(cx, |events| async move {
        if let Some(from) = &args.from {
            deploy::stage::promote(&client, &wanted, from, &events).await?;
        }
        deploy::stage::push_all(&client, &wanted, &events).await
    })
    .await?;
    let references: Vec<String> = ready.images.into_iter().map(|image| image.reference).collect();
    if !references.is_empty() {
        cx.ui.data(&references.join("\n"));
    }
    Ok(Exit::Done)
}
