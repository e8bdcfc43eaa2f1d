//! `managr plan`: what a deploy would change.

use std::path::PathBuf;

use deploy_core::plan::{Force, Plan};
use deploy_core::vars::check::Seen;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::ui::{self, plan, report, vars};
use crate::verbs::beside::{BesideArgs, with_terraform};
use crate::verbs::ship::ImageArgs;

/// Show what a deploy would change
///
/// Compares the manifest with what is live. Values that AWS fills in count as present, so without a change the plan is
/// empty. Changes nothing. With --state it also shows what belongs to Terraform.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr plan staging\n  managr plan prod --detailed-exitcode\n  \
    managr push staging && managr plan staging --out plan.json && managr deploy staging --plan plan.json --yes\n  \
    (cd infra && terraform state pull) | managr plan prod --state - --terraform infra/")]
pub(crate) struct PlanArgs {
    /// Stage
    stage: String,
    /// Print JSON
    #[arg(long)]
    json: bool,
    /// Save the plan to a file, for `managr deploy --plan FILE`; its images must be in the registry
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace tasks even if they would run the same as before
    #[arg(long)]
    force: bool,
    /// Exit with 2 if there is something to do
    #[arg(long)]
    detailed_exitcode: bool,
    #[command(flatten)]
    beside: BesideArgs,
    #[command(flatten)]
    images: ImageArgs,
}

pub(crate) async fn run(cx: &Context, args: PlanArgs) -> Result<Exit, Failure> {
    let project = cx.project()?;
    let beside = args.beside.read()?;
    let client = cx.client_of(&args.stage, &project.region(&args.stage))?;
    let mut wanted = project.wanted(&args.stage, args.images.builder.builder);
    wanted.images = args.images.choice(&project)?;
    wanted.force = args.force.then_some(Force::Asked);
    let explain = |error| report::explain(error, cx.ui.err);
    let images = deploy::stage::look(&client, &wanted).await.map_err(explain)?;
    let draft = deploy::stage::draft(&client, &wanted, &images).await.map_err(explain)?;
    if let Some(path) = &args.out {
        keep(&draft.plan, path, &args.stage)?;
    }
    let seam = beside.as_ref().map(|beside| beside.of_plan(&draft.desired, &draft.plan)).transpose()?;
    match (&seam, args.json) {
        (None, true) => cx.ui.json(&draft.plan),
        (Some(seam), true) => cx.ui.json(&with_terraform(&draft.plan, seam)),
        (_, false) => cx.ui.data(&plan::plan(&draft.plan, cx.ui.out)),
    }
    if let (Some(seam), Some(beside), false) = (&seam, &beside, args.json) {
        cx.ui.data(&ui::seam::seam(seam, beside.has_blocks(), cx.ui.out));
    }
    for finding in project.check_variables(std::slice::from_ref(&args.stage), &Seen::default())? {
        cx.ui.say(&vars::line(&finding, &project.shown_path(), cx.ui.err));
    }
    let changes = args.detailed_exitcode && !draft.plan.is_empty();
    Ok(if changes { Exit::Usage } else { Exit::Done })
}

/// Writes a plan that leaves nothing open.
fn keep(plan: &Plan, path: &std::path::Path, stage: &str) -> Result<(), Failure> {
    if let Some(image) = plan.images.iter().find(|image| image.missing) {
        let words = format!("the plan cannot be kept: {} is not in the registry, and so has no digest yet", image.tag);
        return Err(Failure::new(words).hint(format!("push it first: `managr push {stage}`")).exit(Exit::Refused));
    }
    let text = serde_json::to_string_pretty(plan).expect("a plan has text keys");
    std::fs::write(path, text + "\n")
        .map_err(|error| Failure::new(format!("could not write {}: {error}", path.display())))
}

/// Reads a plan that was kept.
///
/// # Errors
/// When it is not a plan of this version, or of another application or stage.
pub(crate) fn read(path: &std::path::Path, app: &str, stage: &str) -> Result<Plan, Failure> {
    let shown = path.display();
    let text = std::fs::read_to_string(path)
        .map_err(|error| Failure::new(format!("could not read the plan {shown}: {error}")).exit(Exit::Usage))?;
    let plan: Plan = serde_json::from_str(&text)
        .map_err(|error| Failure::new(format!("{shown} is not a plan: {error}")).exit(Exit::Usage))?;
    let expected = (deploy_core::plan::VERSION, app, stage);
    if (plan.version, plan.app.as_str(), plan.stage.as_str()) != expected {
        let words = format!(
            "{shown} is a plan of {} {} (version {}), not of {app} {stage} (version {})",
            plan.app, plan.stage, plan.version, expected.0
        );
        return Err(Failure::new(words).exit(Exit::Usage));
    }
    Ok(plan)
}
