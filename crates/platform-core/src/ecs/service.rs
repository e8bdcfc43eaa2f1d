//! Services: describe, list, delete.

use aws_model::AwsError;
use serde_json::{Value, json};

use super::find;
use super::input::{failure, flag, includes, named, required, text};
use super::page::Page;
use super::service_render::{LAST_REVISION, render_service};
use crate::servicediscovery::Namespace;
use crate::world::{Change, ServiceStatus, World};
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
                // A name is answered in the short form, without its cluster, to this day
                // (aws-actions/amazon-ecs-deploy-task-definition#544); an ARN as it came.
                let arn =
                    if name.starts_with("arn:") { name.to_owned() } else { cx.arn("ecs", &format!("service/{name}")) };
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

/// ListServicesByNamespace: the services with Service Connect in a namespace of Cloud Map, whichever cluster they are in.
/// None has it here: it is refused.
pub(super) fn by_namespace(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let asked = required(input, "namespace")?;
    let is_it = |one: &Namespace| one.name == asked || one.arn == asked;
    match world.records.all::<Namespace>(cx.region).any(|one| is_it(&one)) {
        true => Ok(json!({"serviceArns": []})),
        false => Err(AwsError::new("NamespaceNotFoundException", format!("The namespace {asked} was not found."))),
    }
}
