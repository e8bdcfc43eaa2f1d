//! Reads members of a request, with ELB's complaints about them.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_model::{AwsError, Document};
use serde_json::Value;

use crate::World;
use crate::world::{Listener, LoadBalancer, Rule, TargetGroup};

/// Returns ELB's `ValidationError`.
pub(super) fn invalid(message: impl Into<String>) -> AwsError {
    AwsError::new("ValidationError", message)
}

/// Returns the refusal of something that AWS does and this platform does not.
pub(super) fn unsupported(what: impl std::fmt::Display) -> AwsError {
    AwsError::new("InvalidConfigurationRequest", format!("{what} is not supported by this platform"))
}

/// Returns a leaf as text; callers inside the process may hand over numbers and booleans.
pub(super) fn leaf(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

pub(super) fn text(input: &Document, name: &str) -> Option<String> {
    input.get(name).and_then(leaf)
}

pub(super) fn required(input: &Document, name: &str) -> Result<String, AwsError> {
    text(input, name).filter(|t| !t.is_empty()).ok_or_else(|| invalid(format!("'{name}' must be specified")))
}

/// Returns the items of a list; an absent list is empty.
pub(super) fn list<'d>(input: &'d Document, name: &str) -> &'d [Value] {
    input.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

pub(super) fn texts(input: &Document, name: &str) -> Vec<String> {
    list(input, name).iter().filter_map(leaf).collect()
}

pub(super) fn structures<'d>(input: &'d Document, name: &str) -> Result<Vec<&'d Document>, AwsError> {
    let read = |v: &'d Value| v.as_object().ok_or_else(|| invalid(format!("'{name}' must be a list of structures")));
    list(input, name).iter().map(read).collect()
}

/// Reads a number within bounds; none when it is absent.
pub(super) fn number(input: &Document, name: &str, low: u32, high: u32) -> Result<Option<u32>, AwsError> {
    let Some(given) = text(input, name) else { return Ok(None) };
    let number = given.parse().ok().filter(|n| (low..=high).contains(n));
    number.map(Some).ok_or_else(|| invalid(format!("{name} '{given}' must be between '{low}' and '{high}' inclusive")))
}

pub(super) fn port(input: &Document, name: &str) -> Result<Option<u16>, AwsError> {
    Ok(number(input, name, 1, 65535)?.map(|p| p as u16))
}

pub(super) fn boolean(input: &Document, name: &str) -> Result<Option<bool>, AwsError> {
    match text(input, name).as_deref() {
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(other) => Err(invalid(format!("{name} '{other}' must be 'true' or 'false'"))),
    }
}

/// Reads a name of at most 32 letters, digits and hyphens.
pub(super) fn name(input: &Document, what: &str) -> Result<String, AwsError> {
    let name = required(input, "Name")?;
    if name.len() > 32 {
        return Err(invalid(format!("The {what} name '{name}' cannot be longer than '32' characters")));
    }
    if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(invalid(format!(
            "The {what} name '{name}' can only contain characters that are alphanumeric characters and hyphens(-)"
        )));
    }
    if name.starts_with('-') || name.ends_with('-') {
        return Err(invalid(format!("The {what} name '{name}' cannot begin or end with a hyphen")));
    }
    Ok(name)
}

/// Takes the tags out of a request: they are kept apart from its document.
pub(super) fn take_tags(input: &mut Document) -> Result<BTreeMap<String, String>, AwsError> {
    let tags = read_tags(input)?;
    input.remove("Tags");
    Ok(tags)
}

/// Reads the tags of a request.
pub(super) fn read_tags(input: &Document) -> Result<BTreeMap<String, String>, AwsError> {
    let mut tags = BTreeMap::new();
    for tag in structures(input, "Tags")? {
        let key = required(tag, "Key")?;
        let value = text(tag, "Value").unwrap_or_default();
        if key.len() > 128 || value.len() > 256 {
            return Err(invalid(format!("Tag '{key}' is too long: keys have at most 128 characters, values 256")));
        }
        if key.starts_with("aws:") {
            return Err(invalid(format!("Tag key '{key}' cannot begin with 'aws:'")));
        }
        if tags.insert(key.clone(), value).is_some() {
            return Err(AwsError::new("DuplicateTagKeys", format!("Tag key '{key}' is specified more than once")));
        }
    }
    if tags.len() > 50 {
        return Err(AwsError::new("TooManyTags", "A resource can have at most 50 tags"));
    }
    Ok(tags)
}

pub(super) fn load_balancer<'w>(world: &'w World, arn: &str) -> Result<&'w Arc<LoadBalancer>, AwsError> {
    if !arn.contains(":loadbalancer/") {
        return Err(invalid(format!("'{arn}' is not a valid load balancer ARN")));
    }
    let missing = || AwsError::new("LoadBalancerNotFound", format!("Load balancer '{arn}' not found"));
    world.load_balancers.get(arn).ok_or_else(missing)
}

pub(super) fn target_group<'w>(world: &'w World, arn: &str) -> Result<&'w Arc<TargetGroup>, AwsError> {
    if !arn.contains(":targetgroup/") {
        return Err(invalid(format!("'{arn}' is not a valid target group ARN")));
    }
    let missing = || AwsError::new("TargetGroupNotFound", format!("Target groups '{arn}' not found"));
    world.target_groups.get(arn).ok_or_else(missing)
}

pub(super) fn listener<'w>(world: &'w World, arn: &str) -> Result<&'w Arc<Listener>, AwsError> {
    if !arn.contains(":listener/") {
        return Err(invalid(format!("'{arn}' is not a valid listener ARN")));
    }
    let missing = || AwsError::new("ListenerNotFound", format!("Listener '{arn}' not found"));
    world.listeners.get(arn).ok_or_else(missing)
}

pub(super) fn rule<'w>(world: &'w World, arn: &str) -> Result<&'w Arc<Rule>, AwsError> {
    if !arn.contains(":listener-rule/") {
        return Err(invalid(format!("'{arn}' is not a valid listener rule ARN")));
    }
    let missing = || AwsError::new("RuleNotFound", format!("Rule '{arn}' not found"));
    world.rules.get(arn).ok_or_else(missing)
}

/// Returns whether an ARN lies in a region.
pub(super) fn is_in(arn: &str, region: &str) -> bool {
    arn.split(':').nth(3) == Some(region)
}
