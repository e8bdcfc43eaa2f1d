//! A schedule whose moment has come.

use aws_model::{AwsError, Document, Millis};
use serde_json::{Value, json};

use super::schedule::Schedule;
use super::target::{self, Target};
use crate::events::delivery::{Ended, Job, Owner, carry_out};
use crate::events::event::{Said, event, seconds};
use crate::events::fire::{Turn, note_missed, turn};
use crate::events::story::Failure;
use crate::events::tasks::{self, started_by};
use crate::service::Decision;
use crate::world::RecordKey;
use crate::{Change, Cx, World};

/// Fires or waits. Where nothing follows any more and the schedule is to be deleted then, that is in the same commit.
pub(crate) fn decide(world: &World, cx: &mut Cx<'_>, key: &RecordKey) -> Decision {
    let Some(mut schedule) = world.records.get::<Schedule>(&key.region, &key.id) else { return Decision::default() };
    let (Some(planned), Some(moment)) = (schedule.planned, schedule.next) else { return Decision::default() };
    if moment > cx.now {
        return Decision { look_again_at: Some(moment), ..Decision::default() };
    }
    // Within its window it is as if the time had been later.
    let Turn { fires, missed, next } = turn(planned, cx.now - (moment - planned), |after| schedule.next_after(after));
    note_missed(&mut schedule.story, missed);
    let mut changes = Vec::new();
    if let Some(at) = fires {
        changes = start(world, cx, &mut schedule, at);
    }
    schedule.plan(cx, next);
    if schedule.next.is_none() && schedule.text("ActionAfterCompletion") == "DELETE" {
        changes.push(Change::remove::<Schedule>(&schedule.region, &schedule.id));
        return Decision { changes, ..Decision::default() };
    }
    changes.push(Change::put(&schedule));
    Decision { changes, look_again_at: schedule.next }
}

fn start(world: &World, cx: &mut Cx<'_>, schedule: &mut Schedule, at: Millis) -> Vec<Change> {
    schedule.story.fire(cx.now);
    let target = schedule.target().clone();
    let input = filled(cx, schedule, &target, at);
    let by = started_by("chronos-schedule", &schedule.name);
    let ended = match target::of(cx, &target) {
        Ok(Target::RunTask) => by_request(world, cx, &target, &input, &by),
        Ok(Target::Tasks) => {
            let no_event = Document::new();
            let job = job(schedule, &target, &no_event, input, by);
            carry_out(world, cx, job)
        }
        Ok(Target::Bus(_)) => {
            let parameters = &target["EventBridgeParameters"];
            let word = |name: &str| parameters[name].as_str().unwrap_or_default();
            let detail = serde_json::from_str(&input).unwrap_or_else(|_| json!({}));
            let said = Said { source: word("Source"), kind: word("DetailType"), at, resources: Vec::new(), detail };
            let event = event(cx, said);
            let job = job(schedule, &target, &event, input, by);
            carry_out(world, cx, job)
        }
        Err(error) => failed(cx, &target, &error),
    };
    schedule.story.failure = ended.failure.or(schedule.story.failure.take());
    ended.changes
}

fn job<'a>(schedule: &Schedule, target: &'a Document, event: &'a Document, input: String, by: String) -> Job<'a> {
    Job { owner: Owner::Schedule(schedule.id.clone()), target, event, hops: 0, input, started_by: by }
}

/// The request says everything; who started it is said only where the request does not.
fn by_request(world: &World, cx: &mut Cx<'_>, target: &Document, input: &str, by: &str) -> Ended {
    let Some(mut request) = target::request(input) else {
        return failed(cx, target, &crate::events::wrong("Input is not the request of RunTask"));
    };
    request.entry("startedBy").or_insert_with(|| by.into());
    match tasks::run(world, cx, request) {
        Ok(changes) => Ended { changes, failure: None },
        Err(error) => failed(cx, target, &error),
    }
}

fn failed(cx: &Cx<'_>, target: &Document, error: &AwsError) -> Ended {
    let arn = target.get("Arn").and_then(Value::as_str).unwrap_or_default().to_owned();
    let failure = Failure { at: cx.now, target: arn, error: error.to_string(), again: false };
    Ended { changes: Vec::new(), failure: Some(failure) }
}

/// Returns the input with the words that stand for the firing (user guide, "Adding context attributes").
fn filled(cx: &mut Cx<'_>, schedule: &Schedule, target: &Document, at: Millis) -> String {
    let input = target.get("Input").and_then(Value::as_str).unwrap_or_default();
    if !input.contains("<aws.scheduler.") {
        return input.to_owned();
    }
    input
        .replace("<aws.scheduler.schedule-arn>", &schedule.arn(cx.account))
        .replace("<aws.scheduler.scheduled-time>", &seconds(at))
        .replace("<aws.scheduler.execution-id>", &cx.ids.uuid())
        .replace("<aws.scheduler.attempt-number>", "1")
}
