//! Brings a stage up in one go: images, lease, plan, release. Safe to repeat: what is as it should
//! be is left alone.

use aws::Client;
use deploy_core::desired::Desired;
use deploy_core::manifest::LOCAL;
use deploy_core::plan::release_notes;
use deploy_core::release::Release;

use crate::apply::Progress;
use crate::error::StageError;
use crate::event::{Event, Events};
use crate::lease::{self, Claim};
use crate::release::{Job, Terms, check_routes};
use crate::routes;
use crate::stage::{self, Wanted};

/// An application that is up.
#[derive(Debug, Clone)]
pub struct Up {
    /// What should be, and is.
    pub desired: Desired,
    /// The release that brought it; none if all was as it should be.
    pub release: Option<Release>,
}

/// Brings a stage up and watches until it is steady.
///
/// # Errors
/// See [`StageError`].
pub async fn up(
    client: &Client,
    wanted: &Wanted,
    claim: &Claim,
    terms: &Terms,
    progress: &Progress,
    events: &Events,
) -> Result<Up, StageError> {
    // Nothing is built for a manifest that cannot be brought up.
    stage::preflight(client, wanted).await?;
    if wanted.stage != LOCAL {
        routes::foresee(client, wanted, &terms.named).await?;
    }
    let images = stage::push_all(client, wanted, events).await?;
    let lease = lease::take_where_kept(client, claim, events).await?;
    let done = async {
        let draft = stage::draft(client, wanted, &images).await?;
        // What is lost on this machine while one works on it is made again by the next `up`.
        if wanted.stage != LOCAL {
            routes::refuse_risks(&draft.plan, &terms.named)?;
        }
        // This plan is not shown; the user still hears what a release command would really start.
        for message in release_notes(&draft.plan.steps, &draft.observed.entrypoints) {
            events.emit(Event::Warning { message });
        }
        let directory = wanted.directory.as_path();
        let job = Job { client, plan: &draft.plan, directory, lease: lease.as_ref(), terms, progress, events };
        let release = job.carry_out().await?;
        check_routes(client, &draft.desired, &terms.named, events).await?;
        Ok(Up { desired: draft.desired, release })
    };
    let done = done.await;
    if let Some(lease) = lease {
        lease.give_back().await;
    }
    done
}
