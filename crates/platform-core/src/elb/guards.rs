//! Actions that authenticate a user before a request is routed: kept and answered, never carried out here.
//!
//! There is no certificate and no identity provider on this platform. A rule with such an action forwards nothing
//! (`routes`), so that what must be signed in to is never open here.

use aws_model::AwsError;
use serde_json::{Value, json};

use super::input::{invalid, leaf};
use super::listeners::Use;

/// Types of actions that ask first, with the member that says how.
const GUARDS: [(&str, &str); 3] = [
    ("authenticate-oidc", "AuthenticateOidcConfig"),
    ("authenticate-cognito", "AuthenticateCognitoConfig"),
    ("jwt-validation", "JwtValidationConfig"),
];

/// Members that an OIDC action needs (API reference, AuthenticateOidcActionConfig).
const OIDC: [&str; 5] = ["Issuer", "AuthorizationEndpoint", "TokenEndpoint", "UserInfoEndpoint", "ClientId"];
const COGNITO: [&str; 3] = ["UserPoolArn", "UserPoolClientId", "UserPoolDomain"];
const JWT: [&str; 2] = ["JwksEndpoint", "Issuer"];

fn config_of(action: &Value) -> Option<(&'static str, &'static str)> {
    let kind = action.get("Type")?.as_str()?;
    GUARDS.into_iter().find(|(known, _)| *known == kind)
}

/// Returns whether an action authenticates a user.
pub(super) fn is_guard(action: &Value) -> bool {
    config_of(action).is_some()
}

/// Returns whether a document's actions ask first.
pub(super) fn asks_first(actions: &[Value]) -> bool {
    actions.iter().any(is_guard)
}

/// Returns the actions that route, once those that ask first are found to be sound.
pub(super) fn routing(actions: &[Value], used: Use<'_>) -> Result<Vec<Value>, AwsError> {
    let (guards, routing): (Vec<&Value>, Vec<&Value>) = actions.iter().partition(|action| is_guard(action));
    if guards.len() > 1 {
        return Err(AwsError::new("TooManyActions", "At most one action that authenticates can be specified"));
    }
    for guard in &guards {
        check(guard, used)?;
        let order = |action: &Value| action.get("Order").and_then(leaf).and_then(|order| order.parse::<u32>().ok());
        let own = order(guard).ok_or_else(|| invalid("An order must be specified for each of several actions"))?;
        if routing.iter().any(|action| order(action).is_none_or(|order| order <= own)) {
            return Err(invalid("The action that routes must have the highest order"));
        }
    }
    Ok(routing.into_iter().cloned().collect())
}

fn check(guard: &Value, used: Use<'_>) -> Result<(), AwsError> {
    let Some((kind, member)) = config_of(guard) else { return Ok(()) };
    if used.protocol != "HTTPS" {
        return Err(AwsError::new(
            "InvalidLoadBalancerAction",
            format!("Action type '{kind}' is only supported on HTTPS listeners"),
        ));
    }
    let config = guard.get(member).and_then(Value::as_object);
    let config = config.ok_or_else(|| invalid(format!("A '{kind}' action must have a '{member}'")))?;
    let has = |name: &str| config.get(name).and_then(leaf).is_some_and(|text| !text.is_empty());
    let needed: &[&str] = match kind {
        "authenticate-oidc" => &OIDC,
        "authenticate-cognito" => &COGNITO,
        _ => &JWT,
    };
    if let Some(missing) = needed.iter().find(|name| !has(name)) {
        return Err(invalid(format!("'{missing}' must be specified in '{member}'")));
    }
    let keeps = used.is_modified && config.get("UseExistingClientSecret").and_then(leaf).as_deref() == Some("true");
    if kind == "authenticate-oidc" && !has("ClientSecret") && !keeps {
        return Err(invalid("'ClientSecret' must be specified in 'AuthenticateOidcConfig'"));
    }
    Ok(())
}

/// Returns an action with its numbers as numbers and its booleans as booleans. Rows of older versions have all leaves as
/// text.
pub(super) fn typed(action: &Value) -> Value {
    const NUMBERS: [&str; 4] = ["Order", "Weight", "DurationSeconds", "SessionTimeout"];
    const BOOLEANS: [&str; 2] = ["Enabled", "UseExistingClientSecret"];
    let member = |(name, value): (&String, &Value)| {
        let read = match value {
            Value::String(text) if NUMBERS.contains(&name.as_str()) => text.parse::<i64>().ok().map(Value::from),
            Value::String(text) if BOOLEANS.contains(&name.as_str()) => text.parse::<bool>().ok().map(Value::from),
            _ => None,
        };
        (name.clone(), read.unwrap_or_else(|| typed(value)))
    };
    match action {
        Value::Object(members) => Value::Object(members.iter().map(member).collect()),
        Value::Array(items) => Value::Array(items.iter().map(typed).collect()),
        other => other.clone(),
    }
}

/// Returns actions as they are kept and answered: without the client secret, which nothing here would use, and with
/// the defaults that ELB fills in.
pub(super) fn kept(actions: &[Value]) -> Vec<Value> {
    let one = |action: &Value| {
        let mut action = typed(action);
        if let Some((kind, member)) = config_of(&action)
            && let Some(config) = action.get_mut(member).and_then(Value::as_object_mut)
        {
            config.remove("ClientSecret");
            config.remove("UseExistingClientSecret");
            let defaults = [
                ("OnUnauthenticatedRequest", json!("authenticate")),
                ("Scope", json!("openid")),
                ("SessionCookieName", json!("AWSELBAuthSessionCookie")),
                ("SessionTimeout", json!(604_800)),
            ];
            for (name, value) in defaults.into_iter().filter(|_| kind != "jwt-validation") {
                config.entry(name).or_insert(value);
            }
        }
        action
    };
    actions.iter().map(one).collect()
}
