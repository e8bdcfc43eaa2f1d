//! Roles and users: what they have in common, and how each is shown.

use aws_model::{AwsError, Millis, seconds};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::collections::BTreeMap;

use super::document;
use super::tags::Tag;
use crate::Cx;
use crate::world::Record;

/// Whom policies are given to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entity {
    /// The name in small letters: case does not distinguish names (IAM user guide, "IAM name requirements").
    pub key: String,
    /// Name.
    pub name: String,
    /// Unique id: never used again.
    pub unique_id: String,
    /// Path, with a slash at both ends.
    pub path: String,
    /// When it was created.
    pub created: Millis,
    /// ARN of the policy that bounds its permissions.
    pub boundary: Option<String>,
    /// Tags, in the order they were given.
    pub tags: Vec<Tag>,
    /// Inline policies, by name.
    pub inline: BTreeMap<String, String>,
    /// ARNs of attached policies, in the order they were attached.
    pub attached: Vec<String>,
}

/// A role: an entity that others assume, with a trust policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Role {
    /// What it has in common with users.
    #[serde(flatten)]
    pub entity: Entity,
    /// The document that says who may assume it.
    pub trust: String,
    /// Description.
    pub description: Option<String>,
    /// Most seconds that a session may be asked for.
    pub max_session: i64,
}

/// A user: an entity that signs calls with access keys.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// What it has in common with roles.
    #[serde(flatten)]
    pub entity: Entity,
}

/// What operations on both need to know of one.
pub(super) trait Principal: Record + Clone {
    /// Begin of its unique id.
    const PREFIX: &'static str;
    /// What it is called in an ARN and in words.
    const WORD: &'static str;
    /// The quota of attached policies, as LimitExceeded names it.
    const QUOTA: &'static str;
    /// Most characters of all its inline policies, blanks aside.
    const INLINE: usize;

    fn entity(&self) -> &Entity;
    fn entity_mut(&mut self) -> &mut Entity;

    /// Refuses what only AWS may change.
    fn modifiable(&self) -> Result<(), AwsError> {
        Ok(())
    }
}

impl Entity {
    /// Makes one that nothing is given to yet.
    pub(super) fn new<P: Principal>(cx: &mut Cx<'_>, name: String, path: Option<String>) -> Self {
        Self {
            key: name.to_lowercase(),
            name,
            unique_id: crate::ids::unique(P::PREFIX, cx),
            path: path.unwrap_or_else(|| "/".to_owned()),
            created: cx.now,
            boundary: None,
            tags: Vec::new(),
            inline: BTreeMap::new(),
            attached: Vec::new(),
        }
    }

    pub(super) fn arn<P: Principal>(&self, cx: &Cx<'_>) -> String {
        cx.global_arn("iam", &format!("{}{}{}", P::WORD, self.path, self.name))
    }

    /// Writes what both show; lists show neither tags nor boundary (API reference, ListRoles, ListUsers).
    fn show(&self, whole: bool, out: &mut Value) {
        out["Path"] = json!(self.path);
        out["CreateDate"] = date(self.created);
        if let (true, Some(arn)) = (whole, &self.boundary) {
            let kind = "PermissionsBoundaryPolicy";
            out["PermissionsBoundary"] = json!({"PermissionsBoundaryType": kind, "PermissionsBoundaryArn": arn});
        }
        if whole && !self.tags.is_empty() {
            out["Tags"] = json!(self.tags);
        }
    }
}

/// Returns an instant as IAM keeps it: to the second.
pub(super) fn date(at: Millis) -> Value {
    seconds(at / 1000 * 1000)
}

impl Record for Role {
    const TABLE: &'static str = "iam.roles";

    fn region(&self) -> &str {
        ""
    }

    fn id(&self) -> &str {
        &self.entity.key
    }
}

impl Record for User {
    const TABLE: &'static str = "iam.users";

    fn region(&self) -> &str {
        ""
    }

    fn id(&self) -> &str {
        &self.entity.key
    }
}

impl Principal for Role {
    const PREFIX: &'static str = "AROA";
    const WORD: &'static str = "role";
    const QUOTA: &'static str = "PoliciesPerRole";
    const INLINE: usize = 10_240;

    fn entity(&self) -> &Entity {
        &self.entity
    }

    fn entity_mut(&mut self) -> &mut Entity {
        &mut self.entity
    }

    fn modifiable(&self) -> Result<(), AwsError> {
        if !self.entity.path.starts_with("/aws-service-role/") {
            return Ok(());
        }
        let name = &self.entity.name;
        let words = format!(
            "Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
        );
        Err(AwsError::new("UnmodifiableEntity", words))
    }
}

impl Principal for User {
    const PREFIX: &'static str = "AIDA";
    const WORD: &'static str = "user";
    const QUOTA: &'static str = "PoliciesPerUser";
    const INLINE: usize = 2_048;

    fn entity(&self) -> &Entity {
        &self.entity
    }

    fn entity_mut(&mut self) -> &mut Entity {
        &mut self.entity
    }
}

impl Role {
    /// Returns its ARN in the caller's account.
    pub fn arn(&self, cx: &Cx<'_>) -> String {
        self.entity.arn::<Self>(cx)
    }

    /// Shows the role; `whole` for the operations that answer one.
    pub(super) fn show(&self, cx: &Cx<'_>, whole: bool) -> Value {
        let Entity { name, unique_id, .. } = &self.entity;
        let mut out = json!({
            "RoleName": name,
            "RoleId": unique_id,
            "Arn": self.arn(cx),
            "AssumeRolePolicyDocument": document::encoded(&self.trust),
            "MaxSessionDuration": self.max_session,
        });
        if let Some(description) = &self.description {
            out["Description"] = json!(description);
        }
        self.entity.show(whole, &mut out);
        out
    }
}

impl User {
    /// Returns its ARN in the caller's account.
    pub fn arn(&self, cx: &Cx<'_>) -> String {
        self.entity.arn::<Self>(cx)
    }

    /// Shows the user; `whole` for the operations that answer one.
    pub(super) fn show(&self, cx: &Cx<'_>, whole: bool) -> Value {
        let Entity { name, unique_id, .. } = &self.entity;
        let mut out = json!({"UserName": name, "UserId": unique_id, "Arn": self.arn(cx)});
        self.entity.show(whole, &mut out);
        out
    }
}
