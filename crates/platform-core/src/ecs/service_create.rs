//! CreateService.

use aws_model::{AwsError, Document};
use serde_json::{Value, json};

use super::find;
use super::input::{required, text};
use super::service_render::render_service;
use super::service_rules;
use super::task::check_fargate;
use super::task_new::new_deployment;
use super::unsupported::{unknown_members, unsupported};
use super::{connect, network, placement, registries, tags};
use crate::service::{record, tell};
use crate::world::{Change, Cluster, Revision, Service, ServiceStatus, World};
use crate::{Cx, Input, Outcome};

/// CreateService.
pub(super) fn create(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let cluster = find::cluster(world, cx, &input)?;
    let name = service_name(&input)?.to_owned();
    let revision = find::startable(world, cx, required(&input, "taskDefinition")?, AwsError::client)?;
    let Some(desired) = service_rules::count(&input, "desiredCount")? else {
        return Err(AwsError::invalid_parameter("desiredCount is required when schedulingStrategy is REPLICA."));
    };
    check(world, cx, cluster, revision, &input)?;
    let unknown = unknown_members(revision, "CreateService", &input);
    let tags = tags::read(&input)?;
    let document = as_created(input, placement::default_strategy(world, &cluster.arn));
    let arn = find::arn_in(cluster, "service", &name).expect("the name was checked");
    let mut service = Service {
        arn: arn.clone(),
        name,
        cluster_arn: cluster.arn.clone(),
        status: ServiceStatus::Active,
        document,
        desired_count: desired,
        minimum_healthy_percent: 100,
        maximum_percent: 200,
        health_check_grace_period: None,
        circuit_breaker: false,
        circuit_breaker_rollback: false,
        breaker_rule: Default::default(),
        alarms: Default::default(),
        load_balancers: Vec::new(),
        deployments: Vec::new(),
        events: Vec::new(),
        created_at: cx.now,
        created_by: super::root(cx),
        steady: false,
        failures_in_a_row: 0,
        last_failure_at: None,
        inactive_since: None,
        tags,
    };
    service_rules::read(world, revision, &mut service)?;
    connect::check(world, cx, &service, revision)?;
    if let Some(old) = world.services.get(&arn) {
        match old.status {
            ServiceStatus::Active => return repeated(world, old, &service, &revision.arn),
            ServiceStatus::Draining => {
                return Err(AwsError::invalid_parameter("Unable to Start a service that is still Draining."));
            }
            ServiceStatus::Inactive => {}
        }
    }
    service.deployments.push(new_deployment(cx, &arn, &revision.arn, &service.document));
    warn_of_unknown(cx, &mut service, &unknown);
    let reply = json!({"service": render_service(world, &service)});
    // What an earlier service of this name did is not this one's history.
    let old = world.deployments_of(&arn).into_iter().map(|row| Change::ForgetServiceDeployment(row.arn.clone()));
    let mut changes: Vec<Change> = old.collect();
    changes.push(Change::ServiceDeployment(record(&service, &service.deployments[0])));
    changes.push(Change::Service(service));
    Ok(Outcome { reply, changes })
}

fn service_name(input: &Document) -> Result<&str, AwsError> {
    let name =
        text(input, "serviceName").ok_or_else(|| AwsError::invalid_parameter("Service name cannot be empty."))?;
    let fits = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    if name.len() > 255 || !name.bytes().all(fits) {
        return Err(AwsError::invalid_parameter(
            "Invalid service name: up to 255 letters, numbers, hyphens and underscores are allowed.",
        ));
    }
    Ok(name)
}

/// What a service must be to run here; for updates too.
pub(super) fn check(
    world: &World,
    cx: &Cx<'_>,
    cluster: &Cluster,
    revision: &Revision,
    request: &Document,
) -> Result<(), AwsError> {
    let placement = placement::of(world, &cluster.arn, request);
    placement::check(cx, &placement, request)?;
    check_fargate(revision, placement.launch_type.as_deref())?;
    registries::check(world, cx, revision, request)?;
    match unsupported(&revision.document, request, cx.architecture) {
        Some(refused) => Err(refused),
        None => network::check(&revision.spec, request),
    }
}

/// Names unknown members, once.
pub(super) fn warn_of_unknown(cx: &mut Cx<'_>, service: &mut Service, unknown: &[String]) {
    if !unknown.is_empty() {
        let message = format!(
            "(service {}) warning: these fields are kept but have no effect on this platform: {}.",
            service.name,
            unknown.join(", ")
        );
        if !service.events.iter().any(|event| event.message == message) {
            tell(service, cx, message);
        }
    }
}

/// The same request again is answered with what it made; another one by that name is refused.
fn repeated(world: &World, old: &Service, new: &Service, revision: &str) -> Result<Outcome, AwsError> {
    let same_revision = old.deployments.first().is_some_and(|d| d.task_definition_arn == revision);
    if !same_revision || old.desired_count != new.desired_count || old.document != new.document || old.tags != new.tags
    {
        return Err(AwsError::invalid_parameter("Creation of service was not idempotent."));
    }
    Ok(Outcome { reply: json!({"service": render_service(world, old)}), changes: Vec::new() })
}

/// Returns the document that a service keeps: the request with the defaults that ECS answers.
fn as_created(mut request: Document, default_strategy: Option<&Value>) -> Document {
    for name in ["cluster", "serviceName", "taskDefinition", "desiredCount", "clientToken", "tags"] {
        request.shift_remove(name);
    }
    // An empty strategy is none: Terraform's AWS provider sends it beside a launch type.
    if request.get("capacityProviderStrategy").and_then(Value::as_array).is_some_and(Vec::is_empty) {
        request.shift_remove("capacityProviderStrategy");
    }
    if text(&request, "launchType").is_none() && !request.contains_key("capacityProviderStrategy") {
        match default_strategy {
            // "If no capacityProviderStrategy or launchType is specified, the defaultCapacityProviderStrategy for the
            // cluster is used" (API reference); the service shows it.
            Some(strategy) => {
                request.shift_remove("launchType");
                request.insert("capacityProviderStrategy".into(), strategy.clone());
            }
            None => drop(request.insert("launchType".into(), "FARGATE".into())),
        }
    }
    network::fill(&mut request);
    service_rules::fill_deployment_configuration(&mut request);
    let defaults: [(&str, Value); 11] = [
        ("platformVersion", json!("LATEST")),
        ("schedulingStrategy", json!("REPLICA")),
        ("deploymentController", json!({"type": "ECS"})),
        ("enableECSManagedTags", json!(false)),
        ("propagateTags", json!("NONE")),
        ("enableExecuteCommand", json!(false)),
        ("availabilityZoneRebalancing", json!("DISABLED")),
        ("loadBalancers", json!([])),
        ("serviceRegistries", json!([])),
        ("placementConstraints", json!([])),
        ("placementStrategy", json!([])),
    ];
    for (name, value) in defaults {
        request.entry(name).or_insert(value);
    }
    let balanced = request.get("loadBalancers").and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    if balanced {
        request.entry("healthCheckGracePeriodSeconds").or_insert(json!(0));
    }
    request
}
