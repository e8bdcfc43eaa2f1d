//! Which groups are in use, and what becomes of their targets when that turns.

use std::collections::BTreeSet;

use crate::World;
use crate::world::{Change, Target, TargetState};

/// Reason and words of a target whose group no listener uses.
pub(super) const NOT_IN_USE: (&str, &str) =
    ("Target.NotInUse", "Target group is not configured to receive traffic from the load balancer");
/// Reason and words of a target that was just registered.
pub(super) const REGISTERING: (&str, &str) = ("Elb.RegistrationInProgress", "Target registration is in progress");

/// Returns the load balancers that forward to a group.
pub(crate) fn load_balancers_of<'w>(world: &'w World, group: &str) -> BTreeSet<&'w str> {
    world
        .rules
        .values()
        .filter(|rule| rule.actions.iter().any(|a| a.groups().iter().any(|(arn, _)| arn == group)))
        .filter_map(|rule| world.listeners.get(&rule.listener_arn))
        .map(|listener| listener.load_balancer_arn.as_str())
        .collect()
}

/// Returns whether any rule forwards to a group.
pub(super) fn is_in_use(world: &World, group: &str) -> bool {
    world.rules.values().any(|rule| rule.actions.iter().any(|a| a.groups().iter().any(|(arn, _)| arn == group)))
}

/// Adds what becomes of targets whose groups come into use, or fall out of it, by `changes`.
pub(super) fn settle(world: &World, mut changes: Vec<Change>) -> Vec<Change> {
    let mut after: BTreeSet<&str> = BTreeSet::new();
    let mut touched: BTreeSet<&str> = BTreeSet::new();
    let before: BTreeSet<&str> = world.rules.values().flat_map(|r| groups_of(&r.actions)).collect();
    for change in &changes {
        match change {
            Change::Rule(rule) => {
                touched.insert(&rule.arn);
                after.extend(groups_of(&rule.actions));
            }
            Change::DeleteRule(arn) => {
                touched.insert(arn);
            }
            _ => {}
        }
    }
    let kept = world.rules.values().filter(|r| !touched.contains(r.arn.as_str()));
    after.extend(kept.flat_map(|r| groups_of(&r.actions)));

    let mut follow = Vec::new();
    for group in before.symmetric_difference(&after) {
        let (state, (reason, words)) =
            if after.contains(group) { (TargetState::Initial, REGISTERING) } else { (TargetState::Unused, NOT_IN_USE) };
        for target in world.group_targets(group).filter(|t| t.state != TargetState::Draining) {
            follow.push(Change::Target(Target {
                state,
                reason: Some(reason.into()),
                description: Some(words.into()),
                ..Target::clone(target)
            }));
        }
    }
    changes.extend(follow);
    changes
}

fn groups_of(actions: &[crate::routing::Action]) -> impl Iterator<Item = &str> {
    actions.iter().flat_map(|a| a.groups()).map(|(arn, _)| arn.as_str())
}
