//! Rules of a listener.

use std::collections::{BTreeMap, BTreeSet};

use aws_model::AwsError;
use serde_json::{Value, json};

use super::input::{self, invalid, list, number, required, structures, text, texts, unsupported};
use super::listeners::{Use, actions_of};
use super::load_balancers::done;
use super::{describe as write, guards, page, usage};
use crate::routing::read_conditions;
use crate::world::{Change, Rule};
use crate::{Cx, Input, Outcome, World};

/// "Rules per Application Load Balancer", default rules not counted: ALB quotas.
const MOST: usize = 100;

/// Returns the ARN of a new rule of a listener.
pub(super) fn new_arn(listener_arn: &str, cx: &mut Cx<'_>) -> String {
    format!("{}/{}", listener_arn.replacen(":listener/", ":listener-rule/", 1), cx.ids.hex16())
}

pub(super) fn create(world: &World, cx: &mut Cx<'_>, mut input: Input) -> Result<Outcome, AwsError> {
    let listener_arn = required(&input, "ListenerArn")?;
    let listener = input::listener(world, &listener_arn)?;
    let tags = input::take_tags(&mut input)?;
    let priority = number(&input, "Priority")?.ok_or_else(|| invalid("A rule priority must be specified"))?;
    refuse_transforms(&input)?;
    if list(&input, "Conditions").is_empty() {
        return Err(invalid("A condition must be specified"));
    }
    let conditions = read_conditions(list(&input, "Conditions"))?;
    let used = Use { protocol: &listener.protocol, is_modified: false };
    let actions = actions_of(world, list(&input, "Actions"), used)?;
    input.insert("Actions".into(), guards::kept(list(&input, "Actions")).into());
    if world.rules.values().any(|r| r.listener_arn == listener_arn && r.priority == Some(priority)) {
        return Err(AwsError::new("PriorityInUse", format!("Priority '{priority}' is currently in use")));
    }
    let of_lb = |r: &&std::sync::Arc<Rule>| {
        let owner = world.listeners.get(&r.listener_arn);
        r.priority.is_some() && owner.is_some_and(|l| l.load_balancer_arn == listener.load_balancer_arn)
    };
    if world.rules.values().filter(of_lb).count() >= MOST {
        let lb = &listener.load_balancer_arn;
        return Err(AwsError::new("TooManyRules", format!("Load balancer '{lb}' has {MOST} rules already")));
    }
    input.remove("ListenerArn");
    input.remove("Priority");
    let rule = Rule {
        arn: new_arn(&listener_arn, cx),
        listener_arn,
        priority: Some(priority),
        conditions,
        actions,
        document: input,
        tags,
    };
    Ok(Outcome { reply: one(&rule), changes: usage::settle(world, vec![Change::Rule(rule)]) })
}

fn one(rule: &Rule) -> Value {
    json!({"Rules": [write::rule(rule)]})
}

fn refuse_transforms(input: &Input) -> Result<(), AwsError> {
    if list(input, "Transforms").is_empty() { Ok(()) } else { Err(unsupported("Transforms")) }
}

/// Answers rules by priority, the default rule last.
pub(super) fn describe(world: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arns = texts(input, "RuleArns");
    let mut found: Vec<_> = match text(input, "ListenerArn") {
        Some(_) if !arns.is_empty() => {
            return Err(invalid("Listener ARN and rule ARNs cannot be specified at the same time"));
        }
        Some(listener) => {
            input::listener(world, &listener)?;
            world.rules.values().filter(|r| r.listener_arn == listener).collect()
        }
        None if arns.is_empty() => {
            return Err(invalid("A listener ARN or at least one rule ARN must be specified"));
        }
        None => arns.iter().map(|arn| input::rule(world, arn)).collect::<Result<_, _>>().map_err(|e| {
            match e.code.as_ref() {
                "RuleNotFound" => AwsError::new("RuleNotFound", "One or more rules not found"),
                _ => e,
            }
        })?,
    };
    let place = |r: &Rule| (r.priority.unwrap_or(u32::MAX), r.arn.clone());
    found.sort_by_key(|r| place(r));
    let named = |r: &Rule| {
        let (priority, arn) = place(r);
        format!("{priority:010} {arn}")
    };
    page::answer(input, "Rules", found.into_iter().map(|r| (named(r), write::rule(r))))
}

pub(super) fn modify(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let mut rule = Rule::clone(input::rule(world, &required(&input, "RuleArn")?)?);
    if rule.priority.is_none() {
        return Err(not_permitted(&rule, "modified"));
    }
    refuse_transforms(&input)?;
    if input.contains_key("Conditions") {
        rule.conditions = read_conditions(list(&input, "Conditions"))?;
        rule.document.insert("Conditions".into(), list(&input, "Conditions").into());
    }
    if input.contains_key("Actions") {
        let protocol = world.listeners.get(&rule.listener_arn).map_or("HTTP", |listener| listener.protocol.as_str());
        rule.actions = actions_of(world, list(&input, "Actions"), Use { protocol, is_modified: true })?;
        rule.document.insert("Actions".into(), guards::kept(list(&input, "Actions")).into());
    }
    Ok(Outcome { reply: one(&rule), changes: usage::settle(world, vec![Change::Rule(rule)]) })
}

fn not_permitted(rule: &Rule, what: &str) -> AwsError {
    AwsError::new("OperationNotPermitted", format!("Default rule '{}' cannot be {what}", rule.arn))
}

pub(super) fn delete(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let rule = input::rule(world, &required(&input, "RuleArn")?)?;
    if rule.priority.is_none() {
        return Err(not_permitted(rule, "deleted"));
    }
    Ok(done(usage::settle(world, vec![Change::DeleteRule(rule.arn.clone())])))
}

/// Moves rules to other priorities, all at once: two may change places.
pub(super) fn set_priorities(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let pairs = structures(&input, "RulePriorities")?;
    if pairs.is_empty() {
        return Err(invalid("At least one rule priority must be specified"));
    }
    let mut moved: BTreeMap<String, Rule> = BTreeMap::new();
    for pair in pairs {
        let known = input::rule(world, &required(pair, "RuleArn")?)?;
        if known.priority.is_none() {
            return Err(not_permitted(known, "reprioritized"));
        }
        let priority = number(pair, "Priority")?.ok_or_else(|| invalid("A rule priority must be specified"))?;
        moved.insert(known.arn.clone(), Rule { priority: Some(priority), ..Rule::clone(known) });
    }
    let mut taken: BTreeSet<(&str, u32)> = BTreeSet::new();
    let stay = world.rules.values().map(|r| &**r).filter(|r| !moved.contains_key(&r.arn));
    for rule in stay.chain(moved.values()) {
        if let Some(priority) = rule.priority
            && !taken.insert((&rule.listener_arn, priority))
        {
            return Err(AwsError::new("PriorityInUse", format!("Priority '{priority}' is currently in use")));
        }
    }
    let reply = json!({"Rules": moved.values().map(write::rule).collect::<Vec<_>>()});
    Ok(Outcome { reply, changes: moved.into_values().map(Change::Rule).collect() })
}
