//! ECS's own words; where none were ever seen they name the member and the rule.

use serde_json::Value;

use super::coral;
use crate::check::{Rule, Step, Violation};
use crate::model::Kind;

pub(super) fn message(violation: &Violation<'_>) -> String {
    let place = violation.place();
    match violation.rule.innermost() {
        Rule::Missing => missing(violation),
        // kayac/ecspresso #270: "Propagate tags should be one of [SERVICE,TASK_DEFINITION]".
        Rule::Enum => {
            let words = coral::words_of(violation.shape).join(",");
            match place.0.as_slice() {
                [Step::Name(name)] => format!("{} should be one of [{words}]", sentence(name)),
                _ => format!("{place} should be one of [{words}]"),
            }
        }
        rule => format!("Invalid value for '{place}': {}.", coral::constraint(rule, violation.shape)),
    }
}

/// `launchType` as `Launch type`.
fn sentence(name: &str) -> String {
    let titled = titled(name);
    titled
        .chars()
        .enumerate()
        .map(|(place, letter)| if place > 0 { letter.to_ascii_lowercase() } else { letter })
        .collect()
}

/// The message about a value outside its enumeration.
pub(super) fn enumeration(violation: &Violation<'_>) -> String {
    let value = violation.very_value();
    let value = value.as_deref().and_then(Value::as_str).unwrap_or_default();
    format!("'{value}' is not one of {:?}", coral::words_of(violation.shape))
}

/// "Task Definition can not be blank." (fargatecli #11), "Family can not be blank."
/// (amazon-ecs-deploy-task-definition #630), "Tasks cannot be empty." (copilot-cli #3551), "Services cannot be empty."
/// (ecs-cleaner #2); and of what is within: "subnets can not be empty.".
fn missing(violation: &Violation<'_>) -> String {
    let place = violation.place();
    let names: Vec<&str> = place.0.iter().filter_map(name).collect();
    let Some(name) = names.last() else { return "The request can not be blank.".to_owned() };
    let is_list = violation.shape.is_some_and(|shape| matches!(shape.kind, Kind::List { .. }));
    match (is_list, names.len()) {
        (true, 1) => format!("{} cannot be empty.", titled(name)),
        (true, _) => format!("{name} can not be empty."),
        (false, 1) => blank(name),
        (false, _) => format!("{} can not be blank ({}).", titled(name), violation.path),
    }
}

/// `Task Definition can not be blank.`
pub(super) fn blank(member: &str) -> String {
    format!("{} can not be blank.", titled(member))
}

fn name(step: &Step) -> Option<&str> {
    match step {
        Step::Name(name) => Some(name),
        Step::Item(_) => None,
    }
}

/// `taskDefinition` as `Task Definition`.
fn titled(name: &str) -> String {
    let mut words = String::new();
    for (place, letter) in name.chars().enumerate() {
        if place > 0 && letter.is_ascii_uppercase() {
            words.push(' ');
        }
        words.push(if place == 0 { letter.to_ascii_uppercase() } else { letter });
    }
    words
}
