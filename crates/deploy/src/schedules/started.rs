//! Who started a task: which schedule, or a user in its place? Pure.

use aws_model::Document;
use deploy_core::desired::ScheduleDoc;
use serde_json::Value;

use crate::observe::text;

/// Most of `startedBy` that AWS writes (`platform-core/src/events/tasks.rs` says where that was seen).
const LONGEST: usize = 36;

/// Returns `startedBy` of what a rule of EventBridge starts.
pub(crate) fn by_rule(rule: &str) -> String {
    format!("events-rule/{rule}").chars().take(LONGEST).collect()
}

/// Returns `startedBy` of what a schedule of EventBridge Scheduler starts.
pub(crate) fn by_scheduler(name: &str) -> String {
    format!("chronos-schedule/{name}").chars().take(LONGEST).collect()
}

/// Returns `startedBy` of what `managr schedules run` starts: letters, digits, `-`, `/` and `_`, 128 at most (API
/// reference, RunTask). A rule's name may have dots in it as well.
pub(crate) fn by_hand(rule: &str) -> String {
    format!("managr-schedule/{}", rule.replace('.', "_"))
}

/// Returns the family of what a task runs.
pub(crate) fn family(task: &Document) -> &str {
    let revision = text(task, "taskDefinitionArn").rsplit('/').next().unwrap_or_default();
    revision.split(':').next().unwrap_or_default()
}

/// Returns whether a task was started for a schedule, and if so, whether by hand. Names are cut, so that the family must
/// be the schedule's too, and what it says over a task that it shares.
pub(crate) fn is_of(task: &Document, schedule: &ScheduleDoc) -> Option<bool> {
    let by = text(task, "startedBy");
    let by_hand = by == by_hand(&schedule.rule);
    let fired = by == by_rule(&schedule.rule) || by == by_scheduler(&schedule.rule);
    let is_its = (by_hand || fired) && family(task) == schedule.family && says_the_same(task, schedule);
    is_its.then_some(by_hand)
}

/// Returns whether the command that a task was started with is the schedule's, as far as the schedule says one over a
/// task that others start too.
fn says_the_same(task: &Document, schedule: &ScheduleDoc) -> bool {
    let command = |overrides: &Document| {
        let all = overrides.get("containerOverrides").and_then(Value::as_array).into_iter().flatten();
        let mut own = all.filter(|one| one.get("name").is_some_and(|name| *name == schedule.container.as_str()));
        own.find_map(|one| one.get("command").cloned())
            .filter(|command| command.as_array().is_some_and(|c| !c.is_empty()))
    };
    let started = task.get("overrides").and_then(Value::as_object).and_then(command);
    schedule.service.is_none() || started.is_none() || started == command(&schedule.overrides)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::observe::object;

    #[test]
    fn who_started_a_task_is_written_as_aws_does() {
        assert_eq!(by_rule("prd-recommend-batch-event"), "events-rule/prd-recommend-batch-even");
        assert_eq!(by_rule("nightly"), "events-rule/nightly");
        assert_eq!(by_scheduler("gold-coast-data-lake"), "chronos-schedule/gold-coast-data-lak");
        assert_eq!(by_hand("shop.nightly"), "managr-schedule/shop_nightly");
    }

    #[test]
    fn a_task_is_of_the_schedule_whose_name_family_and_command_it_has() {
        let manifest = deploy_core::parse(
            "managr.toml",
            "app = \"a-shop-with-a-long-name\"\n[services.web]\nstandalone = true\ncontainers.web.image = \"i:1\"\n\
             [schedules.clear-it]\nschedule = \"rate(1 day)\"\nservice = \"web\"\ncommand = [\"clear\"]\n\
             [schedules.close-it]\nschedule = \"rate(1 day)\"\nservice = \"web\"\ncommand = [\"close\"]\n",
        )
        .unwrap();
        let desired = deploy_core::desired(&manifest, "local", &deploy_core::Facts::local("r")).unwrap();
        let [clear, close] = desired.schedules.as_slice() else { panic!("two") };
        assert_eq!(by_rule(&clear.rule), by_rule(&close.rule), "that is what is hard about it");
        let task = |by: String, command: &str| {
            object(json!({"startedBy": by, "taskDefinitionArn": "arn:x/a-shop-with-a-long-name-web-task-local:3",
                "overrides": {"containerOverrides": [{"name": "web", "command": [command]}]}}))
        };
        assert_eq!(is_of(&task(by_rule(&clear.rule), "clear"), clear), Some(false));
        assert_eq!(is_of(&task(by_rule(&clear.rule), "clear"), close), None);
        assert_eq!(is_of(&task(by_scheduler(&close.rule), "close"), close), Some(false));
        assert_eq!(is_of(&task(by_hand(&clear.rule), "clear"), clear), Some(true));
        assert_eq!(is_of(&task("ecs-svc/1".into(), "clear"), clear), None);
        let other = object(json!({"startedBy": by_rule(&clear.rule), "taskDefinitionArn": "arn:x/other:3"}));
        assert_eq!(is_of(&other, clear), None);
    }
}
