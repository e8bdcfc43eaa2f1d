//! What RunTask is asked for, so that the task is where the service's own tasks are. Pure.

use aws::items;
use aws_model::Document;
use serde_json::{Map, Value, json};

use super::{OneOff, STARTED_BY};
use crate::observe::text;

/// Returns the revision that a service's primary deployment runs: during a deployment, the new one.
pub(super) fn live(service: &Document) -> &str {
    let revision = primary(service).map(|deployment| text(deployment, "taskDefinition")).unwrap_or_default();
    if revision.is_empty() { text(service, "taskDefinition") } else { revision }
}

fn primary(service: &Document) -> Option<&Document> {
    let mut deployments = items(service, "deployments").iter().filter_map(Value::as_object);
    deployments.find(|deployment| text(deployment, "status") == "PRIMARY")
}

/// Returns RunTask of a revision; `command` is what of the command is not in it already.
pub(super) fn request(service: &Document, revision: &str, wanted: &OneOff, command: &[String]) -> Document {
    let mut input = Map::new();
    input.insert("cluster".to_owned(), json!(wanted.cluster));
    input.insert("taskDefinition".to_owned(), json!(revision));
    input.insert("count".to_owned(), json!(1));
    input.insert("startedBy".to_owned(), json!(STARTED_BY));
    // ECS answers members that were never set as null or as empty lists.
    let is_set = |value: &&Value| !value.is_null() && value.as_array().is_none_or(|list| !list.is_empty());
    let of = |name: &str| {
        let deployed = primary(service).and_then(|deployment| deployment.get(name)).filter(is_set);
        deployed.or_else(|| service.get(name).filter(is_set)).cloned()
    };
    // RunTask refuses a launch type beside a strategy.
    let launch = match of("capacityProviderStrategy") {
        Some(strategy) => Some(("capacityProviderStrategy", strategy)),
        None => of("launchType").map(|kind| ("launchType", kind)),
    };
    input.extend(launch.map(|(name, value)| (name.to_owned(), value)));
    for name in ["platformVersion", "networkConfiguration", "enableExecuteCommand"] {
        input.extend(of(name).map(|value| (name.to_owned(), value)));
    }
    input.insert("overrides".to_owned(), overrides(wanted, command));
    input
}

fn overrides(wanted: &OneOff, command: &[String]) -> Value {
    let environment: Vec<Value> =
        wanted.environment.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
    let mut container = json!({ "name": wanted.container });
    // An empty list would leave the command to the definition.
    if !command.is_empty() {
        container["command"] = json!(command);
    }
    if !environment.is_empty() {
        container["environment"] = json!(environment);
    }
    let mut overrides = json!({ "containerOverrides": [container] });
    for (name, size) in [("cpu", wanted.cpu), ("memory", wanted.memory)] {
        if let Some(size) = size {
            overrides[name] = json!(size.to_string());
        }
    }
    overrides
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::object;

    #[test]
    fn the_task_runs_where_the_services_tasks_run() {
        let service = object(json!({
            "taskDefinition": "old:1", "launchType": "FARGATE", "enableExecuteCommand": true, "platformVersion": null,
            "capacityProviderStrategy": [],
            "deployments": [{"status": "ACTIVE", "taskDefinition": "old:1"},
                {"status": "PRIMARY", "taskDefinition": "new:2", "networkConfiguration": {"awsvpcConfiguration": {}}}]}));
        assert_eq!(live(&service), "new:2");
        let wanted = OneOff {
            cluster: "c".into(),
            container: "web".into(),
            command: vec!["a".into(), "b c".into()],
            environment: vec![("A".into(), "1=2".into())],
            memory: Some(2048),
            ..OneOff::default()
        };
        assert_eq!(
            Value::Object(request(&service, "new-run:1", &wanted, &wanted.command)),
            json!({"cluster": "c", "taskDefinition": "new-run:1", "count": 1, "startedBy": "managr-run",
                "launchType": "FARGATE", "networkConfiguration": {"awsvpcConfiguration": {}}, "enableExecuteCommand": true,
                "overrides": {"memory": "2048", "containerOverrides": [{"name": "web", "command": ["a", "b c"],
                    "environment": [{"name": "A", "value": "1=2"}]}]}})
        );
    }

    #[test]
    fn a_strategy_takes_the_place_of_the_launch_type() {
        let strategy = json!([{"capacityProvider": "FARGATE_SPOT", "weight": 1}]);
        let service = object(json!({"launchType": "FARGATE", "capacityProviderStrategy": strategy}));
        let found = request(&service, "f:1", &OneOff::default(), &[]);
        assert_eq!((found.get("launchType"), found.get("capacityProviderStrategy")), (None, Some(&strategy)));
    }
}
