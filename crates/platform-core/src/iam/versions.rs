//! Versions of managed policies.

use aws_model::AwsError;
use serde::Deserialize;
use serde_json::{Value, json};

use super::document;
use super::entity::date;
use super::find::{self, Which};
use super::managed;
use super::page::Paging;
use super::policies::{Policy, Version};
use crate::operation::read;
use crate::{Change, Cx, Input, Outcome, World};

/// Most versions of a policy (IAM user guide, quotas).
pub(super) const MOST: usize = 5;

impl Policy {
    fn version(&self, id: &str) -> Option<&Version> {
        self.versions.iter().find(|version| format!("v{}", version.number) == id)
    }

    fn show_version(&self, version: &Version, document: bool) -> Value {
        let mut out = json!({
            "VersionId": format!("v{}", version.number),
            "IsDefaultVersion": version.number == self.default,
            "CreateDate": date(version.created),
        });
        if document {
            out["Document"] = json!(document::encoded(&version.document));
        }
        out
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    policy_arn: String,
    policy_document: String,
    #[serde(default)]
    set_as_default: bool,
}

pub(super) fn create(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let Create { policy_arn, policy_document, set_as_default } = read(input)?;
    let mut policy = find::policy(world, cx, &policy_arn)?;
    document::managed(&policy_document)?;
    if policy.versions.len() >= MOST {
        return Err(find::limit(
            "A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing \
             version.",
        ));
    }
    // Numbers are not used again (IAM user guide, "Versioning IAM policies").
    policy.last += 1;
    let version = Version { number: policy.last, document: policy_document, created: cx.now };
    if set_as_default {
        (policy.default, policy.updated) = (version.number, cx.now);
    }
    let shown = policy.show_version(&version, false);
    policy.versions.push(version);
    Ok(Outcome { reply: json!({"PolicyVersion": shown}), changes: vec![Change::put(&policy)] })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct One {
    policy_arn: String,
    version_id: String,
}

fn missing(arn: &str, version: &str) -> AwsError {
    find::no_such(format!("Policy {arn} version {version} does not exist or is not attachable."))
}

pub(super) fn get(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let One { policy_arn, version_id } = read(input.clone())?;
    if managed::is_aws(&policy_arn) {
        return Ok(json!({"PolicyVersion": managed::show_version(&policy_arn, &version_id)?}));
    }
    let policy = find::policy(world, cx, &policy_arn)?;
    let version = policy.version(&version_id).ok_or_else(|| missing(&policy_arn, &version_id))?;
    Ok(json!({"PolicyVersion": policy.show_version(version, true)}))
}

pub(super) fn list(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = read::<Which>(input.clone())?.name;
    let paging: Paging = read(input.clone())?;
    if managed::is_aws(&arn) {
        return Ok(paging.page("Versions", managed::versions(&arn)));
    }
    let policy = find::policy(world, cx, &arn)?;
    let shown = |version: &Version| {
        // The newest comes first.
        (format!("{:010}", u32::MAX - version.number), policy.show_version(version, false))
    };
    Ok(paging.page("Versions", policy.versions.iter().map(shown).collect()))
}

pub(super) fn set_default(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let One { policy_arn, version_id } = read(input)?;
    let mut policy = find::policy(world, cx, &policy_arn)?;
    let version = policy.version(&version_id).ok_or_else(|| missing(&policy_arn, &version_id))?;
    (policy.default, policy.updated) = (version.number, cx.now);
    Ok(Outcome { reply: Value::Null, changes: vec![Change::put(&policy)] })
}

pub(super) fn delete(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let One { policy_arn, version_id } = read(input)?;
    let mut policy = find::policy(world, cx, &policy_arn)?;
    let number = policy.version(&version_id).ok_or_else(|| missing(&policy_arn, &version_id))?.number;
    if number == policy.default {
        return Err(find::conflict("Cannot delete the default version of a policy."));
    }
    policy.versions.retain(|version| version.number != number);
    Ok(Outcome { reply: Value::Null, changes: vec![Change::put(&policy)] })
}
