//! `serviceRegistries`: what may be registered at Cloud Map, and where a service's tasks are.
//!
//! Rules from the ECS API reference (ServiceRegistry) and the developer guide ("Service discovery considerations").

use aws_model::arn::Arn;
use aws_model::{AwsError, Document};
use serde_json::Value;

use super::input::{items, number, text};
use crate::servicediscovery;
use crate::world::{RegistryBinding, Revision, World};

/// Refuses registries that a service's tasks could not be registered at. Messages as seen from CreateService, in
/// terraform-aws-ecs-fargate #25, terraform-aws-ecs-web-app #208 and terraform-aws-ecs-service #16.
pub(super) fn check(world: &World, region: &str, revision: &Revision, document: &Document) -> Result<(), AwsError> {
    let refuse = |words: String| Err(AwsError::invalid_parameter(words));
    let registries: Vec<&Document> = items(document, "serviceRegistries").filter_map(Value::as_object).collect();
    let [registry] = registries[..] else {
        return match registries.len() {
            0 => Ok(()),
            _ => refuse("A service can have one service registry: serviceRegistries can have at most 1 items.".into()),
        };
    };
    let Some(arn) = text(registry, "registryArn") else {
        return refuse("A service registry needs a registryArn.".into());
    };
    let Some(service) = find(world, region, arn) else {
        return refuse(format!("The service registry {arn} does not exist in {region}."));
    };
    let (name, port, own) = (text(registry, "containerName"), at(registry, "containerPort"), at(registry, "port"));
    let bridged = matches!(revision.spec.network_mode.as_deref(), None | Some("bridge" | "host"));
    let kinds: Option<Vec<&str>> =
        service.dns.as_ref().map(|dns| dns.records.iter().map(|(kind, _)| kind.as_str()).collect());
    if let Some(kinds) = &kinds {
        let registered = if bridged { &["SRV"][..] } else { &["A", "SRV"] };
        if let Some(other) = kinds.iter().find(|kind| !registered.contains(*kind)) {
            let words = registered.join(" or ");
            return refuse(format!("The service registry {arn} has {other} records, and tasks have {words} records."));
        }
    }
    if bridged && (name.is_none() || port.is_none()) {
        return refuse(format!(
            "When specifying 'host' or 'bridge' for networkMode, values for 'containerName' and 'containerPort' must be \
             specified from the task definition. Registry: {arn}"
        ));
    }
    if own.is_some() && (name.is_some() || port.is_some()) {
        return refuse(
            "Specify a value for either 'port' or the 'containerName' and 'containerPort' combination, but not both. \
             Remove one and retry."
                .into(),
        );
    }
    match kinds {
        Some(kinds) if kinds.contains(&"SRV") => {
            if own.is_none() && (name.is_none() || port.is_none()) {
                return refuse(format!(
                    "Specify a value for either 'port' or the 'containerName' and 'containerPort' combination. \
                     Registry: {arn}"
                ));
            }
        }
        Some(_) => {
            let given = [("containerPort", port), ("port", own)].into_iter().find(|(_, port)| port.is_some());
            if let Some((member, _)) = given {
                return refuse(format!(
                    "The values specified for serviceRegistries do not require a value for '{member}'. Remove the value \
                     and retry. Registry: {arn}"
                ));
            }
        }
        // Found by the API alone: a port is one more attribute.
        None => {}
    }
    if let Some(name) = name {
        let Some(container) = revision.spec.container(name) else {
            return refuse(format!("The container {name} does not exist in the task definition."));
        };
        let mapped = |wanted: u16| container.port_mappings.iter().any(|mapping| mapping.container_port == Some(wanted));
        if let Some(port) = port.filter(|port| !mapped(*port)) {
            return refuse(format!("The container {name} did not have a container port {port} defined."));
        }
    }
    Ok(())
}

/// Returns where the tasks of a service with this document are registered.
pub(super) fn bindings(document: &Document) -> Vec<RegistryBinding> {
    let binding = |registry: &Document| {
        let arn = Arn::parse(text(registry, "registryArn")?)?;
        Some(RegistryBinding {
            region: arn.region.to_owned(),
            service: arn.resource.strip_prefix("service/")?.to_owned(),
            port: at(registry, "port").or_else(|| at(registry, "containerPort")),
        })
    };
    items(document, "serviceRegistries").filter_map(Value::as_object).filter_map(binding).collect()
}

fn find(world: &World, region: &str, arn: &str) -> Option<servicediscovery::Service> {
    let parsed = Arn::parse(arn).filter(|parsed| parsed.service == "servicediscovery" && parsed.region == region)?;
    world
        .records
        .get(region, parsed.resource.strip_prefix("service/")?)
        .filter(|service: &servicediscovery::Service| service.arn == arn)
}

/// Returns a port; 0 is none.
fn at(registry: &Document, member: &str) -> Option<u16> {
    number(registry, member).and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0)
}
