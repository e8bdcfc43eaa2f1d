//! A target's end: when it stops draining.
//!
//! A target is gone when its last connection ended, or after the group's deregistration delay,
//! whichever is sooner (ELB user guide, "Deregistration delay").

use aws_model::Millis;

use crate::world::{Change, Target, TargetState, World};

/// Decides about one target: the change that removes it, or when to look again.
pub fn decide(world: &World, target: &Target, now: Millis) -> (Option<Change>, Option<Millis>) {
    if target.state != TargetState::Draining {
        return (None, None);
    }
    let delay = world.target_groups.get(&target.key.group_arn).map_or(0, |g| g.deregistration_delay());
    let end = target.draining_since.unwrap_or(now) + Millis::from(delay) * 1000;
    if now >= end { (Some(Change::DeleteTarget(target.key.clone())), None) } else { (None, Some(end)) }
}

/// Returns the change after the balancer has seen a target's last connection end.
pub fn drained(world: &World, key: &crate::world::TargetKey) -> Option<Change> {
    let target = world.targets.get(key)?;
    (target.state == TargetState::Draining).then(|| Change::DeleteTarget(key.clone()))
}
