//! `managr import taskdef`: from files.

use std::io::Read;

use import::taskdef::{self, File};

use super::outcome::{self, Source};
use super::{IntoArgs, OfStage, of_stage};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// From task definitions as JSON
///
/// Takes requests of `aws ecs register-task-definition --cli-input-json` and answers of `aws ecs
/// describe-task-definition`. Without STAGE= the family's name gives the stage.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  managr import taskdef staging=taskdef-staging.json prod=taskdef-prod.json\n  aws ecs describe-task-definition --task-definition web-prod | managr import taskdef prod=-"
)]
pub(crate) struct TaskdefArgs {
    /// Files, one per task definition; `-` is standard input
    #[arg(required = true, value_name = "[STAGE=]FILE", value_parser = of_stage)]
    files: Vec<OfStage>,
    /// Name of the application [default: what the families share]
    #[arg(long)]
    app: Option<String>,
    #[command(flatten)]
    into: IntoArgs,
}

pub(crate) async fn run(cx: &Context, args: &TaskdefArgs) -> Result<Exit, Failure> {
    outcome::check_free(args.into.file().as_deref())?;
    let files = args.files.iter().map(read).collect::<Result<Vec<_>, _>>()?;
    let found =
        taskdef::read(&files, args.app.as_deref()).map_err(|error| Failure::from_error(error).exit(Exit::Usage))?;
    outcome::finish(cx, &args.into, &found, Source::Documents)
}

fn read(file: &OfStage) -> Result<File, Failure> {
    let mut text = String::new();
    let (name, read) = match file.what.as_str() {
        "-" => ("standard input", std::io::stdin().read_to_string(&mut text).map(drop)),
        path => (path, std::fs::read_to_string(path).map(|read| text = read)),
    };
    read.map_err(|error| Failure::new(format!("could not read {name}: {error}")).exit(Exit::Usage))?;
    Ok(File { name: name.to_owned(), text, stage: file.stage.clone() })
}
