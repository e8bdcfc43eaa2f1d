//! Who an access key is.

use aws_model::AwsError;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Session;
use crate::iam::{AccessKey, User};
use crate::{Cx, Input, World};

/// A caller, as GetCallerIdentity shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// ARN of a user, a federated user, an assumed role, or the account's root.
    pub arn: String,
    /// Unique id; of a session with its name behind.
    pub user_id: String,
}

impl Identity {
    /// Returns the account's root: the caller with a key that was not made here.
    fn root(cx: &Cx<'_>) -> Self {
        Self { arn: cx.global_arn("iam", "root"), user_id: cx.account.to_owned() }
    }
}

/// Returns who calls, though the key may have expired or been made inactive.
pub fn identity(world: &World, cx: &Cx<'_>) -> Identity {
    if let Some(session) = world.records.get::<Session>("", cx.access_key) {
        return session.identity;
    }
    let access = world.records.get::<AccessKey>("", cx.access_key);
    let user = access.and_then(|access| world.records.get::<User>("", &access.user));
    user.map_or_else(|| Identity::root(cx), |user| Identity { arn: user.arn(cx), user_id: user.entity.unique_id })
}

/// Returns the session that the caller's key is of, if it is of one.
///
/// # Errors
/// `ExpiredToken` when its time is over, `InvalidClientTokenId` for a user's key that is inactive (API reference,
/// Common Errors).
pub(super) fn session(world: &World, cx: &Cx<'_>) -> Result<Option<Session>, AwsError> {
    let session = world.records.get::<Session>("", cx.access_key);
    if session.as_ref().is_some_and(|session| session.expires <= cx.now) {
        let words = "The security token included in the request is expired";
        return Err(AwsError::new("ExpiredToken", words).with_status(403));
    }
    if world.records.get::<AccessKey>("", cx.access_key).is_some_and(|access| !access.active) {
        let words = "The security token included in the request is invalid.";
        return Err(AwsError::new("InvalidClientTokenId", words).with_status(403));
    }
    Ok(session)
}

pub(super) fn caller(world: &World, cx: &Cx<'_>, _: &Input) -> Result<Value, AwsError> {
    session(world, cx)?;
    let Identity { arn, user_id } = identity(world, cx);
    Ok(json!({"UserId": user_id, "Account": cx.account, "Arn": arn}))
}

/// Every key is of this account: those that were made here, and all others are its root's.
pub(super) fn access_key_info(_: &World, cx: &Cx<'_>, _: &Input) -> Result<Value, AwsError> {
    Ok(json!({"Account": cx.account}))
}
