//! Whether a text is a policy that a resource can have: JSON of the policy language's shape (IAM user guide, "Grammar of
//! the IAM JSON policy language"). It is not asked whether its principals, actions and resources exist.

use serde_json::Value;

use crate::Document;

const ELEMENTS: [&str; 9] =
    ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];

/// Returns the policy if each of its statements says for whom (`Principal`) and what (`Action`) it allows or denies.
pub fn of_resource(text: &str) -> Option<Document> {
    let policy: Document = serde_json::from_str(text).ok()?;
    let version = policy.get("Version");
    if version.is_some_and(|version| version != "2012-10-17" && version != "2008-10-17") {
        return None;
    }
    let statements = match policy.get("Statement")? {
        Value::Array(statements) => statements.as_slice(),
        statement => std::slice::from_ref(statement),
    };
    statements.iter().all(is_statement).then_some(policy)
}

fn is_statement(statement: &Value) -> bool {
    let Value::Object(statement) = statement else { return false };
    let one_of = |name: &str, not: &str, is: fn(&Value) -> bool| match (statement.get(name), statement.get(not)) {
        (Some(value), None) | (None, Some(value)) => is(value),
        _ => false,
    };
    statement.keys().all(|key| ELEMENTS.contains(&key.as_str()))
        && statement.get("Effect").is_some_and(|effect| effect == "Allow" || effect == "Deny")
        && one_of("Principal", "NotPrincipal", is_principal)
        && one_of("Action", "NotAction", is_words)
        && statement.get("Condition").is_none_or(Value::is_object)
}

fn is_principal(principal: &Value) -> bool {
    match principal {
        Value::Object(kinds) => !kinds.is_empty() && kinds.values().all(is_words),
        principal => principal == "*",
    }
}

/// A word, or a list of some.
fn is_words(words: &Value) -> bool {
    match words {
        Value::String(word) => !word.is_empty(),
        Value::Array(words) => {
            !words.is_empty() && words.iter().all(|word| word.as_str().is_some_and(|w| !w.is_empty()))
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_statement_says_who_may_do_what() {
        let policy = |statement: &str| format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#);
        for good in [
            r#"{"Sid":"a","Effect":"Allow","Principal":"*","Action":"ecr:*"}"#,
            r#"{"Effect":"Deny","NotPrincipal":{"AWS":["1","2"]},"NotAction":["a:b"],"Condition":{}}"#,
        ] {
            assert!(of_resource(&policy(good)).is_some(), "{good}");
        }
        assert!(of_resource(r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"a"}}"#).is_some());
        for bad in [
            r#"{"Effect":"Allow","Action":"ecr:*"}"#,
            r#"{"Effect":"Allow","Principal":"*"}"#,
            r#"{"Principal":"*","Action":"ecr:*"}"#,
            r#"{"Effect":"Maybe","Principal":"*","Action":"ecr:*"}"#,
            r#"{"Effect":"Allow","Principal":{},"Action":"ecr:*"}"#,
            r#"{"Effect":"Allow","Principal":"*","NotPrincipal":"*","Action":"ecr:*"}"#,
            r#"{"Effect":"Allow","Principal":"*","Action":[]}"#,
            r#"{"Effect":"Allow","Principal":"*","Action":"a","Other":1}"#,
            "1",
        ] {
            assert!(of_resource(&policy(bad)).is_none(), "{bad}");
        }
        for bad in ["", "[]", "{}", r#"{"Version":"2013","Statement":[]}"#] {
            assert!(of_resource(bad).is_none(), "{bad}");
        }
    }
}
