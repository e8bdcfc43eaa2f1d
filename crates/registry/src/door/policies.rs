//! Repository policies and the registry's own: kept and answered, not acted on.

use aws_model::{AwsError, Call, policy};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Nothing;
use super::answers::About;
use super::refusal::{invalid, missing};
use crate::{Registry, Repository, Settings};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Of {
    pub(super) repository_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Set {
    repository_name: String,
    policy_text: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PutOfRegistry {
    policy_text: String,
}

type Answered = Result<About<Value>, AwsError>;

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
    let text = registry.repository(&name)?.policy.ok_or_else(|| none(registry, &name))?;
    Ok(About::new(registry, &name, json!({"policyText": text})))
}

pub(super) async fn delete(registry: &Registry, _: &Call, input: Of) -> Answered {
    let name = input.repository_name;
    let text = registry.update_repository(&name, |repository| repository.policy.take()).await?;
    let text = text.ok_or_else(|| none(registry, &name))?;
    Ok(About::new(registry, &name, json!({"policyText": text})))
}

pub(super) async fn put_of_registry(registry: &Registry, _: &Call, input: PutOfRegistry) -> Result<Value, AwsError> {
    let text = input.policy_text;
    if policy::of_resource(&text).is_none() {
        return Err(invalid("PolicyText", "Invalid registry policy provided"));
    }
    let change = |settings: &mut Settings| {
        settings.policy = Some(text.clone());
        Ok::<_, AwsError>(())
    };
    registry.update_settings(change).await?;
    Ok(of_registry(registry, &text))
}

pub(super) async fn get_of_registry(registry: &Registry, _: &Call, _: Nothing) -> Result<Value, AwsError> {
    let text = registry.settings().policy.ok_or_else(|| none_of_registry(registry))?;
    Ok(of_registry(registry, &text))
}

pub(super) async fn delete_of_registry(registry: &Registry, _: &Call, _: Nothing) -> Result<Value, AwsError> {
    let take = |settings: &mut Settings| settings.policy.take().ok_or_else(|| none_of_registry(registry));
    let text = registry.update_settings(take).await?;
    Ok(of_registry(registry, &text))
}

fn of_registry(registry: &Registry, text: &str) -> Value {
    json!({"registryId": registry.account(), "policyText": text})
}

fn none(registry: &Registry, name: &str) -> AwsError {
    missing("RepositoryPolicyNotFoundException", "Repository policy", registry, name)
}

fn none_of_registry(registry: &Registry) -> AwsError {
    let words = format!("Registry policy does not exist in the registry with id '{}'", registry.account());
    AwsError::new("RegistryPolicyNotFoundException", words)
}
