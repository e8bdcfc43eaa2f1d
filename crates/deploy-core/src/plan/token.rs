//! Names that stand in a plan's documents for what is not known before it is done.

use std::collections::BTreeMap;

use aws_model::Document;
use serde_json::Value;
use sha2::{Digest, Sha256};

const PREFIX: &str = "managr:";

/// Returns what stands for the revision that a request of RegisterTaskDefinition will make.
///
/// One for each document, not for each family: a family may have several users with different documents, and two users
/// of one document share its revision.
pub fn revision(document: &Document) -> String {
    let family = document.get("family").and_then(Value::as_str).unwrap_or_default();
    let mut whole = Value::Object(document.clone());
    whole.sort_all_objects();
    let hash = hex::encode(Sha256::digest(whole.to_string().as_bytes()));
    format!("{PREFIX}revision:{family}:{}", &hash[..16])
}

/// Returns what stands for the target group that a service will get.
pub fn target_group(service: &str) -> String {
    format!("{PREFIX}target-group:{service}")
}

/// Returns what stands for a namespace that will be made.
pub fn namespace(name: &str) -> String {
    format!("{PREFIX}namespace:{name}")
}

/// Returns what stands for the registry that a name will get.
pub fn registry(name: &str) -> String {
    format!("{PREFIX}registry:{name}")
}

/// Returns what stands for the stage's secret.
pub fn secret() -> String {
    format!("{PREFIX}secret")
}

/// Returns what stands for the secret of a database.
pub fn database_secret(database: &str) -> String {
    format!("{PREFIX}database-secret:{database}")
}

/// Returns whether a text is or starts with a token.
pub fn is_token(text: &str) -> bool {
    text.starts_with(PREFIX)
}

/// Fills in what is known by now.
///
/// # Errors
/// The first token that is not known.
pub fn fill(value: &mut Value, known: &BTreeMap<String, String>) -> Result<(), String> {
    match value {
        Value::String(text) if is_token(text) => {
            // A secret's ARN is followed by the key: `managr:secret:KEY::`.
            let found = known.iter().find(|(token, _)| {
                text.strip_prefix(token.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
            });
            let (token, arn) = found.ok_or_else(|| text.clone())?;
            *text = format!("{arn}{}", &text[token.len()..]);
            Ok(())
        }
        Value::Array(items) => items.iter_mut().try_for_each(|item| fill(item, known)),
        Value::Object(members) => members.values_mut().try_for_each(|member| fill(member, known)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tokens_are_filled_wherever_they_stand() {
        let document = |cpu: &str| json!({"family": "f", "cpu": cpu}).as_object().unwrap().clone();
        let (small, large) = (revision(&document("256")), revision(&document("512")));
        assert_ne!(small, large, "two documents of one family are two revisions");
        let known = BTreeMap::from([(secret(), "arn:s".to_owned()), (small.clone(), "arn:f:3".to_owned())]);
        let mut value = json!({"a": [{"valueFrom": "managr:secret:KEY::"}], "taskDefinition": small, "b": 1});
        fill(&mut value, &known).unwrap();
        assert_eq!(value, json!({"a": [{"valueFrom": "arn:s:KEY::"}], "taskDefinition": "arn:f:3", "b": 1}));
        assert_eq!(fill(&mut json!([target_group("web")]), &known), Err("managr:target-group:web".to_owned()));
        assert_eq!(fill(&mut json!(large), &known), Err(large.clone()));
    }
}
