//! The credentials of a task's role, for a container that keeps a schedule's `overlap` or `timeout`.
//!
//! Asked for at `$AWS_CONTAINER_CREDENTIALS_RELATIVE_URI`, as on ECS (developer guide, "Task IAM role"). The platform
//! holds no request against a role, and takes any key: what is handed out opens nothing. What the container may do is
//! decided in [`super::calls`].

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

/// Fargate's are good for hours; a client renews them before that.
const LIFETIME: SignedDuration = SignedDuration::from_hours(6);

/// The access key of every task.
pub(in crate::native) const KEY: &str = "ASIAMANAGRTASK";
/// And its secret key, which opens nothing.
pub(in crate::native) const SECRET: &str = "managr";

/// Returns the variable that tells a container where its credentials are.
pub(in crate::native) fn variable(runtime_id: &str) -> (String, String) {
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI".to_owned(), format!("/v2/credentials/{runtime_id}"))
}

/// Returns what is answered there.
pub(super) fn document(role: &str, runtime_id: &str, now: Timestamp) -> Value {
    json!({
        "RoleArn": role,
        "AccessKeyId": KEY,
        "SecretAccessKey": SECRET,
        "Token": runtime_id,
        "Expiration": now.saturating_add(LIFETIME).unwrap_or(now).to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_what_clients_read() {
        let now = "2026-01-02T03:04:05Z".parse().unwrap();
        let said = document("arn:aws:iam::1:role/task", "abc", now);
        assert_eq!(said["Expiration"], "2026-01-02T09:04:05Z");
        for member in ["RoleArn", "AccessKeyId", "SecretAccessKey", "Token"] {
            assert!(said[member].as_str().is_some_and(|text| !text.is_empty()), "{member}");
        }
    }
}
