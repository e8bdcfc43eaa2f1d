//! Repositories: made, described, deleted, set.

use aws_model::page::Cut;
use aws_model::{AwsError, Call, managed_key, region, seconds};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Nothing;
use super::answers::{About, repository};
use super::page::Paging;
use super::refusal::invalid;
use super::tags::{Tag, checked};
use crate::{NewRepository, Registry, Repository, now};

/// ECR's tokens live for twelve hours.
const TOKEN_LIFE: i64 = 12 * 3600 * 1000;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Create {
    repository_name: String,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(flatten)]
    mutability: Mutability,
    #[serde(default)]
    image_scanning_configuration: Scanning,
    encryption_configuration: Option<Encryption>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Describe {
    #[serde(default)]
    repository_names: Vec<String>,
    #[serde(flatten)]
    paging: Paging,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Delete {
    repository_name: String,
    #[serde(default)]
    force: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PutMutability {
    repository_name: String,
    #[serde(flatten)]
    mutability: Mutability,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct PutScanning {
    repository_name: String,
    image_scanning_configuration: Scanning,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Mutability {
    image_tag_mutability: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    image_tag_mutability_exclusion_filters: Vec<Exclusion>,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Exclusion {
    filter_type: String,
    filter: String,
}

#[derive(Deserialize, Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub(super) struct Scanning {
    #[serde(default)]
    scan_on_push: bool,
}

#[derive(Deserialize, Serialize)]
#[serde(rename_all = "camelCase")]
struct Encryption {
    encryption_type: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    kms_key: Option<String>,
}

pub(super) async fn create(registry: &Registry, call: &Call, input: Create) -> Result<Value, AwsError> {
    input.mutability.check()?;
    let new = NewRepository {
        name: input.repository_name,
        mutability: input.mutability.image_tag_mutability.clone().unwrap_or_else(|| "MUTABLE".to_owned()),
        exclusions: input.mutability.exclusions(),
        scan_on_push: input.image_scanning_configuration.scan_on_push,
        encryption: encryption(registry, &call.region, input.encryption_configuration),
        tags: checked(input.tags)?,
    };
    let made = registry.create_repository(new).await?;
    Ok(json!({"repository": repository(registry, &call.region, &made)}))
}

pub(super) async fn describe(registry: &Registry, call: &Call, input: Describe) -> Result<Value, AwsError> {
    let page = if input.repository_names.is_empty() {
        input.paging.cut(registry.repositories(), |repository| repository.name.clone())
    } else {
        let found = input.repository_names.iter().map(|name| registry.repository(name));
        Cut { items: found.collect::<Result<_, _>>()?, next: None }
    };
    let token = page.next;
    let page: Vec<Value> = page.items.iter().map(|found| repository(registry, &call.region, found)).collect();
    Ok(json!({"repositories": page, "nextToken": token}))
}

pub(super) async fn delete(registry: &Registry, call: &Call, input: Delete) -> Result<Value, AwsError> {
    let gone = registry.delete_repository(&input.repository_name, input.force).await?;
    Ok(json!({"repository": repository(registry, &call.region, &gone)}))
}

pub(super) async fn put_mutability(
    registry: &Registry,
    _: &Call,
    input: PutMutability,
) -> Result<About<Mutability>, AwsError> {
    let PutMutability { repository_name: name, mutability } = input;
    mutability.check()?;
    let change = |repository: &mut Repository| {
        repository.mutability = mutability.image_tag_mutability.clone().unwrap_or_default();
        repository.exclusions = mutability.exclusions();
    };
    registry.update_repository(&name, change).await?;
    Ok(About::new(registry, &name, mutability))
}

pub(super) async fn put_scanning(registry: &Registry, _: &Call, input: PutScanning) -> Result<About<Value>, AwsError> {
    let PutScanning { repository_name: name, image_scanning_configuration: scanning } = input;
    registry.update_repository(&name, |repository| repository.scan_on_push = scanning.scan_on_push).await?;
    Ok(About::new(registry, &name, json!({"imageScanningConfiguration": scanning})))
}

/// The password is not checked by the registry (the account is made up), but it has the form
/// that scripts around `docker login` expect.
pub(super) async fn authorization_token(registry: &Registry, _: &Call, _: Nothing) -> Result<Value, AwsError> {
    let mut random = [0; 48];
    getrandom::fill(&mut random).map_err(|error| AwsError::server(format!("no random numbers: {error}")))?;
    let token = STANDARD.encode(format!("AWS:{}", STANDARD.encode(random)));
    Ok(json!({"authorizationData": [{
        "authorizationToken": token,
        "expiresAt": seconds(now() + TOKEN_LIFE),
        "proxyEndpoint": format!("http://{}", registry.host()),
    }]}))
}

impl Mutability {
    /// What the model cannot say.
    fn check(&self) -> Result<(), AwsError> {
        let (mutability, filters) = (&self.image_tag_mutability, &self.image_tag_mutability_exclusion_filters);
        let excludes = mutability.as_ref().is_some_and(|mutability| mutability.ends_with("_WITH_EXCLUSION"));
        let refused = |constraint| Err(invalid("imageTagMutabilityExclusionFilters", constraint));
        if excludes == filters.is_empty() {
            return refused(
                "must be given with IMMUTABLE_WITH_EXCLUSION or MUTABLE_WITH_EXCLUSION, and only with these",
            );
        }
        if filters.iter().any(|filter| filter.filter.matches('*').count() > 2) {
            return refused("must have at most 2 wildcards each");
        }
        Ok(())
    }

    fn exclusions(&self) -> Vec<Value> {
        self.image_tag_mutability_exclusion_filters.iter().map(|filter| json!(filter)).collect()
    }
}

/// Without a key, KMS encrypts with AWS's own, which is answered by its ARN: "If you use the KMS encryption type and do
/// not specify a KMS key, the AWS managed key for Amazon ECR will be used" (API reference, EncryptionConfiguration).
fn encryption(registry: &Registry, region: &str, wanted: Option<Encryption>) -> Value {
    let Some(mut wanted) = wanted else { return json!({"encryptionType": "AES256"}) };
    if wanted.encryption_type != "AES256" && wanted.kms_key.is_none() {
        let key = managed_key::id("ecr", region, registry.account());
        wanted.kms_key = Some(region::arn("kms", region, registry.account(), &format!("key/{key}")));
    }
    json!(wanted)
}
