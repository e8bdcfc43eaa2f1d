//! Managed policies of the account.

use aws_model::{AwsError, Millis};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::attach::{counts, is_used};
use super::document;
use super::entity::date;
use super::find::{self, Which};
use super::managed;
use super::page::Paging;
use super::tags::{self, Tag};
use crate::operation::read;
use crate::world::Record;
use crate::{Change, Cx, Input, Outcome, World, ids};

/// Most policies of an account (IAM user guide, quotas).
pub(super) const MOST: usize = 1_500;

/// A managed policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Policy {
    /// The name in small letters.
    pub key: String,
    /// Name.
    pub name: String,
    /// Unique id.
    pub unique_id: String,
    /// Path, with a slash at both ends.
    pub path: String,
    /// Description; it cannot be changed.
    pub description: Option<String>,
    /// When it was created.
    pub created: Millis,
    /// When its default version last changed.
    pub updated: Millis,
    /// Number of the version that counts.
    pub default: u32,
    /// Number of the newest version there has been.
    pub last: u32,
    /// Versions, oldest first: at most five.
    pub versions: Vec<Version>,
    /// Tags, in the order they were given.
    pub tags: Vec<Tag>,
}

/// A version of a policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    /// Its number: `v1`, `v2`.
    pub number: u32,
    /// The document.
    pub document: String,
    /// When it was created.
    pub created: Millis,
}

impl Record for Policy {
    const TABLE: &'static str = "iam.policies";

    fn region(&self) -> &str {
        ""
    }

    fn id(&self) -> &str {
        &self.key
    }
}

impl Policy {
    pub(super) fn arn(&self, cx: &Cx<'_>) -> String {
        cx.global_arn("iam", &format!("policy{}{}", self.path, self.name))
    }

    fn show(&self, world: &World, cx: &Cx<'_>, whole: bool) -> Value {
        let arn = self.arn(cx);
        let (attached, bounds) = counts(world, &arn);
        let mut out = json!({
            "PolicyName": self.name,
            "PolicyId": self.unique_id,
            "Arn": arn,
            "Path": self.path,
            "DefaultVersionId": format!("v{}", self.default),
            "AttachmentCount": attached,
            "PermissionsBoundaryUsageCount": bounds,
            "IsAttachable": true,
            "CreateDate": date(self.created),
            "UpdateDate": date(self.updated),
        });
        // Lists show neither (API reference, `Policy$Description`, ListPolicies).
        if let (true, Some(description)) = (whole, &self.description) {
            out["Description"] = json!(description);
        }
        if whole && !self.tags.is_empty() {
            out["Tags"] = json!(self.tags);
        }
        out
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    policy_name: String,
    path: Option<String>,
    policy_document: String,
    description: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

pub(super) fn create(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let Create { policy_name: name, path, policy_document, description, tags } = read(input)?;
    let key = name.to_lowercase();
    if world.records.get::<Policy>("", &key).is_some() {
        return Err(find::exists(format!("A policy called {name} already exists. Duplicate names are not allowed.")));
    }
    if world.records.all::<Policy>("").count() >= MOST {
        return Err(find::limit(format!("Cannot exceed quota for PoliciesPerAccount: {MOST}")));
    }
    document::managed(&policy_document)?;
    let policy = Policy {
        key,
        name,
        unique_id: ids::unique("ANPA", cx),
        path: path.unwrap_or_else(|| "/".to_owned()),
        description: description.filter(|text| !text.is_empty()),
        created: cx.now,
        updated: cx.now,
        default: 1,
        last: 1,
        versions: vec![Version { number: 1, document: policy_document, created: cx.now }],
        tags: tags::checked(tags)?,
    };
    Ok(Outcome { reply: json!({"Policy": policy.show(world, cx, true)}), changes: vec![Change::put(&policy)] })
}

pub(super) fn get(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let arn = read::<Which>(input.clone())?.name;
    if managed::is_aws(&arn) {
        return Ok(json!({"Policy": managed::show(world, &arn)}));
    }
    Ok(json!({"Policy": find::policy(world, cx, &arn)?.show(world, cx, true)}))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct List {
    scope: Option<String>,
    #[serde(default)]
    only_attached: bool,
    policy_usage_filter: Option<String>,
}

/// Of AWS's policies only those are listed whose documents are known here, and those that are attached.
pub(super) fn list(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let List { scope, only_attached, policy_usage_filter } = read(input.clone())?;
    let paging: Paging = read(input.clone())?;
    let scope = scope.as_deref().unwrap_or("All");
    let own = world.records.all::<Policy>("").filter(|_| scope != "AWS").map(|policy| policy.show(world, cx, false));
    let arns = managed::arns(world, cx).into_iter().filter(|_| scope != "Local");
    let wanted = |policy: &Value| {
        let (attached, bounds) = (policy["AttachmentCount"] != 0, policy["PermissionsBoundaryUsageCount"] != 0);
        let used = match policy_usage_filter.as_deref() {
            Some("PermissionsPolicy") => attached,
            Some(_) => bounds,
            None => attached || bounds,
        };
        paging.wants(policy["Path"].as_str().unwrap_or_default())
            && (used || !only_attached && policy_usage_filter.is_none())
    };
    let all = own.chain(arns.map(|arn| managed::show(world, &arn))).filter(wanted);
    let all = all.map(|policy| (policy["Arn"].as_str().unwrap_or_default().to_owned(), policy)).collect();
    Ok(paging.page("Policies", all))
}

pub(super) fn delete(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let policy = find::policy(world, cx, &read::<Which>(input)?.name)?;
    if is_used(world, cx, &policy) {
        return Err(find::conflict("Cannot delete a policy attached to entities."));
    }
    if policy.versions.len() > 1 {
        return Err(find::conflict(
            "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. \
             The default version is deleted with the policy.",
        ));
    }
    Ok(Outcome { reply: Value::Null, changes: vec![Change::remove::<Policy>("", &policy.key)] })
}
