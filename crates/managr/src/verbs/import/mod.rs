//! `managr import`: a manifest from what people have, and the proof that it says the same.

mod compose;
mod copilot;
mod folder;
mod outcome;
mod outside;
mod pipeline;
mod rehearse;
mod service;
mod taskdef;
mod terraform;

use std::path::PathBuf;

use clap::Subcommand;

pub(super) use self::terraform::{given, terraform_folder};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Write a managr.toml from what you have, and prove it
///
/// Reads task definitions, a live cluster, a Terraform folder, a compose file, a folder of AWS Copilot or a pipeline,
/// and changes none of them. The new manifest is rendered again and compared with the original, member by member. A
/// folder's resources are made on a platform that runs nothing, and a deploy is planned against them. Everything that
/// could not be carried over is listed. Exits with 5 if a rendered task definition differs from its original, or if a
/// deploy would change something.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr import taskdef staging=taskdef-staging.json prod=taskdef-prod.json\n  \
    aws ecs describe-task-definition --task-definition web-prod | managr import taskdef prod=-\n  \
    managr import service staging=my-cluster/web-staging prod=my-cluster/web-prod\n  \
    managr import terraform infra/\n  managr import compose docker-compose.yml --stdout\n  \
    managr import copilot --stdout\n  \
    managr import pipeline --stdout")]
pub(crate) struct ImportArgs {
    #[command(subcommand)]
    command: ImportCommand,
}

#[derive(Debug, Subcommand)]
enum ImportCommand {
    Taskdef(taskdef::TaskdefArgs),
    Service(service::ServiceArgs),
    Terraform(terraform::TerraformArgs),
    Compose(compose::ComposeArgs),
    Copilot(copilot::CopilotArgs),
    Pipeline(pipeline::PipelineArgs),
}

/// Where the manifest goes.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct IntoArgs {
    /// Write this file; it must not exist yet [default: managr.toml]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Print the manifest instead of writing a file
    #[arg(long, conflicts_with = "output")]
    stdout: bool,
    /// Print JSON: the manifest's text, the proofs, and what was left; write no file
    #[arg(long, conflicts_with_all = ["output", "stdout"])]
    json: bool,
}

impl IntoArgs {
    /// Returns the file to write; none when it is printed.
    fn file(&self) -> Option<PathBuf> {
        (!self.stdout && !self.json).then(|| self.output.clone().unwrap_or_else(|| PathBuf::from("managr.toml")))
    }
}

pub(crate) async fn run(cx: &Context, args: ImportArgs) -> Result<Exit, Failure> {
    match args.command {
        ImportCommand::Taskdef(args) => taskdef::run(cx, &args).await,
        ImportCommand::Service(args) => service::run(cx, &args).await,
        ImportCommand::Terraform(args) => terraform::run(cx, &args).await,
        ImportCommand::Compose(args) => compose::run(cx, &args),
        ImportCommand::Copilot(args) => copilot::run(cx, &args),
        ImportCommand::Pipeline(args) => pipeline::run(cx, &args),
    }
}

/// A `[STAGE=]WHAT` of the command line.
#[derive(Debug, Clone)]
pub(crate) struct OfStage {
    stage: Option<String>,
    what: String,
}

fn of_stage(text: &str) -> Result<OfStage, String> {
    let (stage, what) = text.split_once('=').map_or((None, text), |(stage, what)| (Some(stage), what));
    match stage {
        _ if what.is_empty() => Err("nothing stands after `=`".to_owned()),
        Some(stage) if stage.is_empty() || stage.contains('/') => Err(format!("`{stage}` is not a stage's name")),
        stage => Ok(OfStage { stage: stage.map(str::to_owned), what: what.to_owned() }),
    }
}
