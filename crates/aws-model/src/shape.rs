//! The official model's shapes of ECS: what a request may hold, and of which JSON types.
//!
//! A member that the model does not know is not an error: it is preserved, and [`unknown`] names it so that the caller
//! can be told.

use serde_json::Value;

use crate::model::{Kind, Model, Operation, Shape, ShapeId};
use crate::service::Service;
use crate::{AwsError, Document};

fn model() -> &'static Model {
    Service::Ecs.model()
}

fn input_of(operation: &str) -> Option<ShapeId> {
    model().operation(operation).and_then(Operation::input)
}

/// What is wrong with a value, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Path of the member, e.g. `containerDefinitions[0].cpu`.
    pub path: String,
    /// What is wrong, in the words of AWS's JSON reader where it has any.
    pub words: String,
    /// Which rule it breaks.
    pub kind: FaultKind,
}

/// Which rule of the model a value breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// The JSON type is another.
    Type,
    /// A required member is missing.
    Missing,
    /// A string that is not of its enumeration.
    Enum,
    /// A member that the model does not have.
    Unknown,
}

/// Refuses an input whose JSON types are not the model's, as AWS's reader does: `SerializationException`.
///
/// Operations that the table does not hold pass.
///
/// # Errors
/// `SerializationException` that names the first such member.
pub fn check_types(operation: &str, input: &Document) -> Result<(), AwsError> {
    refuse_types(&input_faults(operation, input))
}

/// The same for faults that were found already.
///
/// # Errors
/// `SerializationException` that names the first member of another type.
pub fn refuse_types(faults: &[Fault]) -> Result<(), AwsError> {
    match faults.iter().find(|fault| fault.kind == FaultKind::Type) {
        Some(fault) => Err(AwsError::new("SerializationException", format!("{} ({})", fault.words, fault.path))),
        None => Ok(()),
    }
}

/// Returns the paths of an input's members that the model does not have, in their order.
pub fn unknown(operation: &str, input: &Document) -> Vec<String> {
    let unknown = |fault: &Fault| fault.kind == FaultKind::Unknown;
    input_faults(operation, input).into_iter().filter(unknown).map(|fault| fault.path).collect()
}

/// Takes the members out of an input that the model does not have, and returns their paths in their order.
pub fn take_unknown(operation: &str, input: &mut Document) -> Vec<String> {
    let mut taken = Vec::new();
    if let Some(shape) = input_of(operation) {
        take_members(input, shape, "", &mut taken);
    }
    taken
}

fn take_members(object: &mut Document, shape: ShapeId, path: &str, taken: &mut Vec<String>) {
    let Some(structure) = model().shape(shape).structure() else { return };
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    object.retain(|name, value| match structure.member(name) {
        Some(member) => {
            take_below(value, member.shape, &below(name), taken);
            true
        }
        None => {
            taken.push(below(name));
            false
        }
    });
}

fn take_below(value: &mut Value, shape: ShapeId, path: &str, taken: &mut Vec<String>) {
    match (&model().shape(shape).kind, value) {
        (Kind::Structure(_), Value::Object(object)) => take_members(object, shape, path, taken),
        (Kind::List { item: inner, .. }, Value::Array(items)) => {
            for (index, item) in items.iter_mut().enumerate() {
                take_below(item, *inner, &format!("{path}[{index}]"), taken);
            }
        }
        (Kind::Map { item: inner, .. }, Value::Object(object)) => {
            for (key, item) in object {
                take_below(item, *inner, &format!("{path}.{key}"), taken);
            }
        }
        _ => {}
    }
}

/// Returns everything about an input that the model does not allow.
pub fn input_faults(operation: &str, input: &Document) -> Vec<Fault> {
    let mut faults = Vec::new();
    if let Some(shape) = input_of(operation) {
        walk_members(input, shape, &mut String::new(), &mut |fault| faults.push(fault));
    }
    faults
}

/// Returns everything about an answer that the official clients' model does not allow.
pub fn answer_faults(operation: &str, answer: &Document) -> Vec<Fault> {
    let mut faults = Vec::new();
    if let Some(shape) = model().operation(operation).and_then(Operation::output) {
        walk_members(answer, shape, &mut String::new(), &mut |fault| faults.push(fault));
    }
    faults
}

/// Returns the path of every member of an input, such as `containerDefinitions[].portMappings[].name`, each before
/// those below it. A structure within itself is not entered again.
pub fn input_paths(operation: &str) -> Vec<String> {
    let mut paths = Vec::new();
    if let Some(shape) = input_of(operation) {
        list_paths(shape, String::new(), &mut Vec::new(), &mut paths);
    }
    paths
}

fn list_paths(shape: ShapeId, path: String, within: &mut Vec<ShapeId>, paths: &mut Vec<String>) {
    match &model().shape(shape).kind {
        Kind::Structure(structure) if !within.contains(&shape) => {
            within.push(shape);
            for member in &structure.members {
                let path = if path.is_empty() { member.name.to_owned() } else { format!("{path}.{}", member.name) };
                paths.push(path.clone());
                list_paths(member.shape, path, within, paths);
            }
            within.pop();
        }
        Kind::List { item, .. } => list_paths(*item, format!("{path}[]"), within, paths),
        _ => {}
    }
}

/// Returns the members of a structure of the model; none if there is no such structure.
pub fn members(structure: &str) -> Vec<&'static str> {
    let structure = model().shape_named(structure).and_then(Shape::structure);
    structure.into_iter().flat_map(|structure| &structure.members).map(|member| member.name).collect()
}

/// Whether a structure of the model has this member.
pub fn has_member(structure: &str, member: &str) -> bool {
    model().shape_named(structure).and_then(Shape::structure).is_some_and(|s| s.member(member).is_some())
}

fn walk_members(object: &Document, shape: ShapeId, path: &mut String, report: &mut dyn FnMut(Fault)) {
    let Some(structure) = model().shape(shape).structure() else { return };
    let length = path.len();
    for (name, value) in object {
        if length > 0 {
            path.push('.');
        }
        path.push_str(name);
        match structure.member(name) {
            Some(member) => walk(value, member.shape, path, report),
            None => report(Fault { path: path.clone(), words: "not in the model".into(), kind: FaultKind::Unknown }),
        }
        path.truncate(length);
    }
    for member in structure.members.iter().filter(|m| m.is_required && !object.contains_key(m.name)) {
        let path = if length == 0 { member.name.to_owned() } else { format!("{path}.{}", member.name) };
        report(Fault { path, words: "required member missing".into(), kind: FaultKind::Missing });
    }
}

fn walk(value: &Value, shape: ShapeId, path: &mut String, report: &mut dyn FnMut(Fault)) {
    let length = path.len();
    let kind = &model().shape(shape).kind;
    match (kind, value) {
        (Kind::Structure(_), Value::Object(object)) => walk_members(object, shape, path, report),
        (Kind::List { item: inner, .. }, Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                path.push_str(&format!("[{index}]"));
                walk(item, *inner, path, report);
                path.truncate(length);
            }
        }
        (Kind::Map { item: inner, .. }, Value::Object(object)) => {
            for (key, item) in object {
                path.push_str(&format!(".{key}"));
                walk(item, *inner, path, report);
                path.truncate(length);
            }
        }
        (Kind::Text { words, .. }, Value::String(text)) => {
            if !words.is_empty() && !words.contains(&text.as_str()) {
                let words = format!("'{text}' is not one of {words:?}");
                report(Fault { path: path.clone(), words, kind: FaultKind::Enum });
            }
        }
        (Kind::Boolean, Value::Bool(_)) | (Kind::Double | Kind::Timestamp(_), Value::Number(_)) => {}
        // AWS's reader takes 1.0 and 1.5 for an integer too (it truncates); we take only what is one.
        (Kind::Integer | Kind::Long, Value::Number(number)) if number.is_i64() => {}
        (kind, value) => {
            report(Fault { path: path.clone(), words: mistyped(kind, value), kind: FaultKind::Type });
        }
    }
}

/// The words of AWS's JSON reader (seen in amazon-ecs-deploy-task-definition #587 and the like).
fn mistyped(kind: &Kind, value: &Value) -> String {
    let token = match value {
        Value::Object(_) => return "Start of structure or map found where not expected.".into(),
        Value::Array(_) => return "Start of list found where not expected".into(),
        Value::Null => "NULL_VALUE",
        Value::Bool(true) => "TRUE_VALUE",
        Value::Bool(false) => "FALSE_VALUE",
        Value::Number(number) if number.is_f64() => "DECIMAL_VALUE",
        Value::Number(_) => "NUMBER_VALUE",
        Value::String(_) => "STRING_VALUE",
    };
    match kind {
        Kind::Structure(_) => "Expected null".into(),
        Kind::List { .. } => "Expected list or null".into(),
        Kind::Map { .. } => "Expected map or null".into(),
        Kind::Text { .. } | Kind::Blob => format!("{token} cannot be converted to String"),
        Kind::Integer => format!("{token} cannot be converted to Integer"),
        Kind::Long => format!("{token} cannot be converted to Long"),
        Kind::Boolean => format!("{token} cannot be converted to Boolean"),
        Kind::Timestamp(_) => format!("{token} cannot be converted to Timestamp"),
        Kind::Double => format!("{token} cannot be converted to Double"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn document(value: Value) -> Document {
        value.as_object().unwrap().clone()
    }

    #[test]
    fn a_wrong_json_type_is_refused_and_named() {
        fn check(input: Value, want: &str) {
            let got = check_types("RegisterTaskDefinition", &document(input)).err();
            assert_eq!(got.map_or(String::new(), |e| e.message), want);
        }
        check(json!({"family": "a", "containerDefinitions": [{"cpu": 1}]}), "");
        check(
            json!({"containerDefinitions": [{"cpu": "1"}]}),
            "STRING_VALUE cannot be converted to Integer (containerDefinitions[0].cpu)",
        );
        check(json!({"cpu": 256}), "NUMBER_VALUE cannot be converted to String (cpu)");
        check(json!({"containerDefinitions": "x"}), "Expected list or null (containerDefinitions)");
        check(json!({"family": {}}), "Start of structure or map found where not expected. (family)");
        check(
            json!({"containerDefinitions": [{"dockerLabels": {"a": true}}]}),
            "TRUE_VALUE cannot be converted to String (containerDefinitions[0].dockerLabels.a)",
        );
    }

    #[test]
    fn members_that_the_model_does_not_have_are_named() {
        let input = document(json!({"shiny": 1, "containerDefinitions": [{"name": "a", "glow": {"x": 1}}],
            "volumes": [{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "f", "spark": true}}]}));
        assert_eq!(
            unknown("RegisterTaskDefinition", &input),
            ["shiny", "containerDefinitions[0].glow", "volumes[0].efsVolumeConfiguration.spark"]
        );
        let mut without = input.clone();
        assert_eq!(take_unknown("RegisterTaskDefinition", &mut without), unknown("RegisterTaskDefinition", &input));
        let left = json!({"containerDefinitions": [{"name": "a"}], "volumes": [{"name": "v", "efsVolumeConfiguration": {"fileSystemId": "f"}}]});
        assert_eq!(Value::Object(without), left);
    }
}
