//! What the platform runs on: two capacity providers, no container instances, constant account settings.

use aws_model::AwsError;
use serde_json::{Value, json};

use super::cluster::must_exist;
use super::input::{failure, flag, named, required, text, texts};
use super::page::Page;
use crate::world::World;
use crate::{Cx, Input, Outcome};

const PROVIDERS: [&str; 2] = ["FARGATE", "FARGATE_SPOT"];

/// The values in force, as a new account of AWS has them.
const SETTINGS: [(&str, &str); 8] = [
    ("awsvpcTrunking", "disabled"),
    ("containerInsights", "disabled"),
    ("containerInstanceLongArnFormat", "enabled"),
    ("defaultLogDriverMode", "non-blocking"),
    ("fargateFIPSMode", "disabled"),
    ("serviceLongArnFormat", "enabled"),
    ("tagResourceAuthorization", "on"),
    ("taskLongArnFormat", "enabled"),
];

/// Whether there is a capacity provider of this name.
pub(super) fn exists(name: &str) -> bool {
    PROVIDERS.contains(&name)
}

/// DescribeCapacityProviders.
pub(super) fn providers(_: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = |name: &str| cx.arn("ecs", &format!("capacity-provider/{name}"));
    let asked: Vec<&str> = texts(input, "capacityProviders").collect();
    let wanted = |name: &str| asked.is_empty() || asked.iter().any(|a| *a == name || *a == arn(name));
    let found: Vec<Value> = PROVIDERS
        .iter()
        .filter(|name| wanted(name))
        .map(|name| {
            json!({"capacityProviderArn": arn(name), "name": name, "type": name, "status": "ACTIVE", "tags": []})
        })
        .collect();
    let is_known = |a: &&&str| !PROVIDERS.iter().any(|name| *name == **a || arn(name) == **a);
    let failures: Vec<Value> = asked.iter().filter(is_known).map(|a| failure(*a, "MISSING")).collect();
    Ok(json!({"capacityProviders": found, "failures": failures}))
}

/// ListContainerInstances: there are none.
pub(super) fn list_instances(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    must_exist(world, cx, input)?;
    Page::read(input, 100)?;
    Ok(json!({"containerInstanceArns": []}))
}

/// DescribeContainerInstances: all of them are missing.
pub(super) fn describe_instances(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    must_exist(world, cx, input)?;
    let failures: Vec<_> =
        named(input, "containerInstances", 100)?.into_iter().map(|a| failure(a, "MISSING")).collect();
    Ok(json!({"containerInstances": [], "failures": failures}))
}

/// ListAttributes: those of container instances, of which there are none.
pub(super) fn attributes(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    must_exist(world, cx, input)?;
    Page::read(input, 100)?;
    Ok(json!({"attributes": []}))
}

/// ListAccountSettings. Without `effectiveSettings` ECS lists what was set; nothing ever is.
pub(super) fn settings(_: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (name, value) = (text(input, "name"), text(input, "value"));
    let wanted = |n: &str, v: &str| name.is_none_or(|w| w == n) && value.is_none_or(|w| w == v);
    let all: Vec<Value> = SETTINGS
        .iter()
        .filter(|(n, v)| flag(input, "effectiveSettings") && wanted(n, v))
        .map(|(name, value)| setting(cx, name, value))
        .collect();
    Ok(json!({"settings": all}))
}

/// PutAccountSetting and PutAccountSettingDefault: the value in force is accepted, another refused.
pub(super) fn put_setting(_: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let (name, value) = (required(&input, "name")?, required(&input, "value")?);
    let Some((_, fixed)) = SETTINGS.iter().find(|(n, _)| *n == name) else {
        return Err(AwsError::invalid_parameter(format!(
            "The account setting '{name}' is not offered by this platform."
        )));
    };
    if value != *fixed {
        return Err(AwsError::invalid_parameter(format!(
            "The account setting '{name}' is always '{fixed}' on this platform; it cannot become '{value}'."
        )));
    }
    Ok(Outcome { reply: json!({"setting": setting(cx, name, value)}), changes: Vec::new() })
}

fn setting(cx: &Cx<'_>, name: &str, value: &str) -> Value {
    json!({"name": name, "value": value, "principalArn": super::root(cx), "type": "user"})
}
