//! The operations that give out credentials.

use aws_model::AwsError;
use serde::Deserialize;
use serde_json::json;

use super::identity::{Identity, identity, session};
use super::session::{By, grant};
use crate::iam::Role;
use crate::{Cx, Ids, Input, Outcome, World, ids, operation};

/// Seconds that a role's credentials last, unless asked for others (API reference, `DurationSeconds`).
const ROLE_LIFE: i64 = 3_600;
/// The same of GetSessionToken and GetFederationToken: 12 hours.
const TOKEN_LIFE: i64 = 43_200;
/// Most seconds for the account's root, and for a role that a role assumes.
const HOUR: i64 = 3_600;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Assume {
    role_arn: String,
    role_session_name: String,
    duration_seconds: Option<i64>,
    source_identity: Option<String>,
}

pub(super) fn role(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let assume: Assume = operation::read(input)?;
    let is_chained = session(world, cx)?.is_some_and(|session| session.by == By::Role);
    if is_chained && assume.duration_seconds.is_some_and(|asked| asked > HOUR) {
        // IAM user guide, "Role chaining".
        return Err(invalid(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
        ));
    }
    assumed(world, cx, assume)
}

pub(super) fn web_identity(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    assumed(world, cx, operation::read(input)?)
}

/// The platform has one account, so that an assumed role is of it, whatever account the role's ARN names.
fn assumed(world: &World, cx: &mut Cx<'_>, assume: Assume) -> Result<Outcome, AwsError> {
    let Assume { role_arn, role_session_name, duration_seconds, source_identity } = assume;
    let parts = aws_model::arn::Arn::parse(&role_arn).filter(|arn| arn.service == "iam");
    let path = parts.and_then(|arn| arn.resource.strip_prefix("role/"));
    let Some(name) = path.and_then(|path| path.rsplit('/').next()).filter(|name| !name.is_empty()) else {
        return Err(invalid(format!("{role_arn} is invalid")));
    };
    let life = duration_seconds.unwrap_or(ROLE_LIFE);
    let role_id = match world.records.get::<Role>("", &name.to_lowercase()).filter(|role| role.arn(cx) == role_arn) {
        Some(role) if life > role.max_session => {
            return Err(invalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role."));
        }
        Some(role) => role.entity.unique_id,
        None => unknown_role_id(&role_arn, cx),
    };
    let identity = Identity {
        arn: cx.global_arn("sts", &format!("assumed-role/{name}/{role_session_name}")),
        user_id: format!("{role_id}:{role_session_name}"),
    };
    let user = json!({"AssumedRoleId": identity.user_id, "Arn": identity.arn});
    let (credentials, changes) = grant(world, cx, identity, By::Role, life);
    let mut reply = json!({"Credentials": credentials, "AssumedRoleUser": user});
    if let Some(source) = source_identity {
        reply["SourceIdentity"] = json!(source);
    }
    Ok(Outcome { reply, changes })
}

/// Returns the id of a role that is not there: always the same for the same ARN (FNV-1a).
fn unknown_role_id(arn: &str, cx: &mut Cx<'_>) -> String {
    let hash = arn
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3));
    let mut own = Ids::new(hash);
    ids::unique("AROA", &mut Cx { ids: &mut own, ..*cx })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Token {
    duration_seconds: Option<i64>,
}

pub(super) fn session_token(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let asked = operation::read::<Token>(input)?.duration_seconds;
    own_keys(world, cx, "GetSessionToken")?;
    let identity = identity(world, cx);
    let life = life(&identity, asked);
    let (credentials, changes) = grant(world, cx, identity, By::Token, life);
    Ok(Outcome { reply: json!({"Credentials": credentials}), changes })
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Federation {
    name: String,
    duration_seconds: Option<i64>,
}

pub(super) fn federation_token(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let Federation { name, duration_seconds } = operation::read(input)?;
    own_keys(world, cx, "GetFederationToken")?;
    let life = life(&identity(world, cx), duration_seconds);
    let identity = Identity {
        arn: cx.global_arn("sts", &format!("federated-user/{name}")),
        user_id: format!("{}:{name}", cx.account),
    };
    let user = json!({"FederatedUserId": identity.user_id, "Arn": identity.arn});
    let (credentials, changes) = grant(world, cx, identity, By::Federation, life);
    Ok(Outcome { reply: json!({"Credentials": credentials, "FederatedUser": user}), changes })
}

/// The root's are cut to an hour, not refused (API reference: "is limited to", "defaults to one hour").
fn life(caller: &Identity, asked: Option<i64>) -> i64 {
    let life = asked.unwrap_or(TOKEN_LIFE);
    if caller.arn.ends_with(":root") { life.min(HOUR) } else { life }
}

/// Both operations need long-term keys (IAM user guide, "Comparing STS credentials").
fn own_keys(world: &World, cx: &Cx<'_>, operation: &str) -> Result<(), AwsError> {
    match session(world, cx)? {
        None => Ok(()),
        Some(_) => {
            let words = format!("Cannot call {operation} with session credentials");
            Err(AwsError::new("AccessDenied", words).with_status(403))
        }
    }
}

fn invalid(words: impl Into<String>) -> AwsError {
    AwsError::new("ValidationError", words)
}
