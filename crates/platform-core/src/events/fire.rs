//! A rule whose time has come, and how a rule tells its targets.
//!
//! A firing and its tasks are changes of one commit, so that a crash neither loses nor repeats one. What should have
//! fired more than a minute ago is not caught up: the platform was not running, and AWS would not have waited.

use aws_model::{Document, Millis};
use serde_json::json;

use super::delivery::{self, Ended, Job, Owner};
use super::event::{Said as Fact, event};
use super::input::{Said, Surroundings};
use super::rule::Rule;
use super::story::Story;
use super::tasks::started_by;
use crate::service::Decision;
use crate::world::RecordKey;
use crate::{Change, Cx, World};

/// How late a firing may be: both services promise their minute and no more ("invoke their targets with 60 second
/// precision", Scheduler's user guide).
pub(crate) const LATE: Millis = 60_000;

/// Decides over a rule: whether its time has come.
pub(crate) fn decide(world: &World, cx: &mut Cx<'_>, key: &RecordKey) -> Decision {
    let Some(mut rule) = world.records.get::<Rule>(&key.region, &key.id) else { return Decision::default() };
    let Some(due) = rule.next else { return Decision::default() };
    if due > cx.now {
        return Decision { look_again_at: Some(due), ..Decision::default() };
    }
    let next_after = |after| rule.next_after(after);
    let Turn { fires, missed, next } = turn(due, cx.now, next_after);
    note_missed(&mut rule.story, missed);
    rule.next = next;
    let mut changes = Vec::new();
    if let Some(at) = fires {
        let arn = rule.arn(cx.account);
        let said = Fact { source: "aws.events", kind: "Scheduled Event", at, resources: vec![arn], detail: json!({}) };
        let event = event(cx, said);
        changes = tell(world, cx, &mut rule, &event, 0);
    }
    changes.push(Change::put(&rule));
    Decision { changes, look_again_at: rule.next }
}

/// What a time that has come means.
pub(crate) struct Turn {
    /// For which time it fires now.
    pub(crate) fires: Option<Millis>,
    /// How many firings were missed, and when the last of them was.
    pub(crate) missed: Option<(u64, Millis)>,
    /// When it is due next.
    pub(crate) next: Option<Millis>,
}

/// How many missed firings are counted one by one: a rate of a minute makes half a million in a year.
const COUNTED: u64 = 1_000_000;

/// Decides over a time that has come: of all that is due by now only the last fires, and only if it is not too late.
pub(crate) fn turn(due: Millis, now: Millis, next_after: impl Fn(Millis) -> Option<Millis>) -> Turn {
    let (mut before, mut last, mut passed) = (due, due, 0);
    let mut next = next_after(due);
    while let Some(at) = next.filter(|at| *at <= now && passed < COUNTED) {
        (before, last, passed) = (last, at, passed + 1);
        next = next_after(at);
    }
    if next.is_some_and(|at| at <= now) {
        next = next_after(now);
    }
    if now - last <= LATE {
        return Turn { fires: Some(last), missed: (passed > 0).then_some((passed, before)), next };
    }
    Turn { fires: None, missed: Some((passed + 1, last)), next }
}

pub(crate) fn note_missed(story: &mut Story, missed: Option<(u64, Millis)>) {
    if let Some((count, last)) = missed {
        story.miss(count, last);
    }
}

/// Tells all targets of a rule of an event, and notes in the rule how it went.
pub(super) fn tell(world: &World, cx: &mut Cx<'_>, rule: &mut Rule, event: &Document, hops: u32) -> Vec<Change> {
    rule.story.fire(cx.now);
    let (arn, mut changes) = (rule.arn(cx.account), Vec::new());
    for target in &rule.targets {
        let around = Surroundings { rule_arn: &arn, rule_name: &rule.name, now: cx.now };
        // It was read when it was put.
        let Ok(said) = Said::read(target) else { continue };
        let job = Job {
            owner: Owner::Rule(rule.id.clone()),
            target,
            event,
            hops,
            input: said.of(event, &around),
            started_by: started_by("events-rule", &rule.name),
        };
        let Ended { changes: more, failure } = delivery::carry_out(world, cx, job);
        changes.extend(more);
        rule.story.failure = failure.or(rule.story.failure.take());
    }
    changes
}
