//! What happens to a scalable target by itself: scheduled actions fall due, activities end.

use aws_model::Millis;

use super::activity::{self, Status};
use super::scheduled::ScheduledAction;
use super::target::ScalableTarget;
use super::{act, find};
use crate::Cx;
use crate::events::fire::{Turn, turn};
use crate::service::Decision;
use crate::task::earliest;
use crate::world::{Change, Record, RecordKey, Service, World};

/// Returns the key of a service's target, whether there is one or not.
pub fn key_of(service: &Service) -> RecordKey {
    let region = service.arn.split(':').nth(3).unwrap_or_default();
    let path = service.arn.split_once(":service/").map_or("", |(_, path)| path);
    RecordKey::of::<ScalableTarget>(region, &format!("service/{path}"))
}

/// Returns the key of the target that a scheduled action hangs on.
pub fn target_of(action: &RecordKey) -> RecordKey {
    let resource = action.id.split('|').next().unwrap_or_default();
    RecordKey::of::<ScalableTarget>(&action.region, resource)
}

/// Decides a target's next step.
pub fn decide(world: &World, cx: &mut Cx<'_>, key: &RecordKey) -> Decision {
    let Some(target) = &world.records.get::<ScalableTarget>(&key.region, &key.id) else { return Decision::default() };
    let mut changes = ended(world, cx, target);
    let mut next = target.clone();
    let mut look_again_at: Option<Millis> = None;
    let actions = world.records.under::<ScheduledAction>(&target.region, &format!("{}|", target.resource));
    let mut due: Vec<(Millis, ScheduledAction)> = Vec::new();
    for action in actions {
        match action.next_at {
            Some(at) if at <= cx.now => due.push((at, action)),
            at => look_again_at = earliest(look_again_at, at),
        }
    }
    due.sort_by(|(one, a), (other, b)| one.cmp(other).then_with(|| a.id().cmp(b.id())));
    for (at, mut action) in due {
        let Turn { fires, next: following, .. } = turn(at, cx.now, |after| action.next_after(after));
        if fires.is_some() && !target.suspended.scheduled_scaling_suspended {
            next.min = action.min.unwrap_or(next.min);
            next.max = action.max.unwrap_or(next.max);
            // One bound alone takes the other with it where they would cross.
            if next.min > next.max {
                if action.min.is_some() { next.max = next.min } else { next.min = next.max }
            }
        }
        action.next_at = following;
        look_again_at = earliest(look_again_at, action.next_at);
        changes.push(Change::put(&action));
    }
    if next != *target {
        changes.extend(act::within(world, cx, &next));
        changes.push(Change::put(&next));
    }
    Decision { changes, look_again_at }
}

/// Ends the activity that is under way, once the service is as it was to be.
fn ended(world: &World, cx: &Cx<'_>, target: &ScalableTarget) -> Vec<Change> {
    let service = find::service(world, cx, &target.resource);
    let under_way =
        activity::of(world, &target.region, &target.resource).filter(|one| one.status == Status::InProgress);
    let mut changes = Vec::new();
    for mut one in under_way {
        one.status = match service {
            None => Status::Failed,
            Some(service) if service.desired_count != one.count => Status::Overridden,
            Some(service) if find::running(world, service) == one.count => Status::Successful,
            Some(_) => continue,
        };
        one.ended_at = Some(cx.now);
        changes.push(Change::put(&one));
    }
    changes
}
