//! `managr import terraform`: from a folder of Terraform.

use std::io::Read;
use std::path::{Path, PathBuf};

use import::terraform::{GivenFile, Options};

use super::outcome::{self, Source};
use super::{IntoArgs, OfStage, folder, of_stage, outside};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Endings of files that a folder of Terraform is never written in: states hold values of secrets.
pub(super) const SKIPPED: [&str; 4] = [".tfstate", ".tfstate.backup", ".tfplan", ".zip"];

/// From a folder of Terraform, without running Terraform
///
/// Evaluates variables, locals, templates, for_each and *.tfvars (one file per stage), and makes no calls. What only
/// AWS knows is listed, or taken from a state. Values that the folder marks as sensitive are not written into the
/// manifest.
#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "Examples:\n  managr import terraform infra/\n  managr import terraform infra/ --account 123456789012 --json\n  \
    managr import terraform infra/ --var-file ~/secret/prod.tfvars --var image=nginx:1.27\n  \
    (cd infra && terraform state pull) | managr import terraform infra/ --state -\n  \
    (cd infra && terraform show -json plan.out) > plan.json; managr import terraform infra/ --plan-json prod=plan.json"
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
    /// AWS account [default: taken from the folder's values]
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    /// Name of the stage, if the folder describes one and does not name it
    #[arg(long, value_name = "STAGE")]
    stage: Option<String>,
    /// Name in AWS of something whose name Terraform generates, such as aws_lb_target_group.web=web-2026; repeatable
    #[arg(long = "name", value_name = "ADDRESS=NAME", value_parser = name)]
    names: Vec<(String, String)>,
    /// Values of variables, as for Terraform; a file that is named for a stage is for that stage alone
    #[arg(long, value_name = "[STAGE=]FILE", value_parser = of_stage)]
    var_file: Vec<OfStage>,
    /// Value of a variable, as for Terraform
    #[arg(long, value_name = "NAME=VALUE", value_parser = of_variable)]
    var: Vec<(String, String)>,
    /// What Terraform has made: a state, or `terraform show -json` of one; `-` is standard input
    #[arg(long, value_name = "[STAGE=]FILE", value_parser = of_stage)]
    state: Vec<OfStage>,
    /// What Terraform would make: `terraform show -json` of a plan
    #[arg(long, value_name = "[STAGE=]FILE", value_parser = of_stage)]
    plan_json: Vec<OfStage>,
    /// Directory that templates and modules may be read from [default: the git repository, or else the folder's parent]
    #[arg(long, value_name = "DIR")]
    within: Option<PathBuf>,
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
    let TerraformArgs { app, region, account, stage, var, names, .. } = args.clone();
    let read = |file: &OfStage| given(&file.what, file.stage.clone());
    let var_files = args.var_file.iter().map(read).collect::<Result<_, _>>()?;
    let states = args.state.iter().chain(&args.plan_json).map(read).collect::<Result<_, _>>()?;
    let names = names.into_iter().collect();
    let called = args.folder.canonicalize().ok().and_then(|path| Some(path.file_name()?.to_str()?.to_owned()));
    let options = Options { folder: called, app, region, account, stage, var_files, vars: var, states, names };
    let mut folder = folder::read(&args.folder, is_read)?;
    let found = outside::read(&mut folder, &args.folder, args.within.as_deref(), &options)?;
    outcome::finish(cx, &args.into, &found, Source::Terraform)
}

/// Returns whether a file may be part of a folder of Terraform.
pub(super) fn is_read(name: &str) -> bool {
    !SKIPPED.iter().any(|ending| name.ends_with(ending))
}

/// Reads a folder with what it names beside itself.
///
/// # Errors
/// When it cannot be read.
pub(in super::super) fn terraform_folder(dir: &Path, options: &Options) -> Result<import::Folder, Failure> {
    let mut folder = folder::read(dir, is_read)?;
    // What the folder says is not asked here: its blocks are.
    let _ = outside::gather(&mut folder, dir, None, options)?;
    Ok(folder)
}

/// Reads a file that is given beside a folder; `-` is standard input.
///
/// # Errors
/// When it cannot be read.
pub(in super::super) fn given(path: &str, stage: Option<String>) -> Result<GivenFile, Failure> {
    let mut text = String::new();
    let (name, read) = match path {
        "-" => ("standard input", std::io::stdin().read_to_string(&mut text).map(drop)),
        path => (path, std::fs::read_to_string(path).map(|read| text = read)),
    };
    read.map_err(|error| Failure::new(format!("could not read {name}: {error}")).exit(Exit::Usage))?;
    Ok(GivenFile { stage, path: name.to_owned(), text })
}

fn of_variable(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("a variable is given as NAME=VALUE".to_owned()),
    }
}
