//! `managr pipeline variables`: what an older pipeline's variables should say.

use deploy_core::pipeline::variables;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;

/// Show what variables of an older pipeline should say, or check those that are set
///
/// They are AWS_ECS_CLUSTER_NAME, AWS_ECS_SERVICE_NAME, AWS_ECS_TASK_NAME, MANAGR_SERVER_IMAGE_NAME and
/// MANAGR_SERVER_SCHEDULED_TASKS_IMAGE_NAME. With a manifest they have no effect. With --check it exits with 5 if one
/// contradicts the manifest.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr pipeline variables prod\n  managr pipeline variables prod --check")]
pub(super) struct VariablesArgs {
    /// Stage
    stage: String,
    /// Compare those that are set in the environment with the manifest
    #[arg(long)]
    check: bool,
    /// Print JSON
    #[arg(long, conflicts_with = "check")]
    json: bool,
}

pub(super) fn run(cx: &Context, args: &VariablesArgs) -> Result<Exit, Failure> {
    let all = variables::of(&cx.project()?.names(&args.stage)?);
    if !args.check {
        let known = all.iter().filter_map(|variable| Some((variable.name, variable.values.first()?)));
        if args.json {
            cx.ui.json(&known.collect::<std::collections::BTreeMap<_, _>>());
        } else {
            cx.ui.data(&known.map(|(name, value)| format!("{name}={value}\n")).collect::<String>());
        }
        return Ok(Exit::Done);
    }
    let mut failure =
        Failure::new(format!("variables of the pipeline contradict the manifest's stage `{}`", args.stage));
    for variable in &all {
        let Some(value) = std::env::var(variable.name).ok().filter(|value| !value.is_empty()) else { continue };
        if !variable.agrees(&value) {
            let known = if variable.values.is_empty() {
                "nothing of the kind".to_owned()
            } else {
                variable.values.join(" or ")
            };
            failure.details.push(format!("  {} is `{value}`, the manifest has {known}", variable.name));
        }
    }
    if failure.details.is_empty() {
        return Ok(Exit::Done);
    }
    Err(failure
        .hint("change the variable or the manifest, or remove the variable: nothing reads it any more")
        .exit(Exit::Refused))
}
