//! Roles. What is given to them is in `attach` and `inline`.

use aws_model::AwsError;
use serde::Deserialize;
use serde_json::{Value, json};

use super::document;
use super::entity::{Entity, Principal, Role};
use super::find::{self, Which};
use super::page::Paging;
use super::profiles::InstanceProfile;
use super::tags::{self, Tag};
use crate::operation::read;
use crate::{Change, Cx, Input, Outcome, World};

/// Seconds that a session may last by default (API reference, `MaxSessionDuration`).
const SESSION: i64 = 3_600;
/// Most roles of an account (IAM user guide, quotas).
pub(super) const MOST: usize = 1_000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    role_name: String,
    path: Option<String>,
    assume_role_policy_document: String,
    description: Option<String>,
    max_session_duration: Option<i64>,
    permissions_boundary: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

pub(super) fn create(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    unknown_members(&input)?;
    let create: Create = read(input)?;
    document::trust(&create.assume_role_policy_document)?;
    if let Some(boundary) = &create.permissions_boundary {
        super::attach::attachable(world, cx, boundary)?;
    }
    let mut entity = Entity::new::<Role>(cx, create.role_name, create.path);
    (entity.boundary, entity.tags) = (create.permissions_boundary, tags::checked(create.tags)?);
    add(
        world,
        cx,
        Role {
            entity,
            trust: create.assume_role_policy_document,
            description: create.description,
            max_session: create.max_session_duration.unwrap_or(SESSION),
        },
    )
}

/// Adds a role whose name must be free.
pub(super) fn add(world: &World, cx: &Cx<'_>, role: Role) -> Result<Outcome, AwsError> {
    let name = &role.entity.name;
    if world.records.get::<Role>("", &role.entity.key).is_some() {
        return Err(find::exists(format!("Role with name {name} already exists.")));
    }
    if world.records.all::<Role>("").count() >= MOST {
        return Err(find::limit(format!("Cannot exceed quota for RolesPerAccount: {MOST}")));
    }
    Ok(Outcome { reply: json!({"Role": role.show(cx, true)}), changes: vec![Change::put(&role)] })
}

/// Sign-in sessions of the console: there is no console.
fn unknown_members(input: &Input) -> Result<(), AwsError> {
    match input.keys().find(|name| name.contains("MaxSigninSessionDuration")) {
        Some(name) => Err(find::invalid(format!("{name} is not supported by managr's platform yet."))),
        None => Ok(()),
    }
}

pub(super) fn get(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let role: Role = find::principal(world, &read::<Which>(input.clone())?.name)?;
    Ok(json!({"Role": role.show(cx, true)}))
}

pub(super) fn list(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let paging: Paging = read(input.clone())?;
    let roles = world.records.all::<Role>("").filter(|role| paging.wants(&role.entity.path));
    Ok(paging.page("Roles", roles.map(|role| (role.entity.key.clone(), role.show(cx, false))).collect()))
}

pub(super) fn delete(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let role: Role = find::principal(world, &read::<Which>(input)?.name)?;
    role.modifiable()?;
    if world.records.all::<InstanceProfile>("").any(|profile| profile.roles.contains(&role.entity.key)) {
        return Err(find::conflict("Cannot delete entity, must remove roles from instance profile first."));
    }
    is_bare(&role.entity)?;
    Ok(Outcome { reply: Value::Null, changes: vec![Change::remove::<Role>("", &role.entity.key)] })
}

/// Refuses to delete what something is still given to.
pub(super) fn is_bare(entity: &Entity) -> Result<(), AwsError> {
    if !entity.attached.is_empty() {
        return Err(find::conflict("Cannot delete entity, must detach all policies first."));
    }
    if !entity.inline.is_empty() {
        return Err(find::conflict("Cannot delete entity, must delete policies first."));
    }
    Ok(())
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UpdateTrust {
    role_name: String,
    policy_document: String,
}

pub(super) fn update_trust(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let UpdateTrust { role_name, policy_document } = read(input)?;
    let mut role: Role = find::principal(world, &role_name)?;
    role.modifiable()?;
    document::trust(&policy_document)?;
    role.trust = policy_document;
    Ok(Outcome { reply: Value::Null, changes: vec![Change::put(&role)] })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Update {
    role_name: String,
    description: Option<String>,
    max_session_duration: Option<i64>,
}

impl Update {
    /// The description may be changed even where only AWS may change the rest (API reference, UpdateRole).
    fn apply(self, world: &World) -> Result<Role, AwsError> {
        let mut role: Role = find::principal(world, &self.role_name)?;
        if let Some(seconds) = self.max_session_duration {
            role.modifiable()?;
            role.max_session = seconds;
        }
        // An empty description is none.
        if let Some(description) = self.description {
            role.description = Some(description).filter(|text| !text.is_empty());
        }
        Ok(role)
    }
}

pub(super) fn update(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    unknown_members(&input)?;
    let role = read::<Update>(input)?.apply(world)?;
    Ok(Outcome { reply: json!({}), changes: vec![Change::put(&role)] })
}

pub(super) fn update_description(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let role = read::<Update>(input)?.apply(world)?;
    Ok(Outcome { reply: json!({"Role": role.show(cx, true)}), changes: vec![Change::put(&role)] })
}
