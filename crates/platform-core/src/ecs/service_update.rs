//! UpdateService: only the members that a request names change.

use aws_model::AwsError;
use serde_json::{Value, json};

use super::connect;
use super::find;
use super::input::{flag, required, text};
use super::network;
use super::service_create::{check, warn_of_unknown};
use super::service_render::render_service;
use super::service_rules;
use super::task_new::new_deployment;
use super::unsupported::unknown_members;
use crate::service::record;
use crate::world::{Change, World};
use crate::{Cx, Input, Outcome};

/// Members whose change mints a deployment ("This parameter triggers a new service deployment", UpdateService
/// API reference), besides `taskDefinition`.
const DEPLOYED: [&str; 5] =
    ["networkConfiguration", "platformVersion", "loadBalancers", "serviceRegistries", "serviceConnectConfiguration"];

/// UpdateService.
pub(super) fn update(world: &World, cx: &mut Cx<'_>, mut input: Input) -> Result<Outcome, AwsError> {
    let cluster = find::cluster(world, cx, &input)?;
    let old = find::active_service(world, cluster, required(&input, "service")?)?;
    let mut service = (**old).clone();
    let running = old.deployments.first().map(|d| d.task_definition_arn.as_str());
    let revision = match text(&input, "taskDefinition") {
        Some(named) => find::startable(world, cx, named, AwsError::client)?,
        // What runs may go on though it was deregistered meanwhile.
        None => running
            .and_then(|arn| world.revisions.get(arn))
            .ok_or_else(|| AwsError::client("TaskDefinition not found."))?,
    };
    let desired = service_rules::count(&input, "desiredCount")?;
    let force = flag(&input, "forceNewDeployment");
    let mut unknown = unknown_members(revision, "UpdateService", &input);
    if running == Some(revision.arn.as_str()) {
        unknown.retain(|path| input.contains_key(path.split(['.', '[']).next().unwrap_or_default()));
    }
    for name in ["cluster", "service", "taskDefinition", "desiredCount", "forceNewDeployment"] {
        input.shift_remove(name);
    }
    network::fill(&mut input);
    merge(&mut service.document, input);
    let moves = capacity(&service.document) != capacity(&old.document);
    if moves && !force {
        // As ECS says it (reproio/ecs_deploy #74).
        return Err(AwsError::invalid_parameter(
            "When switching from launch type to capacity provider strategy on an existing service, or making a change \
             to a capacity provider strategy on a service that is already using one, you must force a new deployment.",
        ));
    }
    check(world, cx, cluster, revision, &service.document)?;
    service_rules::read(world, revision, &mut service)?;
    connect::check(world, cx, &service, revision)?;
    service.desired_count = desired.unwrap_or(old.desired_count);
    let changed = DEPLOYED.iter().any(|name| service.document.get(*name) != old.document.get(*name));
    let mut changes = Vec::new();
    if force || changed || running != Some(revision.arn.as_str()) {
        let deployment = new_deployment(cx, &service.arn, &revision.arn, &service.document);
        service.deployments.insert(0, deployment);
        service.failures_in_a_row = 0;
        service.last_failure_at = None;
        service.steady = false;
        changes.push(Change::ServiceDeployment(record(&service, &service.deployments[0])));
    }
    if service.desired_count != old.desired_count {
        service.steady = false;
    }
    warn_of_unknown(cx, &mut service, &unknown);
    let reply = json!({"service": render_service(world, &service)});
    if service != **old {
        changes.push(Change::Service(service));
    }
    Ok(Outcome { reply, changes })
}

/// Returns where a service's tasks run, so that the same said in other words is the same.
fn capacity(document: &aws_model::Document) -> Vec<(String, i64, i64)> {
    let item = |item: &Value| {
        let number = |name: &str| item.get(name).and_then(Value::as_i64).unwrap_or(0);
        let provider = item.get("capacityProvider").and_then(Value::as_str).unwrap_or_default();
        (provider.to_owned(), number("base"), number("weight"))
    };
    let strategy = document.get("capacityProviderStrategy").and_then(Value::as_array);
    let mut items: Vec<_> = strategy.into_iter().flatten().map(item).collect();
    items.sort();
    items
}

/// Lays a request over a service's document. A deployment configuration is laid over member by member.
fn merge(document: &mut aws_model::Document, mut input: Input) {
    match input.get("capacityProviderStrategy").map(|s| s.as_array().is_none_or(Vec::is_empty)) {
        Some(false) => drop(document.shift_remove("launchType")),
        // "Back to the launch type: pass an empty list" (UpdateService API reference).
        Some(true) => {
            input.shift_remove("capacityProviderStrategy");
            if document.shift_remove("capacityProviderStrategy").is_some() {
                document.insert("launchType".to_owned(), "FARGATE".into());
            }
        }
        None => {}
    }
    for (name, value) in input {
        match (name.as_str(), document.get_mut(&name), value) {
            ("deploymentConfiguration", Some(Value::Object(old)), Value::Object(new)) => old.extend(new),
            (_, Some(old), value) => *old = value,
            (_, None, value) => drop(document.insert(name, value)),
        }
    }
}
