//! Clusters.

use aws_model::shape;
use aws_model::{AwsError, Document, arn};
use serde_json::{Value, json};

use super::find::{cluster as active, cluster_arn, no_cluster};
use super::input::{failure, includes, items, text, texts};
use super::page::Page;
use super::tags;
use crate::world::{Change, Cluster, ServiceStatus, World};
use crate::{Cx, Input, Outcome};

/// CreateCluster. An active cluster of this name is answered as it is, as ECS does.
pub(super) fn create(world: &World, cx: &mut Cx<'_>, mut input: Input) -> Result<Outcome, AwsError> {
    let name = text(&input, "clusterName").unwrap_or("default").to_owned();
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if name.len() > 255 || !name.bytes().all(fits) {
        return Err(AwsError::invalid_parameter(
            "Invalid cluster name: up to 255 letters, numbers, hyphens and underscores are allowed.",
        ));
    }
    let arn = cx.arn("ecs", &format!("cluster/{name}"));
    if let Some(cluster) = world.clusters.get(&arn).filter(|c| c.active) {
        return Ok(Outcome { reply: json!({"cluster": full(world, cluster)}), changes: Vec::new() });
    }
    check(&input)?;
    let tags = tags::read(&input)?;
    input.shift_remove("clusterName");
    input.insert("tags".into(), Value::Array(tags));
    put(world, Cluster { arn, name, active: true, document: input, created_at: cx.now })
}

/// DescribeClusters.
pub(super) fn describe(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let named: Vec<_> = texts(input, "clusters").collect();
    if named.len() > 100 {
        return Err(AwsError::invalid_parameter("Clusters cannot have more than 100 elements."));
    }
    let (mut clusters, mut failures) = (Vec::new(), Vec::new());
    for name in if named.is_empty() { vec!["default"] } else { named } {
        let arn = cluster_arn(cx, Some(name))?;
        match world.clusters.get(&arn) {
            Some(cluster) => clusters.push(render(world, cluster, &|what| includes(input, what))),
            None => failures.push(failure(arn, "MISSING")),
        }
    }
    Ok(json!({"clusters": clusters, "failures": failures}))
}

/// ListClusters.
pub(super) fn list(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let page = Page::read(input, 100)?;
    let prefix = cx.arn("ecs", "cluster/");
    let after = page.after.unwrap_or_default();
    let active = world.clusters.range(prefix.clone()..).take_while(|(arn, _)| arn.starts_with(&prefix));
    let arns = active.filter(|(arn, cluster)| cluster.active && arn.as_str() > after).map(|(arn, _)| arn);
    Ok(page.answer("clusterArns", arns))
}

/// DeleteCluster. The cluster stays describable, as INACTIVE.
pub(super) fn delete(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let cluster = active(world, cx, &input)?;
    if world.cluster_services(&cluster.arn).any(|s| s.status != ServiceStatus::Inactive) {
        return Err(AwsError::new(
            "ClusterContainsServicesException",
            "The Cluster cannot be deleted while Services are active.",
        ));
    }
    if world.cluster_tasks(&cluster.arn).any(|task| !task.is_stopped()) {
        return Err(AwsError::new(
            "ClusterContainsTasksException",
            "The Cluster cannot be deleted while Tasks are active.",
        ));
    }
    let mut cluster = (**cluster).clone();
    cluster.active = false;
    put(world, cluster)
}

/// UpdateCluster and PutClusterCapacityProviders: the members named become these.
pub(super) fn update(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let mut cluster = (**active(world, cx, &input)?).clone();
    check(&input)?;
    for (name, value) in input {
        match name.as_str() {
            "cluster" => {}
            "settings" => settings(&mut cluster.document, value),
            _ => drop(cluster.document.insert(name, value)),
        }
    }
    put(world, cluster)
}

/// UpdateClusterSettings.
pub(super) fn update_settings(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    if items(&input, "settings").next().is_none() {
        return Err(AwsError::invalid_parameter("settings cannot be empty."));
    }
    update(world, cx, input)
}

fn put(world: &World, cluster: Cluster) -> Result<Outcome, AwsError> {
    let reply = json!({"cluster": full(world, &cluster)});
    Ok(Outcome { reply, changes: vec![Change::Cluster(cluster)] })
}

fn check(input: &Document) -> Result<(), AwsError> {
    let strategy =
        items(input, "defaultCapacityProviderStrategy").filter_map(|item| item.get("capacityProvider")?.as_str());
    if let Some(name) = texts(input, "capacityProviders").chain(strategy).find(|n| !super::capacity::exists(n)) {
        return Err(AwsError::invalid_parameter(format!(
            "The specified capacity provider '{name}' was not found. Specify a valid name or ARN and try again."
        )));
    }
    for setting in items(input, "settings") {
        let (name, value) = (setting.get("name").and_then(Value::as_str), setting.get("value").and_then(Value::as_str));
        if name != Some("containerInsights") {
            return Err(AwsError::invalid_parameter(format!(
                "Invalid cluster setting '{}'.",
                name.unwrap_or_default()
            )));
        }
        if !matches!(value, Some("enabled" | "disabled" | "enhanced")) {
            return Err(AwsError::invalid_parameter(format!(
                "Invalid value '{}' for the cluster setting containerInsights: enabled, disabled and enhanced are allowed.",
                value.unwrap_or_default()
            )));
        }
    }
    Ok(())
}

/// Lays settings over the old ones, by name.
fn settings(document: &mut Document, new: Value) {
    let new = new.as_array().cloned().unwrap_or_default();
    let named = |setting: &Value| new.iter().any(|n| n.get("name") == setting.get("name"));
    let mut all: Vec<Value> = items(document, "settings").filter(|s| !named(s)).cloned().collect();
    all.extend(new.iter().cloned());
    document.insert("settings".into(), Value::Array(all));
}

/// What a call that changes a cluster answers.
fn full(world: &World, cluster: &Cluster) -> Value {
    render(world, cluster, &|what| what != "STATISTICS" && what != "ATTACHMENTS")
}

fn render(world: &World, cluster: &Cluster, included: &dyn Fn(&str) -> bool) -> Value {
    let counts = world.task_index.counts(&cluster.arn);
    let services = |status| world.cluster_services(&cluster.arn).filter(|s| s.status == status).count();
    let active = services(ServiceStatus::Active);
    let kept = |name: &str| cluster.document.get(name).cloned().unwrap_or_else(|| json!([]));
    let when = |what: &str, value: Value| if included(what) { value } else { json!([]) };
    let settings = match kept("settings") {
        Value::Array(list) if list.is_empty() => json!([{"name": "containerInsights", "value": "disabled"}]),
        list => list,
    };
    let statistics = || {
        let numbers = [
            ("runningFargateTasksCount", counts.running as usize),
            ("pendingFargateTasksCount", counts.pending as usize),
            ("activeFargateServiceCount", active),
            ("drainingFargateServiceCount", services(ServiceStatus::Draining)),
        ];
        let none = ["runningEC2TasksCount", "pendingEC2TasksCount", "activeEC2ServiceCount", "drainingEC2ServiceCount"];
        let some = numbers.into_iter().chain(none.into_iter().map(|name| (name, 0)));
        Value::Array(some.map(|(name, n)| json!({"name": name, "value": n.to_string()})).collect())
    };
    let mut out = json!({
        "clusterArn": cluster.arn,
        "clusterName": arn::cluster_name(&cluster.arn),
        "status": if cluster.active { "ACTIVE" } else { "INACTIVE" },
        "registeredContainerInstancesCount": 0,
        "runningTasksCount": counts.running,
        "pendingTasksCount": counts.pending,
        "activeServicesCount": active,
        "statistics": if included("STATISTICS") { statistics() } else { json!([]) },
        "tags": when("TAGS", kept("tags")),
        "settings": when("SETTINGS", settings),
        "capacityProviders": kept("capacityProviders"),
        "defaultCapacityProviderStrategy": kept("defaultCapacityProviderStrategy"),
    });
    let answer = out.as_object_mut().expect("built as an object");
    for (name, value) in &cluster.document {
        let hidden = name == "configuration" && !included("CONFIGURATIONS");
        let unknown =
            !shape::has_member("CreateClusterRequest", name) && !shape::has_member("UpdateClusterRequest", name);
        if !hidden && !answer.contains_key(name) && (unknown || shape::has_member("Cluster", name)) {
            answer.insert(name.clone(), value.clone());
        }
    }
    if included("ATTACHMENTS") {
        answer.insert("attachments".into(), json!([]));
    }
    out
}

/// Refuses an input whose cluster is not there; for answers that are empty otherwise.
pub(super) fn must_exist(world: &World, cx: &Cx<'_>, input: &Document) -> Result<(), AwsError> {
    active(world, cx, input).map(|_| ()).map_err(|_| no_cluster())
}
