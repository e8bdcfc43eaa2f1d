//! Lifecycle and repository policies: kept and answered, not acted on.

use aws_model::AwsError;
use registry::Repository;
use serde_json::{Value, json};

use super::input::invalid;
use super::{Asked, refuse};

const LIFECYCLE: &str = "lifecyclePolicyText";
const POLICY: &str = "policyText";

pub(super) async fn put_lifecycle(asked: &Asked<'_>) -> Result<Value, AwsError> {
    let text = asked.input.required(LIFECYCLE)?;
    let rules = parsed(text).and_then(|policy| Some(policy.get("rules")?.as_array()?.len()));
    if rules.is_none_or(|count| count == 0) {
        let constraint = "Lifecycle policy validation failure: must be a JSON object with a list of rules";
        return Err(invalid("LifecyclePolicyText", constraint));
    }
    put(asked, LIFECYCLE, text, |repository| &mut repository.lifecycle_policy).await
}

pub(super) fn get_lifecycle(asked: &Asked<'_>) -> Result<Value, AwsError> {
    let name = asked.input.repository_name()?;
    let repository = asked.registry.repository(name).map_err(refuse)?;
    let text = repository.lifecycle_policy.ok_or_else(|| no_lifecycle(asked, name))?;
    Ok(asked.about(name, json!({ LIFECYCLE: text })))
}

pub(super) async fn delete_lifecycle(asked: &Asked<'_>) -> Result<Value, AwsError> {
    take(asked, LIFECYCLE, |repository| repository.lifecycle_policy.take(), no_lifecycle).await
}

pub(super) async fn set(asked: &Asked<'_>) -> Result<Value, AwsError> {
    let text = asked.input.required(POLICY)?;
    if parsed(text).is_none_or(|policy| !policy.contains_key("Statement")) {
        return Err(invalid("PolicyText", "Invalid repository policy provided"));
    }
    put(asked, POLICY, text, |repository| &mut repository.policy).await
}

pub(super) fn get(asked: &Asked<'_>) -> Result<Value, AwsError> {
    let name = asked.input.repository_name()?;
    let repository = asked.registry.repository(name).map_err(refuse)?;
    let text = repository.policy.ok_or_else(|| no_policy(asked, name))?;
    Ok(asked.about(name, json!({ POLICY: text })))
}

pub(super) async fn delete(asked: &Asked<'_>) -> Result<Value, AwsError> {
    take(asked, POLICY, |repository| repository.policy.take(), no_policy).await
}

async fn put(
    asked: &Asked<'_>,
    member: &str,
    text: &str,
    place: impl FnOnce(&mut Repository) -> &mut Option<String>,
) -> Result<Value, AwsError> {
    let name = asked.input.repository_name()?;
    let change = |repository: &mut Repository| *place(repository) = Some(text.to_owned());
    asked.registry.update_repository(name, change).await.map_err(refuse)?;
    Ok(asked.about(name, json!({ member: text })))
}

async fn take(
    asked: &Asked<'_>,
    member: &str,
    take: impl FnOnce(&mut Repository) -> Option<String>,
    missing: impl FnOnce(&Asked<'_>, &str) -> AwsError,
) -> Result<Value, AwsError> {
    let name = asked.input.repository_name()?;
    let text = asked.registry.update_repository(name, take).await.map_err(refuse)?;
    let text = text.ok_or_else(|| missing(asked, name))?;
    Ok(asked.about(name, json!({ member: text })))
}

fn parsed(text: &str) -> Option<serde_json::Map<String, Value>> {
    serde_json::from_str(text).ok()
}

fn no_lifecycle(asked: &Asked<'_>, name: &str) -> AwsError {
    let account = asked.registry.account();
    let words = format!(
        "Lifecycle policy does not exist for the repository with name '{name}' in the registry with id '{account}'"
    );
    AwsError::new("LifecyclePolicyNotFoundException", words)
}

fn no_policy(asked: &Asked<'_>, name: &str) -> AwsError {
    let account = asked.registry.account();
    let words = format!(
        "Repository policy does not exist for the repository with name '{name}' in the registry with id '{account}'"
    );
    AwsError::new("RepositoryPolicyNotFoundException", words)
}
