//! What does a one-off task run from? A service's task definition without what the task has no use for.

use std::collections::BTreeSet;

use aws_model::Document;
use aws_model::register::COMPUTED;
use serde_json::{Value, json};

/// Returns RegisterTaskDefinition of `family` with nothing but one container of a task definition:
/// it waits for no other container. None if there is no such container.
pub fn alone(document: &Document, container: &str, family: &str) -> Option<Document> {
    let mut kept = only(document, container, family)?;
    let found = find(document, container)?.clone();
    kept.insert("containerDefinitions".to_owned(), json!([own(found, &["dependsOn"])]));
    Some(kept)
}

/// Returns RegisterTaskDefinition of `family` with one container of a task definition and what it
/// cannot do without: the containers that it waits for (and those that they wait for, share volumes
/// or links with, or send their logs through) and the volumes that any of them mounts. None if there
/// is no such container.
///
/// The others end with the container, never it with them: they are not essential.
pub fn with_needs(document: &Document, container: &str, family: &str) -> Option<Document> {
    let mut kept = only(document, container, family)?;
    let needed = needs(document, container);
    let containers: Vec<Value> = objects(document, "containerDefinitions")
        .filter(|found| needed.contains(text(found, "name")))
        .map(|found| match text(found, "name") == container {
            true => own(found.clone(), &[]),
            false => beside(found.clone()),
        })
        .collect();
    let mounted: BTreeSet<&str> = containers
        .iter()
        .filter_map(Value::as_object)
        .flat_map(|found| objects(found, "mountPoints"))
        .map(|mount| text(mount, "sourceVolume"))
        .collect();
    if let Some(volumes) = kept.get("volumes").and_then(Value::as_array) {
        let is_mounted =
            |volume: &&Value| volume.get("name").and_then(Value::as_str).is_some_and(|n| mounted.contains(n));
        let volumes: Vec<Value> = volumes.iter().filter(is_mounted).cloned().collect();
        kept.insert("volumes".to_owned(), json!(volumes));
    }
    kept.insert("containerDefinitions".to_owned(), json!(containers));
    Some(kept)
}

/// Returns the definition with another family and without what ECS fills in.
fn only(document: &Document, container: &str, family: &str) -> Option<Document> {
    find(document, container)?;
    let mut document = document.clone();
    for member in COMPUTED {
        document.shift_remove(member);
    }
    // An App Mesh proxy is a container of the service that is left out.
    document.shift_remove("proxyConfiguration");
    document.insert("family".to_owned(), family.into());
    Some(document)
}

/// The container that the task is about: it serves no requests, and its end is the point.
fn own(mut container: Document, more: &[&str]) -> Value {
    for member in ["healthCheck", "portMappings", "restartPolicy"].iter().chain(more) {
        container.shift_remove(*member);
    }
    container.insert("essential".to_owned(), json!(true));
    Value::Object(container)
}

/// A container that the other one needs.
fn beside(mut container: Document) -> Value {
    // Ports are for the service's callers; within the task everything is reachable without.
    container.shift_remove("portMappings");
    container.insert("essential".to_owned(), json!(false));
    Value::Object(container)
}

/// Returns the names of a container and of all that it cannot do without.
fn needs(document: &Document, container: &str) -> BTreeSet<String> {
    let mut needed = BTreeSet::new();
    let mut open = vec![container.to_owned()];
    while let Some(name) = open.pop() {
        let Some(found) = find(document, &name).filter(|_| !needed.contains(&name)) else { continue };
        open.extend(objects(found, "dependsOn").map(|other| text(other, "containerName").to_owned()));
        open.extend(objects(found, "volumesFrom").map(|other| text(other, "sourceContainer").to_owned()));
        let links = found.get("links").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
        open.extend(links.filter_map(|link| link.split(':').next()).map(str::to_owned));
        let driver = found.get("logConfiguration").and_then(|log| log.get("logDriver")?.as_str());
        if driver == Some("awsfirelens") {
            let routers = objects(document, "containerDefinitions").filter(|c| c.contains_key("firelensConfiguration"));
            open.extend(routers.map(|router| text(router, "name").to_owned()));
        }
        needed.insert(name);
    }
    needed
}

fn find<'a>(document: &'a Document, container: &str) -> Option<&'a Document> {
    objects(document, "containerDefinitions").find(|found| text(found, "name") == container)
}

fn objects<'a>(document: &'a Document, list: &str) -> impl Iterator<Item = &'a Document> {
    document.get(list).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
}

fn text<'a>(document: &'a Document, name: &str) -> &'a str {
    document.get(name).and_then(Value::as_str).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(value: Value) -> Document {
        value.as_object().expect("an object").clone()
    }

    #[test]
    fn alone_nothing_but_the_container_is_left() {
        let document = object(json!({"family": "f", "cpu": "256", "containerDefinitions": [
            {"name": "web", "image": "i", "dependsOn": [{"containerName": "db"}], "essential": false,
             "environment": [{"name": "A", "value": "1"}]},
            {"name": "db", "image": "j"}]}));
        assert_eq!(
            alone(&document, "web", "f-release").map(Value::Object),
            Some(json!({"family": "f-release", "cpu": "256", "containerDefinitions": [
                {"name": "web", "image": "i", "essential": true, "environment": [{"name": "A", "value": "1"}]}]}))
        );
    }

    #[test]
    fn what_it_depends_on_comes_with_it_and_nothing_else() {
        let document = object(json!({
            "taskDefinitionArn": "arn:f:7", "revision": 7, "status": "ACTIVE", "family": "f",
            "volumes": [{"name": "socket"}, {"name": "static"}],
            "containerDefinitions": [
                {"name": "nginx", "portMappings": [{"containerPort": 80}],
                 "mountPoints": [{"sourceVolume": "static"}], "dependsOn": [{"containerName": "web"}]},
                {"name": "web", "portMappings": [{"containerPort": 8000}], "healthCheck": {},
                 "dependsOn": [{"containerName": "proxy", "condition": "HEALTHY"}]},
                {"name": "proxy", "portMappings": [{"containerPort": 5432}], "essential": true, "healthCheck": {},
                 "mountPoints": [{"sourceVolume": "socket"}], "dependsOn": [{"containerName": "init"}]},
                {"name": "init"}]}));
        assert_eq!(
            with_needs(&document, "web", "f-run").map(Value::Object),
            Some(json!({"family": "f-run", "volumes": [{"name": "socket"}], "containerDefinitions": [
                {"name": "web", "dependsOn": [{"containerName": "proxy", "condition": "HEALTHY"}], "essential": true},
                {"name": "proxy", "essential": false, "healthCheck": {},
                 "mountPoints": [{"sourceVolume": "socket"}], "dependsOn": [{"containerName": "init"}]},
                {"name": "init", "essential": false}]}))
        );
    }

    #[test]
    fn a_ring_of_dependencies_ends() {
        let document = object(json!({"containerDefinitions": [
            {"name": "a", "volumesFrom": [{"sourceContainer": "b"}]}, {"name": "b", "links": ["a:other"]}]}));
        let found = with_needs(&document, "a", "f").expect("there is a container");
        assert_eq!(found["containerDefinitions"].as_array().map(Vec::len), Some(2));
    }

    #[test]
    fn a_container_that_is_not_there_has_no_definition() {
        assert_eq!(with_needs(&object(json!({"containerDefinitions": []})), "a", "f"), None);
        assert_eq!(alone(&object(json!({"containerDefinitions": []})), "a", "f"), None);
    }
}
