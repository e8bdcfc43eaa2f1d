//! A deploy right after a variable was changed: with the images that run, so that nothing else is released.

use deploy::journal::Journal;
use deploy_core::plan::Force;

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupts::Interrupts;
use crate::ui::report;
use crate::verbs::ship::{Ship, ShipArgs};

/// Deploys a stage; `force` replaces tasks although they would run the same.
///
/// # Errors
/// As `managr deploy`; when there is no release yet, whose images could be used.
pub(super) async fn run(cx: &Context, stage: &str, args: &ShipArgs, force: Option<Force>) -> Result<Exit, Failure> {
    let interrupts = Interrupts::listen()?;
    let project = cx.project()?;
    let client = cx.client_of(stage, &project.region(stage))?;
    let releases = Journal::new(&client, &project.manifest.app, stage).releases().await?;
    let Some(newest) = releases.last() else {
        return Err(Failure::new(format!("{stage} has no release yet, and so no images that run"))
            .hint(format!("`managr deploy {stage}`")));
    };
    let mut wanted = project.wanted(stage, None);
    let known = |(name, _): &(&String, &String)| project.manifest.images.contains(name);
    wanted.images.given = newest.images.iter().filter(known).map(|(n, r)| (n.clone(), r.clone())).collect();
    wanted.images.never_build = true;
    wanted.force = force;
    let mut ship = Ship::new(cx, client, wanted, args, "deploy", interrupts);
    ship.verifies = true;
    ship.run(async |ship, _| {
        let explain = |error| report::explain(error, cx.ui.err);
        let images = deploy::stage::look(&ship.client, &ship.wanted).await.map_err(explain)?;
        deploy::stage::draft(&ship.client, &ship.wanted, &images).await.map_err(explain)
    })
    .await
}
