//! `managr taskdef`: task definitions as AWS sees them.

use clap::Subcommand;

use crate::context::{Context, registry_of};
use crate::daemon;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::report;

/// Show task definitions as AWS sees them
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr taskdef render local app\n  \
    managr taskdef render staging app > task-definition.json")]
pub(crate) struct TaskdefArgs {
    #[command(subcommand)]
    command: TaskdefCommand,
}

#[derive(Debug, Subcommand)]
enum TaskdefCommand {
    /// Print the JSON that would be registered
    ///
    /// While the platform runs, images are pinned as `up` would pin them; without it, digests and
    /// the secret's full ARN are not known and are left out.
    Render(RenderArgs),
}

#[derive(Debug, clap::Args)]
struct RenderArgs {
    /// Stage whose settings are used
    stage: String,
    /// Service or schedule of the manifest
    service: String,
}

pub(crate) async fn run(cx: &Context, args: TaskdefArgs) -> Result<Exit, Failure> {
    let TaskdefCommand::Render(args) = &args.command;
    let project = cx.project()?;
    let registry = registry_of(&cx.global.endpoint);
    let mut desired = project.outline(&args.stage, &registry)?;
    if daemon::is_healthy(&cx.global.endpoint).await {
        let client = cx.client(&desired.region)?;
        let wanted = project.wanted(&args.stage, None);
        let facts = deploy::up::facts(&client, &wanted, &registry).await.map_err(|e| report::explain(e, cx.ui.err))?;
        desired = deploy_core::desired(&project.manifest, &args.stage, &facts)?;
    }
    let wanted = desired.task_definitions.iter().find(|task| owner(task) == args.service);
    let Some(task) = wanted else {
        let known: Vec<&str> = desired.task_definitions.iter().map(owner).collect();
        let meant = deploy_core::suggest::nearest(&args.service, known.iter().copied());
        let failure = Failure::new(format!("the manifest has no service or schedule `{}`", args.service));
        let hint = match meant {
            Some(name) => format!("did you mean `{name}`?"),
            None => format!("there are {}", known.join(", ")),
        };
        return Err(failure.hint(hint).exit(Exit::Usage));
    };
    cx.ui.json(&task.document);
    Ok(Exit::Done)
}

fn owner(task: &deploy_core::desired::TaskDefinitionDoc) -> &str {
    match &task.owner {
        deploy_core::desired::Owner::Service(name) | deploy_core::desired::Owner::Schedule(name) => name,
    }
}
