//! Target groups and their health checks.

use std::collections::BTreeSet;

use aws_model::{AwsError, Document};
use serde_json::{Value, json};

use super::input::{self, boolean, invalid, is_in, number, port, required, text, texts, unsupported};
use super::load_balancers::done;
use super::{attributes, describe as write, page, usage};
use crate::routing::{HealthCheck, Matcher};
use crate::world::{Change, TargetGroup};
use crate::{Cx, Input, Outcome, World};

/// Settings that make two creations the same one, besides the health check.
const SETTINGS: [&str; 4] = ["VpcId", "ProtocolVersion", "IpAddressType", "TargetType"];

pub(super) fn create(world: &World, cx: &mut Cx<'_>, mut input: Input) -> Result<Outcome, AwsError> {
    let name = input::name(&input, "target group")?;
    let tags = input::take_tags(&mut input)?;
    input::drop_empty(&mut input);
    let target_type = text(&input, "TargetType").unwrap_or_else(|| "instance".into());
    match target_type.as_str() {
        "ip" | "instance" => {}
        other => return Err(unsupported(format!("TargetType '{other}'"))),
    }
    let protocol = text(&input, "Protocol").ok_or_else(|| invalid("A protocol must be specified"))?;
    only_http("Protocol", &protocol)?;
    let group_port = port(&input, "Port")?.ok_or_else(|| invalid("A port must be specified"))?;
    match text(&input, "ProtocolVersion").as_deref() {
        None | Some("HTTP1") => {}
        Some(other) => return Err(unsupported(format!("ProtocolVersion '{other}'"))),
    }
    if text(&input, "VpcId").is_none() {
        return Err(invalid("A VPC ID must be specified"));
    }
    let health_check = read_check(&input, default_check())?;
    if let Some(known) = world.target_groups.values().find(|g| g.name == name && is_in(&g.arn, cx.region)) {
        let same = known.protocol == protocol
            && known.port == group_port
            && known.health_check == health_check
            // Text by text: a row of an older version may keep an empty one.
            && SETTINGS.iter().all(|s| text(&input, s) == text(&known.document, s));
        if !same {
            return Err(AwsError::new(
                "DuplicateTargetGroupName",
                format!("A target group with the same name '{name}' exists, but with different settings"),
            ));
        }
        return Ok(Outcome { reply: one(world, known), changes: Vec::new() });
    }
    let resource = format!("targetgroup/{name}/{}", cx.ids.hex16());
    let group = TargetGroup {
        arn: cx.arn("elasticloadbalancing", &resource),
        name,
        protocol,
        port: group_port,
        target_type,
        document: input,
        health_check,
        attributes: attributes::of_target_group(),
        tags,
    };
    Ok(Outcome { reply: one(world, &group), changes: vec![Change::TargetGroup(group)] })
}

fn one(world: &World, group: &TargetGroup) -> Value {
    json!({"TargetGroups": [write::target_group(world, group)]})
}

fn only_http(member: &str, protocol: &str) -> Result<(), AwsError> {
    if protocol == "HTTP" { Ok(()) } else { Err(unsupported(format!("{member} '{protocol}'"))) }
}

/// ELB's defaults for targets of type `ip` and `instance` over HTTP.
fn default_check() -> HealthCheck {
    HealthCheck {
        enabled: true,
        path: "/".into(),
        port: None,
        interval: 30,
        timeout: 5,
        healthy_threshold: 5,
        unhealthy_threshold: 2,
        matcher: "200".into(),
    }
}

/// Puts the members of a request over a health check.
fn read_check(input: &Document, mut check: HealthCheck) -> Result<HealthCheck, AwsError> {
    if let Some(protocol) = text(input, "HealthCheckProtocol") {
        only_http("HealthCheckProtocol", &protocol)?;
    }
    if boolean(input, "HealthCheckEnabled") == Some(false) {
        return Err(invalid("Health check enabled must be true for target groups with target type 'ip' or 'instance'"));
    }
    match text(input, "HealthCheckPort").as_deref() {
        None => {}
        Some("traffic-port") => check.port = None,
        Some(_) => check.port = port(input, "HealthCheckPort")?,
    }
    if let Some(path) = text(input, "HealthCheckPath") {
        let sound = path.starts_with('/') && path.chars().all(|c| c.is_ascii_graphic());
        if !sound {
            return Err(invalid(format!(
                "Health check path '{path}' must begin with a '/' character, and can only contain printable ASCII characters, without spaces"
            )));
        }
        check.path = path;
    }
    let or = |given: Option<u32>, was: u32| given.unwrap_or(was);
    check.interval = or(number(input, "HealthCheckIntervalSeconds")?, check.interval);
    check.timeout = or(number(input, "HealthCheckTimeoutSeconds")?, check.timeout);
    check.healthy_threshold = or(number(input, "HealthyThresholdCount")?, check.healthy_threshold);
    check.unhealthy_threshold = or(number(input, "UnhealthyThresholdCount")?, check.unhealthy_threshold);
    if check.timeout >= check.interval {
        return Err(invalid("Health check interval must be greater than the timeout."));
    }
    if let Some(matcher) = input.get("Matcher").and_then(Value::as_object) {
        if matcher.contains_key("GrpcCode") {
            return Err(unsupported("Matcher 'GrpcCode'"));
        }
        let codes = required(matcher, "HttpCode")?;
        if Matcher::parse(&codes).is_none() {
            return Err(invalid(format!(
                "Health check matcher HTTP code '{codes}' must be within '200-499' inclusive"
            )));
        }
        check.matcher = codes;
    }
    Ok(check)
}

pub(super) fn describe(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (arns, names) = (texts(input, "TargetGroupArns"), texts(input, "Names"));
    let of_lb = text(input, "LoadBalancerArn");
    if [!arns.is_empty(), !names.is_empty(), of_lb.is_some()].iter().filter(|given| **given).count() > 1 {
        return Err(invalid(
            "Target group names, target group ARNs and a load balancer ARN cannot be specified at the same time",
        ));
    }
    if let Some(lb) = &of_lb {
        input::load_balancer(world, lb)?;
    }
    let mut missing: BTreeSet<&String> = arns.iter().chain(&names).collect();
    let mut found = Vec::new();
    for group in world.target_groups.values().filter(|g| is_in(&g.arn, cx.region)) {
        let asked = missing.remove(&group.arn) | missing.remove(&group.name);
        let wanted = match &of_lb {
            Some(lb) => usage::load_balancers_of(world, &group.arn).contains(lb.as_str()),
            None => asked || (arns.is_empty() && names.is_empty()),
        };
        if wanted {
            found.push(group);
        }
    }
    if !missing.is_empty() {
        let message = if arns.is_empty() {
            "One or more target groups not found".to_owned()
        } else {
            format!("Target groups '{}' not found", write::quoted(&missing))
        };
        return Err(AwsError::new("TargetGroupNotFound", message));
    }
    page::answer(input, "TargetGroups", found.into_iter().map(|g| (g.arn.clone(), write::target_group(world, g))))
}

pub(super) fn modify(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let mut group = TargetGroup::clone(input::target_group(world, &required(&input, "TargetGroupArn")?)?);
    group.health_check = read_check(&input, group.health_check)?;
    Ok(Outcome { reply: one(world, &group), changes: vec![Change::TargetGroup(group)] })
}

/// Deletes with its targets; a group that is gone already is no error.
pub(super) fn delete(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let arn = required(&input, "TargetGroupArn")?;
    match input::target_group(world, &arn) {
        Ok(_) => {}
        Err(error) if error.code == "TargetGroupNotFound" => return Ok(done(Vec::new())),
        Err(error) => return Err(error),
    }
    if usage::is_in_use(world, &arn) {
        return Err(AwsError::new(
            "ResourceInUse",
            format!("Target group '{arn}' is currently in use by a listener or a rule"),
        ));
    }
    let mut changes: Vec<_> = world.group_targets(&arn).map(|t| Change::DeleteTarget(t.key.clone())).collect();
    changes.push(Change::DeleteTargetGroup(arn));
    Ok(done(changes))
}
