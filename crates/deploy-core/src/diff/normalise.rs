//! One form for a task definition, no matter who wrote it.
//!
//! The defaults are those that DescribeTaskDefinition shows on a definition registered without
//! them ([`aws_model::register::as_registered`]; the Terraform provider's
//! `containerDefinitionsAreEquivalent` takes the same ones out).

use aws_model::register::COMPUTED;
use aws_model::{Document, units};
use serde_json::{Number, Value};

/// Returns a task definition without what ECS fills in, with lists sorted whose order means nothing.
pub fn normalise(document: &Document) -> Document {
    let mut document = document.clone();
    for key in COMPUTED {
        document.remove(key);
    }
    // Tags travel beside the definition, not in it.
    document.remove("tags");
    units_of(&mut document, "cpu", units::cpu_units);
    units_of(&mut document, "memory", units::memory_mib);
    default(&mut document, "enableFaultInjection", false);
    // Where containers share the host's or the task's address, a port is the same on both sides.
    let is_shared = document.get("networkMode").is_some_and(|mode| mode == "awsvpc" || mode == "host");
    each(&mut document, "containerDefinitions", |container| self::container(container, is_shared));
    sort(&mut document, "requiresCompatibilities", None);
    // Nothing refers to volumes by position.
    sort(&mut document, "volumes", Some("name"));
    each(&mut document, "volumes", |volume| {
        if let Some(Value::Object(efs)) = volume.get_mut("efsVolumeConfiguration") {
            default(efs, "rootDirectory", "/");
        }
    });
    let mut value = Value::Object(document);
    prune(&mut value);
    let Value::Object(mut document) = value else { return Document::new() };
    // Nothing refers to containers by position either; a name is unique in a task.
    sort(&mut document, "containerDefinitions", Some("name"));
    document
}

fn container(container: &mut Document, is_shared: bool) {
    default(container, "cpu", 0);
    default(container, "essential", true);
    for key in ["interactive", "pseudoTerminal", "privileged", "readonlyRootFilesystem", "disableNetworking"] {
        default(container, key, false);
    }
    each(container, "portMappings", |port| {
        default(port, "protocol", "tcp");
        if is_shared && port.get("hostPort") == port.get("containerPort") {
            port.remove("hostPort");
        }
        default(port, "hostPort", 0);
    });
    each(container, "mountPoints", |mount| default(mount, "readOnly", false));
    each(container, "volumesFrom", |from| default(from, "readOnly", false));
    if let Some(Value::Object(check)) = container.get_mut("healthCheck") {
        for (key, value) in [("interval", 30), ("timeout", 5), ("retries", 3), ("startPeriod", 0)] {
            default(check, key, value);
        }
    }
    if let Some(Value::Object(linux)) = container.get_mut("linuxParameters") {
        default(linux, "initProcessEnabled", false);
        if let Some(Value::Object(lists)) = linux.get_mut("capabilities") {
            sort(lists, "add", None);
            sort(lists, "drop", None);
        }
        sort(linux, "tmpfs", Some("containerPath"));
    }
    if let Some(Value::Object(restart)) = container.get_mut("restartPolicy") {
        default(restart, "restartAttemptPeriod", 300);
        sort(restart, "ignoredExitCodes", None);
    }
    if let Some(Value::Object(log)) = container.get_mut("logConfiguration") {
        sort(log, "secretOptions", Some("name"));
    }
    if let Some(Value::Array(variables)) = container.get_mut("environment") {
        last_of_each(variables);
    }
    for (list, key) in [
        ("environment", "name"),
        ("secrets", "name"),
        ("portMappings", "containerPort"),
        ("mountPoints", "containerPath"),
        ("volumesFrom", "sourceContainer"),
        ("dependsOn", "containerName"),
        ("ulimits", "name"),
        ("systemControls", "namespace"),
    ] {
        sort(container, list, Some(key));
    }
}

/// Leaves the last of several variables of one name: it is the one that the container gets (seen in metaps/genova,
/// issue 295, "the value added later becomes valid"; ECS's agent keeps a container's environment as a map).
fn last_of_each(variables: &mut Vec<Value>) {
    let name = |variable: &Value| variable.get("name").cloned();
    let names: Vec<Option<Value>> = variables.iter().map(name).collect();
    let mut at = 0;
    variables.retain(|_| {
        let is_last = names[at].is_none() || !names[at + 1..].contains(&names[at]);
        at += 1;
        is_last
    });
}

/// Takes a member out that says what ECS would say anyway.
fn default(document: &mut Document, key: &str, value: impl Into<Value>) {
    if document.get(key) == Some(&value.into()) {
        document.remove(key);
    }
}

fn each(document: &mut Document, key: &str, change: impl Fn(&mut Document)) {
    if let Some(Value::Array(items)) = document.get_mut(key) {
        items.iter_mut().filter_map(Value::as_object_mut).for_each(change);
    }
}

/// Sorts a list by a member of its items, then by the whole item, so that equal sets are equal lists.
fn sort(document: &mut Document, key: &str, by: Option<&str>) {
    let Some(Value::Array(items)) = document.get_mut(key) else { return };
    let Some(by) = by else { return items.sort_by_cached_key(canonical) };
    // A variable is written once, mostly: the whole item is looked at where its name is not enough.
    let named = |item: Value| {
        (item.get(by).map(|member| member.as_str().map_or_else(|| canonical(member), str::to_owned)), item)
    };
    let mut all: Vec<(Option<String>, Value)> = std::mem::take(items).into_iter().map(named).collect();
    all.sort_by(|(one, item), (other, second)| one.cmp(other).then_with(|| canonical(item).cmp(&canonical(second))));
    items.extend(all.into_iter().map(|(_, item)| item));
}

/// Returns text that is equal for equal values, whatever the order of members.
fn canonical(value: &Value) -> String {
    let mut value = value.clone();
    value.sort_all_objects();
    value.to_string()
}

fn units_of(document: &mut Document, key: &str, read: fn(&str) -> Option<i64>) {
    let text = match document.get(key) {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Number(number)) => number.to_string(),
        _ => return,
    };
    if let Some(units) = read(&text) {
        document.insert(key.to_owned(), units.to_string().into());
    }
}

/// Removes nulls, empty lists and empty objects of members; `1.0` becomes `1`.
///
/// Items of lists stay, empty or not: their number may matter.
fn prune(value: &mut Value) {
    match value {
        Value::Object(members) => {
            members.values_mut().for_each(prune);
            members.retain(|_, member| !is_nothing(member));
        }
        Value::Array(items) => items.iter_mut().for_each(prune),
        Value::Number(number) if number.is_f64() => {
            let whole = number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 9e15);
            if let Some(whole) = whole {
                *number = Number::from(whole as i64);
            }
        }
        _ => {}
    }
}

fn is_nothing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}
