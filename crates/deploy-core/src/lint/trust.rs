//! Whom does a role trust? Reads a trust policy as IAM gives it.

use serde_json::Value;

/// Who takes a task's roles on.
pub const TASKS: &str = "ecs-tasks.amazonaws.com";
/// Who takes the role of a schedule on that a rule fires.
pub const EVENTS: &str = "events.amazonaws.com";
/// Who takes the role of a schedule on that EventBridge Scheduler fires.
pub const SCHEDULER: &str = "scheduler.amazonaws.com";

/// Returns whether a trust policy lets a service take the role on.
///
/// `policy` is `AssumeRolePolicyDocument`: JSON, by IAM's API percent-encoded. Conditions are not
/// judged: what they compare is known only when the role is taken on.
///
/// # Errors
/// What is wrong with the text, in words.
pub fn trusts(policy: &str, service: &str) -> Result<bool, String> {
    let text = if policy.trim_start().starts_with('{') { policy.to_owned() } else { decoded(policy)? };
    let policy: Value = serde_json::from_str(&text).map_err(|error| format!("it is not JSON: {error}"))?;
    let statements = one_or_many(policy.get("Statement"));
    let matching = |effect: &str| {
        let mut all =
            statements.iter().filter(|statement| statement.get("Effect").and_then(Value::as_str) == Some(effect));
        all.any(|statement| names(statement, service) && assumes(statement))
    };
    Ok(matching("Allow") && !matching("Deny"))
}

/// A member that is written as one value or as a list of them (ecspresso #932).
fn one_or_many(value: Option<&Value>) -> Vec<&Value> {
    match value {
        Some(Value::Array(items)) => items.iter().collect(),
        Some(one) => vec![one],
        None => Vec::new(),
    }
}

fn names(statement: &Value, service: &str) -> bool {
    match statement.get("Principal") {
        Some(Value::String(anybody)) => anybody == "*",
        Some(principal) => one_or_many(principal.get("Service")).iter().any(|named| **named == service),
        None => false,
    }
}

fn assumes(statement: &Value) -> bool {
    let does = |action: &&Value| {
        let action = action.as_str().unwrap_or_default().to_lowercase();
        matches!(action.as_str(), "sts:assumerole" | "sts:assume*" | "sts:*" | "*")
    };
    one_or_many(statement.get("Action")).iter().any(does)
}

fn decoded(text: &str) -> Result<String, String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let mut digit = || rest.next().and_then(|b| char::from(b).to_digit(16)).and_then(|d| u8::try_from(d).ok());
        match (digit(), digit()) {
            (Some(high), Some(low)) => bytes.push(high << 4 | low),
            _ => return Err("its percent-encoding breaks off".to_owned()),
        }
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(statement: Value, expected: bool) {
        let policy = json!({"Version": "2012-10-17", "Statement": statement}).to_string();
        assert_eq!(trusts(&policy, TASKS), Ok(expected), "{policy}");
        let encoded: String = policy.bytes().map(|b| format!("%{b:02X}")).collect();
        assert_eq!(trusts(&encoded, TASKS), Ok(expected), "{policy}");
    }

    fn allow(principal: Value) -> Value {
        json!({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})
    }

    #[test]
    fn a_principal_is_a_text_or_a_list() {
        check(json!([allow(json!({"Service": "ecs-tasks.amazonaws.com"}))]), true);
        check(json!([allow(json!({"Service": ["ec2.amazonaws.com", "ecs-tasks.amazonaws.com"]}))]), true);
        check(json!([allow(json!({"Service": "ec2.amazonaws.com"})), allow(json!({"Service": TASKS}))]), true);
        check(allow(json!({"Service": TASKS})), true);
        check(allow(json!("*")), true);
        check(json!([allow(json!({"Service": "ecs.amazonaws.com"}))]), false);
        check(json!([allow(json!({"AWS": "arn:aws:iam::1:root"}))]), false);
        check(json!([]), false);
    }

    #[test]
    fn only_an_allowed_assume_role_counts() {
        let mut other = allow(json!({"Service": TASKS}));
        other["Action"] = json!(["sts:TagSession"]);
        check(json!([other.clone()]), false);
        other["Action"] = json!(["sts:TagSession", "sts:AssumeRole"]);
        check(json!([other.clone()]), true);
        other["Effect"] = json!("Deny");
        check(json!([allow(json!({"Service": TASKS})), other]), false);
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        assert!(trusts("%7", TASKS).unwrap_err().contains("breaks off"));
        assert!(trusts("{", TASKS).unwrap_err().contains("not JSON"));
    }
}
