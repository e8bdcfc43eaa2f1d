//! What is a container called whose name is not known, or that ECS would refuse?
//!
//! A manifest needs a name for it, and one that is made up is never a fact: the caller reports it, and a definition
//! with such a name is equal to nothing.

use aws_model::Document;
use serde_json::Value;

/// Gives containers names that ECS takes where they have none, and returns what each had and has.
pub(crate) fn name_containers(document: &mut Document) -> Vec<(String, String)> {
    let Some(Value::Array(containers)) = document.get_mut("containerDefinitions") else { return Vec::new() };
    let name_of = |one: &Value| one.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
    let mut taken: Vec<String> = containers.iter().map(name_of).filter(|name| is_name(name)).collect();
    let mut given: Vec<(String, String)> = Vec::new();
    for container in containers.iter_mut() {
        let before = name_of(container);
        let Some(members) = container.as_object_mut().filter(|_| !is_name(&before)) else { continue };
        let name = (1..).map(|n| format!("container-{n}")).find(|name| !taken.contains(name)).unwrap_or_default();
        members.insert("name".to_owned(), name.clone().into());
        taken.push(name.clone());
        given.push((before, name));
    }
    let renamed = |text: &str| given.iter().find(|(before, _)| before == text && !before.is_empty());
    for container in containers {
        for (list, member) in [("dependsOn", "containerName"), ("volumesFrom", "sourceContainer")] {
            let items = container.get_mut(list).and_then(Value::as_array_mut).into_iter().flatten();
            for place in items.filter_map(|item| item.get_mut(member)) {
                if let Some((_, name)) = place.as_str().and_then(renamed) {
                    *place = name.clone().into();
                }
            }
        }
    }
    given
}

/// Says what became of a container without a name.
pub(crate) fn why(before: &str, name: &str) -> String {
    let had = if before.is_empty() {
        "nobody tells its name".to_owned()
    } else {
        format!("ECS takes no such name as `{before}`")
    };
    format!("{had}: `{name}` stands for it; write the name that it has, a deploy would make another container of it")
}

/// API reference, ContainerDefinition: "Up to 255 letters (uppercase and lowercase), numbers, underscores, and hyphens".
fn is_name(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_-".contains(&b))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn containers_that_nobody_names_get_names_that_nobody_has() {
        let mut document = json!({ "containerDefinitions": [
            { "name": "${APP}", "dependsOn": [{ "containerName": "a.b", "condition": "START" }] },
            { "name": "container-1" },
            { "name": "a.b", "volumesFrom": [{ "sourceContainer": "${APP}" }] },
            {},
        ]});
        let given = name_containers(document.as_object_mut().unwrap());
        let given: Vec<(&str, &str)> = given.iter().map(|(before, name)| (before.as_str(), name.as_str())).collect();
        assert_eq!(given, [("${APP}", "container-2"), ("a.b", "container-3"), ("", "container-4")]);
        let all = document["containerDefinitions"].as_array().unwrap();
        assert_eq!(all[0]["dependsOn"][0]["containerName"], "container-3");
        assert_eq!(all[2]["volumesFrom"][0]["sourceContainer"], "container-2");
    }
}
