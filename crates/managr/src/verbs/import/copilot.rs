//! `managr import copilot`: from the manifests of AWS Copilot.

use std::path::PathBuf;

use import::copilot::{self, Imported, Options};
use import::write;

use super::{IntoArgs, folder, outcome};
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// From a copilot/ folder of AWS Copilot
///
/// Reads the manifests of services, jobs and environments, and changes nothing. The manifest describes a new place
/// beside what runs, because CloudFormation generated the names there and no file contains them. Keys that the manifest
/// has no word for are listed.
#[derive(Debug, Clone, clap::Args)]
#[command(
    after_help = "Examples:\n  managr import copilot\n  managr import copilot infra/ --account 123456789012 --region eu-west-1\n  \
    managr import copilot --stdout"
)]
pub(crate) struct CopilotArgs {
    /// The folder that has copilot/, or copilot/ itself
    #[arg(default_value = ".", value_name = "DIR")]
    from: PathBuf,
    /// Name of the application [default: what copilot/.workspace says]
    #[arg(long)]
    app: Option<String>,
    /// AWS region, for the ARNs of secrets [default: us-east-1]
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// AWS account, for the ARNs of secrets
    #[arg(long, value_name = "ID")]
    account: Option<String>,
    #[command(flatten)]
    into: IntoArgs,
}

pub(crate) fn run(cx: &Context, args: &CopilotArgs) -> Result<Exit, Failure> {
    outcome::check_free(args.into.file().as_deref())?;
    // Its own folder is called `copilot`: what lies beside it is the program.
    let own = args.from.join("copilot");
    let root = if own.is_dir() { &own } else { &args.from };
    let files = folder::read(root, |name| name == ".workspace" || name.ends_with(".yml") || name.ends_with(".yaml"))?;
    let files = files.into_iter().map(|(path, text)| (format!("copilot/{path}"), text)).collect();
    let CopilotArgs { app, region, account, .. } = args.clone();
    let options = Options { app, region, account };
    let found = copilot::read(&files, &options).map_err(|error| Failure::from_error(error).exit(Exit::Usage))?;
    let Imported { manifest, account, left } = found;
    let text = write::text(&manifest, &["Made by `managr import copilot`.".to_owned()]);
    deploy_core::parse("managr.toml", &text)?;
    outcome::leave(cx, &args.into, &outcome::Made::new(&text, &manifest)?, &outcome::Proofs::of_account(account), &left)
}
