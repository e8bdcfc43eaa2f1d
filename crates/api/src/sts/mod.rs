//! STS: who the caller is. Everybody is the account's root: the platform knows no users,
//! and hands out no credentials that would not be what they say (the rest is refused).

use ecs_model::AwsError;
use serde_json::json;

use crate::call::{Call, Reply};
use crate::state::State;
use crate::xml;

/// The operations offered.
pub(crate) const OPERATIONS: &[&str] = &["GetCallerIdentity"];

/// Answers a call; the front has checked that the operation is offered.
pub(crate) async fn call(state: &State, call: Call) -> Result<Reply, AwsError> {
    let account = &state.account;
    let identity = json!({"Arn": format!("arn:aws:iam::{account}:root"), "UserId": account, "Account": account});
    Ok(Reply::Xml(xml::response(call.service, &call.operation, &call.request_id, &identity)))
}
