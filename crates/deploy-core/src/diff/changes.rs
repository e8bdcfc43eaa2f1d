//! What differs between two documents, in words people use: `containers.web.environment.DEBUG`.
//!
//! Lists whose items have a name become tables by that name, so that an added variable is one
//! change and not a shift of everything behind it. What did not change is counted, not listed.

use aws_model::Document;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::normalise;
use super::service::{self, NOT_SHOWN};

/// What differs between two documents.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Difference {
    /// What changed, in the order of the documents.
    pub changes: Vec<Change>,
    /// How many siblings of changes stayed, by the place that they share.
    pub unchanged: Vec<Unchanged>,
}

/// One thing that changed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// Where, from the outside in.
    pub path: Vec<String>,
    /// What it was; none if it was not there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Value>,
    /// What it becomes; none if it goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Value>,
}

/// Siblings of a change that stayed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unchanged {
    /// The place.
    pub path: Vec<String>,
    /// How many.
    pub count: usize,
}

impl Difference {
    /// Returns whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty()
    }

    /// Returns the changes below a place.
    pub fn below<'a>(&'a self, place: &'a [&str]) -> impl Iterator<Item = &'a Change> {
        self.changes.iter().filter(move |change| {
            change.path.len() > place.len() && place.iter().zip(&change.path).all(|(a, b)| *a == "*" || a == b)
        })
    }
}

/// Returns what registering `after` would change of `before`; empty exactly when
/// [`super::same_task_definition`] says that they are the same.
pub fn task_definition_changes(before: &Document, after: &Document) -> Difference {
    let (before, after) = (normalise(before), normalise(after));
    let mut found = Difference::default();
    compare(&mut Vec::new(), &tabled(before.clone()), &tabled(after.clone()), &mut found);
    if found.is_empty() {
        // Two odd documents may make one table; what differs must never look the same.
        compare(&mut Vec::new(), &before, &after, &mut found);
    }
    found
}

/// Returns what a CreateService request asks for that a service of DescribeServices has not;
/// empty exactly when [`super::same_service`] says that it has everything.
///
/// `taskDefinition` is left out: the task definition's own changes say which revision runs.
pub fn service_changes(wanted: &Document, observed: &Document) -> Difference {
    let mut found = Difference::default();
    let mut unchanged = 0;
    for (key, value) in wanted.iter().filter(|(key, _)| !NOT_SHOWN.contains(&key.as_str()) && *key != "taskDefinition")
    {
        if service::is_met(key, value, observed) {
            unchanged += 1;
        } else {
            let seen = service::shown(observed, key).cloned().unwrap_or(Value::Null);
            let path = vec![key.clone()];
            asked(path, value, &seen, &mut found.changes);
        }
    }
    if service::leaves_balancers(wanted, observed) {
        let before = observed.get("loadBalancers").cloned();
        found.changes.push(Change { path: vec!["loadBalancers".to_owned()], before, after: None });
    }
    if unchanged > 0 && !found.changes.is_empty() {
        found.unchanged.push(Unchanged { path: Vec::new(), count: unchanged });
    }
    found
}

/// Goes down to the members that differ; what was not asked for is not looked at.
fn asked(path: Vec<String>, wanted: &Value, seen: &Value, changes: &mut Vec<Change>) {
    if let (Value::Object(wanted), Value::Object(seen)) = (wanted, seen) {
        for (name, value) in wanted {
            let there = seen.get(name).unwrap_or(&Value::Null);
            if !service::is_within(name, value, there) {
                let mut path = path.clone();
                path.push(name.clone());
                asked(path, value, there, changes);
            }
        }
        return;
    }
    let before = (!seen.is_null()).then(|| seen.clone());
    changes.push(Change { path, before, after: Some(wanted.clone()) });
}

/// Compares two tables; changes come in the order of `after`, removed members come last.
fn compare(path: &mut Vec<String>, before: &Map<String, Value>, after: &Map<String, Value>, found: &mut Difference) {
    let mut same = 0;
    let at = found.changes.len();
    let names = after.keys().chain(before.keys().filter(|name| !after.contains_key(*name)));
    for name in names {
        let (old, new) = (before.get(name), after.get(name));
        if old == new {
            same += 1;
            continue;
        }
        path.push(name.clone());
        match (old, new) {
            (Some(Value::Object(old)), Some(Value::Object(new))) => compare(path, old, new, found),
            (old, new) => {
                found.changes.push(Change { path: path.clone(), before: old.cloned(), after: new.cloned() });
            }
        }
        path.pop();
    }
    if same > 0 && found.changes.len() > at {
        found.unchanged.push(Unchanged { path: path.clone(), count: same });
    }
}

/// Lists of a container that are tables to people: member, and what names an item.
const TABLES: [(&str, &[&str]); 10] = [
    ("environment", &["name"]),
    ("secrets", &["name"]),
    ("portMappings", &["containerPort", "protocol"]),
    ("mountPoints", &["containerPath"]),
    ("volumesFrom", &["sourceContainer"]),
    ("dependsOn", &["containerName"]),
    ("ulimits", &["name"]),
    ("systemControls", &["namespace"]),
    ("environmentFiles", &["value"]),
    ("extraHosts", &["hostname"]),
];

/// Returns a normalised task definition with tables in place of lists.
fn tabled(mut document: Document) -> Map<String, Value> {
    let mut out = Map::new();
    if let Some(containers) = document.shift_remove("containerDefinitions") {
        let mut containers = table(containers, &["name"]);
        for container in containers.as_object_mut().into_iter().flat_map(Map::values_mut) {
            let Some(members) = container.as_object_mut() else { continue };
            for (list, keys) in TABLES {
                if let Some(items) = members.get_mut(list) {
                    let named = table(items.take(), keys);
                    *items = if PAIRS.contains(&list) { pairs(named) } else { named };
                }
            }
        }
        out.insert("containers".to_owned(), containers);
    }
    if let Some(volumes) = document.shift_remove("volumes") {
        out.insert("volumes".to_owned(), table(volumes, &["name"]));
    }
    out.extend(document);
    out
}

/// Tables whose items are a name and one value.
const PAIRS: [&str; 3] = ["environment", "secrets", "dependsOn"];

/// Returns a table of names and values, where every item has no more than that.
fn pairs(mut table: Value) -> Value {
    for item in table.as_object_mut().into_iter().flat_map(Map::values_mut) {
        let only = item.as_object().filter(|members| members.len() == 1).and_then(|members| members.values().next());
        if let Some(only) = only.cloned() {
            *item = only;
        }
    }
    table
}

/// Turns a list into a table by what names its items, which is not repeated in them; a list that
/// has other items, or two of one name, stays a list.
fn table(list: Value, keys: &[&str]) -> Value {
    let Value::Array(items) = list else { return list };
    let mut out = Map::new();
    for item in &items {
        let Some(members) = item.as_object() else { return Value::Array(items) };
        let words: Vec<String> = keys.iter().filter_map(|key| members.get(*key).map(plain)).collect();
        if words.is_empty() || !members.contains_key(keys[0]) {
            return Value::Array(items);
        }
        let mut rest = members.clone();
        keys.iter().for_each(|key| drop(rest.shift_remove(*key)));
        if out.insert(words.join("/"), Value::Object(rest)).is_some() {
            return Value::Array(items);
        }
    }
    Value::Object(out)
}

/// Returns a value as people write it: text without quotes.
pub fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object(value: Value) -> Document {
        value.as_object().expect("an object").clone()
    }

    fn told(found: &Difference) -> Vec<String> {
        let show = |value: &Option<Value>| value.as_ref().map_or("-".to_owned(), plain);
        let changes =
            found.changes.iter().map(|c| format!("{}: {} -> {}", c.path.join("."), show(&c.before), show(&c.after)));
        changes.chain(found.unchanged.iter().map(|u| format!("{}: {} same", u.path.join("."), u.count))).collect()
    }

    fn definition(environment: Value, image: &str) -> Document {
        object(json!({"family": "f", "cpu": "256", "containerDefinitions": [
            {"name": "web", "image": image, "environment": environment, "portMappings": [{"containerPort": 80}]},
            {"name": "agent", "image": "a"}]}))
    }

    #[test]
    fn a_variable_is_one_change_wherever_it_stands() {
        let before = definition(json!([{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]), "i:1");
        let after = definition(json!([{"name": "C", "value": "3"}, {"name": "B", "value": "2"}]), "i:2");
        assert_eq!(
            told(&task_definition_changes(&before, &after)),
            [
                "containers.web.image: i:1 -> i:2",
                "containers.web.environment.C: - -> 3",
                "containers.web.environment.A: 1 -> -",
                "containers.web.environment: 1 same",
                "containers.web: 1 same",
                "containers: 1 same",
                ": 2 same",
            ]
        );
        assert!(task_definition_changes(&before, &before).is_empty());
    }

    #[test]
    fn a_container_that_comes_or_goes_is_one_change() {
        let mut after = definition(json!([]), "i");
        let before = after.clone();
        after.insert(
            "containerDefinitions".into(),
            json!([{"name": "web", "image": "i", "portMappings": [{"containerPort": 80}]}]),
        );
        assert_eq!(told(&task_definition_changes(&before, &after))[0], r#"containers.agent: {"image":"a"} -> -"#);
    }

    #[test]
    fn a_service_is_asked_only_for_what_is_wanted() {
        let wanted = object(json!({"serviceName": "s", "taskDefinition": "f:2", "desiredCount": 2,
            "deploymentConfiguration": {"maximumPercent": 150}}));
        let seen = object(json!({"serviceName": "s", "taskDefinition": "f:1", "desiredCount": 1, "status": "ACTIVE",
            "deploymentConfiguration": {"maximumPercent": 200, "minimumHealthyPercent": 100}}));
        assert_eq!(
            told(&service_changes(&wanted, &seen)),
            ["desiredCount: 1 -> 2", "deploymentConfiguration.maximumPercent: 200 -> 150", ": 1 same"]
        );
    }
}
