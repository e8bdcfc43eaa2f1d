//! UpdateService: only the members that a request names change.

use ecs_model::AwsError;
use serde_json::{Value, json};

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
const DEPLOYED: [&str; 4] = ["networkConfiguration", "platformVersion", "loadBalancers", "serviceRegistries"];

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
    check(world, cluster, revision, &service.document)?;
    service_rules::read(world, revision, &mut service)?;
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

/// Lays a request over a service's document. A deployment configuration is laid over member by member.
fn merge(document: &mut ecs_model::Document, input: Input) {
    if input.contains_key("capacityProviderStrategy") {
        document.shift_remove("launchType");
    }
    for (name, value) in input {
        match (name.as_str(), document.get_mut(&name), value) {
            ("deploymentConfiguration", Some(Value::Object(old)), Value::Object(new)) => old.extend(new),
            (_, Some(old), value) => *old = value,
            (_, None, value) => drop(document.insert(name, value)),
        }
    }
}
