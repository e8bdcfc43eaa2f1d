//! The account as a whole, and what a user has none of here.

use aws_model::AwsError;
use serde_json::{Value, json};

use super::entity::Principal;
use super::find::{self, Which};
use super::page::Paging;
use super::{
    InstanceProfile, Policy, Provider, Role, User, attach, document, policies, profiles, roles, users, versions,
};
use crate::operation::read;
use crate::{Cx, Input, World};

pub(super) fn summary(world: &World, _: &Cx<'_>, _: &Input) -> Result<Value, AwsError> {
    let policies: Vec<Policy> = world.records.all("").collect();
    let (roles, users) = (world.records.all::<Role>("").count(), world.records.all::<User>("").count());
    let map = json!({
        "Users": users,
        "UsersQuota": users::MOST,
        "Groups": 0,
        "Roles": roles,
        "RolesQuota": roles::MOST,
        "InstanceProfiles": world.records.all::<InstanceProfile>("").count(),
        "InstanceProfilesQuota": profiles::MOST,
        "Policies": policies.len(),
        "PoliciesQuota": policies::MOST,
        "PolicySizeQuota": document::MANAGED,
        "PolicyVersionsInUse": policies.iter().map(|policy| policy.versions.len()).sum::<usize>(),
        "VersionsPerPolicyQuota": versions::MOST,
        "Providers": world.records.all::<Provider>("").count(),
        "ServerCertificates": 0,
        "MFADevices": 0,
        "MFADevicesInUse": 0,
        "AccountMFAEnabled": 0,
        "AccountAccessKeysPresent": 0,
        "AccountSigningCertificatesPresent": 0,
        "AccessKeysPerUserQuota": 2,
        "AssumeRolePolicySizeQuota": document::TRUST,
        "AttachedPoliciesPerRoleQuota": attach::MOST,
        "AttachedPoliciesPerUserQuota": attach::MOST,
        "RolePolicySizeQuota": Role::INLINE,
        "UserPolicySizeQuota": User::INLINE,
    });
    Ok(json!({"SummaryMap": map}))
}

/// An account has an alias when it is given one, which is not served.
pub(super) fn aliases(_: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    Ok(read::<Paging>(input.clone())?.page("AccountAliases", Vec::new()))
}

/// Groups, devices, certificates, SSH keys and credentials of services cannot be made here, so that no user has any.
fn none(world: &World, input: &Input, member: &str) -> Result<Value, AwsError> {
    // Some of these operations may be called without a name: for the caller's own.
    if input.contains_key("UserName") {
        find::principal::<User>(world, &read::<Which>(input.clone())?.name)?;
    }
    Ok(read::<Paging>(input.clone())?.page(member, Vec::new()))
}

pub(super) fn groups_for_user(world: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    none(world, input, "Groups")
}

pub(super) fn mfa_devices(world: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    none(world, input, "MFADevices")
}

pub(super) fn ssh_public_keys(world: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    none(world, input, "SSHPublicKeys")
}

pub(super) fn service_specific_credentials(world: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    none(world, input, "ServiceSpecificCredentials")
}

pub(super) fn signing_certificates(world: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    none(world, input, "Certificates")
}
