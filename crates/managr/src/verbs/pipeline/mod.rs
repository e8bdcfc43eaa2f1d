//! `managr pipeline`: the CI file that carries an application to its stages.

mod variables;
mod write;

use clap::Subcommand;
use deploy_core::pipeline::Provider;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Write the CI file from the manifest, or check whether it is current
///
/// Images are built once and pushed by digest; the main branch goes to staging; a tag goes to production after a person
/// has approved the plan, with the images of staging where their tags name the commit; a pull request gets a plan and,
/// with `[previews]`, a stage of its own. Tests between the marks are yours and stay.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr pipeline bitbucket\n  managr pipeline github --check\n  \
    managr pipeline bitbucket --auth keys --install 'pip install our-managr'\n  \
    managr pipeline bitbucket --for taskdef --container managr-app\n  managr pipeline variables prod")]
pub(crate) struct PipelineArgs {
    #[command(subcommand)]
    command: PipelineCommand,
}

#[derive(Debug, Subcommand)]
enum PipelineCommand {
    /// Write bitbucket-pipelines.yml
    Bitbucket(write::WriteArgs),
    /// Write .github/workflows/managr.yml
    Github(write::WriteArgs),
    /// Write .gitlab-ci.yml
    Gitlab(write::WriteArgs),
    Variables(variables::VariablesArgs),
}

pub(crate) fn run(cx: &Context, args: PipelineArgs) -> Result<Exit, Failure> {
    match args.command {
        PipelineCommand::Bitbucket(args) => write::run(cx, Provider::Bitbucket, args),
        PipelineCommand::Github(args) => write::run(cx, Provider::Github, args),
        PipelineCommand::Gitlab(args) => write::run(cx, Provider::Gitlab, args),
        PipelineCommand::Variables(args) => variables::run(cx, &args),
    }
}
