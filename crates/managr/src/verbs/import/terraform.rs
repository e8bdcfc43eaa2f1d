//! `managr import terraform`: from a folder of Terraform.

use std::path::PathBuf;

use import::terraform::{self, Options};

use super::outcome::{self, Source};
use super::{IntoArgs, folder};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Endings of files that a folder of Terraform is never written in: states hold values of secrets.
const SKIPPED: [&str; 4] = [".tfstate", ".tfstate.backup", ".tfplan", ".zip"];

/// From a folder of Terraform, without running Terraform
///
/// Evaluates variables, locals, templates, for_each and *.tfvars (one file a stage); asks nobody. What only AWS can
/// tell is listed. Values that the folder calls sensitive are not written into the manifest.
#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "Examples:\n  managr import terraform infra/\n  managr import terraform infra/ --account 123456789012 --json"
)]
pub(crate) struct TerraformArgs {
    /// The root module's folder
    folder: PathBuf,
    /// Name of the application [default: what the families share]
    #[arg(long)]
    app: Option<String>,
    /// AWS region [default: the provider's]
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// AWS account [default: what the folder's values tell]
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Name of the stage, if the folder describes one and does not name it
    #[arg(long, value_name = "STAGE")]
    stage: Option<String>,
    /// Name in AWS of something whose name Terraform makes up, such as aws_lb_target_group.web=web-2026; repeatable
    #[arg(long = "name", value_name = "ADDRESS=NAME", value_parser = name)]
    names: Vec<(String, String)>,
    #[command(flatten)]
    into: IntoArgs,
}

/// An address may hold `=` in its quotes, a name never does.
fn name(text: &str) -> Result<(String, String), String> {
    match text.rsplit_once('=') {
        Some((address, name)) if !address.is_empty() && !name.is_empty() => Ok((address.to_owned(), name.to_owned())),
        _ => Err("it is an address, `=`, and the name in AWS".to_owned()),
    }
}

pub(crate) async fn run(cx: &Context, args: &TerraformArgs) -> Result<Exit, Failure> {
    outcome::check_free(args.into.file().as_deref())?;
    let folder = folder::read(&args.folder, |name| !SKIPPED.iter().any(|ending| name.ends_with(ending)))?;
    let TerraformArgs { app, region, account, stage, names, .. } = args.clone();
    let names = names.into_iter().collect();
    let options = Options { app, region, account, stage, names, ..Options::default() };
    let found = terraform::read(&folder, &options).map_err(|error| Failure::from_error(error).exit(Exit::Usage))?;
    outcome::finish(cx, &args.into, &found, Source::Terraform).await
}
