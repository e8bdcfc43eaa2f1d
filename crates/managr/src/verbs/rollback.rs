//! `managr rollback`: an earlier release again.

use deploy::stage;
use deploy_core::release::{Choice, choose};

use crate::context::Context;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::interrupts::Interrupts;
use crate::ui::report;
use crate::verbs::ship::{Ship, ShipArgs};

/// Go back to an earlier release, without a build
///
/// Without a number: to the last release that succeeded before what runs now. Only releases that succeeded can be
/// chosen. The release command is neither undone nor run again: a migration that the old code does not work with must
/// be undone by hand.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples:\n  managr rollback prod\n  managr rollback prod 41 --yes\n  managr history prod")]
pub(crate) struct RollbackArgs {
    /// Stage
    stage: String,
    /// Number of the release, as `managr history` shows it
    release: Option<u64>,
    #[command(flatten)]
    ship: ShipArgs,
}

pub(crate) async fn run(cx: &Context, args: RollbackArgs) -> Result<Exit, Failure> {
    let interrupts = Interrupts::listen()?;
    let project = cx.project()?;
    args.ship.check()?;
    let client = cx.client_of(&args.stage, &project.region(&args.stage))?;
    let wanted = project.wanted(&args.stage, None);
    let mut ship = Ship::new(cx, client, wanted, &args.ship, "rollback", interrupts);
    // What is under way is what one wants to get away from.
    ship.interrupts_others = true;
    ship.run(async |ship, journal| {
        let explain = |error| report::explain(error, cx.ui.err);
        let releases = match journal {
            Some(journal) => journal.releases().await?,
            None => return Err(Failure::new("the endpoint keeps no releases: there is nothing to go back to")),
        };
        let hint = format!("`managr history {}` shows the releases", args.stage);
        // What runs now is asked for by the names that the newest release knows.
        let newest = releases.last().ok_or_else(|| Failure::new("this stage has no release yet"))?;
        let live = stage::draft_restore(&ship.client, &ship.wanted, newest).await.map_err(explain)?;
        let choice = choose(&releases, &stage::running(&live.observed), args.release);
        let release = match choice.map_err(|error| Failure::from_error(error).hint(hint))? {
            Choice::To(release) => release,
            Choice::Running(release) => {
                cx.ui.say(&format!("release {} runs already", release.number));
                release
            }
        };
        let has_release_command = live.desired.services.iter().any(|service| service.release.is_some());
        if has_release_command {
            cx.ui.say("the release command is neither undone nor run again");
        }
        stage::draft_restore(&ship.client, &ship.wanted, release).await.map_err(explain)
    })
    .await
}
