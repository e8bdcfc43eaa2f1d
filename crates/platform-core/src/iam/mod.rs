//! IAM: roles, policies, instance profiles, users, access keys, service-linked roles, OpenID Connect providers.
//!
//! They are kept and described; nothing is enforced. Documents are checked as documents. What is attached to a task or
//! a session by ARN need not be here: roles are made elsewhere too.
//!
//! Groups, passwords, devices, certificates and SAML are not served; the operations that list a user's are, and answer
//! that there are none.

mod account;
mod attach;
mod document;
mod entity;
mod find;
mod inline;
mod keys;
mod linked;
mod managed;
mod page;
mod policies;
mod profiles;
mod providers;
mod roles;
mod tags;
mod users;
mod versions;

#[cfg(test)]
mod tests;

pub use entity::{Role, User};
pub use keys::AccessKey;
pub use policies::Policy;
pub use profiles::InstanceProfile;
pub use providers::Provider;

use crate::operation::Kind::{Read, Write};
use crate::operation::Operation;

/// Whether a call is held against policies, as a status says it: never yet. Who makes it a setting (`--iam enforce`)
/// decides at the front, where the caller's [`crate::sts::identity`] is known, before a door is asked.
pub const ENFORCEMENT: &str = "off";

/// IAM's dispatch table.
pub const OPERATIONS: &[Operation] = &[
    Operation { name: "AddClientIDToOpenIDConnectProvider", kind: Write(providers::add_client) },
    Operation { name: "AddRoleToInstanceProfile", kind: Write(profiles::add_role) },
    Operation { name: "AttachRolePolicy", kind: Write(attach::attach::<Role>) },
    Operation { name: "AttachUserPolicy", kind: Write(attach::attach::<User>) },
    Operation { name: "CreateAccessKey", kind: Write(keys::create) },
    Operation { name: "CreateInstanceProfile", kind: Write(profiles::create) },
    Operation { name: "CreateOpenIDConnectProvider", kind: Write(providers::create) },
    Operation { name: "CreatePolicy", kind: Write(policies::create) },
    Operation { name: "CreatePolicyVersion", kind: Write(versions::create) },
    Operation { name: "CreateRole", kind: Write(roles::create) },
    Operation { name: "CreateServiceLinkedRole", kind: Write(linked::create) },
    Operation { name: "CreateUser", kind: Write(users::create) },
    Operation { name: "DeleteAccessKey", kind: Write(keys::delete) },
    Operation { name: "DeleteInstanceProfile", kind: Write(profiles::delete) },
    Operation { name: "DeleteOpenIDConnectProvider", kind: Write(providers::delete) },
    Operation { name: "DeletePolicy", kind: Write(policies::delete) },
    Operation { name: "DeletePolicyVersion", kind: Write(versions::delete) },
    Operation { name: "DeleteRole", kind: Write(roles::delete) },
    Operation { name: "DeleteRolePermissionsBoundary", kind: Write(attach::delete_boundary::<Role>) },
    Operation { name: "DeleteRolePolicy", kind: Write(inline::delete::<Role>) },
    Operation { name: "DeleteServiceLinkedRole", kind: Write(linked::delete) },
    Operation { name: "DeleteUser", kind: Write(users::delete) },
    Operation { name: "DeleteUserPermissionsBoundary", kind: Write(attach::delete_boundary::<User>) },
    Operation { name: "DeleteUserPolicy", kind: Write(inline::delete::<User>) },
    Operation { name: "DetachRolePolicy", kind: Write(attach::detach::<Role>) },
    Operation { name: "DetachUserPolicy", kind: Write(attach::detach::<User>) },
    Operation { name: "GetAccountSummary", kind: Read(account::summary) },
    Operation { name: "GetInstanceProfile", kind: Read(profiles::get) },
    Operation { name: "GetOpenIDConnectProvider", kind: Read(providers::get) },
    Operation { name: "GetPolicy", kind: Read(policies::get) },
    Operation { name: "GetPolicyVersion", kind: Read(versions::get) },
    Operation { name: "GetRole", kind: Read(roles::get) },
    Operation { name: "GetRolePolicy", kind: Read(inline::get::<Role>) },
    Operation { name: "GetServiceLinkedRoleDeletionStatus", kind: Read(linked::status) },
    Operation { name: "GetUser", kind: Read(users::get) },
    Operation { name: "GetUserPolicy", kind: Read(inline::get::<User>) },
    Operation { name: "ListAccessKeys", kind: Read(keys::list) },
    Operation { name: "ListAccountAliases", kind: Read(account::aliases) },
    Operation { name: "ListAttachedRolePolicies", kind: Read(attach::list::<Role>) },
    Operation { name: "ListAttachedUserPolicies", kind: Read(attach::list::<User>) },
    Operation { name: "ListEntitiesForPolicy", kind: Read(attach::entities) },
    Operation { name: "ListGroupsForUser", kind: Read(account::groups_for_user) },
    Operation { name: "ListInstanceProfileTags", kind: Read(tags::list::<InstanceProfile>) },
    Operation { name: "ListInstanceProfiles", kind: Read(profiles::list) },
    Operation { name: "ListInstanceProfilesForRole", kind: Read(profiles::list_for_role) },
    Operation { name: "ListMFADevices", kind: Read(account::mfa_devices) },
    Operation { name: "ListOpenIDConnectProviderTags", kind: Read(tags::list::<Provider>) },
    Operation { name: "ListOpenIDConnectProviders", kind: Read(providers::list) },
    Operation { name: "ListPolicies", kind: Read(policies::list) },
    Operation { name: "ListPolicyTags", kind: Read(tags::list::<Policy>) },
    Operation { name: "ListPolicyVersions", kind: Read(versions::list) },
    Operation { name: "ListRolePolicies", kind: Read(inline::list::<Role>) },
    Operation { name: "ListRoleTags", kind: Read(tags::list::<Role>) },
    Operation { name: "ListRoles", kind: Read(roles::list) },
    Operation { name: "ListSSHPublicKeys", kind: Read(account::ssh_public_keys) },
    Operation { name: "ListServiceSpecificCredentials", kind: Read(account::service_specific_credentials) },
    Operation { name: "ListSigningCertificates", kind: Read(account::signing_certificates) },
    Operation { name: "ListUserPolicies", kind: Read(inline::list::<User>) },
    Operation { name: "ListUserTags", kind: Read(tags::list::<User>) },
    Operation { name: "ListUsers", kind: Read(users::list) },
    Operation { name: "PutRolePermissionsBoundary", kind: Write(attach::put_boundary::<Role>) },
    Operation { name: "PutRolePolicy", kind: Write(inline::put::<Role>) },
    Operation { name: "PutUserPermissionsBoundary", kind: Write(attach::put_boundary::<User>) },
    Operation { name: "PutUserPolicy", kind: Write(inline::put::<User>) },
    Operation { name: "RemoveClientIDFromOpenIDConnectProvider", kind: Write(providers::remove_client) },
    Operation { name: "RemoveRoleFromInstanceProfile", kind: Write(profiles::remove_role) },
    Operation { name: "SetDefaultPolicyVersion", kind: Write(versions::set_default) },
    Operation { name: "TagInstanceProfile", kind: Write(tags::tag::<InstanceProfile>) },
    Operation { name: "TagOpenIDConnectProvider", kind: Write(tags::tag::<Provider>) },
    Operation { name: "TagPolicy", kind: Write(tags::tag::<Policy>) },
    Operation { name: "TagRole", kind: Write(tags::tag::<Role>) },
    Operation { name: "TagUser", kind: Write(tags::tag::<User>) },
    Operation { name: "UntagInstanceProfile", kind: Write(tags::untag::<InstanceProfile>) },
    Operation { name: "UntagOpenIDConnectProvider", kind: Write(tags::untag::<Provider>) },
    Operation { name: "UntagPolicy", kind: Write(tags::untag::<Policy>) },
    Operation { name: "UntagRole", kind: Write(tags::untag::<Role>) },
    Operation { name: "UntagUser", kind: Write(tags::untag::<User>) },
    Operation { name: "UpdateAccessKey", kind: Write(keys::update) },
    Operation { name: "UpdateAssumeRolePolicy", kind: Write(roles::update_trust) },
    Operation { name: "UpdateOpenIDConnectProviderThumbprint", kind: Write(providers::update_thumbprints) },
    Operation { name: "UpdateRole", kind: Write(roles::update) },
    Operation { name: "UpdateRoleDescription", kind: Write(roles::update_description) },
    Operation { name: "UpdateUser", kind: Write(users::update) },
];
