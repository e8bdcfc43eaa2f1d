//! Whom a rule may tell: what exists on this platform, and everything else by name.

use aws_model::{AwsError, Document};
use serde_json::Value;

use super::input::{self, Said};
use super::rule::Rule;
use super::{bus, unsupported, wrong};
use crate::{Cx, World};

/// What a target is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Tasks in a cluster.
    Tasks,
    /// A log group, by name.
    Logs(String),
    /// Another bus, by name.
    Bus(String),
}

/// Returns what a target's ARN means.
///
/// # Errors
/// When this platform has no such thing, in words that name it.
pub(crate) fn kind(cx: &Cx<'_>, arn: &str) -> Result<Kind, AwsError> {
    let mut parts = arn.splitn(6, ':');
    let (scheme, service) = (parts.next(), parts.nth(1).unwrap_or_default());
    let (region, account) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let resource = parts.next().unwrap_or_default();
    if scheme != Some("arn") || service.is_empty() {
        return Err(wrong(format!("Parameter {arn} is not valid. Reason: Provided Arn is not in correct format.")));
    }
    let kind = match service {
        "ecs" if resource.starts_with("cluster/") => Kind::Tasks,
        "logs" if resource.starts_with("log-group:") => {
            let group = resource.trim_start_matches("log-group:");
            Kind::Logs(group.strip_suffix(":*").unwrap_or(group).to_owned())
        }
        "events" if resource.starts_with("event-bus/") => {
            Kind::Bus(resource.trim_start_matches("event-bus/").to_owned())
        }
        _ => {
            return Err(unsupported(format!(
                "{arn} is no target on managr's platform yet ({service}): there are ECS clusters, log groups and event \
                 buses"
            )));
        }
    };
    if region != cx.region || account != cx.account {
        return Err(unsupported(format!(
            "{arn} is in another region or account, and this platform has only {} in {}",
            cx.account, cx.region
        )));
    }
    Ok(kind)
}

/// Refuses a target that a rule cannot have.
pub(super) fn check(world: &World, cx: &Cx<'_>, rule: &Rule, target: &Document) -> Result<(), AwsError> {
    let text = |name: &str| target.get(name).and_then(Value::as_str);
    let arn = text("Arn").unwrap_or_default();
    let kind = kind(cx, arn)?;
    if target.get("DeadLetterConfig").is_some_and(|config| config.get("Arn").is_some()) {
        return Err(unsupported("DeadLetterConfig is not supported on managr's platform yet: it serves no SQS"));
    }
    // API reference, Target: the parameters of other kinds.
    const OTHERS: [&str; 9] = [
        "KinesisParameters",
        "RunCommandParameters",
        "BatchParameters",
        "SqsParameters",
        "HttpParameters",
        "RedshiftDataParameters",
        "SageMakerPipelineParameters",
        "AppSyncParameters",
        "EcsParameters",
    ];
    let allowed = if kind == Kind::Tasks { OTHERS.len() - 1 } else { OTHERS.len() };
    if let Some(other) = OTHERS[..allowed].iter().find(|name| target.contains_key(**name)) {
        return Err(wrong(format!("Parameter(s) {other} not valid for target: {arn}.")));
    }
    match &kind {
        Kind::Tasks if text("RoleArn").is_none() => {
            // Seen: "ValidationException: RoleArn is required for target arn:aws:ecs:...".
            return Err(wrong(format!("RoleArn is required for target {arn}.")));
        }
        Kind::Tasks if !target.contains_key("EcsParameters") => {
            return Err(wrong(format!("Parameter EcsParameters must be specified for target {arn}.")));
        }
        Kind::Bus(name) if *name == rule.bus => {
            return Err(wrong(format!("Event bus {name} cannot be a target of its own rule.")));
        }
        Kind::Bus(name) => drop(bus::find(world, cx, Some(name))?),
        Kind::Tasks | Kind::Logs(_) => {}
    }
    let said = Said::read(target)?;
    input::check(&said, text("Id").unwrap_or_default())
}
