//! What fires the schedules of a stage? Asked of both services, since a schedule may be about to change from the one to
//! the other.

use std::collections::BTreeMap;

use aws::{CallError, Client, EVENTS, SCHEDULER, items};
use aws_model::Document;
use deploy_core::desired::ScheduleDoc;
use deploy_core::manifest::Via;
use deploy_core::plan::ObservedSchedule;
use futures_util::future::join_all;
use futures_util::join;
use serde_json::{Value, json};

use crate::observe::{object, text};

/// What there is, by the names of the rules; none where a service is not served and some schedule needs it.
pub(crate) struct Seen {
    /// Rules of EventBridge.
    pub(crate) rules: Option<BTreeMap<String, ObservedSchedule>>,
    /// Schedules of EventBridge Scheduler.
    pub(crate) scheduler: Option<BTreeMap<String, Document>>,
}

impl Seen {
    /// Returns what fires a schedule, and how its service describes it.
    pub(crate) fn described(&self, schedule: &ScheduleDoc) -> Option<(Via, &Document)> {
        let by_rule = self.rules.as_ref().and_then(|rules| Some((Via::Rule, &rules.get(&schedule.rule)?.rule)));
        let scheduled = self.scheduler.as_ref().and_then(|found| found.get(&schedule.rule));
        let by_scheduler = scheduled.map(|found| (Via::Scheduler, found));
        match schedule.via {
            Via::Rule => by_rule.or(by_scheduler),
            Via::Scheduler => by_scheduler.or(by_rule),
        }
    }

    /// Returns the target that fires a schedule, whichever service's.
    pub(crate) fn target(&self, schedule: &ScheduleDoc) -> Option<&Document> {
        let by_rule = self.rules.as_ref().and_then(|rules| rules.get(&schedule.rule)?.target.as_ref());
        let scheduled = self.scheduler.as_ref().and_then(|found| found.get(&schedule.rule));
        let by_scheduler = scheduled.and_then(|scheduled| scheduled.get("Target")?.as_object());
        match schedule.via {
            Via::Rule => by_rule.or(by_scheduler),
            Via::Scheduler => by_scheduler.or(by_rule),
        }
    }
}

/// Looks at what fires schedules.
///
/// # Errors
/// See [`CallError`].
pub(crate) async fn look(client: &Client, schedules: &[ScheduleDoc]) -> Result<Seen, CallError> {
    let (rules, scheduler) = join!(
        join_all(schedules.iter().map(async |one| (one, rule(client, &one.rule, &one.family).await))),
        join_all(schedules.iter().map(async |one| (one, scheduled(client, &one.rule, one.group()).await))),
    );
    Ok(Seen { rules: settled(rules, Via::Rule)?, scheduler: settled(scheduler, Via::Scheduler)? })
}

/// A caller that may not ask the service that is not meant to fire a schedule has nothing there to take away.
fn settled<T>(
    found: Vec<(&ScheduleDoc, Result<Option<T>, CallError>)>,
    via: Via,
) -> Result<Option<BTreeMap<String, T>>, CallError> {
    let mut all = BTreeMap::new();
    for (schedule, answer) in found {
        match answer {
            Ok(seen) => all.extend(seen.map(|seen| (schedule.rule.clone(), seen))),
            Err(error) if schedule.via != via && (error.is_unserved() || error.is_denied()) => {}
            Err(error) if error.is_unserved() => return Ok(None),
            Err(error) => return Err(error),
        }
    }
    Ok(Some(all))
}

/// Returns a schedule of EventBridge Scheduler.
pub(crate) async fn scheduled(client: &Client, name: &str, group: &str) -> Result<Option<Document>, CallError> {
    match client.call(&SCHEDULER, "GetSchedule", object(json!({ "Name": name, "GroupName": group }))).await {
        Err(error) if error.is("ResourceNotFoundException") => Ok(None),
        answer => answer.map(Some),
    }
}

/// Returns a rule and its target that starts tasks: of several the one of the family.
pub(crate) async fn rule(client: &Client, rule: &str, family: &str) -> Result<Option<ObservedSchedule>, CallError> {
    let described = match client.call(&EVENTS, "DescribeRule", object(json!({ "Name": rule }))).await {
        Err(error) if error.is("ResourceNotFoundException") => return Ok(None),
        answer => answer?,
    };
    let answer = client.call(&EVENTS, "ListTargetsByRule", object(json!({ "Rule": rule }))).await?;
    Ok(Some(ObservedSchedule { rule: described, target: target(&answer, family) }))
}

/// Returns the target of a rule that is a schedule's: the one that starts a task, or of several the one that starts the
/// schedule's family, or that a deploy made. Another schedule's target is none of it.
fn target(answer: &Document, family: &str) -> Option<Document> {
    let targets = items(answer, "Targets").iter().filter_map(Value::as_object);
    let all: Vec<&Document> = targets.filter(|target| target.contains_key("EcsParameters")).collect();
    let starts = |target: &&&Document| {
        let arn = target.get("EcsParameters").and_then(|ecs| ecs.get("TaskDefinitionArn")?.as_str());
        let revision = arn.unwrap_or_default().rsplit('/').next().unwrap_or_default();
        revision.split(':').next() == Some(family)
    };
    let made = |target: &&&Document| text(target, "Id") == deploy_core::plan::TARGET_ID;
    let found = match all.as_slice() {
        [only] => Some(only),
        several => several.iter().find(starts).or_else(|| several.iter().find(made)),
    };
    found.map(|target| (*target).clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_has_the_target_of_its_family_and_no_other() {
        let check = |targets: &[(&str, &str)], expected: Option<&str>| {
            let one = |(id, revision): &(&str, &str)| {
                let arn = format!("arn:aws:ecs:r:1:task-definition/{revision}");
                json!({ "Id": id, "EcsParameters": { "TaskDefinitionArn": arn } })
            };
            let mut all: Vec<Value> = targets.iter().map(one).collect();
            all.insert(0, json!({ "Id": "queue" }));
            let answer = object(json!({ "Targets": all }));
            let found = target(&answer, "shop-tick");
            assert_eq!(found.as_ref().map(|target| text(target, "Id")), expected, "{targets:?}");
        };
        check(&[], None);
        check(&[("a", "other:1")], Some("a"));
        check(&[("a", "other:1"), ("b", "shop-tick:7")], Some("b"));
        check(&[("a", "shop-tick-two:1"), ("b", "shop-tick")], Some("b"));
        check(&[("a", "other:1"), ("managr", "former:7")], Some("managr"));
        check(&[("a", "other:1"), ("b", "another:1")], None);
    }
}
