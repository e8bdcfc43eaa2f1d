//! Scheduled actions: bounds that change with the clock.

use aws_model::page::Order;
use aws_model::{AwsError, Millis, seconds};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use timetable::{Expression, Zone};

use super::find::{self, DIMENSION, NAMESPACE, Resource, invalid};
use super::page::Paging;
use crate::operation::read;
use crate::world::{Change, Record, World};
use crate::{Cx, Input, Outcome};

/// A scheduled action.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScheduledAction {
    /// Region.
    pub region: String,
    /// `service/CLUSTER/NAME|ACTION`.
    id: String,
    /// `service/CLUSTER/NAME`.
    pub resource: String,
    /// Name.
    pub name: String,
    /// `arn:aws:autoscaling:REGION:ACCOUNT:scheduledAction:UUID:resource/ecs/RESOURCE:scheduledActionName/NAME`.
    pub arn: String,
    /// `cron(...)`, `rate(...)` or `at(...)`.
    pub schedule: String,
    /// Zone that it is in; none is UTC.
    pub timezone: Option<String>,
    /// Before it, nothing is done.
    pub start: Option<Millis>,
    /// After it, nothing is done.
    pub end: Option<Millis>,
    /// Fewest tasks from then on.
    pub min: Option<u32>,
    /// Most tasks from then on.
    pub max: Option<u32>,
    /// When it was made or changed; a rate is counted from there.
    pub created_at: Millis,
    /// When it is due next; none if never again.
    pub next_at: Option<Millis>,
}

impl Record for ScheduledAction {
    const TABLE: &'static str = "application-autoscaling.scheduled-actions";

    fn region(&self) -> &str {
        &self.region
    }

    fn id(&self) -> &str {
        &self.id
    }
}

impl ScheduledAction {
    /// Returns when it is due next after an instant.
    pub(super) fn next_after(&self, after: Millis) -> Option<Millis> {
        let expression = Expression::parse(&self.schedule, timetable::Service::Scheduler).ok()?;
        let zone = self.timezone.as_deref().map_or(Some(Zone::UTC), Zone::named)?;
        let anchor = self.start.unwrap_or(self.created_at);
        // One that begins at an instant may be due at that very instant.
        let after = self.start.map_or(after, |start| after.max(start - 1));
        expression.next(after, anchor, &zone).filter(|at| self.end.is_none_or(|end| *at <= end))
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Named {
    #[serde(flatten)]
    resource: Resource,
    scheduled_action_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Said {
    schedule: Option<String>,
    timezone: Option<String>,
    start_time: Option<f64>,
    end_time: Option<f64>,
    scalable_target_action: Option<Bounds>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Bounds {
    min_capacity: Option<i64>,
    max_capacity: Option<i64>,
}

/// PutScheduledAction: a known action keeps what is not said.
pub(super) fn put(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let (named, said): (Named, Said) = (read(input.clone())?, read(input)?);
    let resource = named.resource.service()?.to_owned();
    find::target(world, cx, &resource)?;
    let id = format!("{resource}|{}", named.scheduled_action_name);
    let known: Option<ScheduledAction> = world.records.get(cx.region, &id);
    let schedule = said.schedule.or(known.as_ref().map(|known| known.schedule.clone()));
    let schedule = schedule.ok_or_else(|| invalid("Schedule must be specified for a new scheduled action"))?;
    Expression::parse(&schedule, timetable::Service::Scheduler)
        .map_err(|why| invalid(format!("Invalid schedule expression: {schedule}: {why}")))?;
    let timezone = said.timezone.or(known.as_ref().and_then(|known| known.timezone.clone()));
    if timezone.as_deref().is_some_and(|name| Zone::named(name).is_none()) {
        return Err(invalid(format!("Invalid time zone: {}", timezone.unwrap_or_default())));
    }
    let millis = |seconds: Option<f64>| seconds.map(|seconds| (seconds * 1_000.0).round() as Millis);
    let (start, end) = (millis(said.start_time), millis(said.end_time));
    if let (Some(start), Some(end)) = (start, end)
        && start >= end
    {
        return Err(invalid("StartTime must be earlier than EndTime"));
    }
    let (min, max) = match (said.scalable_target_action, &known) {
        (Some(bounds), _) => (count(bounds.min_capacity)?, count(bounds.max_capacity)?),
        (None, Some(known)) => (known.min, known.max),
        (None, None) => return Err(invalid("ScalableTargetAction must be specified for a new scheduled action")),
    };
    match (min, max) {
        (None, None) => return Err(invalid("MinCapacity or MaxCapacity must be specified in ScalableTargetAction")),
        (Some(min), Some(max)) if min > max => {
            return Err(invalid("Maximum capacity cannot be less than minimum capacity"));
        }
        _ => {}
    }
    let (name, region) = (named.scheduled_action_name, cx.region.to_owned());
    let arn = match known {
        Some(known) => known.arn,
        None => {
            let uuid = cx.ids.uuid();
            let tail = format!("resource/{NAMESPACE}/{resource}:scheduledActionName/{name}");
            cx.arn("autoscaling", &format!("scheduledAction:{uuid}:{tail}"))
        }
    };
    let created_at = cx.now;
    let mut action = ScheduledAction {
        region,
        id,
        resource,
        name,
        arn,
        schedule,
        timezone,
        start,
        end,
        min,
        max,
        created_at,
        next_at: None,
    };
    action.next_at = action.next_after(cx.now);
    Ok(Outcome { reply: json!({}), changes: vec![Change::put(&action)] })
}

fn count(said: Option<i64>) -> Result<Option<u32>, AwsError> {
    let wrong = |_| invalid("A capacity must be greater than or equal to 0");
    said.map(|count| u32::try_from(count).map_err(wrong)).transpose()
}

/// DeleteScheduledAction.
pub(super) fn delete(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let named: Named = read(input)?;
    let resource = named.resource.service()?;
    let id = format!("{resource}|{}", named.scheduled_action_name);
    let words = || {
        format!(
            "No scheduled action found for service namespace: {NAMESPACE}, resource ID: {resource}, scheduled action \
             name: {}",
            named.scheduled_action_name
        )
    };
    let action: ScheduledAction = world.records.get(cx.region, &id).ok_or_else(|| find::missing(words()))?;
    Ok(Outcome { reply: json!({}), changes: vec![Change::remove::<ScheduledAction>(cx.region, action.id())] })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listing {
    #[serde(flatten)]
    resource: Resource,
    scheduled_action_names: Option<Vec<String>>,
    #[serde(flatten)]
    paging: Paging,
}

/// DescribeScheduledActions.
pub(super) fn describe(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let asked: Listing = read(input.clone())?;
    let all = world.records.all::<ScheduledAction>(cx.region);
    let meant = all.filter(|action| {
        let named = asked.scheduled_action_names.as_ref().is_none_or(|names| names.contains(&action.name));
        named && asked.resource.wants(&action.resource)
    });
    let items = meant.map(|action| (action.id.clone(), render(&action))).collect();
    asked.paging.page("ScheduledActions", Order::Rising, items)
}

fn render(action: &ScheduledAction) -> Value {
    let mut bounds = json!({});
    for (name, count) in [("MinCapacity", action.min), ("MaxCapacity", action.max)] {
        if let Some(count) = count {
            bounds[name] = json!(count);
        }
    }
    let mut item = json!({
        "ScheduledActionName": action.name, "ScheduledActionARN": action.arn, "ServiceNamespace": NAMESPACE,
        "Schedule": action.schedule, "ResourceId": action.resource, "ScalableDimension": DIMENSION,
        "ScalableTargetAction": bounds, "CreationTime": seconds(action.created_at),
    });
    if let Some(zone) = &action.timezone {
        item["Timezone"] = json!(zone);
    }
    for (name, at) in [("StartTime", action.start), ("EndTime", action.end)] {
        if let Some(at) = at {
            item[name] = json!(seconds(at));
        }
    }
    item
}
