//! STS: who the caller is. Everybody is the account's root: the platform knows no users.
//!
//! A web identity's token is taken whatever it says, as every signature is, and gives credentials that
//! are as good as any: so that a pipeline without keys runs here as it will on AWS. Other ways to assume a
//! role are refused: they would hand out credentials that are not what they say.

use std::time::{SystemTime, UNIX_EPOCH};

use aws_model::{AwsError, Millis};
use platform_core::Input;
use serde_json::{Value, json};

use crate::call::{Call, Reply};
use crate::state::State;

/// The operations offered.
pub(crate) const OPERATIONS: &[&str] = &[WEB_IDENTITY, "GetCallerIdentity"];

/// The one operation that nobody signs: the token is the proof.
const WEB_IDENTITY: &str = "AssumeRoleWithWebIdentity";

/// Seconds that credentials last, unless asked for others (API reference, `DurationSeconds`).
const LIFE: i64 = 3_600;

/// Answers a call; the front has checked that the operation is offered.
pub(crate) async fn call(state: &State, call: Call) -> Result<Reply, AwsError> {
    let answer = match call.operation.as_str() {
        WEB_IDENTITY => web_identity(&call.input, &state.account, now())?,
        _ => {
            let account = &state.account;
            json!({"Arn": format!("arn:aws:iam::{account}:root"), "UserId": account, "Account": account})
        }
    };
    Ok(Reply::Json(answer))
}

fn now() -> Millis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis()).unwrap_or(i64::MAX / 2)
}

/// Neither the token nor anything of it is in an answer or an error.
fn web_identity(input: &Input, account: &str, now: Millis) -> Result<Value, AwsError> {
    let role = member(input, "RoleArn", 20)?;
    let session = member(input, "RoleSessionName", 2)?;
    member(input, "WebIdentityToken", 4)?;
    let path = role.split(':').nth(5).and_then(|resource| resource.strip_prefix("role/"));
    let Some(name) = path.filter(|_| role.starts_with("arn:")).and_then(|path| path.rsplit('/').next()) else {
        return Err(invalid(format!("{role} is invalid")));
    };
    let life = match input.get("DurationSeconds").and_then(Value::as_i64) {
        None => LIFE,
        // 15 minutes to 12 hours (API reference).
        Some(life) => Some(life).filter(|seconds| (900..=43_200).contains(seconds)).ok_or_else(|| {
            invalid(format!("Value '{life}' at 'durationSeconds' failed to satisfy constraint: 900 to 43200"))
        })?,
    };
    let role_id = format!("AROA{}", random::<8>()?);
    Ok(json!({
        "Credentials": {
            "AccessKeyId": format!("ASIA{}", random::<8>()?),
            "SecretAccessKey": random::<20>()?,
            "SessionToken": random::<64>()?,
            "Expiration": aws_model::seconds(now + life * 1_000),
        },
        "AssumedRoleUser": {
            "AssumedRoleId": format!("{role_id}:{session}"),
            "Arn": format!("arn:aws:sts::{account}:assumed-role/{name}/{session}"),
        },
    }))
}

fn member<'a>(input: &'a Input, name: &str, least: usize) -> Result<&'a str, AwsError> {
    let text = input.get(name).and_then(Value::as_str).unwrap_or_default();
    if text.len() >= least {
        return Ok(text);
    }
    Err(invalid(format!(
        "Value at '{name}' failed to satisfy constraint: Member must have length greater than or equal to {least}"
    )))
}

fn invalid(words: String) -> AwsError {
    AwsError::new("ValidationError", format!("1 validation error detected: {words}"))
}

fn random<const N: usize>() -> Result<String, AwsError> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|error| AwsError::server(format!("no random numbers: {error}")))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02X}")).collect())
}
