//! The operations of rules.

use aws_model::{AwsError, Service};
use serde::Deserialize;
use serde_json::{Value, json};
use timetable::Expression;

use super::bus;
use super::page::page;
use super::pattern::Pattern;
use super::rule::{Rule, find, id};
use super::story::Story;
use super::tags::{Tag, lay_over};
use super::{limit, wrong};
use crate::operation::read;
use crate::{Change, Cx, Input, Outcome, World};

/// Most rules of a bus (EventBridge's quotas).
const MOST: usize = 300;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Put {
    name: String,
    event_bus_name: Option<String>,
    event_pattern: Option<String>,
    schedule_expression: Option<String>,
    state: Option<String>,
    description: Option<String>,
    role_arn: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

/// Replaces a rule whole, but for its tags and targets (API reference, PutRule).
pub(super) fn put(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let Put { name, event_bus_name, event_pattern, schedule_expression, state, description, role_arn, tags } =
        read(input)?;
    let bus = bus::find(world, cx, event_bus_name.as_deref())?.name;
    let pattern = event_pattern.filter(|text| !text.is_empty());
    let schedule = schedule_expression.filter(|text| !text.is_empty());
    if pattern.is_none() && schedule.is_none() {
        return Err(wrong("Parameter(s) EventPattern or ScheduleExpression must be specified."));
    }
    if let Some(pattern) = &pattern {
        Pattern::parse(pattern).map_err(super::no_pattern)?;
    }
    if let Some(schedule) = &schedule {
        if bus != bus::DEFAULT {
            return Err(wrong("ScheduleExpression is supported only on the default event bus."));
        }
        Expression::parse(schedule, timetable::Service::EventBridge)
            .map_err(|why| wrong(format!("Parameter ScheduleExpression is not valid. ({schedule}: {why})")))?;
    }
    let before: Option<Rule> = world.records.get(cx.region, &id(&bus, &name));
    let mut rule = Rule {
        region: cx.region.to_owned(),
        id: id(&bus, &name),
        bus,
        name,
        pattern,
        schedule,
        state: state.unwrap_or_else(|| "ENABLED".to_owned()),
        description,
        role: role_arn,
        tags: Vec::new(),
        targets: Vec::new(),
        since: cx.now,
        next: None,
        story: Story::default(),
    };
    match before {
        // "If you are updating an existing rule, any tags you specify in the PutRule operation are ignored."
        Some(before) => {
            rule = Rule { tags: before.tags, targets: before.targets, story: before.story, ..rule };
        }
        None if Rule::of_bus(world, cx.region, &rule.bus).count() >= MOST => return Err(limit()),
        None => lay_over(Service::Events, &mut rule.tags, tags)?,
    }
    rule.begin(cx.now);
    Ok(Outcome { reply: json!({"RuleArn": rule.arn(cx.account)}), changes: vec![Change::put(&rule)] })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Which {
    name: String,
    event_bus_name: Option<String>,
}

impl Which {
    fn find(&self, world: &World, cx: &Cx<'_>) -> Result<Rule, AwsError> {
        find(world, cx, self.event_bus_name.as_deref(), &self.name)
    }
}

fn shown(cx: &Cx<'_>, rule: &Rule) -> Value {
    let mut out =
        json!({"Name": rule.name, "Arn": rule.arn(cx.account), "State": rule.state, "EventBusName": rule.bus});
    let texts = [
        ("EventPattern", &rule.pattern),
        ("ScheduleExpression", &rule.schedule),
        ("Description", &rule.description),
        ("RoleArn", &rule.role),
    ];
    for (member, text) in texts {
        if let Some(text) = text {
            out[member] = json!(text);
        }
    }
    out
}

pub(super) fn describe(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let rule = read::<Which>(input.clone())?.find(world, cx)?;
    let mut out = shown(cx, &rule);
    out["CreatedBy"] = json!(cx.account);
    Ok(out)
}

/// A rule that is not there is no error (seen: `aws events delete-rule` answers nothing). `Force` is for rules that a
/// service manages; there are none.
pub(super) fn delete(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let Which { name, event_bus_name } = read(input)?;
    let bus = bus::find(world, cx, event_bus_name.as_deref())?.name;
    let Some(rule) = world.records.get::<Rule>(cx.region, &id(&bus, &name)) else {
        return Ok(Outcome { reply: json!({}), changes: Vec::new() });
    };
    if !rule.targets.is_empty() {
        return Err(wrong("Rule can't be deleted since it has targets."));
    }
    Ok(Outcome { reply: json!({}), changes: vec![Change::remove::<Rule>(cx.region, &rule.id)] })
}

pub(super) fn enable(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    switch(world, cx, input, "ENABLED")
}

pub(super) fn disable(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    switch(world, cx, input, "DISABLED")
}

fn switch(world: &World, cx: &mut Cx<'_>, input: Input, state: &str) -> Result<Outcome, AwsError> {
    let mut rule = read::<Which>(input)?.find(world, cx)?;
    let mut changes = Vec::new();
    // Enabling what is enabled does not count its rate anew.
    if rule.state != state {
        rule.state = state.to_owned();
        rule.begin(cx.now);
        changes.push(Change::put(&rule));
    }
    Ok(Outcome { reply: json!({}), changes })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    name_prefix: Option<String>,
    event_bus_name: Option<String>,
    target_arn: Option<String>,
    next_token: Option<String>,
    limit: Option<usize>,
}

pub(super) fn list(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let List { name_prefix, event_bus_name, next_token, limit, .. } = read(input.clone())?;
    let bus = bus::find(world, cx, event_bus_name.as_deref())?.name;
    let fits = |rule: &Rule| name_prefix.as_ref().is_none_or(|prefix| rule.name.starts_with(prefix));
    let rules = Rule::of_bus(world, cx.region, &bus).filter(fits);
    Ok(page("Rules", rules.map(|rule| (rule.name.clone(), shown(cx, &rule))).collect(), limit, next_token.as_deref()))
}

pub(super) fn names_by_target(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let List { event_bus_name, target_arn, next_token, limit, .. } = read(input.clone())?;
    let bus = bus::find(world, cx, event_bus_name.as_deref())?.name;
    let arn = target_arn.unwrap_or_default();
    let tells = |rule: &Rule| rule.targets.iter().any(|target| target.get("Arn").is_some_and(|own| *own == arn));
    let rules = Rule::of_bus(world, cx.region, &bus).filter(tells);
    Ok(page(
        "RuleNames",
        rules.map(|rule| (rule.name.clone(), json!(rule.name))).collect(),
        limit,
        next_token.as_deref(),
    ))
}
