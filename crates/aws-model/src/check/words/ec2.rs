//! EC2's own words: one thing at a time, each with a code of its own.

use serde_json::Value;

use super::coral;
use crate::AwsError;
use crate::check::{Path, Rule, Step, Violation};
use crate::model::{Kind, Member, Operation};

pub(super) fn refusal(operation: Operation, violation: &Violation<'_>) -> AwsError {
    let name = parameter(operation, &violation.place());
    let value = match violation.very_value().as_deref() {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    };
    let invalid = |why: String| {
        // aws-sdk-ruby #2575: "Value ( 1 ) for parameter maxResults is invalid. Expecting a value greater than 5."
        let name = lower(&name);
        AwsError::new("InvalidParameterValue", format!("Value ( {value} ) for parameter {name} is invalid. {why}"))
    };
    match violation.rule.innermost() {
        // moto #112: "The request must contain the parameter GroupDescription".
        Rule::Missing => AwsError::new("MissingParameter", format!("The request must contain the parameter {name}")),
        // aws-sdk-cpp #327.
        Rule::Unknown => AwsError::new("UnknownParameter", format!("The parameter {name} is not recognized")),
        Rule::Low(least) => invalid(format!("Expecting a value greater than {least}.")),
        Rule::High(most) => invalid(format!("Expecting a value less than {most}.")),
        // devops-basics #1: "Value () for parameter groupId is invalid. The value cannot be empty".
        Rule::Short(_) if value.is_empty() => AwsError::new(
            "InvalidParameterValue",
            format!("Value () for parameter {} is invalid. The value cannot be empty", lower(&name)),
        ),
        Rule::Type(_) => invalid("The value has another type.".to_owned()),
        Rule::Enum => invalid(format!("Valid values: [{}]", coral::words_of(violation.shape).join(", "))),
        rule => invalid(format!("{}.", coral::constraint(rule, violation.shape).replacen("Member", "It", 1))),
    }
}

/// Returns a path as a parameter is called in EC2's Query, whose lists have no `member`, and whose names are others than
/// the documents': `Filter.1.Value.1`.
fn parameter(operation: Operation, path: &Path) -> String {
    let model = operation.model();
    let mut shape = operation.input().map(|id| model.shape(id));
    let mut words = Vec::new();
    for step in &path.0 {
        let kind = shape.map(|shape| &shape.kind);
        let (word, below) = match (step, kind) {
            (Step::Name(name), Some(Kind::Structure(structure))) => match structure.member(name) {
                Some(member) => (on_the_wire(member), Some(member.shape)),
                None => (name.clone(), None),
            },
            (Step::Name(name), _) => (name.clone(), None),
            (Step::Item(index), Some(Kind::List { item, .. })) => ((index + 1).to_string(), Some(*item)),
            (Step::Item(index), _) => ((index + 1).to_string(), None),
        };
        words.push(word);
        shape = below.map(|id| model.shape(id));
    }
    words.join(".")
}

/// The name of a parameter (Smithy specification, "ec2Query": the Query name, or the XML name with a capital letter).
fn on_the_wire(member: &Member) -> String {
    let mut letters = member.wire_name().chars();
    let capital = || letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect());
    member.query_name.map_or_else(capital, str::to_owned)
}

fn lower(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}
