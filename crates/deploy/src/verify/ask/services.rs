//! One call for each kind of thing; absence is an answer.

use std::collections::BTreeMap;

use aws::{CLOUDWATCH, CallError, Client, ECS, ELB, IAM, items};
use deploy_core::desired::Desired;
use deploy_core::plan::discovery as discovery_plan;
use serde_json::{Value, json};

use super::super::topic::{Fact, secret_name};
use crate::discovery;
use crate::observe::{self, object, text};

pub(super) async fn cluster(client: &Client, name: &str) -> Result<Fact, CallError> {
    let answer = client.call(&ECS, "DescribeClusters", object(json!({ "clusters": [name] }))).await?;
    let found = items(&answer, "clusters").first().and_then(Value::as_object);
    Ok(match found.map(|cluster| text(cluster, "status")) {
        // What was deleted is remembered for a while.
        None | Some("INACTIVE") => Fact::absent(format!("there is no cluster `{name}`")),
        Some(status) => Fact::Cluster(status.to_owned()),
    })
}

pub(super) async fn alarm(client: &Client, name: &str) -> Result<Fact, CallError> {
    let asked = object(json!({ "AlarmNames": [name], "AlarmTypes": ["MetricAlarm", "CompositeAlarm"] }));
    let answer = client.call(&CLOUDWATCH, "DescribeAlarms", asked).await?;
    let mut found = items(&answer, "MetricAlarms").iter().chain(items(&answer, "CompositeAlarms"));
    let state = found.find_map(Value::as_object).map(|alarm| text(alarm, "StateValue").to_owned());
    Ok(Fact::Alarm(state))
}

/// A value that is read is forgotten here: only its keys go on.
pub(super) async fn secret(client: &Client, arn: &str, read_value: bool) -> Result<Fact, CallError> {
    let Some(found) = observe::secret(client, arn).await? else {
        return Ok(Fact::absent(format!("there is no secret `{}`", secret_name(arn))));
    };
    let is_doomed = found.get("DeletedDate").is_some_and(|date| !date.is_null());
    if is_doomed || !read_value {
        let keys = Err("it is there; its keys were not read (use --read-secrets)".to_owned());
        return Ok(Fact::Secret { is_doomed, keys });
    }
    let keys = match observe::secret_keys(client, arn).await {
        Ok(None) => return Ok(Fact::absent(format!("secret `{}` has no value", secret_name(arn)))),
        Ok(Some(keys)) => Ok(keys),
        Err(error) => Err(format!("it is there; its keys are not known: {}", super::words(&error))),
    };
    Ok(Fact::Secret { is_doomed, keys })
}

pub(super) async fn parameter(client: &Client, name: &str) -> Result<Fact, CallError> {
    let found = observe::has_parameter(client, name).await?;
    Ok(if found { Fact::Present } else { Fact::absent(format!("there is no parameter `{name}`")) })
}

pub(super) async fn role(client: &Client, arn: &str) -> Result<Fact, CallError> {
    // IAM knows roles by the last part of their path.
    let name = arn.rsplit('/').next().unwrap_or(arn);
    match client.call(&IAM, "GetRole", object(json!({ "RoleName": name }))).await {
        Ok(answer) => {
            let role = answer.get("Role").and_then(Value::as_object).cloned().unwrap_or_default();
            let trust = text(&role, "AssumeRolePolicyDocument").to_owned();
            Ok(Fact::Role { arn: text(&role, "Arn").to_owned(), trust })
        }
        Err(error) if error.is("NoSuchEntity") => Ok(Fact::absent(format!("there is no role `{name}`"))),
        Err(error) => Err(error),
    }
}

pub(super) async fn log_group(client: &Client, name: &str) -> Result<Fact, CallError> {
    let found = observe::has_log_group(client, name).await?;
    Ok(if found { Fact::Present } else { Fact::absent(format!("there is no log group `{name}`")) })
}

pub(super) async fn target_group(client: &Client, group: &str) -> Result<Fact, CallError> {
    let member = if group.starts_with("arn:") { "TargetGroupArns" } else { "Names" };
    let absent = || Fact::absent(format!("there is no target group `{group}`"));
    match client.call(&ELB, "DescribeTargetGroups", object(json!({ member: [group] }))).await {
        Ok(answer) => {
            let found = items(&answer, "TargetGroups").first().and_then(Value::as_object).cloned();
            Ok(found.map_or_else(absent, Fact::TargetGroup))
        }
        Err(error) if is_absent(&error, "TargetGroupNotFound") => Ok(absent()),
        Err(error) => Err(error),
    }
}

pub(super) async fn listener(client: &Client, arn: &str) -> Result<Fact, CallError> {
    match client.call(&ELB, "DescribeListeners", object(json!({ "ListenerArns": [arn] }))).await {
        Ok(_) => Ok(Fact::Present),
        Err(error) if is_absent(&error, "ListenerNotFound") => {
            Ok(Fact::absent(format!("there is no listener `{arn}`")))
        }
        Err(error) => Err(error),
    }
}

pub(super) async fn name(client: &Client, desired: &Desired, name: &str) -> Result<Fact, CallError> {
    let services = desired.services.iter().filter(|service| service.discover.as_ref().is_some_and(|s| s.name == name));
    let alone = Desired { services: services.cloned().collect(), ..desired.clone() };
    let seen = discovery::look(client, &alone, &BTreeMap::new()).await?;
    Ok(match discovery_plan::check(&alone, &seen) {
        Err(error) => Fact::Misnamed(error),
        Ok(()) if seen.registries.contains_key(name) => Fact::Present,
        Ok(()) => Fact::absent(format!("nothing is found by `{name}`")),
    })
}

/// An ARN of another form is a `ValidationError`: there is nothing of that name either.
fn is_absent(error: &CallError, code: &str) -> bool {
    error.is(code) || error.is("ValidationError")
}
