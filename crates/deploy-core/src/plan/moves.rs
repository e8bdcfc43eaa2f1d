//! Which calls does a step about a schedule take, and in which order? The order is what keeps two from firing.

use aws_model::Document;
use serde_json::{Value, json};

use super::scheduler::MOVING;
use super::{Action, service::text};

/// One call. Each may be made again.
#[derive(Debug, Clone, PartialEq)]
pub enum ScheduleCall {
    /// PutRule.
    PutRule(Document),
    /// PutTargets.
    PutTargets(Document),
    /// RemoveTargets of one target, and DeleteRule if there is no other.
    LeaveRule {
        /// Name of the rule.
        rule: String,
        /// Id of the target.
        target: String,
    },
    /// CreateSchedule.
    CreateSchedule(Document),
    /// UpdateSchedule.
    UpdateSchedule(Document),
    /// DeleteSchedule.
    DeleteSchedule(Document),
}

/// Returns the calls of a step about a schedule, in their order; none for any other step.
///
/// Whatever takes the place of another is made asleep, and wakes when the other is gone: after each of the calls, one of
/// the two fires at most. One that is to sleep anyway need not wake.
pub fn schedule_calls(action: &Action) -> Vec<ScheduleCall> {
    use ScheduleCall::{CreateSchedule, DeleteSchedule, LeaveRule, PutRule, PutTargets, UpdateSchedule};
    match action {
        Action::PutSchedule { rule, target, replaces } => {
            let targets = json!({ "Rule": text(rule, "Name"), "Targets": [target] });
            let targets = PutTargets(targets.as_object().cloned().unwrap_or_default());
            match replaces {
                None => vec![PutRule(rule.clone()), targets],
                Some(leaves) => {
                    let mut calls = vec![PutRule(asleep(rule)), targets, DeleteSchedule(leaves.clone())];
                    calls.extend(wakes(rule).then(|| PutRule(rule.clone())));
                    calls
                }
            }
        }
        Action::SetSchedule { request, is_there, replaces } => {
            let make = if *is_there { UpdateSchedule } else { CreateSchedule };
            match replaces {
                None => vec![make(request.clone())],
                Some(target) => {
                    let leave = LeaveRule { rule: text(request, "Name").to_owned(), target: target.clone() };
                    let mut calls = vec![make(asleep(request)), leave];
                    calls.extend(wakes(request).then(|| UpdateSchedule(request.clone())));
                    calls
                }
            }
        }
        _ => Vec::new(),
    }
}

fn wakes(request: &Document) -> bool {
    request.get("State").is_none_or(|state| state == "ENABLED")
}

/// Returns the request of one that does not fire; one that will is marked, so that the next deploy recognizes it.
fn asleep(request: &Document) -> Document {
    let mut asleep = request.clone();
    asleep.insert("State".to_owned(), "DISABLED".into());
    if wakes(request) {
        asleep.insert("Description".to_owned(), Value::from(MOVING));
    }
    asleep
}
