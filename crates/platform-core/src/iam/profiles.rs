//! Instance profiles: the role that a machine would have.

use aws_model::{AwsError, Millis};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::entity::{Principal, Role, date};
use super::find::{self, Which};
use super::page::Paging;
use super::tags::{self, Tag};
use crate::operation::read;
use crate::world::Record;
use crate::{Change, Cx, Input, Outcome, World, ids};

/// Most profiles of an account (IAM user guide, quotas).
pub(super) const MOST: usize = 1_000;

/// An instance profile: the container in which EC2 gives a role to instances.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceProfile {
    /// The name in small letters.
    pub key: String,
    /// Name.
    pub name: String,
    /// Unique id.
    pub unique_id: String,
    /// Path, with a slash at both ends.
    pub path: String,
    /// When it was created.
    pub created: Millis,
    /// Names of its roles in small letters: at most one.
    pub roles: Vec<String>,
    /// Tags, in the order they were given.
    pub tags: Vec<Tag>,
}

impl Record for InstanceProfile {
    const TABLE: &'static str = "iam.instance-profiles";

    fn region(&self) -> &str {
        ""
    }

    fn id(&self) -> &str {
        &self.key
    }
}

impl InstanceProfile {
    fn show(&self, world: &World, cx: &Cx<'_>, whole: bool) -> Value {
        let roles = self.roles.iter().filter_map(|key| world.records.get::<Role>("", key));
        let mut out = json!({
            "InstanceProfileName": self.name,
            "InstanceProfileId": self.unique_id,
            "Arn": cx.global_arn("iam", &format!("instance-profile{}{}", self.path, self.name)),
            "Path": self.path,
            "CreateDate": date(self.created),
            "Roles": roles.map(|role| role.show(cx, false)).collect::<Vec<_>>(),
        });
        if whole && !self.tags.is_empty() {
            out["Tags"] = json!(self.tags);
        }
        out
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    instance_profile_name: String,
    path: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

pub(super) fn create(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let Create { instance_profile_name: name, path, tags } = read(input)?;
    if find::profile(world, &name).is_ok() {
        return Err(find::exists(format!("Instance Profile {name} already exists.")));
    }
    if world.records.all::<InstanceProfile>("").count() >= MOST {
        return Err(find::limit(format!("Cannot exceed quota for InstanceProfilesPerAccount: {MOST}")));
    }
    let profile = InstanceProfile {
        key: name.to_lowercase(),
        name,
        unique_id: ids::unique("AIPA", cx),
        path: path.unwrap_or_else(|| "/".to_owned()),
        created: cx.now,
        roles: Vec::new(),
        tags: tags::checked(tags)?,
    };
    let reply = json!({"InstanceProfile": profile.show(world, cx, true)});
    Ok(Outcome { reply, changes: vec![Change::put(&profile)] })
}

pub(super) fn get(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let profile = find::profile(world, &read::<Which>(input.clone())?.name)?;
    Ok(json!({"InstanceProfile": profile.show(world, cx, true)}))
}

pub(super) fn list(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let paging: Paging = read(input.clone())?;
    let profiles = world.records.all::<InstanceProfile>("").filter(|profile| paging.wants(&profile.path));
    let profiles = profiles.map(|profile| (profile.key.clone(), profile.show(world, cx, false))).collect();
    Ok(paging.page("InstanceProfiles", profiles))
}

pub(super) fn list_for_role(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let role: Role = find::principal(world, &read::<Which>(input.clone())?.name)?;
    let profiles = world.records.all::<InstanceProfile>("").filter(|p| p.roles.contains(&role.entity.key));
    let profiles = profiles.map(|profile| (profile.key.clone(), profile.show(world, cx, false))).collect();
    Ok(read::<Paging>(input.clone())?.page("InstanceProfiles", profiles))
}

pub(super) fn delete(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let profile = find::profile(world, &read::<Which>(input)?.name)?;
    if !profile.roles.is_empty() {
        return Err(find::conflict("Cannot delete entity, must remove roles from instance profile first."));
    }
    Ok(Outcome { reply: Value::Null, changes: vec![Change::remove::<InstanceProfile>("", &profile.key)] })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Member {
    instance_profile_name: String,
    role_name: String,
}

pub(super) fn add_role(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let Member { instance_profile_name, role_name } = read(input)?;
    let mut profile = find::profile(world, &instance_profile_name)?;
    let role: Role = find::principal(world, &role_name)?;
    role.modifiable()?;
    if !profile.roles.is_empty() {
        return Err(find::limit("Cannot exceed quota for InstanceSessionsPerInstanceProfile: 1"));
    }
    profile.roles.push(role.entity.key);
    Ok(Outcome { reply: Value::Null, changes: vec![Change::put(&profile)] })
}

pub(super) fn remove_role(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let Member { instance_profile_name, role_name } = read(input)?;
    let mut profile = find::profile(world, &instance_profile_name)?;
    let key = role_name.to_lowercase();
    if !profile.roles.contains(&key) {
        return Err(find::no_such(format!("The role with name {role_name} cannot be found.")));
    }
    profile.roles.retain(|role| *role != key);
    Ok(Outcome { reply: Value::Null, changes: vec![Change::put(&profile)] })
}
