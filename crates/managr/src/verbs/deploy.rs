//! `managr deploy`: a new release.

use std::path::PathBuf;

use aws::Client;
use deploy::{Draft, Images};
use deploy_core::desired::{Preview, preview};
use deploy_core::plan::{Force, Plan, RiskKind};

use crate::actor::actor;
use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupts::Interrupts;
use crate::ui::report;
use crate::verbs::plan;
use crate::verbs::ship::{ImageArgs, Ship, ShipArgs, risk};

/// Build, push, release and watch
///
/// Builds and pushes the images that the registry lacks, shows the plan, asks once, runs the release command with the
/// new image, registers, updates every service and schedule, and watches until everything runs what was released. A
/// failed deployment is rolled back, and its cause is shown.
///
/// Exits with 0 only if every deployment completed and runs the revision that was registered; 1 failed, 3 rolled back,
/// 4 timed out, 5 refused by verification, 6 declined or locked, 130 interrupted.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr deploy staging\n  managr deploy prod --tag prod-v1.4 --yes\n  \
    managr deploy staging --image server=123456789012.dkr.ecr.us-east-1.amazonaws.com/app:fix --yes\n  \
    managr deploy staging --plan plan.json --yes --json\n  managr deploy staging --force")]
pub(crate) struct DeployArgs {
    /// Stage
    stage: String,
    /// Carry out a plan that `managr plan --out` saved, if nothing has changed since
    #[arg(long, value_name = "FILE", conflicts_with_all = ["tag", "image", "no_build"])]
    plan: Option<PathBuf>,
    /// Replace a deployment that is under way with this one
    #[arg(long)]
    interrupt: bool,
    /// Replace tasks even if they would run the same as before, so that they read their secrets again
    #[arg(long, conflicts_with = "plan")]
    force: bool,
    /// Accept the risk that `managr plan` shows under this name, although traffic or protection is lost; may be
    /// repeated
    #[arg(long, value_name = "NAME", value_parser = risk())]
    allow_risk: Vec<RiskKind>,
    /// Do not verify first
    #[arg(long)]
    no_verify: bool,
    #[command(flatten)]
    images: ImageArgs,
    #[command(flatten)]
    ship: ShipArgs,
}

pub(crate) async fn run(cx: &Context, args: DeployArgs) -> Result<Exit, Failure> {
    let interrupts = Interrupts::listen()?;
    let project = cx.project()?;
    args.ship.check()?;
    let kept = args.plan.as_deref().map(|path| plan::read(path, &project.manifest.app, &args.stage)).transpose()?;
    let client = cx.client_of(&args.stage, &project.region(&args.stage))?;
    let mut wanted = project.wanted(&args.stage, args.images.builder.builder);
    wanted.images = args.images.choice(&project)?;
    wanted.force = args.force.then_some(Force::Asked);
    let mut ship = Ship::new(cx, client, wanted, &args.ship, "deploy", interrupts);
    ship.terms.tag.clone_from(&args.images.tag);
    ship.interrupts_others = args.interrupt;
    ship.verifies = !args.no_verify;
    ship.terms.named = args.allow_risk.iter().copied().collect();
    if kept.is_none() {
        ship.foresee().await?;
    }

    let images = match &kept {
        // Those that it was made with: git may have gone on since, or not be there at all.
        Some(plan) => Images { registry: None, images: plan.images.clone() },
        None => ship.push().await?,
    };
    if let Some(preview) = preview(&project.manifest, &args.stage) {
        remember(cx, &ship.client, &project.manifest.app, &preview).await?;
    }
    ship.run(async |ship, _| {
        let draft = deploy::stage::draft(&ship.client, &ship.wanted, &images).await;
        let draft = draft.map_err(|error| report::explain(error, cx.ui.err))?;
        match &kept {
            Some(plan) => current(draft, plan),
            None => Ok(draft),
        }
    })
    .await
}

/// A preview stays for a time from now on; written down before anything of it is made, so that it also goes when the
/// deploy fails.
async fn remember(cx: &Context, client: &Client, app: &str, preview: &Preview<'_>) -> Result<(), Failure> {
    match deploy::preview::touch(client, app, preview, &actor().user).await {
        Err(error) if error.is_unserved() => {
            cx.ui.say("the endpoint has no Parameter Store: the preview will not expire");
            Ok(())
        }
        done => Ok(done.map(drop)?),
    }
}

/// Puts a kept plan in place of the one that would be made now, if both were made from one state.
fn current(draft: Draft, kept: &Plan) -> Result<Draft, Failure> {
    let same_place = kept.account == draft.plan.account && kept.region == draft.plan.region;
    // What others have at the load balancer is no part of the state, and may be at risk by now.
    let risks = |plan: &Plan| plan.risks().filter(|(_, risk)| risk.kind.must_be_named()).count();
    if !same_place || kept.state != draft.plan.state || risks(&draft.plan) > risks(kept) {
        let words = "the plan is out of date: the stage has changed since it was made";
        return Err(Failure::new(words).hint("make a new one with `managr plan STAGE --out FILE`").exit(Exit::Refused));
    }
    Ok(Draft { plan: kept.clone(), ..draft })
}
