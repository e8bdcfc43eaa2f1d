//! `managr check`: is the manifest right?

use deploy_core::desired::Owner;
use deploy_core::manifest::LOCAL;
use deploy_core::served::{self, Unserved};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Validate the manifest and report everything that is wrong with it
///
/// Needs no platform and no account. Exits with 2 if something is wrong. Also reports what is valid but cannot run on
/// this machine (`managr up`).
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr check\n  managr check --file deploy/managr.toml")]
pub(crate) struct CheckArgs {}

pub(crate) fn run(cx: &Context, _args: &CheckArgs) -> Result<Exit, Failure> {
    let project = cx.project()?;
    let manifest = &project.manifest;
    let plural = |n: usize, one: &str| if n == 1 { format!("{n} {one}") } else { format!("{n} {one}s") };
    let standalone: Vec<&str> =
        manifest.services.iter().filter(|(_, service)| service.is_standalone()).map(|(name, _)| name).collect();
    let standalone_told = if standalone.is_empty() {
        String::new()
    } else {
        format!("{}, ", plural(standalone.len(), "standalone task"))
    };
    cx.ui.say(&format!(
        "{} is valid: {}, {}, {standalone_told}{}, {}",
        project.shown_path(),
        plural(manifest.images.len(), "image"),
        plural(manifest.services.len() - standalone.len(), "service"),
        plural(manifest.schedules.len(), "schedule"),
        plural(manifest.stages.len(), "stage"),
    ));
    let architecture = if cfg!(target_arch = "aarch64") { "ARM64" } else { "X86_64" };
    if let Ok(unserved) = served::unserved_locally(manifest, Some(architecture)) {
        for Unserved { owner, refusal } in unserved {
            let owner = match owner {
                Owner::Service(name) => format!("service {name}"),
                Owner::Schedule(name) => format!("schedule {name}"),
            };
            let told = format!("stage {LOCAL}, {owner}: {refusal}; `managr up` would be refused");
            cx.ui.say(&format!("{}: {told}", cx.ui.err.yellow("warning")));
        }
    }
    Ok(Exit::Done)
}
