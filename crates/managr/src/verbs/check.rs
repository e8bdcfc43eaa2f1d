//! `managr check`: is the manifest right?

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Validate the manifest and say everything that is wrong with it
///
/// Needs no platform and no account. Ends with 2 when something is wrong.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr check\n  managr check --file deploy/managr.toml")]
pub(crate) struct CheckArgs {}

pub(crate) fn run(cx: &Context, _args: &CheckArgs) -> Result<Exit, Failure> {
    let project = cx.project()?;
    let manifest = &project.manifest;
    let plural = |n: usize, one: &str| if n == 1 { format!("{n} {one}") } else { format!("{n} {one}s") };
    cx.ui.say(&format!(
        "{} is valid: {}, {}, {}, {}",
        project.shown_path(),
        plural(manifest.images.len(), "image"),
        plural(manifest.services.len(), "service"),
        plural(manifest.schedules.len(), "schedule"),
        plural(manifest.stages.len(), "stage"),
    ));
    Ok(Exit::Done)
}
