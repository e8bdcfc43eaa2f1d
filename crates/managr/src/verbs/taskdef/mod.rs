//! `managr taskdef`: task definitions as AWS sees them.

mod render;
mod show;
mod update;

use clap::Subcommand;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Show, compare and update task definitions as AWS sees them
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr taskdef render local app\n  managr taskdef show managr-app-task-prod\n  \
    managr taskdef diff staging app\n  \
    managr taskdef update managr-app-task-prod --image managr-app=REGISTRY/server:prod-v2 \\\n    \
    --cluster managr-cluster --service managr-app-prod")]
pub(crate) struct TaskdefArgs {
    #[command(subcommand)]
    command: TaskdefCommand,
}

#[derive(Debug, Subcommand)]
enum TaskdefCommand {
    Render(render::RenderArgs),
    Show(show::ShowArgs),
    Diff(show::DiffArgs),
    Update(update::UpdateArgs),
}

pub(crate) async fn run(cx: &Context, args: TaskdefArgs) -> Result<Exit, Failure> {
    match args.command {
        TaskdefCommand::Render(args) => render::run(cx, &args).await,
        TaskdefCommand::Show(args) => show::show(cx, &args).await,
        TaskdefCommand::Diff(args) => show::diff(cx, &args).await,
        TaskdefCommand::Update(args) => update::run(cx, args).await,
    }
}

/// Region of a task definition that no manifest names.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct RegionArgs {
    /// AWS region [default: AWS_REGION or AWS_DEFAULT_REGION, else us-east-1]
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
}

impl RegionArgs {
    pub(crate) fn settle(&self) -> String {
        let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
        let given = self.region.clone().or_else(|| variable("AWS_REGION")).or_else(|| variable("AWS_DEFAULT_REGION"));
        given.unwrap_or_else(|| "us-east-1".to_owned())
    }
}
