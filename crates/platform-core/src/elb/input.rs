//! Reads members of a request, with ELB's complaints about them.

use std::collections::BTreeMap;
use std::sync::Arc;

use aws_model::{AwsError, Document, Service, tags};
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

/// Returns a leaf as text.
pub(super) fn leaf(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        _ => None,
    }
}

/// Returns a member as text. An empty one is an absent one: Terraform's provider sends `ProtocolVersion=` for a group
/// without a version, and ELB takes it so. The few members that may be empty are read by [`leaf`].
pub(super) fn text(input: &Document, name: &str) -> Option<String> {
    input.get(name).and_then(leaf).filter(|text| !text.is_empty())
}

/// Returns a member that the model requires. That it is there was seen to at the door, but not that it says anything.
pub(super) fn required(input: &Document, name: &str) -> Result<String, AwsError> {
    text(input, name).ok_or_else(|| invalid(format!("'{name}' must be specified")))
}

/// Takes members that say nothing out of a request, so that they are neither kept nor compared.
pub(super) fn drop_empty(input: &mut Document) {
    input.retain(|_, value| match value {
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(members) => !members.is_empty(),
        _ => true,
    });
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

/// Reads a number; none when it is absent. Its bounds are the model's, held at the door.
pub(super) fn number<N: std::str::FromStr>(input: &Document, name: &str) -> Result<Option<N>, AwsError> {
    let Some(given) = text(input, name) else { return Ok(None) };
    given.parse().map(Some).map_err(|_| invalid(format!("{name} '{given}' is not valid")))
}

pub(super) fn port(input: &Document, name: &str) -> Result<Option<u16>, AwsError> {
    number(input, name)
}

pub(super) fn boolean(input: &Document, name: &str) -> Option<bool> {
    text(input, name).map(|text| text == "true")
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
    let mut tags = Vec::new();
    for tag in structures(input, "Tags")? {
        let key = required(tag, "Key")?;
        let value = text(tag, "Value").unwrap_or_default();
        tags.push((key, value));
    }
    tags::refuse(Service::ElbV2, tags.iter().map(|(key, value)| (key.as_str(), value.as_str())))?;
    Ok(tags.into_iter().collect())
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
