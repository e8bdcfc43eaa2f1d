//! Managed policies that are attached to roles and users, and those that bound them.

use aws_model::AwsError;
use serde::Deserialize;
use serde_json::{Value, json};

use super::entity::{Entity, Principal, Role, User};
use super::find::{self, Which};
use super::managed;
use super::page::Paging;
use super::policies::Policy;
use crate::operation::read;
use crate::{Change, Cx, Input, Outcome, World};

/// Most policies of one role or user (IAM user guide, quotas).
pub(super) const MOST: usize = 10;

#[derive(Deserialize)]
struct Attachment {
    #[serde(alias = "RoleName", alias = "UserName")]
    name: String,
    #[serde(alias = "PolicyArn", alias = "PermissionsBoundary")]
    policy: String,
}

/// Refuses what is no policy of this account or of AWS.
pub(super) fn attachable(world: &World, cx: &Cx<'_>, arn: &str) -> Result<(), AwsError> {
    if managed::is_aws(arn) || find::policy(world, cx, arn).is_ok() {
        return Ok(());
    }
    Err(find::no_such(format!("Policy {arn} does not exist or is not attachable.")))
}

pub(super) fn attach<P: Principal>(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let Attachment { name, policy } = read(input)?;
    let mut principal: P = find::principal(world, &name)?;
    principal.modifiable()?;
    attachable(world, cx, &policy)?;
    let attached = &mut principal.entity_mut().attached;
    // Attaching twice is attaching once.
    if attached.contains(&policy) {
        return Ok(Outcome::default());
    }
    if attached.len() >= MOST {
        return Err(find::limit(format!("Cannot exceed quota for {}: {MOST}", P::QUOTA)));
    }
    attached.push(policy);
    Ok(Outcome { reply: Value::Null, changes: vec![Change::put(&principal)] })
}

pub(super) fn detach<P: Principal>(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let Attachment { name, policy } = read(input)?;
    let mut principal: P = find::principal(world, &name)?;
    principal.modifiable()?;
    let attached = &mut principal.entity_mut().attached;
    let Some(at) = attached.iter().position(|arn| *arn == policy) else {
        return Err(find::no_such(format!("Policy {policy} was not found.")));
    };
    attached.remove(at);
    Ok(Outcome { reply: Value::Null, changes: vec![Change::put(&principal)] })
}

pub(super) fn list<P: Principal>(world: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let principal: P = find::principal(world, &read::<Which>(input.clone())?.name)?;
    let paging: Paging = read(input.clone())?;
    let wanted = principal.entity().attached.iter().filter(|arn| paging.wants(path_of(arn)));
    let policies = wanted.map(|arn| (arn.clone(), json!({"PolicyName": name_of(arn), "PolicyArn": arn}))).collect();
    Ok(paging.page("AttachedPolicies", policies))
}

/// Returns the path in a policy's ARN: `/`, `/service-role/`.
pub(super) fn path_of(arn: &str) -> &str {
    let resource = arn.splitn(6, ':').nth(5).and_then(|resource| resource.strip_prefix("policy")).unwrap_or("/");
    resource.rfind('/').map_or("/", |end| &resource[..=end])
}

/// Returns the name in a policy's ARN.
pub(super) fn name_of(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or_default()
}

pub(super) fn put_boundary<P: Principal>(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let Attachment { name, policy } = read(input)?;
    let mut principal: P = find::principal(world, &name)?;
    principal.modifiable()?;
    attachable(world, cx, &policy)?;
    principal.entity_mut().boundary = Some(policy);
    Ok(Outcome { reply: Value::Null, changes: vec![Change::put(&principal)] })
}

pub(super) fn delete_boundary<P: Principal>(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let mut principal: P = find::principal(world, &read::<Which>(input)?.name)?;
    principal.modifiable()?;
    principal.entity_mut().boundary = None;
    Ok(Outcome { reply: Value::Null, changes: vec![Change::put(&principal)] })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entities {
    policy_arn: String,
    entity_filter: Option<String>,
    policy_usage_filter: Option<String>,
}

pub(super) fn entities(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let Entities { policy_arn, entity_filter, policy_usage_filter } = read(input.clone())?;
    if !managed::is_aws(&policy_arn) {
        find::policy(world, cx, &policy_arn)?;
    }
    let paging: Paging = read(input.clone())?;
    let bounds = policy_usage_filter.as_deref() == Some("PermissionsBoundary");
    let is_any = policy_usage_filter.is_none();
    let holds = |entity: &Entity| {
        let (attached, bounded) = usage(entity, &policy_arn);
        paging.wants(&entity.path) && ((attached && (is_any || !bounds)) || (bounded && (is_any || bounds)))
    };
    let asked = |kind: &str| entity_filter.as_deref().is_none_or(|filter| filter == kind);
    let roles = world.records.all::<Role>("").map(|role| role.entity).filter(|entity| asked("Role") && holds(entity));
    let users = world.records.all::<User>("").map(|user| user.entity).filter(|entity| asked("User") && holds(entity));
    let roles = roles.map(|entity| ("PolicyRoles", json!({"RoleName": entity.name, "RoleId": entity.unique_id})));
    let users = users.map(|entity| ("PolicyUsers", json!({"UserName": entity.name, "UserId": entity.unique_id})));
    // One list is cut into pages; the answer has it in parts.
    let all = roles.chain(users).map(|(kind, item)| (format!("{kind} {item}"), json!({kind: item}))).collect();
    let mut answer = paging.page("Entities", all);
    let items = answer.as_object_mut().and_then(|answer| answer.remove("Entities")).unwrap_or_default();
    for kind in ["PolicyGroups", "PolicyUsers", "PolicyRoles"] {
        let own = items.as_array().into_iter().flatten().filter_map(|item| item.get(kind)).cloned();
        answer[kind] = own.collect();
    }
    Ok(answer)
}

/// Whether a policy is attached, and whether it is a boundary.
fn usage(entity: &Entity, arn: &str) -> (bool, bool) {
    (entity.attached.iter().any(|attached| attached == arn), entity.boundary.as_deref() == Some(arn))
}

/// Returns how many a policy is attached to, and how many it bounds.
pub(super) fn counts(world: &World, arn: &str) -> (usize, usize) {
    let roles = world.records.all::<Role>("").map(|role| role.entity);
    let users = world.records.all::<User>("").map(|user| user.entity);
    roles.chain(users).map(|entity| usage(&entity, arn)).fold((0, 0), |(attached, bounds), (is_attached, bounded)| {
        (attached + usize::from(is_attached), bounds + usize::from(bounded))
    })
}

/// Whether a policy of this account is in use.
pub(super) fn is_used(world: &World, cx: &Cx<'_>, policy: &Policy) -> bool {
    counts(world, &policy.arn(cx)) != (0, 0)
}
