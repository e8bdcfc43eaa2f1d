//! Policy documents: whether one is well-formed, in IAM's words, and how it is written into an answer.
//!
//! The grammar is the IAM user guide's ("Grammar of the IAM JSON policy language"). The messages and their order are
//! those that people quote and that LocalStack's validator was held against AWS with.

use aws_model::AwsError;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Map, Value};

use super::find::limit;

/// Characters that RFC 3986 reserves: all but letters, digits and these four.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Most characters of a managed policy, and of a trust policy, blanks aside (IAM user guide, quotas).
pub(super) const MANAGED: usize = 6_144;
pub(super) const TRUST: usize = 2_048;

/// Returns a document as answers have it (API reference: "URL-encoded compliant with RFC 3986").
pub(super) fn encoded(document: &str) -> String {
    utf8_percent_encode(document, RESERVED).to_string()
}

/// Returns how much of a quota a document takes: blanks do not count.
pub(super) fn size(document: &str) -> usize {
    document.chars().filter(|c| !c.is_whitespace()).count()
}

/// Checks the document of a managed policy.
pub(super) fn managed(text: &str) -> Result<(), AwsError> {
    let document = parse(text)?;
    if document.get("Version").and_then(Value::as_str) != Some("2012-10-17") {
        return Err(malformed("Policy document must be version 2012-10-17 or greater."));
    }
    if size(text) > MANAGED {
        return Err(limit(format!("Cannot exceed quota for PolicySize: {MANAGED}")));
    }
    permissions(&document)
}

/// Checks the document of an inline policy.
pub(super) fn inline(text: &str) -> Result<(), AwsError> {
    permissions(&parse(text)?)
}

/// Checks the document that says who may assume a role.
pub(super) fn trust(text: &str) -> Result<(), AwsError> {
    let document = parse(text)?;
    if size(text) > TRUST {
        return Err(limit(format!("Cannot exceed quota for ACLSizePerRole: {TRUST}")));
    }
    common(&document)?;
    for statement in statements(&document) {
        if let Some(name) = ["Resource", "NotResource"].into_iter().find(|name| statement.contains_key(*name)) {
            return Err(malformed(format!("Has prohibited field {name}")));
        }
        match statement.get("Principal").or_else(|| statement.get("NotPrincipal")) {
            None => return Err(malformed("Missing required field Principal")),
            Some(principal) => self::principal(principal)?,
        }
        if texts(statement.get("Action")).any(|action| action != "*" && !action.to_lowercase().starts_with("sts:")) {
            return Err(malformed("AssumeRole policy may only specify STS AssumeRole actions."));
        }
    }
    Ok(())
}

fn permissions(document: &Map<String, Value>) -> Result<(), AwsError> {
    if statements(document).any(|s| s.contains_key("Principal") || s.contains_key("NotPrincipal")) {
        return Err(malformed("Policy document should not specify a principal."));
    }
    common(document)?;
    for statement in statements(document) {
        let named = statement.get("Resource").or_else(|| statement.get("NotResource"));
        if texts(named).next().is_none() {
            return Err(malformed("Policy statement must contain resources."));
        }
        texts(named).try_for_each(resource)?;
    }
    Ok(())
}

/// What holds of every kind of document.
fn common(document: &Map<String, Value>) -> Result<(), AwsError> {
    let mut ids: Vec<&str> =
        statements(document).filter_map(|s| s.get("Sid")?.as_str()).filter(|id| !id.is_empty()).collect();
    let all = ids.len();
    ids.sort_unstable();
    ids.dedup();
    if ids.len() < all {
        return Err(malformed("Statement IDs (SID) in a single policy must be unique."));
    }
    for statement in statements(document) {
        let actions = statement.get("Action").or_else(|| statement.get("NotAction"));
        if texts(actions).next().is_none() {
            return Err(malformed("Policy statement must contain actions."));
        }
        texts(actions).try_for_each(action)?;
    }
    Ok(())
}

/// Reads a document as far as its syntax goes: members, types, effects, conditions.
fn parse(text: &str) -> Result<Map<String, Value>, AwsError> {
    let syntax = || malformed("Syntax errors in policy.");
    let Ok(Value::Object(document)) = serde_json::from_str::<Value>(text) else { return Err(syntax()) };
    let known =
        |document: &Map<String, Value>, names: &[&str]| document.keys().all(|key| names.contains(&key.as_str()));
    let version = document.get("Version").is_none_or(|v| v == "2012-10-17" || v == "2008-10-17");
    let id = document.get("Id").is_none_or(Value::is_string);
    let is_fine = |statement: &Value| {
        let Value::Object(statement) = statement else { return false };
        let both = |one: &str, other: &str| statement.contains_key(one) && statement.contains_key(other);
        known(statement, &STATEMENT)
            && matches!(statement.get("Effect").and_then(Value::as_str), Some("Allow" | "Deny"))
            && statement.get("Sid").is_none_or(Value::is_string)
            && !both("Action", "NotAction")
            && !both("Resource", "NotResource")
            && !both("Principal", "NotPrincipal")
            && LISTS.iter().all(|name| statement.get(*name).is_none_or(is_text_or_texts))
            && statement.get("Condition").is_none_or(is_condition)
    };
    let listed = match document.get("Statement") {
        Some(Value::Array(all)) => !all.is_empty() && all.iter().all(is_fine),
        Some(one) => is_fine(one),
        None => false,
    };
    if version && id && listed && known(&document, &["Version", "Id", "Statement"]) {
        Ok(document)
    } else {
        Err(syntax())
    }
}

const STATEMENT: [&str; 9] =
    ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal", "Condition"];
const LISTS: [&str; 4] = ["Action", "NotAction", "Resource", "NotResource"];

fn is_text_or_texts(value: &Value) -> bool {
    value.is_string() || value.as_array().is_some_and(|items| items.iter().all(Value::is_string))
}

fn is_condition(value: &Value) -> bool {
    const OPERATORS: [&str; 27] = [
        "StringEquals",
        "StringNotEquals",
        "StringEqualsIgnoreCase",
        "StringNotEqualsIgnoreCase",
        "StringLike",
        "StringNotLike",
        "NumericEquals",
        "NumericNotEquals",
        "NumericLessThan",
        "NumericLessThanEquals",
        "NumericGreaterThan",
        "NumericGreaterThanEquals",
        "DateEquals",
        "DateNotEquals",
        "DateLessThan",
        "DateLessThanEquals",
        "DateGreaterThan",
        "DateGreaterThanEquals",
        "Bool",
        "BinaryEquals",
        "IpAddress",
        "NotIpAddress",
        "ArnEquals",
        "ArnLike",
        "ArnNotEquals",
        "ArnNotLike",
        "Null",
    ];
    let known = |name: &str| {
        let name = name.strip_prefix("ForAnyValue:").or_else(|| name.strip_prefix("ForAllValues:")).unwrap_or(name);
        OPERATORS.contains(&name.strip_suffix("IfExists").unwrap_or(name))
    };
    let scalar = |value: &Value| value.is_string() || value.is_boolean() || value.is_number();
    let values = |value: &Value| scalar(value) || value.as_array().is_some_and(|items| items.iter().all(scalar));
    let Value::Object(operators) = value else { return false };
    operators.iter().all(|(name, keys)| known(name) && keys.as_object().is_some_and(|keys| keys.values().all(values)))
}

fn statements(document: &Map<String, Value>) -> impl Iterator<Item = &Map<String, Value>> {
    let (list, one) = match document.get("Statement") {
        Some(Value::Array(all)) => (all.as_slice(), None),
        Some(one) => (&[][..], Some(one)),
        None => (&[][..], None),
    };
    list.iter().chain(one).filter_map(Value::as_object)
}

/// The texts of a member that is one or a list of them.
fn texts(value: Option<&Value>) -> impl Iterator<Item = &str> {
    let list = value.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    value.and_then(Value::as_str).into_iter().chain(list.iter().filter_map(Value::as_str))
}

fn action(action: &str) -> Result<(), AwsError> {
    match action.split(':').collect::<Vec<_>>()[..] {
        ["*"] => Ok(()),
        [_] => Err(malformed("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")),
        [vendor, _] if vendor == "*" || vendor.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c)) => Ok(()),
        [vendor, _] => Err(malformed(format!("Vendor {vendor} is not valid"))),
        _ => Err(malformed("Actions/Condition can contain only one colon.")),
    }
}

fn resource(resource: &str) -> Result<(), AwsError> {
    if resource == "*" {
        return Ok(());
    }
    let Some(rest) = resource.strip_prefix("arn:") else {
        return Err(malformed(format!("Resource {resource} must be in ARN format or \"*\".")));
    };
    let (partition, rest) = rest.split_once(':').unwrap_or((rest, ""));
    if partition != "*" && partition != "aws" && !partition.starts_with("aws-") {
        return Err(malformed(format!("Partition \"{partition}\" is not valid for resource \"{resource}\".")));
    }
    match rest.split_once(':') {
        Some((vendor, _)) if !vendor.is_empty() => Ok(()),
        _ => Err(malformed("Resource vendor must be fully qualified and cannot contain regexes.")),
    }
}

/// A principal that is named need not be here: other accounts, and what is made elsewhere.
fn principal(value: &Value) -> Result<(), AwsError> {
    let Value::Object(kinds) = value else {
        return if value == "*" { Ok(()) } else { Err(malformed("Syntax errors in policy.")) };
    };
    for (kind, named) in kinds {
        let is_fine: fn(&str) -> bool = match kind.as_str() {
            "AWS" => |name| {
                let account = name.len() == 12 && name.bytes().all(|b| b.is_ascii_digit());
                let unique = ["AROA", "AIDA"].iter().any(|prefix| name.starts_with(prefix));
                name == "*" || account || unique || name.starts_with("arn:aws")
            },
            "Service" => |name| name.contains('.') && !name.contains('*'),
            "Federated" | "CanonicalUser" => |name| !name.is_empty(),
            _ => return Err(malformed("Syntax errors in policy.")),
        };
        if !is_text_or_texts(named) || texts(Some(named)).next().is_none() {
            return Err(malformed("Syntax errors in policy."));
        }
        if let Some(bad) = texts(Some(named)).find(|name| !is_fine(name)) {
            let kind = kind.to_uppercase();
            return Err(malformed(format!("Invalid principal in policy: \"{kind}\":\"{bad}\"")));
        }
    }
    Ok(())
}

fn malformed(words: impl Into<String>) -> AwsError {
    AwsError::new("MalformedPolicyDocument", words)
}
