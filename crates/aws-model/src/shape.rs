//! What the official model says of ECS's documents: which members there are, and which of a document's it does not know.
//!
//! A member that the model does not know is not an error: it is preserved, and [`unknown`] names it so that the caller
//! can hear of it.

use serde_json::Value;

use crate::Document;
use crate::check::{self, Rule, Step};
use crate::model::{Kind, Model, Operation, Shape, ShapeId};
use crate::service::Service;

fn model() -> &'static Model {
    Service::Ecs.model()
}

/// Returns the paths of an input's members that the model does not have, in their order.
pub fn unknown(operation: &str, input: &Document) -> Vec<String> {
    paths_of_unknown(operation, input).iter().map(ToString::to_string).collect()
}

fn paths_of_unknown(operation: &str, input: &Document) -> Vec<check::Path> {
    let Some(operation) = model().operation(operation) else { return Vec::new() };
    let unknown = |violation: check::Violation<'_>| (violation.rule == Rule::Unknown).then_some(violation.path);
    check::input(operation, input).into_iter().filter_map(unknown).collect()
}

/// Takes the members out of an input that the model does not have, and returns their paths in their order.
pub fn take_unknown(operation: &str, input: &mut Document) -> Vec<String> {
    let paths = paths_of_unknown(operation, input);
    paths.iter().for_each(|path| take(input, path));
    paths.iter().map(ToString::to_string).collect()
}

/// Takes the member at a path out of a document.
fn take(document: &mut Document, path: &check::Path) {
    let Some((Step::Name(last), around)) = path.0.split_last() else { return };
    let mut steps = around.iter();
    let Some(first) = steps.next() else {
        document.remove(last);
        return;
    };
    let Step::Name(first) = first else { return };
    let place = steps.try_fold(document.get_mut(first), |place, step| match (place?, step) {
        (place, Step::Name(name)) => Some(place.get_mut(name)),
        (place, Step::Item(index)) => Some(place.get_mut(index)),
    });
    if let Some(object) = place.flatten().and_then(serde_json::Value::as_object_mut) {
        object.remove(last);
    }
}

/// Gives the members of a list of container definitions the names that the model has for them, whatever the case of their
/// letters: `Environment` is `environment`. A member that is there under its own name stays as it is.
///
/// So the Terraform provider reads them: into the SDK's structures with Go's `encoding/json`, which prefers "an exact match
/// but also accepting a case-insensitive match" (`expandContainerDefinitions`, internal/service/ecs/task_definition.go).
pub fn recase_containers(containers: &mut Value) {
    if let Some(id) = model().shape_id("ContainerDefinitions") {
        recase(containers, id);
    }
}

fn recase(value: &mut Value, shape: ShapeId) {
    match (&model().shape(shape).kind, value) {
        (Kind::Structure(structure), Value::Object(object)) => {
            let others: Vec<String> = object.keys().filter(|name| structure.member(name).is_none()).cloned().collect();
            for name in others {
                let same = structure.members.iter().find(|member| member.name.eq_ignore_ascii_case(&name));
                if let Some(member) = same.filter(|member| !object.contains_key(member.name))
                    && let Some(value) = object.remove(&name)
                {
                    object.insert(member.name.to_owned(), value);
                }
            }
            for (name, value) in object {
                if let Some(member) = structure.member(name) {
                    recase(value, member.shape);
                }
            }
        }
        (Kind::List { item, .. }, Value::Array(items)) => items.iter_mut().for_each(|one| recase(one, *item)),
        _ => {}
    }
}

/// Makes numbers and truths of the texts of a list of container definitions where the model has numbers and truths, and
/// returns the paths of those that were texts, with what they said.
pub fn retype_containers(containers: &mut Value) -> Vec<(String, String)> {
    let mut changed = Vec::new();
    if let Some(id) = model().shape_id("ContainerDefinitions") {
        retype_below(containers, id, "", &mut changed);
    }
    changed
}

/// The same for an input.
pub fn retype(operation: &str, input: &mut Document) {
    if let Some(shape) = model().operation(operation).and_then(Operation::input) {
        let mut value = Value::Object(std::mem::take(input));
        retype_below(&mut value, shape, "", &mut Vec::new());
        if let Value::Object(object) = value {
            *input = object;
        }
    }
}

fn retype_below(value: &mut Value, shape: ShapeId, path: &str, changed: &mut Vec<(String, String)>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match (&model().shape(shape).kind, &mut *value) {
        (Kind::Structure(structure), Value::Object(object)) => {
            for (name, value) in object {
                if let Some(member) = structure.member(name) {
                    retype_below(value, member.shape, &below(name), changed);
                }
            }
        }
        (Kind::List { item, .. }, Value::Array(items)) => {
            for (index, one) in items.iter_mut().enumerate() {
                let name = one.get("name").and_then(Value::as_str).map_or_else(|| index.to_string(), str::to_owned);
                retype_below(one, *item, &below(&name), changed);
            }
        }
        (kind, Value::String(text)) => {
            let typed = match kind {
                Kind::Integer | Kind::Long => text.trim().parse::<i64>().ok().map(Value::from),
                Kind::Boolean => text.trim().parse::<bool>().ok().map(Value::from),
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

/// Returns the path of every member of an input, such as `containerDefinitions[].portMappings[].name`, each before
/// those below it. A structure within itself is not entered again.
pub fn input_paths(operation: &str) -> Vec<String> {
    let mut paths = Vec::new();
    if let Some(shape) = model().operation(operation).and_then(Operation::input) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn document(value: Value) -> Document {
        value.as_object().unwrap().clone()
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
    fn texts_are_the_numbers_and_truths_that_the_model_has() {
        let mut containers = json!([{"name": "web", "cpu": "128", "essential": "true", "user": "1",
            "portMappings": [{"containerPort": " 80", "hostPort": "many"}]}]);
        let told = retype_containers(&mut containers);
        let typed = json!([{"name": "web", "cpu": 128, "essential": true, "user": "1",
            "portMappings": [{"containerPort": 80, "hostPort": "many"}]}]);
        assert_eq!(containers, typed);
        let told: Vec<String> = told.into_iter().map(|(path, said)| format!("{path} {said}")).collect();
        assert_eq!(told, ["web.cpu \"128\"", "web.essential \"true\"", "web.portMappings.0.containerPort \" 80\""]);
        let mut input = document(json!({"serviceName": "1", "desiredCount": "2", "enableExecuteCommand": "false"}));
        retype("CreateService", &mut input);
        assert_eq!(Value::Object(input), json!({"serviceName": "1", "desiredCount": 2, "enableExecuteCommand": false}));
    }
}
