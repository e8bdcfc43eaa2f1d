//! Users. What is given to them is in `attach` and `inline`, their keys in `keys`.

use aws_model::AwsError;
use serde::Deserialize;
use serde_json::{Value, json};

use super::entity::{Entity, User};
use super::find::{self, Which};
use super::keys::{AccessKey, of_caller};
use super::page::Paging;
use super::roles::is_bare;
use super::tags::{self, Tag};
use crate::operation::read;
use crate::{Change, Cx, Input, Outcome, World};

/// Most users of an account (IAM user guide, quotas).
pub(super) const MOST: usize = 5_000;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    user_name: String,
    path: Option<String>,
    permissions_boundary: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

pub(super) fn create(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let create: Create = read(input)?;
    is_free(world, &create.user_name)?;
    if world.records.all::<User>("").count() >= MOST {
        return Err(find::limit(format!("Cannot exceed quota for UsersPerAccount: {MOST}")));
    }
    if let Some(boundary) = &create.permissions_boundary {
        super::attach::attachable(world, cx, boundary)?;
    }
    let mut entity = Entity::new::<User>(cx, create.user_name, create.path);
    (entity.boundary, entity.tags) = (create.permissions_boundary, tags::checked(create.tags)?);
    let user = User { entity };
    Ok(Outcome { reply: json!({"User": user.show(cx, true)}), changes: vec![Change::put(&user)] })
}

fn is_free(world: &World, name: &str) -> Result<(), AwsError> {
    match world.records.get::<User>("", &name.to_lowercase()) {
        Some(_) => Err(find::exists(format!("User with name {name} already exists."))),
        None => Ok(()),
    }
}

/// The user that is named, or whose key the caller has.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Get {
    user_name: Option<String>,
}

pub(super) fn get(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let name = of_caller(world, cx, read::<Get>(input.clone())?.user_name)?;
    let user: User = find::principal(world, &name)?;
    Ok(json!({"User": user.show(cx, true)}))
}

pub(super) fn list(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let paging: Paging = read(input.clone())?;
    let users = world.records.all::<User>("").filter(|user| paging.wants(&user.entity.path));
    Ok(paging.page("Users", users.map(|user| (user.entity.key.clone(), user.show(cx, false))).collect()))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Update {
    user_name: String,
    new_path: Option<String>,
    new_user_name: Option<String>,
}

/// A user that is called otherwise is the same: its id and what it is given stay.
pub(super) fn update(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let Update { user_name, new_path, new_user_name } = read(input)?;
    let mut user: User = find::principal(world, &user_name)?;
    let was = user.entity.key.clone();
    let mut changes = Vec::new();
    if let Some(path) = new_path {
        user.entity.path = path;
    }
    if let Some(name) = new_user_name {
        let key = name.to_lowercase();
        if key != was {
            is_free(world, &name)?;
            changes.push(Change::remove::<User>("", &was));
            let keys = world.records.all::<AccessKey>("").filter(|access| access.user == was);
            changes.extend(keys.map(|access| Change::put(&AccessKey { user: key.clone(), ..access })));
        }
        (user.entity.key, user.entity.name) = (key, name);
    }
    changes.push(Change::put(&user));
    Ok(Outcome { reply: Value::Null, changes })
}

pub(super) fn delete(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let user: User = find::principal(world, &read::<Which>(input)?.name)?;
    is_bare(&user.entity)?;
    if world.records.all::<AccessKey>("").any(|access| access.user == user.entity.key) {
        return Err(find::conflict("Cannot delete entity, must delete access keys first."));
    }
    Ok(Outcome { reply: Value::Null, changes: vec![Change::remove::<User>("", &user.entity.key)] })
}
