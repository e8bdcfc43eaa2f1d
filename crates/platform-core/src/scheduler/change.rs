//! Making, replacing and deleting schedules.

use aws_model::{AwsError, Document};
use serde::Deserialize;
use serde_json::{Value, json};
use timetable::{Expression, Service, Zone};

use super::schedule::{Schedule, id, instant};
use super::{conflict, group, missing, target};
use crate::events::wrong;
use crate::operation::read;
use crate::{Change, Cx, Input, Outcome, World};

/// How far in the past a start may be.
const EARLIER: i64 = 300_000;

pub(super) fn create(world: &World, cx: &mut Cx<'_>, mut input: Input) -> Result<Outcome, AwsError> {
    let token = taken(&mut input, "ClientToken");
    let (group, name) = names(world, cx, &mut input)?;
    let id = id(&group, &name);
    if let Some(before) = world.records.get::<Schedule>(cx.region, &id) {
        if token.is_some() && before.token == token {
            return Ok(Outcome { reply: json!({"ScheduleArn": before.arn(cx.account)}), changes: Vec::new() });
        }
        return Err(conflict(format!("Schedule {name} already exists.")));
    }
    let document = settled(world, cx, input)?;
    let mut schedule = Schedule {
        region: cx.region.to_owned(),
        id,
        group,
        name,
        document,
        token,
        created: cx.now,
        changed: cx.now,
        planned: None,
        next: None,
        story: Default::default(),
    };
    let first = match begins_at_once(&schedule) {
        true => Some(cx.now),
        false => schedule.next_after(cx.now - 1),
    };
    schedule.plan(cx, first);
    Ok(Outcome { reply: json!({"ScheduleArn": schedule.arn(cx.account)}), changes: vec![Change::put(&schedule)] })
}

/// "If you do not provide a StartDate for a rate-based schedule, your schedule starts invoking the target immediately"
/// (user guide, "Schedule types").
fn begins_at_once(schedule: &Schedule) -> bool {
    let is_on = schedule.text("State") == "ENABLED" && !schedule.document.contains_key("StartDate");
    is_on && schedule.text("ScheduleExpression").starts_with("rate(")
}

/// Replaces all of a schedule: what is not said again has its default (API reference, UpdateSchedule). A rate is counted
/// from now on. It does not fire at once, since nothing says so of what is changed.
pub(super) fn update(world: &World, cx: &mut Cx<'_>, mut input: Input) -> Result<Outcome, AwsError> {
    taken(&mut input, "ClientToken");
    let (group, name) = names(world, cx, &mut input)?;
    let mut schedule = find(world, cx, &group, &name)?;
    schedule.document = settled(world, cx, input)?;
    schedule.changed = cx.now;
    let next = schedule.next_after(cx.now);
    schedule.plan(cx, next);
    Ok(Outcome { reply: json!({"ScheduleArn": schedule.arn(cx.account)}), changes: vec![Change::put(&schedule)] })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Which {
    pub(super) name: String,
    pub(super) group_name: Option<String>,
}

impl Which {
    pub(super) fn find(&self, world: &World, cx: &Cx<'_>) -> Result<Schedule, AwsError> {
        find(world, cx, self.group_name.as_deref().unwrap_or(group::DEFAULT), &self.name)
    }
}

pub(super) fn delete(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let schedule = read::<Which>(input)?.find(world, cx)?;
    Ok(Outcome { reply: json!({}), changes: vec![Change::remove::<Schedule>(cx.region, &schedule.id)] })
}

fn find(world: &World, cx: &Cx<'_>, group: &str, name: &str) -> Result<Schedule, AwsError> {
    let found = world.records.get(cx.region, &id(group, name));
    found.ok_or_else(|| missing(format!("Schedule {name} does not exist.")))
}

fn taken(input: &mut Input, member: &str) -> Option<String> {
    match input.shift_remove(member) {
        Some(Value::String(text)) => Some(text),
        _ => None,
    }
}

fn names(world: &World, cx: &Cx<'_>, input: &mut Input) -> Result<(String, String), AwsError> {
    let name = taken(input, "Name").unwrap_or_default();
    let group = taken(input, "GroupName");
    Ok((group::find(world, cx, group.as_deref())?.name, name))
}

/// Holds what was sent against the service's rules, and fills in its defaults.
fn settled(world: &World, cx: &Cx<'_>, mut document: Input) -> Result<Document, AwsError> {
    let text = |member: &str| document.get(member).and_then(Value::as_str);
    let expression = text("ScheduleExpression").unwrap_or_default();
    Expression::parse(expression, Service::Scheduler)
        .map_err(|why| wrong(format!("Invalid Schedule Expression {expression}. ({why})")))?;
    let zone = text("ScheduleExpressionTimezone").unwrap_or("UTC");
    if Zone::named(zone).is_none() {
        return Err(wrong(format!("Invalid Schedule Expression Timezone {zone}.")));
    }
    let date = |member: &str| document.get(member).and_then(instant);
    let (start, end) = (date("StartDate"), date("EndDate"));
    if start.is_some_and(|start| start < cx.now - EARLIER) {
        return Err(wrong("The StartDate you specify cannot be earlier than 5 minutes ago."));
    }
    if end.is_some_and(|end| end < cx.now) {
        return Err(wrong("The EndDate you specify cannot be in the past."));
    }
    if let (Some(start), Some(end)) = (start, end)
        && end <= start
    {
        return Err(wrong("The EndDate you specify must come after the StartDate."));
    }
    let window = document.get("FlexibleTimeWindow");
    let minutes = window.and_then(|window| window.get("MaximumWindowInMinutes"));
    // API reference, FlexibleTimeWindow.
    match (window.and_then(|window| window.get("Mode")).and_then(Value::as_str), minutes) {
        (Some("FLEXIBLE"), None) => return Err(wrong("MaximumWindowInMinutes is required when Mode is FLEXIBLE.")),
        (Some("OFF"), Some(_)) => return Err(wrong("MaximumWindowInMinutes must not be set when Mode is OFF.")),
        _ => {}
    }
    let sent = document.get("Target").and_then(Value::as_object).cloned().unwrap_or_default();
    target::check(world, cx, &sent)?;
    let usual = [("ScheduleExpressionTimezone", "UTC"), ("State", "ENABLED"), ("ActionAfterCompletion", "NONE")];
    for (member, value) in usual {
        document.entry(member).or_insert_with(|| value.into());
    }
    if let Some(target) = document.get_mut("Target").and_then(Value::as_object_mut) {
        let policy = target.entry("RetryPolicy").or_insert_with(|| json!({}));
        for (member, value) in [("MaximumEventAgeInSeconds", 86_400), ("MaximumRetryAttempts", 185)] {
            if let Some(policy) = policy.as_object_mut() {
                policy.entry(member).or_insert_with(|| value.into());
            }
        }
    }
    Ok(document)
}
