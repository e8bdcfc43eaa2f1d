//! What the platform runs on: two capacity providers, no container instances, constant account settings.

use aws_model::AwsError;
use serde_json::{Value, json};

use super::cluster::must_exist;
use super::input::{failure, flag, items, named, required, text, texts};
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

/// DescribeCapacityProviders. With a cluster, "only capacity providers associated with this cluster are returned".
pub(super) fn providers(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let page = Page::read(input, 10)?;
    let arn = |name: &str| cx.arn("ecs", &format!("capacity-provider/{name}"));
    let of_cluster = match text(input, "cluster") {
        Some(_) => {
            Some(texts(&super::find::cluster(world, cx, input)?.document, "capacityProviders").collect::<Vec<_>>())
        }
        None => None,
    };
    let here = |name: &str| of_cluster.as_ref().is_none_or(|names| names.contains(&name));
    let asked: Vec<&str> = texts(input, "capacityProviders").collect();
    let is = |name: &str, asked: &str| asked == name || asked == arn(name);
    let found = PROVIDERS
        .into_iter()
        .filter(|name| here(name) && (asked.is_empty() || asked.iter().any(|a| is(name, a))))
        .filter(|name| page.after.is_none_or(|after| *name > after));
    // Both are AWS's own and have no tags; they are answered empty, asked for or not.
    let described = |name: &str| {
        let provider =
            json!({"capacityProviderArn": arn(name), "name": name, "type": name, "status": "ACTIVE", "tags": []});
        (name.to_owned(), provider)
    };
    let mut reply = page.answer_documents("capacityProviders", found.map(described));
    let missing = asked.iter().filter(|a| !PROVIDERS.iter().any(|name| here(name) && is(name, a)));
    reply["failures"] = missing.map(|a| failure(*a, "MISSING")).collect();
    Ok(reply)
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

/// PutAttributes and DeleteAttributes change those of container instances, and there are none to name.
pub(super) fn change_attributes(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    must_exist(world, cx, &input)?;
    if items(&input, "attributes").next().is_none() {
        return Err(AwsError::invalid_parameter("Attributes cannot be empty."));
    }
    Err(AwsError::new(
        "TargetNotFoundException",
        "The specified target wasn't found: there are no container instances.",
    ))
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
    let (_, fixed) = SETTINGS.iter().find(|(n, _)| *n == name).ok_or_else(|| not_offered(name))?;
    if value != *fixed {
        return Err(AwsError::invalid_parameter(format!(
            "The account setting '{name}' is always '{fixed}' on this platform; it cannot become '{value}'."
        )));
    }
    Ok(Outcome { reply: json!({"setting": setting(cx, name, value)}), changes: Vec::new() })
}

/// DeleteAccountSetting: the value in force is what it was before.
pub(super) fn delete_setting(_: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let name = required(&input, "name")?;
    let (name, value) = SETTINGS.iter().find(|(n, _)| *n == name).ok_or_else(|| not_offered(name))?;
    Ok(Outcome { reply: json!({"setting": setting(cx, name, value)}), changes: Vec::new() })
}

fn not_offered(name: &str) -> AwsError {
    AwsError::invalid_parameter(format!("The account setting '{name}' is not offered by this platform."))
}

fn setting(cx: &Cx<'_>, name: &str, value: &str) -> Value {
    json!({"name": name, "value": value, "principalArn": super::root(cx), "type": "user"})
}
