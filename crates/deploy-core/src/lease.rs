//! Who may change a stage now? A lease that its owner keeps alive, and that ends by itself when
//! its owner dies.
//!
//! Leases of a stage are numbered, and the store makes each number once: of two that want the same number, one is
//! refused because it exists. So no deploy takes another's lease by mistake, and an owner that slept finds a higher
//! number and knows that it has lost.

use aws_model::Millis;
use serde::{Deserialize, Serialize};

use crate::release::Actor;

/// A lease lives this long after its last heartbeat, in milliseconds.
pub const LIFE: Millis = 60_000;

/// Time between two heartbeats, in milliseconds: three may be lost.
pub const HEARTBEAT: Millis = 15_000;

/// A claim on a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Lease {
    /// Counts up from 1.
    pub number: u64,
    /// Who holds it.
    pub by: Actor,
    /// What for, such as `deploy`.
    pub purpose: String,
    /// The kernel's life and the namespace of process ids of its owner's process.
    #[serde(default)]
    pub place: String,
    /// When it was taken, in milliseconds since the epoch.
    pub taken_at: Millis,
    /// Whether its owner gave it back.
    #[serde(default)]
    pub released: bool,
}

/// What can be done about a stage's lease.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Move {
    /// Make the lease of this number.
    Take(u64),
    /// It is taken until then, unless its owner keeps it alive.
    Wait {
        /// When it ends by itself.
        until: Millis,
    },
}

/// Returns what to do about the newest lease, which its owner last touched at `touched_at`.
///
/// All times are the store's: `now` too, so that clocks which disagree take no lease away.
/// `is_gone` says that its owner ran on this machine and its process is no more.
pub fn next_move(newest: Option<(&Lease, Millis)>, now: Millis, is_gone: bool) -> Move {
    let Some((lease, touched_at)) = newest else { return Move::Take(1) };
    let until = touched_at + LIFE;
    if lease.released || is_gone || now >= until { Move::Take(lease.number + 1) } else { Move::Wait { until } }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lease(number: u64, released: bool) -> Lease {
        let purpose = "deploy".to_owned();
        Lease { number, by: Actor::default(), purpose, place: String::new(), taken_at: 0, released }
    }

    #[test]
    fn a_lease_is_taken_when_it_is_free_or_dead() {
        assert_eq!(next_move(None, 0, false), Move::Take(1));
        assert_eq!(next_move(Some((&lease(3, true), 0)), 1, false), Move::Take(4));
        assert_eq!(next_move(Some((&lease(3, false), 0)), 1, true), Move::Take(4));
        assert_eq!(next_move(Some((&lease(3, false), 5)), LIFE + 5, false), Move::Take(4));
        assert_eq!(next_move(Some((&lease(3, false), 5)), LIFE + 4, false), Move::Wait { until: LIFE + 5 });
    }
}
