//! Does the calls of a step about a schedule: each may be made again.

use aws::{CallError, Client, EVENTS, SCHEDULER, items};
use aws_model::{Document, Millis};
use deploy_core::plan::ScheduleCall;
use serde_json::{Value, json};

use crate::down::remove;
use crate::error::StageError;
use crate::observe::{object, text};
use crate::tasks::millis;

/// Does one call; `name` is the schedule's, for errors.
///
/// # Errors
/// See [`StageError`].
pub(crate) async fn perform(client: &Client, call: ScheduleCall, name: &str) -> Result<(), StageError> {
    match call {
        ScheduleCall::PutRule(rule) => drop(client.call(&EVENTS, "PutRule", rule).await?),
        ScheduleCall::PutTargets(input) => {
            let answer = client.call(&EVENTS, "PutTargets", input).await?;
            if let Some(failed) = items(&answer, "FailedEntries").first() {
                let reason = failed.get("ErrorMessage").and_then(Value::as_str).unwrap_or_default().to_owned();
                return Err(StageError::Schedule { schedule: name.to_owned(), reason });
            }
        }
        ScheduleCall::LeaveRule { rule, target } => leave_rule(client, &rule, &target).await?,
        ScheduleCall::CreateSchedule(request) => {
            match client.call(&SCHEDULER, "CreateSchedule", request.clone()).await {
                // A call that was cut off may have arrived.
                Err(error) if error.is("ConflictException") => update(client, request).await?,
                answer => drop(answer?),
            }
        }
        ScheduleCall::UpdateSchedule(request) => update(client, request).await?,
        ScheduleCall::DeleteSchedule(named) => {
            remove(client.call(&SCHEDULER, "DeleteSchedule", named).await, &["ResourceNotFoundException"])?;
        }
    }
    Ok(())
}

/// Replaces a schedule of EventBridge Scheduler.
pub(crate) async fn update(client: &Client, mut request: Document) -> Result<(), CallError> {
    if begins_in_the_past(&request, client.now()) {
        request.shift_remove("StartDate");
    }
    client.call(&SCHEDULER, "UpdateSchedule", request).await.map(drop)
}

/// Returns whether a schedule begins so long ago that AWS refuses the date: "The StartDate you specify cannot be
/// earlier than 5 minutes ago" is said of a change as well. It has begun, so that nothing is lost but the phase of a rate.
fn begins_in_the_past(request: &Document, now: Millis) -> bool {
    request.get("StartDate").and_then(millis).is_some_and(|start| start < now - 240_000)
}

/// Takes a target out of a rule, and the rule away if nothing else is at it: the targets of others stay.
async fn leave_rule(client: &Client, rule: &str, target: &str) -> Result<(), StageError> {
    let missing = ["ResourceNotFoundException"];
    let answer = match client.call(&EVENTS, "ListTargetsByRule", object(json!({ "Rule": rule }))).await {
        Err(error) if error.is(missing[0]) => return Ok(()),
        answer => answer?,
    };
    let is_its = |other: &&Document| text(other, "Id") == target;
    let all = || items(&answer, "Targets").iter().filter_map(Value::as_object);
    if all().any(|other| is_its(&other)) {
        let input = object(json!({ "Rule": rule, "Ids": [target] }));
        remove(client.call(&EVENTS, "RemoveTargets", input).await, &missing)?;
    }
    if all().all(|other| is_its(&other)) {
        remove(client.call(&EVENTS, "DeleteRule", object(json!({ "Name": rule }))).await, &missing)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_beginning_that_is_over_is_not_said_again() {
        let begins = |request: Value| begins_in_the_past(&object(request), 1_000_000_000);
        assert!(begins(json!({"StartDate": 999_000.0})));
        assert!(!begins(json!({"StartDate": 999_900.0})) && !begins(json!({"StartDate": 2_000_000})));
        assert!(!begins(json!({})) && !begins(json!({"StartDate": null})));
    }
}
