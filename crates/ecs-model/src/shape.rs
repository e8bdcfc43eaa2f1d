//! The official model's shapes of ECS: what a request may hold, and of which JSON types.
//!
//! The table is `ecs-shapes.txt`, written by `tools/from_botocore.py`. A member that it does not
//! know is not an error: it is preserved, and [`unknown`] names it so that somebody can be told.

use std::collections::HashMap;
use std::sync::LazyLock;

use serde_json::Value;

use crate::{AwsError, Document};

/// The shape of a value.
#[derive(Debug)]
enum Shape {
    /// An object with these members.
    Structure(Vec<Member>),
    /// A list of a shape.
    List(&'static str),
    /// An object with any keys and values of a shape.
    Map(&'static str),
    /// One of these strings.
    Enum(Vec<&'static str>),
    /// `string`, `integer`, `long`, `boolean`, `double`, `timestamp`.
    Simple(&'static str),
}

#[derive(Debug)]
struct Member {
    name: &'static str,
    shape: &'static str,
    required: bool,
}

#[derive(Debug)]
struct Model {
    /// Operation → (input shape, output shape).
    operations: HashMap<&'static str, (&'static str, &'static str)>,
    shapes: HashMap<&'static str, Shape>,
}

static TABLE: LazyLock<Model> = LazyLock::new(|| Model::parse(include_str!("ecs-shapes.txt")));

impl Model {
    fn parse(text: &'static str) -> Self {
        let (operations, shapes) = text.split_once("\n\n").expect("the table has two parts");
        let operations = operations
            .lines()
            .filter_map(|line| {
                let mut words = line.split(' ');
                Some((words.next()?, (words.next()?, words.next()?)))
            })
            .collect();
        let shapes = shapes
            .lines()
            .filter_map(|line| {
                let mut words = line.split(' ');
                let (name, kind) = (words.next()?, words.next()?);
                Some((name, Shape::parse(kind, words)))
            })
            .collect();
        Self { operations, shapes }
    }
}

impl Shape {
    fn parse(kind: &'static str, mut words: std::str::Split<'static, char>) -> Self {
        match kind {
            "structure" => Self::Structure(
                words
                    .filter_map(|word| {
                        let (name, shape) = word.split_once(':')?;
                        let required = name.starts_with('!');
                        Some(Member { name: name.trim_start_matches('!'), shape, required })
                    })
                    .collect(),
            ),
            "list" => Self::List(words.next().unwrap_or_default()),
            "map" => Self::Map(words.next().unwrap_or_default()),
            "enum" => Self::Enum(words.collect()),
            simple => Self::Simple(simple),
        }
    }
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

/// What the table was made from: a member that AWS added later is not in it.
pub const MODEL: &str = "botocore 1.44.5";

/// Takes the members out of an input that the model does not have, and returns their paths in their order.
pub fn take_unknown(operation: &str, input: &mut Document) -> Vec<String> {
    let mut taken = Vec::new();
    if let Some((shape, _)) = TABLE.operations.get(operation) {
        take_members(input, shape, "", &mut taken);
    }
    taken
}

fn take_members(object: &mut Document, shape: &str, path: &str, taken: &mut Vec<String>) {
    let Some(Shape::Structure(members)) = TABLE.shapes.get(shape) else { return };
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    object.retain(|name, value| match members.iter().find(|member| member.name == name) {
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

fn take_below(value: &mut Value, shape: &str, path: &str, taken: &mut Vec<String>) {
    match (TABLE.shapes.get(shape), value) {
        (Some(Shape::Structure(_)), Value::Object(object)) => take_members(object, shape, path, taken),
        (Some(Shape::List(inner)), Value::Array(items)) => {
            for (index, item) in items.iter_mut().enumerate() {
                take_below(item, inner, &format!("{path}[{index}]"), taken);
            }
        }
        (Some(Shape::Map(inner)), Value::Object(object)) => {
            for (key, item) in object {
                take_below(item, inner, &format!("{path}.{key}"), taken);
            }
        }
        _ => {}
    }
}

/// Gives the members of a list of container definitions the names that the model has for them, whatever the case of their
/// letters: `Environment` is `environment`. A member that is there under its own name stays as it is.
///
/// So the Terraform provider reads them: into the SDK's structures with Go's `encoding/json`, which prefers "an exact match
/// but also accepting a case-insensitive match" (`expandContainerDefinitions`, internal/service/ecs/task_definition.go).
pub fn recase_containers(containers: &mut Value) {
    recase(containers, "ContainerDefinitions");
}

fn recase(value: &mut Value, shape: &str) {
    match (TABLE.shapes.get(shape), value) {
        (Some(Shape::Structure(members)), Value::Object(object)) => {
            let is_exact = |name: &str| members.iter().any(|member| member.name == name);
            let others: Vec<String> = object.keys().filter(|name| !is_exact(name)).cloned().collect();
            for name in others {
                let same = members.iter().find(|member| member.name.eq_ignore_ascii_case(&name));
                if let Some(member) = same.filter(|member| !object.contains_key(member.name))
                    && let Some(value) = object.remove(&name)
                {
                    object.insert(member.name.to_owned(), value);
                }
            }
            for (name, value) in object {
                if let Some(member) = members.iter().find(|member| member.name == name) {
                    recase(value, member.shape);
                }
            }
        }
        (Some(Shape::List(inner)), Value::Array(items)) => items.iter_mut().for_each(|item| recase(item, inner)),
        _ => {}
    }
}

/// Makes numbers and truths of the texts of a list of container definitions where the model has numbers and truths, and
/// returns the paths of those that were texts, with what they said.
pub fn retype_containers(containers: &mut Value) -> Vec<(String, String)> {
    let mut changed = Vec::new();
    retype_below(containers, "ContainerDefinitions", "", &mut changed);
    changed
}

/// The same for an input.
pub fn retype(operation: &str, input: &mut Document) {
    if let Some((shape, _)) = TABLE.operations.get(operation) {
        let mut value = Value::Object(std::mem::take(input));
        retype_below(&mut value, shape, "", &mut Vec::new());
        if let Value::Object(object) = value {
            *input = object;
        }
    }
}

fn retype_below(value: &mut Value, shape: &str, path: &str, changed: &mut Vec<(String, String)>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match (TABLE.shapes.get(shape), &mut *value) {
        (Some(Shape::Structure(members)), Value::Object(object)) => {
            for (name, value) in object {
                if let Some(member) = members.iter().find(|member| member.name == name) {
                    retype_below(value, member.shape, &below(name), changed);
                }
            }
        }
        (Some(Shape::List(inner)), Value::Array(items)) => {
            for (index, item) in items.iter_mut().enumerate() {
                let name = item.get("name").and_then(Value::as_str).map_or_else(|| index.to_string(), str::to_owned);
                retype_below(item, inner, &below(&name), changed);
            }
        }
        (Some(Shape::Simple(kind)), Value::String(text)) => {
            let typed = match *kind {
                "integer" | "long" => text.trim().parse::<i64>().ok().map(Value::from),
                "boolean" => text.trim().parse::<bool>().ok().map(Value::from),
                _ => None,
            };
            if let Some(typed) = typed {
                changed.push((path.to_owned(), format!("\"{text}\"")));
                *value = typed;
            }
        }
        _ => {}
    }
}

/// Returns everything about an input that the model does not allow.
pub fn input_faults(operation: &str, input: &Document) -> Vec<Fault> {
    let mut faults = Vec::new();
    if let Some((shape, _)) = TABLE.operations.get(operation) {
        walk_members(input, shape, &mut String::new(), &mut |fault| faults.push(fault));
    }
    faults
}

/// Returns everything about an answer that the official clients' model does not allow.
pub fn answer_faults(operation: &str, answer: &Document) -> Vec<Fault> {
    let mut faults = Vec::new();
    if let Some((_, shape)) = TABLE.operations.get(operation) {
        walk_members(answer, shape, &mut String::new(), &mut |fault| faults.push(fault));
    }
    faults
}

/// Returns the path of every member of an input, such as `containerDefinitions[].portMappings[].name`, each before
/// those below it. A structure within itself is not entered again.
pub fn input_paths(operation: &str) -> Vec<String> {
    let mut paths = Vec::new();
    if let Some((shape, _)) = TABLE.operations.get(operation) {
        list_paths(shape, String::new(), &mut Vec::new(), &mut paths);
    }
    paths
}

fn list_paths(shape: &'static str, path: String, within: &mut Vec<&'static str>, paths: &mut Vec<String>) {
    match TABLE.shapes.get(shape) {
        Some(Shape::Structure(members)) if !within.contains(&shape) => {
            within.push(shape);
            for member in members {
                let path = if path.is_empty() { member.name.to_owned() } else { format!("{path}.{}", member.name) };
                paths.push(path.clone());
                list_paths(member.shape, path, within, paths);
            }
            within.pop();
        }
        Some(Shape::List(item)) => list_paths(item, format!("{path}[]"), within, paths),
        _ => {}
    }
}

/// Returns the members of a structure of the model; none if there is no such structure.
pub fn members(structure: &str) -> Vec<&'static str> {
    match TABLE.shapes.get(structure) {
        Some(Shape::Structure(members)) => members.iter().map(|member| member.name).collect(),
        _ => Vec::new(),
    }
}

/// Whether a structure of the model has this member.
pub fn has_member(structure: &str, member: &str) -> bool {
    matches!(TABLE.shapes.get(structure), Some(Shape::Structure(members)) if members.iter().any(|m| m.name == member))
}

fn walk_members(object: &Document, shape: &str, path: &mut String, report: &mut dyn FnMut(Fault)) {
    let Some(Shape::Structure(members)) = TABLE.shapes.get(shape) else { return };
    let length = path.len();
    for (name, value) in object {
        if length > 0 {
            path.push('.');
        }
        path.push_str(name);
        match members.iter().find(|m| m.name == name) {
            Some(member) => walk(value, member.shape, path, report),
            None => report(Fault { path: path.clone(), words: "not in the model".into(), kind: FaultKind::Unknown }),
        }
        path.truncate(length);
    }
    for member in members.iter().filter(|m| m.required && !object.contains_key(m.name)) {
        let path = if length == 0 { member.name.to_owned() } else { format!("{path}.{}", member.name) };
        report(Fault { path, words: "required member missing".into(), kind: FaultKind::Missing });
    }
}

fn walk(value: &Value, shape: &str, path: &mut String, report: &mut dyn FnMut(Fault)) {
    let Some(known) = TABLE.shapes.get(shape) else { return };
    let length = path.len();
    match (known, value) {
        (Shape::Structure(_), Value::Object(object)) => walk_members(object, shape, path, report),
        (Shape::List(inner), Value::Array(items)) => {
            for (index, item) in items.iter().enumerate() {
                path.push_str(&format!("[{index}]"));
                walk(item, inner, path, report);
                path.truncate(length);
            }
        }
        (Shape::Map(inner), Value::Object(object)) => {
            for (key, item) in object {
                path.push_str(&format!(".{key}"));
                walk(item, inner, path, report);
                path.truncate(length);
            }
        }
        (Shape::Enum(words), Value::String(text)) => {
            if !words.contains(&text.as_str()) {
                let words = format!("'{text}' is not one of {words:?}");
                report(Fault { path: path.clone(), words, kind: FaultKind::Enum });
            }
        }
        (Shape::Simple("string"), Value::String(_))
        | (Shape::Simple("boolean"), Value::Bool(_))
        | (Shape::Simple("double" | "float" | "timestamp"), Value::Number(_)) => {}
        // AWS's reader takes 1.0 and 1.5 for an integer too (it truncates); we take only what is one.
        (Shape::Simple("integer" | "long"), Value::Number(number)) if number.is_i64() => {}
        (known, value) => {
            report(Fault { path: path.clone(), words: mistyped(known, value), kind: FaultKind::Type });
        }
    }
}

/// The words of AWS's JSON reader (seen in amazon-ecs-deploy-task-definition #587 and the like).
fn mistyped(shape: &Shape, value: &Value) -> String {
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
    match shape {
        Shape::Structure(_) => "Expected null".into(),
        Shape::List(_) => "Expected list or null".into(),
        Shape::Map(_) => "Expected map or null".into(),
        Shape::Enum(_) | Shape::Simple("string") => format!("{token} cannot be converted to String"),
        Shape::Simple("integer") => format!("{token} cannot be converted to Integer"),
        Shape::Simple("long") => format!("{token} cannot be converted to Long"),
        Shape::Simple("boolean") => format!("{token} cannot be converted to Boolean"),
        Shape::Simple("timestamp") => format!("{token} cannot be converted to Timestamp"),
        Shape::Simple(_) => format!("{token} cannot be converted to Double"),
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

    #[test]
    fn every_operation_of_the_table_exists_and_has_its_shapes() {
        for (name, (input, output)) in &TABLE.operations {
            assert!(crate::operations::ECS.contains(name));
            assert!(TABLE.shapes.contains_key(input) && TABLE.shapes.contains_key(output), "{name}");
        }
    }
}
