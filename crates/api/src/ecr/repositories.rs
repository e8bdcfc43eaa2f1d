//! Repositories: made, described, deleted, set, tagged.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_model::{AwsError, seconds};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use registry::NewRepository;
use serde_json::{Value, json};

use super::answers::listed;
use super::input::{Fields, check_name, invalid};
use super::{Asked, refuse};

const MUTABILITIES: [&str; 4] = ["MUTABLE", "IMMUTABLE", "IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION"];
const TAG_LIMIT: usize = 50;
/// ECR's tokens live for twelve hours.
const TOKEN_LIFE: i64 = 12 * 3600 * 1000;

pub(super) async fn create(asked: &Asked<'_>) -> Result<Value, AwsError> {
    let input = asked.input;
    let tags = input.tags()?;
    refuse_too_many(tags.len())?;
    let (mutability, exclusions) = mutability(input)?;
    let new = NewRepository {
        name: input.repository_name()?.to_owned(),
        mutability: mutability.unwrap_or("MUTABLE").to_owned(),
        exclusions,
        scan_on_push: scan_on_push(input)?.unwrap_or(false),
        encryption: encryption(input)?,
        tags,
    };
    let repository = asked.registry.create_repository(new).await.map_err(refuse)?;
    Ok(json!({ "repository": asked.repository(&repository) }))
}

pub(super) fn describe(asked: &Asked<'_>) -> Result<Value, AwsError> {
    if let Some(names) = asked.input.texts("repositoryNames")?.filter(|names| !names.is_empty()) {
        let mut found = Vec::new();
        for name in names {
            check_name("repositoryNames", name)?;
            found.push(asked.repository(&asked.registry.repository(name).map_err(refuse)?));
        }
        return Ok(listed("repositories", found, None));
    }
    let (page, token) = asked.page(asked.registry.repositories(), |repository| repository.name.clone())?;
    Ok(listed("repositories", page.iter().map(|r| asked.repository(r)).collect(), token))
}

pub(super) async fn delete(asked: &Asked<'_>) -> Result<Value, AwsError> {
    let (name, force) = (asked.input.repository_name()?, asked.input.flag("force")?);
    let repository = asked.registry.delete_repository(name, force).await.map_err(refuse)?;
    Ok(json!({ "repository": asked.repository(&repository) }))
}

pub(super) async fn put_mutability(asked: &Asked<'_>) -> Result<Value, AwsError> {
    let name = asked.input.repository_name()?;
    let (mutability, exclusions) = mutability(asked.input)?;
    let mutability = mutability.ok_or_else(|| invalid("imageTagMutability", "Member must not be null"))?;
    let mut answer = json!({ "imageTagMutability": mutability });
    if !exclusions.is_empty() {
        answer["imageTagMutabilityExclusionFilters"] = json!(exclusions);
    }
    let change = |repository: &mut registry::Repository| {
        repository.mutability = mutability.to_owned();
        repository.exclusions = exclusions;
    };
    asked.registry.update_repository(name, change).await.map_err(refuse)?;
    Ok(asked.about(name, answer))
}

pub(super) async fn put_scanning(asked: &Asked<'_>) -> Result<Value, AwsError> {
    let name = asked.input.repository_name()?;
    let scan = scan_on_push(asked.input)?;
    let scan = scan.ok_or_else(|| invalid("imageScanningConfiguration", "Member must not be null"))?;
    asked.registry.update_repository(name, |repository| repository.scan_on_push = scan).await.map_err(refuse)?;
    Ok(asked.about(name, json!({"imageScanningConfiguration": {"scanOnPush": scan}})))
}

pub(super) fn tags(asked: &Asked<'_>) -> Result<Value, AwsError> {
    let repository = asked.registry.repository(named_by_arn(asked)?).map_err(refuse)?;
    let tags: Vec<_> = repository.tags.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect();
    Ok(json!({ "tags": tags }))
}

pub(super) async fn tag(asked: &Asked<'_>) -> Result<Value, AwsError> {
    let new = asked.input.tags()?;
    let change = |repository: &mut registry::Repository| {
        let mut tags = repository.tags.clone();
        for (key, value) in new {
            match tags.iter_mut().find(|(known, _)| *known == key) {
                Some(tag) => tag.1 = value,
                None => tags.push((key, value)),
            }
        }
        refuse_too_many(tags.len())?;
        repository.tags = tags;
        Ok::<(), AwsError>(())
    };
    asked.registry.update_repository(named_by_arn(asked)?, change).await.map_err(refuse)??;
    Ok(json!({}))
}

pub(super) async fn untag(asked: &Asked<'_>) -> Result<Value, AwsError> {
    let keys = asked.input.texts("tagKeys")?.ok_or_else(|| invalid("tagKeys", "Member must not be null"))?;
    let change =
        |repository: &mut registry::Repository| repository.tags.retain(|(key, _)| !keys.contains(&key.as_str()));
    asked.registry.update_repository(named_by_arn(asked)?, change).await.map_err(refuse)?;
    Ok(json!({}))
}

/// The password is not checked by the registry (the account is made up), but it has the form
/// that scripts around `docker login` expect.
pub(super) fn authorization_token(asked: &Asked<'_>) -> Result<Value, AwsError> {
    let mut random = [0; 48];
    getrandom::fill(&mut random).map_err(|error| AwsError::server(format!("no random numbers: {error}")))?;
    let token = STANDARD.encode(format!("AWS:{}", STANDARD.encode(random)));
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(since.as_millis()).unwrap_or(i64::MAX - TOKEN_LIFE);
    Ok(json!({"authorizationData": [{
        "authorizationToken": token,
        "expiresAt": seconds(now + TOKEN_LIFE),
        "proxyEndpoint": format!("http://{}", asked.registry.host()),
    }]}))
}

fn named_by_arn<'a>(asked: &Asked<'a>) -> Result<&'a str, AwsError> {
    let arn = asked.input.required("resourceArn")?;
    let mut parts = arn.splitn(6, ':');
    let fixed = [parts.next(), parts.next(), parts.next()];
    let (_region, account, resource) = (parts.next(), parts.next(), parts.next());
    let name = resource.and_then(|resource| resource.strip_prefix("repository/"));
    match name.filter(|_| matches!(fixed, [Some("arn"), Some(_), Some("ecr")])) {
        Some(name) if account == Some(asked.registry.account()) => Ok(name),
        _ => Err(invalid("resourceArn", "Invalid ARN")),
    }
}

fn refuse_too_many(count: usize) -> Result<(), AwsError> {
    if count <= TAG_LIMIT {
        return Ok(());
    }
    let words =
        format!("The list of tags on the repository is over the limit. The maximum number of tags is {TAG_LIMIT}");
    Err(AwsError::new("TooManyTagsException", words))
}

fn mutability(input: Fields<'_>) -> Result<(Option<&str>, Vec<Value>), AwsError> {
    let given = input.text("imageTagMutability")?;
    if let Some(unknown) = given.filter(|given| !MUTABILITIES.contains(given)) {
        let set = MUTABILITIES.join(", ");
        let constraint = format!("Member must satisfy enum value set: [{set}]; got {unknown}");
        return Err(invalid("imageTagMutability", &constraint));
    }
    let filters = input.list("imageTagMutabilityExclusionFilters")?.unwrap_or_default();
    let excludes = given.is_some_and(|given| given.ends_with("_WITH_EXCLUSION"));
    if excludes == filters.is_empty() {
        let constraint = "must be given with IMMUTABLE_WITH_EXCLUSION or MUTABLE_WITH_EXCLUSION, and only with these";
        return Err(invalid("imageTagMutabilityExclusionFilters", constraint));
    }
    let is_usable = |filter: &Value| {
        let pattern = filter.get("filter").and_then(Value::as_str).unwrap_or_default();
        filter.get("filterType").and_then(Value::as_str) == Some("WILDCARD")
            && (1..=128).contains(&pattern.len())
            && pattern.bytes().all(|b| b.is_ascii_alphanumeric() || b"._*-".contains(&b))
            && pattern.matches('*').count() <= 2
    };
    if filters.len() > 5 || !filters.iter().all(is_usable) {
        let constraint = "must be at most 5 WILDCARD filters of tag characters with at most 2 wildcards each";
        return Err(invalid("imageTagMutabilityExclusionFilters", constraint));
    }
    Ok((given, filters.to_vec()))
}

fn scan_on_push(input: Fields<'_>) -> Result<Option<bool>, AwsError> {
    input.object("imageScanningConfiguration")?.map(|scanning| scanning.flag("scanOnPush")).transpose()
}

fn encryption(input: Fields<'_>) -> Result<Value, AwsError> {
    let Some(encryption) = input.object("encryptionConfiguration")? else {
        return Ok(json!({"encryptionType": "AES256"}));
    };
    if !["AES256", "KMS", "KMS_DSSE"].contains(&encryption.required("encryptionType")?) {
        return Err(invalid("encryptionType", "Member must satisfy enum value set: [KMS_DSSE, KMS, AES256]"));
    }
    Ok(Value::Object(encryption.0.clone()))
}
