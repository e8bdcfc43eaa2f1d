//! Lifecycle and repository policies.

use aws_model::{AwsError, Call, policy};
use serde::Deserialize;
use serde_json::{Value, json};

use super::answers::About;
use super::refusal::invalid;
use crate::{Registry, Repository};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Of {
    repository_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PutLifecycle {
    repository_name: String,
    lifecycle_policy_text: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Set {
    repository_name: String,
    policy_text: String,
}

type Answered = Result<About<Value>, AwsError>;

pub(super) async fn put_lifecycle(registry: &Registry, _: &Call, input: PutLifecycle) -> Answered {
    let PutLifecycle { repository_name: name, lifecycle_policy_text: text } = input;
    let rules =
        serde_json::from_str::<Value>(&text).ok().and_then(|policy| Some(policy.get("rules")?.as_array()?.len()));
    if rules.is_none_or(|count| count == 0) {
        let constraint = "Lifecycle policy validation failure: must be a JSON object with a list of rules";
        return Err(invalid("LifecyclePolicyText", constraint));
    }
    let change = |repository: &mut Repository| repository.lifecycle_policy = Some(text.clone());
    registry.update_repository(&name, change).await?;
    Ok(About::new(registry, &name, json!({"lifecyclePolicyText": text})))
}

pub(super) async fn get_lifecycle(registry: &Registry, _: &Call, input: Of) -> Answered {
    let name = input.repository_name;
    let text = registry.repository(&name)?.lifecycle_policy.ok_or_else(|| no_lifecycle(registry, &name))?;
    Ok(About::new(registry, &name, json!({"lifecyclePolicyText": text})))
}

pub(super) async fn delete_lifecycle(registry: &Registry, _: &Call, input: Of) -> Answered {
    let name = input.repository_name;
    let text = registry.update_repository(&name, |repository| repository.lifecycle_policy.take()).await?;
    let text = text.ok_or_else(|| no_lifecycle(registry, &name))?;
    Ok(About::new(registry, &name, json!({"lifecyclePolicyText": text})))
}

pub(super) async fn set(registry: &Registry, _: &Call, input: Set) -> Answered {
    let Set { repository_name: name, policy_text: text } = input;
    if policy::of_resource(&text).is_none() {
        return Err(invalid("PolicyText", "Invalid repository policy provided"));
    }
    let change = |repository: &mut Repository| repository.policy = Some(text.clone());
    registry.update_repository(&name, change).await?;
    Ok(About::new(registry, &name, json!({"policyText": text})))
}

pub(super) async fn get(registry: &Registry, _: &Call, input: Of) -> Answered {
    let name = input.repository_name;
    let text = registry.repository(&name)?.policy.ok_or_else(|| no_policy(registry, &name))?;
    Ok(About::new(registry, &name, json!({"policyText": text})))
}

pub(super) async fn delete(registry: &Registry, _: &Call, input: Of) -> Answered {
    let name = input.repository_name;
    let text = registry.update_repository(&name, |repository| repository.policy.take()).await?;
    let text = text.ok_or_else(|| no_policy(registry, &name))?;
    Ok(About::new(registry, &name, json!({"policyText": text})))
}

fn no_lifecycle(registry: &Registry, name: &str) -> AwsError {
    missing("LifecyclePolicyNotFoundException", "Lifecycle", registry, name)
}

fn no_policy(registry: &Registry, name: &str) -> AwsError {
    missing("RepositoryPolicyNotFoundException", "Repository", registry, name)
}

fn missing(code: &'static str, kind: &str, registry: &Registry, name: &str) -> AwsError {
    let account = registry.account();
    let words = format!(
        "{kind} policy does not exist for the repository with name '{name}' in the registry with id '{account}'"
    );
    AwsError::new(code, words)
}
