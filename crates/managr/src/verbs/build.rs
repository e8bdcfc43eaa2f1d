//! `managr build`: images, here.

use deploy::build::{self, Recipe, Tool};

use crate::context::{Context, Project, registry_of};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::progress;

/// Build the images of the manifest
///
/// Uses docker, podman or buildah, whichever works. An image whose ingredients (files, Dockerfile,
/// arguments, base images) did not change is not built again.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr build\n  managr build server --builder buildah")]
pub(crate) struct BuildArgs {
    /// Images to build [default: all]
    images: Vec<String>,
    #[command(flatten)]
    builder: BuilderArgs,
    /// Stage whose settings are used
    #[arg(long, default_value = deploy_core::manifest::LOCAL, value_name = "STAGE")]
    stage: String,
}

/// Which build tool is used.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct BuilderArgs {
    /// Build tool: docker, podman or buildah [default: the first that works]
    #[arg(long, env = "MANAGR_BUILDER", value_name = "TOOL", hide_env_values = true)]
    pub(crate) builder: Option<Tool>,
}

pub(crate) async fn run(cx: &Context, args: BuildArgs) -> Result<Exit, Failure> {
    let project = cx.project()?;
    let registry = registry_of(cx.endpoint());
    let desired = project.outline(&args.stage, &registry)?;
    check_names(&project, &args.images)?;
    let wanted = project.wanted(&args.stage, args.builder.builder);
    let tool = build::detect(args.builder.builder).await?;
    let mut references = Vec::new();
    for image in desired.images.iter().filter(|i| args.images.is_empty() || args.images.contains(&i.name)) {
        let recipe: Recipe = deploy::stage::recipe(&wanted, image);
        let tag = deploy::stage::tag(tool, &args.stage, image, &recipe).await?;
        let reference = format!("{}/{}:{tag}", registry, image.repository);
        if build::is_built(tool, &reference).await {
            cx.ui.say(&format!("image {} has not changed", image.name));
        } else {
            let (recipe, reference) = (&recipe, &reference);
            progress::show(cx, |events| async move {
                build::build(tool, recipe, reference, &events).await.map_err(deploy::StageError::from)
            })
            .await?;
        }
        references.push(reference);
    }
    cx.ui.data(&references.join("\n"));
    Ok(Exit::Done)
}

/// Refuses a name that the manifest does not know.
///
/// # Errors
/// Names it, and those that there are.
pub(crate) fn check_names<'a>(project: &Project, names: impl IntoIterator<Item = &'a String>) -> Result<(), Failure> {
    let images = &project.manifest.images;
    let Some(unknown) = names.into_iter().find(|name| !images.contains(name)) else { return Ok(()) };
    let known: Vec<&str> = images.names().collect();
    Err(Failure::new(format!("the manifest has no image `{unknown}`"))
        .hint(format!("there are {}", known.join(", ")))
        .exit(Exit::Usage))
}
