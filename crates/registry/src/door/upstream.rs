//! Replication and pull-through cache rules: documents that are kept and answered. Nothing is replicated or cached.

use aws_model::{AwsError, Call, seconds};
use serde::Deserialize;
use serde_json::{Value, json};

use super::Nothing;
use super::page::Paging;
use crate::settings::{CacheRule, Settings};
use crate::{Registry, now};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PutReplication {
    replication_configuration: Value,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Create {
    ecr_repository_prefix: String,
    upstream_registry_url: String,
    upstream_registry: Option<String>,
    credential_arn: Option<String>,
    custom_role_arn: Option<String>,
    upstream_repository_prefix: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Update {
    ecr_repository_prefix: String,
    credential_arn: Option<String>,
    custom_role_arn: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Describe {
    #[serde(default)]
    ecr_repository_prefixes: Vec<String>,
    #[serde(flatten)]
    paging: Paging,
}

pub(super) async fn describe_registry(registry: &Registry, _: &Call, _: Nothing) -> Result<Value, AwsError> {
    let replication = registry.settings().replication.unwrap_or_else(|| json!({"rules": []}));
    Ok(json!({"registryId": registry.account(), "replicationConfiguration": replication}))
}

pub(super) async fn put_replication(registry: &Registry, _: &Call, input: PutReplication) -> Result<Value, AwsError> {
    let replication = input.replication_configuration;
    let change = |settings: &mut Settings| {
        settings.replication = Some(replication.clone());
        Ok::<_, AwsError>(())
    };
    registry.update_settings(change).await?;
    Ok(json!({"replicationConfiguration": replication}))
}

pub(super) async fn create(registry: &Registry, _: &Call, input: Create) -> Result<Value, AwsError> {
    let prefix = input.ecr_repository_prefix;
    let host = input.upstream_registry_url.trim_start_matches("https://").trim_end_matches('/').to_owned();
    let known = upstream(&host).ok_or_else(|| {
        let words = format!("The specified upstream registry '{host}' isn't supported.");
        AwsError::new("UnsupportedUpstreamRegistryException", words)
    })?;
    let at = now();
    let rule = CacheRule {
        upstream_registry_url: host,
        upstream_registry: Some(input.upstream_registry.unwrap_or_else(|| known.to_owned())),
        credential_arn: input.credential_arn,
        custom_role_arn: input.custom_role_arn,
        upstream_repository_prefix: input.upstream_repository_prefix,
        created_at: at,
        updated_at: at,
    };
    let answer = described(registry, &prefix, &rule, &["updatedAt"]);
    let insert = |settings: &mut Settings| {
        if settings.caches.contains_key(&prefix) {
            let words = format!("The rule with repository prefix '{prefix}' already exists in the registry");
            return Err(AwsError::new("PullThroughCacheRuleAlreadyExistsException", words));
        }
        settings.caches.insert(prefix, rule);
        Ok(())
    };
    registry.update_settings(insert).await?;
    Ok(answer)
}

pub(super) async fn describe(registry: &Registry, _: &Call, input: Describe) -> Result<Value, AwsError> {
    let caches = registry.settings().caches;
    if let Some(prefix) = input.ecr_repository_prefixes.iter().find(|prefix| !caches.contains_key(*prefix)) {
        return Err(none(registry, prefix));
    }
    let asked =
        |prefix: &String| input.ecr_repository_prefixes.is_empty() || input.ecr_repository_prefixes.contains(prefix);
    let rules: Vec<(String, CacheRule)> = caches.into_iter().filter(|(prefix, _)| asked(prefix)).collect();
    let page = input.paging.cut(rules, |(prefix, _)| prefix.clone());
    let rules: Vec<Value> = page.items.iter().map(|(prefix, rule)| described(registry, prefix, rule, &[])).collect();
    Ok(json!({"pullThroughCacheRules": rules, "nextToken": page.next}))
}

pub(super) async fn update(registry: &Registry, _: &Call, input: Update) -> Result<Value, AwsError> {
    let prefix = input.ecr_repository_prefix;
    let change = |settings: &mut Settings| {
        let rule = settings.caches.get_mut(&prefix).ok_or_else(|| none(registry, &prefix))?;
        rule.credential_arn = input.credential_arn.or(rule.credential_arn.take());
        rule.custom_role_arn = input.custom_role_arn.or(rule.custom_role_arn.take());
        rule.updated_at = now();
        Ok::<_, AwsError>(rule.clone())
    };
    let rule = registry.update_settings(change).await?;
    Ok(described(registry, &prefix, &rule, &["upstreamRegistryUrl", "upstreamRegistry", "createdAt"]))
}

pub(super) async fn delete(registry: &Registry, _: &Call, input: Update) -> Result<Value, AwsError> {
    let prefix = input.ecr_repository_prefix;
    let remove = |settings: &mut Settings| settings.caches.remove(&prefix).ok_or_else(|| none(registry, &prefix));
    let rule = registry.update_settings(remove).await?;
    Ok(described(registry, &prefix, &rule, &["upstreamRegistry", "updatedAt"]))
}

/// The operations answer the same members, each without some.
fn described(registry: &Registry, prefix: &str, rule: &CacheRule, without: &[&str]) -> Value {
    let mut document = json!({
        "ecrRepositoryPrefix": prefix,
        "registryId": registry.account(),
        "upstreamRegistryUrl": rule.upstream_registry_url,
        "upstreamRegistry": rule.upstream_registry,
        "credentialArn": rule.credential_arn,
        "customRoleArn": rule.custom_role_arn,
        "upstreamRepositoryPrefix": rule.upstream_repository_prefix,
        "createdAt": seconds(rule.created_at),
        "updatedAt": seconds(rule.updated_at),
    });
    without.iter().for_each(|name| document[*name] = Value::Null);
    document
}

/// The registries that ECR caches, and its word for each (API reference, CreatePullThroughCacheRule).
fn upstream(host: &str) -> Option<&'static str> {
    Some(match host {
        "public.ecr.aws" => "ecr-public",
        "quay.io" => "quay",
        "registry.k8s.io" => "k8s",
        "registry-1.docker.io" => "docker-hub",
        "ghcr.io" => "github-container-registry",
        "registry.gitlab.com" => "gitlab-container-registry",
        "cgr.dev" => "chainguard",
        _ if host.ends_with(".azurecr.io") => "azure-container-registry",
        _ if host.contains(".dkr.ecr.") => "ecr",
        _ => return None,
    })
}

fn none(registry: &Registry, prefix: &str) -> AwsError {
    let words = format!(
        "Pull through cache rule with repository prefix '{prefix}' does not exist in the registry with id '{}'",
        registry.account()
    );
    AwsError::new("PullThroughCacheRuleNotFoundException", words)
}
