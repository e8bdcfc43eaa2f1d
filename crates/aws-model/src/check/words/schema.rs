//! Route 53's words: its path is held against the model, its body against an XML schema, which says it in the words of
//! Java's checker of schemas (Xerces, `XMLSchemaMessages.properties`).

use serde_json::Value;

use super::coral;
use crate::check::{Rule, Step, Violation};
use crate::model::{Kind, Operation, Shape};

pub(super) fn message(operation: Operation, violations: &[Violation<'_>]) -> String {
    let (body, head): (Vec<_>, Vec<_>) = violations.iter().partition(|violation| is_in_body(operation, violation));
    if head.is_empty() {
        return format!("Invalid XML ; {}", body.iter().map(|v| facet(v)).collect::<Vec<_>>().join("; "));
    }
    let errors = if head.len() == 1 { "error" } else { "errors" };
    let words: Vec<String> = head.iter().map(|violation| coral::one(violation)).collect();
    format!("{} validation {errors} detected: {}", head.len(), words.join("; "))
}

fn is_in_body(operation: Operation, violation: &Violation<'_>) -> bool {
    let structure = operation.input().and_then(|shape| operation.model().shape(shape).structure());
    let Some(Step::Name(name)) = violation.path.0.first() else { return true };
    structure.and_then(|structure| structure.member(name)).is_none_or(|member| member.location.is_none())
}

/// terraform-provider-aws #7606: "cvc-maxLength-valid: Value 'x' with length = '87' is not facet-valid with respect to
/// maxLength '32' for type 'ResourceId'."; nice-route53 #8 for what is missing.
fn facet(violation: &Violation<'_>) -> String {
    let kind = violation.shape.map_or("", |shape| shape.name);
    let value = match violation.very_value().as_deref() {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => String::new(),
    };
    let length = value.chars().count();
    let facet = |name: &str, measure: &str, limit: String| {
        format!(
            "cvc-{name}-valid: Value '{value}' {measure}is not facet-valid with respect to {name} '{limit}' for type \
             '{kind}'."
        )
    };
    let with_length = format!("with length = '{length}' ");
    let last = match violation
        .path
        .0
        .iter()
        .rev()
        .find_map(|step| if let Step::Name(name) = step { Some(name) } else { None })
    {
        Some(name) => name.as_str(),
        None => "",
    };
    match violation.rule.innermost() {
        Rule::Long(most) if is_text(violation.shape) => facet("maxLength", &with_length, most.to_string()),
        Rule::Short(least) if is_text(violation.shape) => facet("minLength", &with_length, least.to_string()),
        Rule::High(most) => facet("maxInclusive", "", most.to_string()),
        Rule::Low(least) => facet("minInclusive", "", least.to_string()),
        Rule::Pattern => facet("pattern", "", coral::pattern_of(violation.shape).to_owned()),
        Rule::Enum => format!(
            "cvc-enumeration-valid: Value '{value}' is not facet-valid with respect to enumeration '[{}]'. It must be a \
             value from the enumeration.",
            coral::words_of(violation.shape).join(", ")
        ),
        Rule::Missing => {
            format!(
                "cvc-complex-type.2.4.b: The content of element '{}' is not complete. One of '{{{last}}}' is expected.",
                around(violation)
            )
        }
        _ => format!("cvc-complex-type.2.4.a: Invalid content was found starting with element '{last}'."),
    }
}

fn is_text(shape: Option<&'static Shape>) -> bool {
    shape.is_some_and(|shape| matches!(shape.kind, Kind::Text { .. } | Kind::Blob))
}

/// The name of the element that something is missing in.
fn around(violation: &Violation<'_>) -> String {
    let names = violation.path.0.iter().filter_map(|step| match step {
        Step::Name(name) => Some(name.clone()),
        Step::Item(_) => None,
    });
    names.rev().nth(1).unwrap_or_else(|| "request".to_owned())
}
