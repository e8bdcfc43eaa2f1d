//! What does a stage's rendering depend on, as it was found there?
//!
//! Folding and proving render with the same facts, or nothing would be proved.

use std::borrow::Cow;
use std::collections::BTreeMap;

use aws_model::Document;
use deploy_core::desired::DEFAULT_REGION;
use deploy_core::{Facts, Manifest};
use serde_json::Value;

use crate::fold::gate;
use crate::fold::schedule::effective;
use crate::places::is_no_image;
use crate::{FoundService, FoundStage};

/// Account of a stage of which nothing tells.
pub(crate) const NO_ACCOUNT: &str = "000000000000";

/// Returns what documents of a stage depend on besides the manifest.
pub fn facts(manifest: &Manifest, stage: &FoundStage) -> Facts {
    let account = rendering_account(stage);
    let region = region(stage);
    Facts {
        registry: format!("{account}.dkr.ecr.{region}.amazonaws.com"),
        images: references(manifest, stage),
        tag: Some("found".to_owned()),
        secret_arn: secret(stage).map(|(arn, _)| arn),
        registries: registries(stage),
        account,
        region: Some(region),
        ..Facts::default()
    }
}

/// Returns what services are registered at, as their documents have it.
fn registries(stage: &FoundStage) -> BTreeMap<String, String> {
    let one = |service: &FoundService| Some((service.key.clone(), service.discover.as_ref()?.registry.clone()));
    stage.services.iter().filter_map(one).collect()
}

/// Returns every task definition of a stage, as it runs.
fn documents(stage: &FoundStage) -> Vec<Cow<'_, Document>> {
    let services = stage.services.iter().map(|service| Cow::Borrowed(&service.task_definition));
    services.chain(stage.schedules.iter().map(|one| Cow::Owned(effective(one)))).collect()
}

fn containers<'d>(documents: &'d [Cow<'_, Document>]) -> impl Iterator<Item = &'d Document> + Clone {
    let all = documents.iter().filter_map(|document| document.get("containerDefinitions")?.as_array()).flatten();
    all.filter_map(Value::as_object)
}

/// Returns the references of the manifest's images, as containers name them most often.
fn references(manifest: &Manifest, stage: &FoundStage) -> BTreeMap<String, String> {
    let documents = documents(stage);
    let all = containers(&documents).filter(|container| !gate::is_own(container));
    let all = all.filter_map(|container| container.get("image")?.as_str());
    // Of hundreds of containers only those of a repository are looked at.
    let mut by_repository: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for reference in all.filter(|reference| !is_no_image(reference)) {
        by_repository.entry(repository(reference)).or_default().push(reference);
    }
    let named = |image: &str| {
        let repository = manifest.images.get(image).and_then(|spec| spec.repository.clone());
        let repository = repository.unwrap_or_else(|| format!("{}/{image}", manifest.app));
        most(by_repository.get(repository.as_str())?.iter().map(|reference| (*reference).to_owned()))
    };
    let own = gate::image(containers(&documents)).map(|image| (deploy_core::gate::IMAGE.to_owned(), image));
    manifest.images.names().filter_map(|image| Some((image.to_owned(), named(image)?))).chain(own).collect()
}

/// Returns the repository of a reference, without host, tag and digest.
pub(crate) fn repository(reference: &str) -> &str {
    let name = reference.split_once('@').map_or(reference, |(name, _)| name);
    let is_host = |part: &str| part.contains(['.', ':']) || part == "localhost";
    let name = name.split_once('/').filter(|(host, _)| is_host(host)).map_or(name, |(_, rest)| rest);
    name.split_once(':').map_or(name, |(name, _)| name)
}

/// Returns the ARN and the name of a stage's JSON secret: the one whose keys are named most often, or else
/// the only one that was found.
pub fn secret(stage: &FoundStage) -> Option<(String, String)> {
    let mut arns: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    let documents = documents(stage);
    for container in containers(&documents) {
        for secret in container.get("secrets").and_then(Value::as_array).into_iter().flatten() {
            let from = secret.get("valueFrom").and_then(Value::as_str).unwrap_or_default();
            if let Some((arn, _)) = key_of(from) {
                let first = arns.len();
                arns.entry(arn).or_insert((0, first)).0 += 1;
            }
        }
    }
    let found = |secret: &crate::FoundSecret| Some((secret.arn.clone()?, secret.name.clone()));
    // The one that is named most often, of several the first.
    let named = arns.into_iter().max_by_key(|(_, (count, first))| (*count, std::cmp::Reverse(*first)));
    match (named.map(|(arn, _)| arn.to_owned()), stage.secrets.as_slice()) {
        (Some(arn), secrets) => {
            let known = secrets
                .iter()
                .find(|secret| secret.arn.as_ref() == Some(&arn) || arn.ends_with(&format!(":secret:{}", secret.name)));
            let known = known.or_else(|| secrets.iter().find(|secret| is_suffixed(&arn, &secret.name)));
            let name = known.map_or_else(|| name_of(&arn), |secret| secret.name.clone());
            Some((arn, name))
        }
        (None, [only]) => {
            found(only).or_else(|| Some((String::new(), only.name.clone()))).filter(|(arn, _)| !arn.is_empty())
        }
        (None, _) => None,
    }
}

/// Reads `arn:...:secret:NAME:KEY::`: the secret's ARN and the key.
pub(crate) fn key_of(value_from: &str) -> Option<(&str, &str)> {
    let (arn, key) = value_from.strip_suffix("::")?.rsplit_once(':')?;
    let mut parts = arn.split(':').skip(2);
    let is_secret = parts.next() == Some("secretsmanager") && parts.nth(2) == Some("secret");
    let is_whole = parts.next().is_some() && parts.next().is_none();
    (is_secret && is_whole && !key.is_empty()).then_some((arn, key))
}

/// Secrets Manager ends an ARN in a hyphen and six random characters.
fn is_suffixed(arn: &str, name: &str) -> bool {
    let rest = arn.rsplit(':').next().and_then(|last| last.strip_prefix(name)?.strip_prefix('-'));
    rest.is_some_and(|rest| rest.len() == 6 && rest.bytes().all(|b| b.is_ascii_alphanumeric()))
}

/// Returns the name in an ARN. Without asking, a suffix looks like the last word of a name; one that holds a
/// capital or a digit is no word.
fn name_of(arn: &str) -> String {
    let last = arn.rsplit(':').next().unwrap_or_default();
    let name = last.rsplit_once('-').filter(|(name, rest)| {
        is_suffixed(arn, name) && rest.bytes().any(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    });
    name.map_or(last, |(name, _)| name).to_owned()
}

/// Returns whether a text is the number of an account, and not what stands for one that the source does not tell.
pub(crate) fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) && text != NO_ACCOUNT
}

/// Returns the account of a stage, from what its documents name if the source does not tell: never one of two.
///
/// ECS takes roles of its own account only, so a role's account is the stage's whatever secrets and images say.
pub(crate) fn account(stage: &FoundStage) -> Option<String> {
    let told = stage.account.clone().filter(|account| is_account(account));
    let only = |arns: &mut dyn Iterator<Item = String>| {
        let mut accounts: Vec<String> = arns.filter_map(|arn| arn.split(':').nth(4).map(str::to_owned)).collect();
        accounts.retain(|account| is_account(account));
        accounts.sort();
        accounts.dedup();
        <[String; 1]>::try_from(accounts).ok().map(|[only]| only)
    };
    let is_own = |arn: &String| arn.contains(":iam:") || arn.contains(":task-definition/");
    told.or_else(|| {
        let all: Vec<String> = arns(stage).collect();
        only(&mut all.iter().filter(|arn| is_own(arn)).cloned()).or_else(|| only(&mut all.into_iter()))
    })
}

/// Returns the account that a stage is rendered with, told or not.
pub(crate) fn rendering_account(stage: &FoundStage) -> String {
    account(stage).unwrap_or_else(|| NO_ACCOUNT.to_owned())
}

/// Returns the region of a stage, from what its documents name if the source does not tell.
pub(crate) fn region(stage: &FoundStage) -> String {
    let told = stage.region.clone().filter(|region| !region.is_empty());
    let of_logs = || {
        let region = |container: &Document| {
            let options = container.get("logConfiguration")?.get("options")?;
            options.get("awslogs-region")?.as_str().filter(|region| !region.is_empty()).map(str::to_owned)
        };
        most(containers(&documents(stage)).filter_map(region))
    };
    let of_arns = || {
        let part = |arn: String| arn.split(':').nth(3).filter(|region| !region.is_empty()).map(str::to_owned);
        most(arns(stage).filter_map(part))
    };
    told.or_else(of_logs).or_else(of_arns).unwrap_or_else(|| DEFAULT_REGION.to_owned())
}

/// Returns the ARNs that a stage's task definitions name, except of images and of other accounts' wares.
fn arns(stage: &FoundStage) -> impl Iterator<Item = String> {
    let members = ["taskDefinitionArn", "executionRoleArn", "taskRoleArn"];
    let documents = documents(stage);
    let mut all: Vec<&str> = Vec::new();
    for document in &documents {
        all.extend(members.iter().filter_map(|member| document.get(*member)?.as_str()));
    }
    for container in containers(&documents) {
        let secrets = container.get("secrets").and_then(Value::as_array).into_iter().flatten();
        all.extend(secrets.filter_map(|secret| secret.get("valueFrom")?.as_str()));
    }
    let all: Vec<String> = all.into_iter().filter(|arn| arn.starts_with("arn:")).map(str::to_owned).collect();
    all.into_iter()
}

/// Returns the most common text, of equally common ones the first.
pub(crate) fn most(texts: impl Iterator<Item = String>) -> Option<String> {
    let mut counts: Vec<(String, usize)> = Vec::new();
    for text in texts {
        match counts.iter_mut().find(|(known, _)| *known == text) {
            Some((_, count)) => *count += 1,
            None => counts.push((text, 1)),
        }
    }
    let highest = counts.iter().map(|(_, count)| *count).max()?;
    counts.into_iter().find(|(_, count)| *count == highest).map(|(text, _)| text)
}
