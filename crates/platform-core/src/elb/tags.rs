//! Tags of load balancers, target groups, listeners and rules.

use std::collections::BTreeMap;

use aws_model::{AwsError, Service, tags};
use serde_json::{Value, json};

use super::describe::pairs;
use super::input::{self, invalid, read_tags, texts};
use super::load_balancers::done;
use crate::world::{Change, Listener, LoadBalancer, Rule, TargetGroup};
use crate::{Cx, Input, Outcome, World};

/// Something with tags, copied to be changed.
enum Tagged {
    LoadBalancer(LoadBalancer),
    TargetGroup(TargetGroup),
    Listener(Listener),
    Rule(Rule),
}

impl Tagged {
    fn find(world: &World, arn: &str) -> Result<Self, AwsError> {
        let kind = arn.split(':').nth(5).and_then(|r| r.split('/').next()).unwrap_or_default();
        Ok(match kind {
            "loadbalancer" => Self::LoadBalancer(LoadBalancer::clone(input::load_balancer(world, arn)?)),
            "targetgroup" => Self::TargetGroup(TargetGroup::clone(input::target_group(world, arn)?)),
            "listener" => Self::Listener(Listener::clone(input::listener(world, arn)?)),
            "listener-rule" => Self::Rule(Rule::clone(input::rule(world, arn)?)),
            _ => return Err(invalid(format!("'{arn}' is not a valid resource ARN"))),
        })
    }

    fn tags(&mut self) -> &mut BTreeMap<String, String> {
        match self {
            Self::LoadBalancer(e) => &mut e.tags,
            Self::TargetGroup(e) => &mut e.tags,
            Self::Listener(e) => &mut e.tags,
            Self::Rule(e) => &mut e.tags,
        }
    }

    fn change(self) -> Change {
        match self {
            Self::LoadBalancer(e) => Change::LoadBalancer(e),
            Self::TargetGroup(e) => Change::TargetGroup(e),
            Self::Listener(e) => Change::Listener(e),
            Self::Rule(e) => Change::Rule(e),
        }
    }
}

fn arns(input: &Input) -> Result<Vec<String>, AwsError> {
    let arns = texts(input, "ResourceArns");
    match arns.len() {
        0 => Err(invalid("At least one resource ARN must be specified")),
        1..=20 => Ok(arns),
        _ => Err(invalid("At most 20 resource ARNs can be specified")),
    }
}

pub(super) fn add(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let new = read_tags(&input)?;
    if new.is_empty() {
        return Err(invalid("At least one tag must be specified"));
    }
    let mut changes = Vec::new();
    for arn in arns(&input)? {
        let mut tagged = Tagged::find(world, &arn)?;
        tagged.tags().extend(new.clone());
        tags::refuse_many(Service::ElbV2, tagged.tags().len())?;
        changes.push(tagged.change());
    }
    Ok(done(changes))
}

pub(super) fn remove(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let gone = texts(&input, "TagKeys");
    if gone.is_empty() {
        return Err(invalid("At least one tag key must be specified"));
    }
    let mut changes = Vec::new();
    for arn in arns(&input)? {
        let mut tagged = Tagged::find(world, &arn)?;
        tagged.tags().retain(|key, _| !gone.contains(key));
        changes.push(tagged.change());
    }
    Ok(done(changes))
}

pub(super) fn describe(world: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let described = arns(input)?.into_iter().map(|arn| {
        let mut tagged = Tagged::find(world, &arn)?;
        Ok(json!({"ResourceArn": arn, "Tags": pairs(tagged.tags())}))
    });
    Ok(json!({"TagDescriptions": described.collect::<Result<Vec<_>, AwsError>>()?}))
}
