//! Inline policies of roles and users.

use aws_model::AwsError;
use serde::Deserialize;
use serde_json::{Value, json};

use super::document::{self, size};
use super::entity::Principal;
use super::find::{self, Which};
use super::page::Paging;
use crate::operation::read;
use crate::{Change, Cx, Input, Outcome, World};

#[derive(Deserialize)]
struct One {
    #[serde(flatten)]
    which: Which,
    #[serde(rename = "PolicyName")]
    policy: String,
}

#[derive(Deserialize)]
struct Put {
    #[serde(flatten)]
    one: One,
    #[serde(rename = "PolicyDocument")]
    document: String,
}

pub(super) fn put<P: Principal>(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let Put { one, document } = read(input)?;
    let mut principal: P = find::principal(world, &one.which.name)?;
    principal.modifiable()?;
    document::inline(&document)?;
    let entity = principal.entity_mut();
    entity.inline.insert(one.policy, document);
    if entity.inline.values().map(|document| size(document)).sum::<usize>() > P::INLINE {
        let (word, name, most) = (P::WORD, &entity.name, P::INLINE);
        return Err(find::limit(format!("Maximum policy size of {most} bytes exceeded for {word} {name}")));
    }
    Ok(Outcome { reply: Value::Null, changes: vec![Change::put(&principal)] })
}

pub(super) fn get<P: Principal>(world: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let One { which, policy } = read(input.clone())?;
    let principal: P = find::principal(world, &which.name)?;
    let entity = principal.entity();
    let document = entity.inline.get(&policy).ok_or_else(|| missing::<P>(&policy))?;
    let member = if P::WORD == "role" { "RoleName" } else { "UserName" };
    Ok(json!({member: entity.name, "PolicyName": policy, "PolicyDocument": document::encoded(document)}))
}

pub(super) fn delete<P: Principal>(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let One { which, policy } = read(input)?;
    let mut principal: P = find::principal(world, &which.name)?;
    principal.modifiable()?;
    principal.entity_mut().inline.remove(&policy).ok_or_else(|| missing::<P>(&policy))?;
    Ok(Outcome { reply: Value::Null, changes: vec![Change::put(&principal)] })
}

pub(super) fn list<P: Principal>(world: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let principal: P = find::principal(world, &read::<Which>(input.clone())?.name)?;
    let names = principal.entity().inline.keys().map(|name| (name.clone(), json!(name))).collect();
    Ok(read::<Paging>(input.clone())?.page("PolicyNames", names))
}

fn missing<P: Principal>(policy: &str) -> AwsError {
    find::no_such(format!("The {} policy with name {policy} cannot be found.", P::WORD))
}
