//! Targets: registered, probed, draining.

use std::net::IpAddr;

use aws_model::{AwsError, Document};
use serde_json::{Value, json};

use super::input::{self, invalid, port, required, structures};
use super::load_balancers::done;
use super::usage::{self, NOT_IN_USE, REGISTERING};
use crate::world::{Change, Target, TargetGroup, TargetKey, TargetState};
use crate::{Cx, Input, Outcome, World};

/// "Targets per Application Load Balancer": ALB quotas.
const MOST: usize = 1000;
const DRAINING: (&str, &str) = ("Target.DeregistrationInProgress", "Target deregistration is in progress");

pub(super) fn register(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let group = input::target_group(world, &required(&input, "TargetGroupArn")?)?;
    let given = structures(&input, "Targets")?;
    if given.is_empty() {
        return Err(invalid("At least one target must be specified"));
    }
    let (state, (reason, words)) = if usage::is_in_use(world, &group.arn) {
        (TargetState::Initial, REGISTERING)
    } else {
        (TargetState::Unused, NOT_IN_USE)
    };
    let mut changes = Vec::new();
    for target in given {
        let key = key_of(group, target)?;
        // One that is registered already keeps its health; a draining one begins anew.
        if world.targets.get(&key).is_some_and(|t| t.state != TargetState::Draining) {
            continue;
        }
        let target = Target {
            key,
            state,
            reason: Some(reason.into()),
            description: Some(words.into()),
            registered_at: cx.now,
            draining_since: None,
        };
        if !changes.contains(&Change::Target(target.clone())) {
            changes.push(Change::Target(target));
        }
    }
    if world.group_targets(&group.arn).count() + changes.len() > MOST {
        return Err(AwsError::new("TooManyTargets", format!("A target group can have at most {MOST} targets")));
    }
    Ok(done(changes))
}

fn key_of(group: &TargetGroup, target: &Document) -> Result<TargetKey, AwsError> {
    let id = required(target, "Id")?;
    if group.target_type == "instance" {
        return Err(AwsError::new(
            "InvalidTarget",
            format!("The following targets are not in a running state and cannot be registered: '{id}'"),
        ));
    }
    let address: IpAddr =
        id.parse().map_err(|_| invalid(format!("The IP address '{id}' is not a valid IPv4 or IPv6 address")))?;
    let broadcast = matches!(address, IpAddr::V4(v4) if v4.is_broadcast());
    if address.is_unspecified() || address.is_multicast() || broadcast {
        return Err(invalid(format!("The IP address '{id}' is not one that a target can have")));
    }
    let six = input::text(&group.document, "IpAddressType").is_some_and(|t| t == "ipv6");
    if six != address.is_ipv6() {
        let kind = if six { "ipv6" } else { "ipv4" };
        return Err(invalid(format!("The IP address '{id}' is not of the target group's IpAddressType '{kind}'")));
    }
    Ok(TargetKey { group_arn: group.arn.clone(), id, port: port(target, "Port")?.unwrap_or(group.port) })
}

/// Begins to drain; a target that is not registered is no error.
pub(super) fn deregister(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let group = input::target_group(world, &required(&input, "TargetGroupArn")?)?;
    let given = structures(&input, "Targets")?;
    if given.is_empty() {
        return Err(invalid("At least one target must be specified"));
    }
    let in_use = usage::is_in_use(world, &group.arn);
    let mut changes = Vec::new();
    for target in given {
        let (id, port) = (required(target, "Id")?, port(target, "Port")?);
        let meant = |t: &&std::sync::Arc<Target>| t.key.id == id && port.is_none_or(|p| p == t.key.port);
        for target in world.group_targets(&group.arn).filter(meant).filter(|t| t.state != TargetState::Draining) {
            changes.push(if in_use {
                Change::Target(Target {
                    state: TargetState::Draining,
                    reason: Some(DRAINING.0.into()),
                    description: Some(DRAINING.1.into()),
                    draining_since: Some(cx.now),
                    ..Target::clone(target)
                })
            } else {
                // No request can have reached it: there is nothing to wait for.
                Change::DeleteTarget(target.key.clone())
            });
        }
    }
    Ok(done(changes))
}

pub(super) fn describe_health(world: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let group = input::target_group(world, &required(input, "TargetGroupArn")?)?;
    let asked = structures(input, "Targets")?;
    let mut found = Vec::new();
    if asked.is_empty() {
        found.extend(world.group_targets(&group.arn).map(|t| health(group, t)));
    }
    for target in asked {
        let (id, port) = (required(target, "Id")?, port(target, "Port")?.unwrap_or(group.port));
        let key = TargetKey { group_arn: group.arn.clone(), id, port };
        found.push(match world.targets.get(&key) {
            Some(target) => health(group, target),
            None => json!({
                "Target": {"Id": key.id, "Port": key.port},
                "HealthCheckPort": health_check_port(group, key.port),
                "TargetHealth": {
                    "State": "unused",
                    "Reason": "Target.NotRegistered",
                    "Description": "Target is not registered to the target group",
                },
            }),
        });
    }
    Ok(json!({"TargetHealthDescriptions": found}))
}

fn health_check_port(group: &TargetGroup, target: u16) -> String {
    group.health_check.port.unwrap_or(target).to_string()
}

fn health(group: &TargetGroup, target: &Target) -> Value {
    let mut health = json!({"State": target.state.as_str()});
    if let Some(reason) = &target.reason {
        health["Reason"] = reason.as_str().into();
    }
    if let Some(description) = &target.description {
        health["Description"] = description.as_str().into();
    }
    json!({
        "Target": {"Id": target.key.id, "Port": target.key.port},
        "HealthCheckPort": health_check_port(group, target.key.port),
        "TargetHealth": health,
    })
}

/// Decides what a probe's finding makes different: nothing for a target that drains, is gone,
/// or is known to be so already.
pub fn absorb_health(
    world: &World,
    key: &TargetKey,
    state: TargetState,
    reason: Option<String>,
    description: Option<String>,
) -> Vec<Change> {
    let Some(target) = world.targets.get(key) else { return Vec::new() };
    if target.state == TargetState::Draining || target.state == TargetState::Unused {
        return Vec::new();
    }
    if target.state == state && target.reason == reason && target.description == description {
        return Vec::new();
    }
    vec![Change::Target(Target { state, reason, description, ..Target::clone(target) })]
}
