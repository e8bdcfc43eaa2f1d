//! What of an imported manifest cannot run on one's own machine?
//!
//! The local stage has everything that all stages share, and what Fargate runs is more than one machine does. By the
//! table by which the platform itself refuses, so that nothing is written that `managr up` refuses without a word.

use deploy_core::Manifest;
use deploy_core::desired::Owner;
use deploy_core::served::{Unserved, unserved_locally};

use crate::{Left, Place};

/// Returns what the platform would refuse of the local stage. A manifest that cannot be rendered has none: its own
/// reader says why.
pub fn left(manifest: &Manifest) -> Vec<Left> {
    let unserved = unserved_locally(manifest, None).unwrap_or_default();
    let one = |Unserved { owner, refusal }| {
        let owner = match owner {
            Owner::Service(name) => format!("services.{name}"),
            Owner::Schedule(name) => format!("schedules.{name}"),
        };
        let instead = refusal.note.as_deref().map(|note| format!(": {note}")).unwrap_or_default();
        let why = format!(
            "the platform of one machine does not support it, so `managr up` would be refused{instead}; stages on AWS have it"
        );
        Left::new(format!("{owner}: {}", refusal.subject()), Place::default(), why)
    };
    unserved.into_iter().map(one).collect()
}
