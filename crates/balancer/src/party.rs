//! One process among those that carry an application's requests: what it received, and what it said.
//!
//! There is one that serves, and for some minutes after a replacement those that finish what is open. Nothing
//! is acknowledged, and no target has drained, before all of them say so.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::select_all;

use crate::config::Config;
use crate::wire::{Ask, Tell, Wire};

/// A target: its group's ARN, its id and its port.
type Target = (String, String, u16);

/// A process that is spoken with.
#[derive(Debug)]
pub(crate) struct Party {
    pub(crate) wire: Wire<Tell, Ask>,
    /// The last version that it acknowledged.
    pub(crate) applied: u64,
    /// What it received last.
    told: Option<(u64, Arc<Config>)>,
    /// Draining targets that it has no request at.
    pub(crate) drained: BTreeSet<Target>,
    /// Those of them that the platform knows.
    pub(crate) passed_on: BTreeSet<Target>,
}

impl Party {
    pub(crate) fn new(wire: Wire<Tell, Ask>) -> Self {
        Self { wire, applied: 0, told: None, drained: BTreeSet::new(), passed_on: BTreeSet::new() }
    }

    /// Tells it what to serve, unless it knows that already. What was wanted in between is passed over:
    /// only the newest is ever wanted.
    pub(crate) fn apply(&mut self, version: u64, config: &Arc<Config>) {
        if self.told.as_ref().is_some_and(|(told, _)| *told == version) {
            return;
        }
        self.wire.say(&Ask::Apply { version, config: Config::clone(config) });
        // One that was registered again drains anew.
        self.drained.retain(|target| is_draining(config, target));
        self.passed_on.retain(|target| is_draining(config, target));
        self.told = Some((version, Arc::clone(config)));
    }

    /// Takes in that a target has drained, as far as this process knows.
    pub(crate) fn has_drained(&mut self, group: String, target: String, port: u16) {
        let target = (group, target, port);
        // It may have said so before it heard that the target takes requests again.
        if self.told.as_ref().is_some_and(|(_, config)| is_draining(config, &target)) {
            self.drained.insert(target);
        }
    }
}

fn is_draining(config: &Config, (group, id, port): &Target) -> bool {
    let targets = config.groups.iter().filter(|g| g.arn == *group).flat_map(|g| &g.targets);
    targets.into_iter().any(|t| t.draining && t.id == *id && t.address.port() == *port)
}

/// Waits for what one of these says next, of which there must be one; none once it is gone. Dropping the
/// future loses nothing.
pub(crate) async fn leaving_says(parties: &mut [Party]) -> (usize, Option<Tell>) {
    let says = parties.iter_mut().map(|party| Box::pin(party.wire.next()));
    let (told, index, _) = select_all(says).await;
    (index, told)
}
