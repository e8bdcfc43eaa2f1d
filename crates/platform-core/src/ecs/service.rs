//! Services: describe, list, delete; and the deployments that they are in.

use ecs_model::arn::{Arn, InCluster};
use ecs_model::{AwsError, Document, seconds};
use serde_json::{Value, json};

use super::find::{self, arn_in};
use super::input::{failure, flag, includes, named, required, text, texts};
use super::page::Page;
use super::placement;
use super::service_render::{LAST_REVISION, render_service, revision_arn, revision_counts};
use crate::world::{Change, Deployment, RolloutState, Service, ServiceStatus, World};
use crate::{Cx, Input, Outcome};

/// DescribeServices. Inactive services are described for as long as they are kept.
pub(super) fn describe(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let cluster = find::cluster(world, cx, input)?;
    let with_tags = includes(input, "TAGS");
    let (mut services, mut failures) = (Vec::new(), Vec::new());
    for name in named(input, "services", 10)? {
        match find::service(world, cluster, name) {
            Ok(service) => {
                let mut rendered = render_service(world, service);
                if !with_tags {
                    rendered.as_object_mut().map(|object| object.shift_remove("tags"));
                }
                services.push(rendered);
            }
            Err(_) => {
                let arn = arn_in(cluster, "service", name).unwrap_or_else(|| name.to_owned());
                failures.push(failure(arn, "MISSING"));
            }
        }
    }
    Ok(json!({"services": services, "failures": failures}))
}

/// ListServices.
pub(super) fn list(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let cluster = find::cluster(world, cx, input)?;
    let page = Page::read(input, 100)?;
    page.expect(|token| token.starts_with("arn:"))?;
    let after = page.after.unwrap_or_default();
    let launch = text(input, "launchType").unwrap_or("FARGATE") == "FARGATE";
    let strategy = text(input, "schedulingStrategy").unwrap_or("REPLICA") == "REPLICA";
    let listed = world.cluster_services(&cluster.arn).filter(|service| {
        launch && strategy && service.status != ServiceStatus::Inactive && service.arn.as_str() > after
    });
    Ok(page.answer("serviceArns", listed.map(|service| service.arn.as_str())))
}

/// DeleteService: DRAINING; the scheduler makes it INACTIVE once its tasks are gone.
pub(super) fn delete(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let cluster = find::cluster(world, cx, &input)?;
    let old = find::service(world, cluster, required(&input, "service")?)?;
    if old.status == ServiceStatus::Inactive {
        return Err(AwsError::new("ServiceNotFoundException", "Service not found."));
    }
    if old.status == ServiceStatus::Active && old.desired_count > 0 && !flag(&input, "force") {
        return Err(AwsError::invalid_parameter("The service cannot be stopped while it is scaled above 0."));
    }
    let mut service = (**old).clone();
    service.status = ServiceStatus::Draining;
    service.desired_count = 0;
    if let Some(primary) = service.deployments.first() {
        service.document.insert(LAST_REVISION.into(), primary.task_definition_arn.clone().into());
    }
    let reply = json!({"service": render_service(world, &service)});
    let changes = if service == **old { Vec::new() } else { vec![Change::Service(service)] };
    Ok(Outcome { reply, changes })
}

/// ListServicesByNamespace: there is no Cloud Map here.
pub(super) fn by_namespace(_: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let namespace = required(input, "namespace")?;
    Err(AwsError::new("NamespaceNotFoundException", format!("The namespace {namespace} was not found.")))
}

/// ListServiceDeployments: of the deployments that are not gone.
pub(super) fn list_deployments(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let cluster = find::cluster(world, cx, input)?;
    let service = find::service(world, cluster, required(input, "service")?)?;
    let page = Page::read(input, 100)?;
    page.expect(|token| token.starts_with("arn:"))?;
    let wanted: Vec<&str> = texts(input, "status").collect();
    let bound = |name: &str| input.get("createdAt").and_then(|c| c.get(name)?.as_f64()).map(|s| (s * 1000.0) as i64);
    let (before, after) = (bound("before"), bound("after"));
    let fits = |d: &&Deployment| {
        before.is_none_or(|t| d.created_at < t)
            && after.is_none_or(|t| d.created_at > t)
            && (wanted.is_empty() || wanted.contains(&status(service, d)))
    };
    let briefs: Vec<Value> = service
        .deployments
        .iter()
        .filter(fits)
        .map(|d| {
            let mut out = json!({
                "serviceDeploymentArn": d.service_deployment_arn,
                "serviceArn": service.arn,
                "clusterArn": service.cluster_arn,
                "startedAt": seconds(d.created_at),
                "createdAt": seconds(d.created_at),
                "targetServiceRevisionArn": revision_arn(service, d),
                "status": status(service, d),
            });
            finished(d, &mut out);
            out
        })
        .collect();
    Ok(json!({"serviceDeployments": briefs}))
}

/// DescribeServiceDeployments.
pub(super) fn describe_deployments(world: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for arn in named(input, "serviceDeploymentArns", 20)? {
        let service = service_of(world, arn, "service-deployment");
        let deployment = |s: &'_ &Service| s.deployments.iter().position(|d| d.service_deployment_arn == arn);
        match service.and_then(|s| Some((s, deployment(&s)?))) {
            Some((service, index)) => found.push(render(world, service, index)),
            None => failures.push(failure(arn, "MISSING")),
        }
    }
    Ok(json!({"serviceDeployments": found, "failures": failures}))
}

/// DescribeServiceRevisions.
pub(super) fn describe_revisions(world: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    for arn in named(input, "serviceRevisionArns", 20)? {
        let service = service_of(world, arn, "service-revision");
        let deployment =
            |s: &&'_ Service| s.deployments.iter().find(|d| arn.ends_with(&format!("/{}", d.number))).cloned();
        match service.and_then(|s| Some((s, deployment(&s)?))) {
            Some((service, deployment)) => found.push(render_revision(world, service, &deployment)),
            None => failures.push(failure(arn, "MISSING")),
        }
    }
    Ok(json!({"serviceRevisions": found, "failures": failures}))
}

/// Returns the service in `...:KIND/CLUSTER/SERVICE/X`.
fn service_of<'w>(world: &'w World, arn: &str, kind: &str) -> Option<&'w Service> {
    Arn::ecs(arn, kind)?;
    let (home, _) = arn.rsplit_once('/')?;
    let service = home.replacen(&format!(":{kind}/"), ":service/", 1);
    InCluster::parse("service", &service)?;
    world.services.get(&service).map(|service| &**service)
}

fn status(service: &Service, deployment: &Deployment) -> &'static str {
    let rolled_back = service.circuit_breaker_rollback && service.deployments.first() != Some(deployment);
    match deployment.rollout_state {
        RolloutState::InProgress => "IN_PROGRESS",
        RolloutState::Completed => "SUCCESSFUL",
        RolloutState::Failed if rolled_back => {
            let back = service.deployments.first().is_some_and(|d| d.rollout_state == RolloutState::Completed);
            if back { "ROLLBACK_SUCCESSFUL" } else { "ROLLBACK_IN_PROGRESS" }
        }
        RolloutState::Failed => "STOPPED",
    }
}

fn finished(deployment: &Deployment, out: &mut Value) {
    match deployment.rollout_state {
        RolloutState::InProgress => {}
        RolloutState::Completed => out["finishedAt"] = seconds(deployment.updated_at),
        RolloutState::Failed => {
            out["finishedAt"] = seconds(deployment.updated_at);
            out["statusReason"] = deployment.rollout_state_reason.clone().into();
        }
    }
}

fn render(world: &World, service: &Service, index: usize) -> Value {
    let deployment = &service.deployments[index];
    let sources = service.deployments[index + 1..].iter().map(|d| revision_counts(world, service, d));
    let mut out = json!({
        "serviceDeploymentArn": deployment.service_deployment_arn,
        "serviceArn": service.arn,
        "clusterArn": service.cluster_arn,
        "createdAt": seconds(deployment.created_at),
        "startedAt": seconds(deployment.created_at),
        "updatedAt": seconds(deployment.updated_at),
        "sourceServiceRevisions": sources.collect::<Vec<_>>(),
        "targetServiceRevision": revision_counts(world, service, deployment),
        "status": status(service, deployment),
        "deploymentConfiguration": service.document.get("deploymentConfiguration"),
        "deploymentCircuitBreaker": circuit_breaker(service, deployment),
    });
    finished(deployment, &mut out);
    out
}

/// Threshold as ECS documents it: half of the desired count, from 3 to 200 (notes 7.2).
fn circuit_breaker(service: &Service, deployment: &Deployment) -> Value {
    let status = match (service.circuit_breaker, deployment.rollout_state) {
        (false, _) => "DISABLED",
        (true, RolloutState::InProgress) => "MONITORING",
        (true, RolloutState::Completed) => "MONITORING_COMPLETE",
        (true, RolloutState::Failed) => "TRIGGERED",
    };
    json!({
        "status": status,
        "failureCount": deployment.failed_tasks,
        "threshold": service.desired_count.div_ceil(2).clamp(3, 200),
    })
}

fn render_revision(world: &World, service: &Service, deployment: &Deployment) -> Value {
    let mut out = json!({
        "serviceRevisionArn": revision_arn(service, deployment),
        "serviceArn": service.arn,
        "clusterArn": service.cluster_arn,
        "taskDefinition": deployment.task_definition_arn,
        "platformVersion": placement::platform_version(&service.document),
        "platformFamily": "Linux",
        "guardDutyEnabled": false,
        "createdAt": seconds(deployment.created_at),
    });
    let object: &mut Document = out.as_object_mut().expect("built as an object");
    for name in ["launchType", "capacityProviderStrategy", "loadBalancers", "serviceRegistries"] {
        if let Some(value) = service.document.get(name) {
            object.insert(name.to_owned(), value.clone());
        }
    }
    if let Some(network) = &deployment.network_configuration {
        object.insert("networkConfiguration".into(), network.clone());
    }
    if let Some(revision) = world.revisions.get(&deployment.task_definition_arn) {
        let images = revision.spec.container_definitions.iter();
        let images = images.map(|c| json!({"containerName": c.name, "image": c.image})).collect();
        object.insert("containerImages".into(), Value::Array(images));
    }
    out
}
