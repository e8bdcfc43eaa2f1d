//! The words of AWS's own framework: all that is wrong in one message.

use serde_json::Value;

use crate::AwsError;
use crate::check::walk::is_simple;
use crate::check::{Rule, Violation};
use crate::model::{Kind, Shape};

/// `2 validation errors detected: Value 'x' at 'name' failed to satisfy constraint: ...; Value null at ...`
pub(super) fn message(violations: &[Violation<'_>]) -> String {
    let count = violations.len();
    let errors = if count == 1 { "error" } else { "errors" };
    let words: Vec<String> = violations.iter().map(one).collect();
    format!("{count} validation {errors} detected: {}", words.join("; "))
}

/// CloudWatch's words for what is missing: a line each, under the names of Query.
pub(super) fn missing_parameters(violations: &[Violation<'_>]) -> Option<AwsError> {
    let missing = violations.iter().filter(|violation| violation.rule == Rule::Missing);
    let lines: Vec<String> = missing.map(|v| format!("The parameter {} is required.", v.path.of_query())).collect();
    (!lines.is_empty()).then(|| AwsError::new("MissingParameter", lines.join("\n")))
}

pub(super) fn one(violation: &Violation<'_>) -> String {
    let value = match violation.rule {
        Rule::Missing => " null".to_owned(),
        // What must not be shown, and what is more than a line of words: "Value at 'tags' failed ..."
        // (terraform-provider-aws #41023, cluster-api-provider-aws #1531).
        _ => violation.value.and_then(shown).map_or_else(String::new, |value| format!(" '{value}'")),
    };
    let constraint = constraint(&violation.rule, violation.shape);
    format!("Value{value} at '{}' failed to satisfy constraint: {constraint}", violation.path.of_service())
}

/// Returns a value as Java writes it; none if it is more than simple values.
fn shown(value: &Value) -> Option<String> {
    let simple = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null => Some("null".to_owned()),
        Value::Array(_) | Value::Object(_) => None,
    };
    match value {
        Value::Array(items) => {
            let items: Option<Vec<String>> = items.iter().map(simple).collect();
            items.map(|items| format!("[{}]", items.join(", ")))
        }
        Value::Object(entries) => {
            let entry = |(key, value)| simple(value).map(|value| format!("{key}={value}"));
            let entries: Option<Vec<String>> = entries.iter().map(entry).collect();
            entries.map(|entries| format!("{{{}}}", entries.join(", ")))
        }
        value => simple(value),
    }
}

pub(super) fn constraint(rule: &Rule, shape: Option<&'static Shape>) -> String {
    let all = || shape.map_or_else(String::new, |shape| all_of(shape).join(", "));
    match rule {
        Rule::Missing => "Member must not be null".to_owned(),
        Rule::Long(most) => format!("Member must have length less than or equal to {most}"),
        Rule::Short(least) => format!("Member must have length greater than or equal to {least}"),
        Rule::High(most) => format!("Member must have value less than or equal to {most}"),
        Rule::Low(least) => format!("Member must have value greater than or equal to {least}"),
        Rule::Enum => format!("Member must satisfy enum value set: [{}]", words_of(shape).join(", ")),
        Rule::Pattern => format!("Member must satisfy regular expression pattern: {}", pattern_of(shape)),
        Rule::Union => "Member must have exactly one member set".to_owned(),
        Rule::Unknown => "Member is not known".to_owned(),
        Rule::Type(words) => words.clone(),
        // amazon-ecr-login #225; of maps: aws-service-catalog-factory #279, and EventBridge's "Map keys".
        Rule::Item(_, inner) | Rule::Key(_, inner) | Rule::Entry(_, inner) if **inner == Rule::Missing => {
            format!("{}: [Member must not be null]", kind_of(rule))
        }
        Rule::Item(..) | Rule::Key(..) | Rule::Entry(..) => format!("{}: [{}]", kind_of(rule), all()),
    }
}

fn kind_of(rule: &Rule) -> &'static str {
    match rule {
        Rule::Key(..) => "Map keys must satisfy constraint",
        Rule::Entry(..) => "Map value must satisfy constraint",
        _ => "Member must satisfy constraint",
    }
}

/// Returns all constraints of a simple shape, in the order in which AWS lists them.
fn all_of(shape: &'static Shape) -> Vec<String> {
    let is_number = matches!(shape.kind, Kind::Integer | Kind::Long | Kind::Double);
    let mut rules = Vec::new();
    debug_assert!(is_simple(shape), "{} is told by itself", shape.name);
    if let Some(max) = shape.max {
        rules.push(if is_number { Rule::High(max) } else { Rule::Long(max as u64) });
    }
    if let Some(min) = shape.min {
        rules.push(if is_number { Rule::Low(min) } else { Rule::Short(min as u64) });
    }
    if let Kind::Text { words, pattern } = &shape.kind {
        rules.extend(pattern.is_some().then_some(Rule::Pattern));
        rules.extend((!words.is_empty()).then_some(Rule::Enum));
    }
    rules.iter().map(|rule| constraint(rule, Some(shape))).collect()
}

pub(super) fn words_of(shape: Option<&'static Shape>) -> &'static [&'static str] {
    match shape.map(|shape| &shape.kind) {
        Some(Kind::Text { words, .. }) => words,
        _ => &[],
    }
}

pub(super) fn pattern_of(shape: Option<&'static Shape>) -> &'static str {
    match shape.map(|shape| &shape.kind) {
        Some(Kind::Text { pattern: Some(pattern), .. }) => pattern.text(),
        _ => "",
    }
}
