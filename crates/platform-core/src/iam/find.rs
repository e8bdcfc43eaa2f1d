//! Finding what a call names, in IAM's words where it is not there; and the names themselves.

use aws_model::AwsError;
use serde::Deserialize;

use super::entity::Principal;
use super::policies::Policy;
use super::profiles::InstanceProfile;
use super::providers::Provider;
use crate::{Cx, World};

/// The member that says what is meant, whatever it is called.
#[derive(Deserialize)]
pub(super) struct Which {
    #[serde(
        alias = "RoleName",
        alias = "UserName",
        alias = "InstanceProfileName",
        alias = "PolicyArn",
        alias = "OpenIDConnectProviderArn"
    )]
    pub(super) name: String,
}

pub(super) fn no_such(words: impl Into<String>) -> AwsError {
    AwsError::new("NoSuchEntity", words).with_status(404)
}

pub(super) fn exists(words: impl Into<String>) -> AwsError {
    AwsError::new("EntityAlreadyExists", words).with_status(409)
}

pub(super) fn conflict(words: impl Into<String>) -> AwsError {
    AwsError::new("DeleteConflict", words).with_status(409)
}

pub(super) fn limit(words: impl Into<String>) -> AwsError {
    AwsError::new("LimitExceeded", words).with_status(409)
}

pub(super) fn invalid(words: impl Into<String>) -> AwsError {
    AwsError::new("InvalidInput", words)
}

/// Returns a role or a user.
pub(super) fn principal<P: Principal>(world: &World, name: &str) -> Result<P, AwsError> {
    let found = world.records.get("", &name.to_lowercase());
    found.ok_or_else(|| no_such(format!("The {} with name {name} cannot be found.", P::WORD)))
}

/// Returns a policy of this account, by ARN.
pub(super) fn policy(world: &World, cx: &Cx<'_>, arn: &str) -> Result<Policy, AwsError> {
    let name = arn.rsplit('/').next().unwrap_or_default().to_lowercase();
    let found = world.records.get::<Policy>("", &name).filter(|policy| policy.arn(cx) == arn);
    found.ok_or_else(|| no_such(format!("Policy {arn} was not found.")))
}

pub(super) fn profile(world: &World, name: &str) -> Result<InstanceProfile, AwsError> {
    let found = world.records.get("", &name.to_lowercase());
    found.ok_or_else(|| no_such(format!("Instance Profile {name} cannot be found.")))
}

pub(super) fn provider(world: &World, arn: &str) -> Result<Provider, AwsError> {
    let found = world.records.get("", arn);
    found.ok_or_else(|| no_such(format!("OpenIDConnect Provider not found for arn {arn}")))
}
