//! An alarm was raised: how many tasks is the service to have now?

use std::collections::BTreeMap;

use super::activity::{self, Activity, Status};
use super::alarms;
use super::due::key_of;
use super::find;
use super::policy::{self, Policy, Rule};
use super::target::{ScalableTarget, Scaled};
use crate::Cx;
use crate::world::{Change, RolloutState, Service, World};

/// An alarm that is in ALARM, as the metrics crate sees it.
#[derive(Debug, Clone, PartialEq)]
pub struct Breach<'a> {
    /// Its name.
    pub alarm: &'a str,
    /// The newest value of its metric.
    pub value: f64,
    /// What it is held against.
    pub threshold: f64,
    /// Every alarm that is in ALARM, with the newest value of its metric; this one too.
    pub raised: &'a BTreeMap<String, f64>,
}

/// Which way, and to how many.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Aim {
    Out { count: u32, cooldown: i64 },
    In { count: u32, cooldown: i64 },
}

/// Decides what an alarm leads to that names a policy. It runs again with every data point for as long as the alarm
/// is raised, as CloudWatch does for policies; cool-downs keep that from adding up.
pub fn alarmed(world: &World, cx: &mut Cx<'_>, policy_arn: &str, breach: &Breach<'_>) -> Vec<Change> {
    let Some(policy) = world.records.all::<Policy>(cx.region).find(|policy| policy.arn == policy_arn) else {
        return Vec::new();
    };
    let Ok(mut target) = find::target(world, cx, &policy.resource) else { return Vec::new() };
    let Some(service) = find::service(world, cx, &policy.resource) else { return Vec::new() };
    let current = service.desired_count;
    let Some(aim) = aim(world, cx, &policy, &target, current, breach) else { return Vec::new() };
    let cause = format!("monitor alarm {} in state ALARM triggered policy {}", breach.alarm, policy.name);
    let count = match aim {
        // "If the desired count is above the maximum, a scale-out does not adjust it" (ECS, "Service auto scaling").
        Aim::Out { count, .. } => count.max(target.min).min(target.max).max(current),
        Aim::In { count, .. } => count.max(target.min).min(target.max).min(current),
    };
    if count == current {
        return not_scaled(world, cx, &target, current, aim, cause);
    }
    match aim {
        Aim::Out { .. } if target.suspended.dynamic_scaling_out_suspended => return Vec::new(),
        Aim::Out { cooldown, .. } => {
            let before = target.last_out.filter(|last| last.is_warm(cx.now)).map_or(0, |last| last.by);
            target.last_out = Some(Scaled { at: cx.now, cooldown, by: before + count - current });
            // "the cooldown period for the scale-in activity stops and doesn't complete" (user guide, "Define cooldown periods").
            target.last_in = None;
        }
        Aim::In { .. } if is_kept_from_scaling_in(cx, &target, service) => return Vec::new(),
        Aim::In { cooldown, .. } => target.last_in = Some(Scaled { at: cx.now, cooldown, by: current - count }),
    }
    let mut changes = set(world, cx, service, count, cause);
    changes.push(Change::put(&target));
    changes
}

fn is_kept_from_scaling_in(cx: &Cx<'_>, target: &ScalableTarget, service: &Service) -> bool {
    // "Application Auto Scaling turns off scale-in processes while Amazon ECS deployments are in progress."
    let deploys = service.deployments.first().is_some_and(|one| one.rollout_state == RolloutState::InProgress);
    let is_warm = |last: Option<Scaled>| last.is_some_and(|last| last.is_warm(cx.now));
    target.suspended.dynamic_scaling_in_suspended || deploys || is_warm(target.last_in) || is_warm(target.last_out)
}

/// Returns where the metric wants to go, whatever the bounds; none: nowhere.
fn aim(
    world: &World,
    cx: &Cx<'_>,
    policy: &Policy,
    target: &ScalableTarget,
    current: u32,
    breach: &Breach<'_>,
) -> Option<Aim> {
    // What a scale-out that is cooling down has added is part of the next: it is not added twice ("the capacity that has
    // been added ... is calculated as part of the desired capacity for the next scale out").
    let added = target.last_out.filter(|last| last.is_warm(cx.now)).map_or(0, |last| last.by);
    let base = current.saturating_sub(added);
    match &policy.rule {
        Rule::Step(steps) => {
            let distance = breach.value - breach.threshold;
            let cooldown = steps.cooldown();
            let out = steps.wanted(base, distance)?;
            if out > base {
                return Some(Aim::Out { count: out, cooldown });
            }
            steps.wanted(current, distance).filter(|count| *count < current).map(|count| Aim::In { count, cooldown })
        }
        Rule::Tracking(tracking) if breach.alarm == alarms::name(policy, true) => {
            let (cooldown, _) = tracking.cooldowns();
            // The metric is that of those tasks that were there before the rest came.
            Some(Aim::Out { count: tracking.wanted(base.max(1), breach.value), cooldown })
        }
        Rule::Tracking(tracking) => {
            let (_, cooldown) = tracking.cooldowns();
            let count = scaled_in(world, policy, current, breach)?;
            Some(Aim::In { count, cooldown })
        }
    }
}

/// "It will scale in only if all of the target tracking policies (with the scale-in portion enabled) are ready to scale
/// in" (ECS developer guide, "Target tracking"): to the most that one of them needs.
fn scaled_in(world: &World, policy: &Policy, current: u32, breach: &Breach<'_>) -> Option<u32> {
    let mut most = 0;
    for other in policy::of(world, &policy.region, &policy.resource) {
        let Rule::Tracking(tracking) = &other.rule else { continue };
        if tracking.disable_scale_in.unwrap_or_default() {
            continue;
        }
        let value = breach.raised.get(&alarms::name(&other, false))?;
        most = most.max(tracking.wanted(current, *value));
    }
    (most < current).then_some(most)
}

fn not_scaled(
    world: &World,
    cx: &mut Cx<'_>,
    target: &ScalableTarget,
    current: u32,
    aim: Aim,
    cause: String,
) -> Vec<Change> {
    let code = match aim {
        Aim::Out { count, .. } if count > current => "AlreadyAtMaxCapacity",
        Aim::In { count, .. } if count < current => "AlreadyAtMinCapacity",
        _ => return Vec::new(),
    };
    let status = Status::NotScaled(code.to_owned());
    // This runs with every data point: one record is enough.
    let last = activity::of(world, cx.region, &target.resource).last();
    if last.is_some_and(|last| last.status == status && last.cause == cause && last.count == current) {
        return Vec::new();
    }
    let activity = Activity::begin(cx, &target.resource, current, cause, status);
    activity::kept(world, &activity)
}

/// Returns what gives a service another number of tasks, and keeps it as an activity.
pub(super) fn set(world: &World, cx: &mut Cx<'_>, service: &Service, count: u32, cause: String) -> Vec<Change> {
    let resource = key_of(service).id;
    let mut changes = Vec::new();
    for mut one in activity::of(world, cx.region, &resource).filter(|one| one.status == Status::InProgress) {
        one.status = Status::Overridden;
        one.ended_at = Some(cx.now);
        changes.push(Change::put(&one));
    }
    let activity = Activity::begin(cx, &resource, count, cause, Status::InProgress);
    changes.extend(activity::kept(world, &activity));
    changes.push(Change::Service(Service { desired_count: count, steady: false, ..service.clone() }));
    changes
}

/// Returns what brings a service within bounds that were just set ("It also initiates scaling activities when you modify
/// the maximum or minimum size of the scalable target, either manually or following a schedule").
pub(super) fn within(world: &World, cx: &mut Cx<'_>, target: &ScalableTarget) -> Vec<Change> {
    let Some(service) = find::service(world, cx, &target.resource) else { return Vec::new() };
    let (count, cause) = match service.desired_count {
        count if count < target.min => (target.min, format!("minimum capacity was set to {}", target.min)),
        count if count > target.max => (target.max, format!("maximum capacity was set to {}", target.max)),
        _ => return Vec::new(),
    };
    set(world, cx, service, count, cause)
}
