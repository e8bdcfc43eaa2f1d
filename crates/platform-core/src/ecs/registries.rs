//! `serviceRegistries`: what may be registered at Cloud Map, and where a service's tasks are.
//!
//! Rules from the ECS API reference (ServiceRegistry) and the developer guide ("Service discovery considerations").

use aws_model::arn::Arn;
use aws_model::{AwsError, Document};
use serde_json::Value;

use super::input::{items, number, text};
use crate::Cx;
use crate::servicediscovery;
use crate::world::{RegistryBinding, Revision, World};

/// Refuses registries that a service's tasks could not be registered at. Messages as seen from CreateService, in
/// terraform-aws-ecs-fargate #25, terraform-aws-ecs-web-app #208 and terraform-aws-ecs-service #16.
pub(super) fn check(world: &World, cx: &Cx<'_>, revision: &Revision, document: &Document) -> Result<(), AwsError> {
    let registries: Vec<&Document> = items(document, "serviceRegistries").filter_map(Value::as_object).collect();
    let registry = match registries[..] {
        [] => return Ok(()),
        [only] => only,
        _ => return refuse("A service can have one service registry: serviceRegistries can have at most 1 items."),
    };
    let Some(arn) = text(registry, "registryArn") else { return refuse("A service registry needs a registryArn.") };
    let Some(service) = find(world, cx.region, arn) else {
        // Where documents are kept for a rehearsal, what they name need not be there.
        return match cx.runs_nothing() {
            true => Ok(()),
            false => refuse(format!("The service registry {arn} does not exist in {}.", cx.region)),
        };
    };
    let asked = Asked {
        arn,
        container: text(registry, "containerName"),
        container_port: at(registry, "containerPort"),
        port: at(registry, "port"),
    };
    let is_bridged = matches!(revision.spec.network_mode.as_deref(), None | Some("bridge" | "host"));
    asked.fits_network(is_bridged)?;
    if let Some(dns) = &service.dns {
        let kinds: Vec<&str> = dns.records.iter().map(|(kind, _)| kind.as_str()).collect();
        asked.fits_records(&kinds, is_bridged)?;
    }
    asked.fits_definition(revision)
}

fn refuse<T>(words: impl Into<String>) -> Result<T, AwsError> {
    Err(AwsError::invalid_parameter(words))
}

/// What a service asks of its registry.
struct Asked<'a> {
    arn: &'a str,
    container: Option<&'a str>,
    container_port: Option<u16>,
    port: Option<u16>,
}

impl Asked<'_> {
    fn has_pair(&self) -> bool {
        self.container.is_some() && self.container_port.is_some()
    }

    fn fits_network(&self, is_bridged: bool) -> Result<(), AwsError> {
        if is_bridged && !self.has_pair() {
            return refuse(format!(
                "When specifying 'host' or 'bridge' for networkMode, values for 'containerName' and 'containerPort' must \
                 be specified from the task definition. Registry: {}",
                self.arn
            ));
        }
        if self.port.is_some() && (self.container.is_some() || self.container_port.is_some()) {
            return refuse(
                "Specify a value for either 'port' or the 'containerName' and 'containerPort' combination, but not both. \
                 Remove one and retry.",
            );
        }
        Ok(())
    }

    /// A port is needed for SRV records and for nothing else. One that is found by the API alone may have one.
    fn fits_records(&self, kinds: &[&str], is_bridged: bool) -> Result<(), AwsError> {
        let arn = self.arn;
        let registered = if is_bridged { &["SRV"][..] } else { &["A", "SRV"] };
        if let Some(other) = kinds.iter().find(|kind| !registered.contains(*kind)) {
            let words = registered.join(" or ");
            return refuse(format!("The service registry {arn} has {other} records, and tasks have {words} records."));
        }
        if kinds.contains(&"SRV") {
            return match self.port.is_some() || self.has_pair() {
                true => Ok(()),
                false => refuse(format!(
                    "Specify a value for either 'port' or the 'containerName' and 'containerPort' combination. \
                     Registry: {arn}"
                )),
            };
        }
        let given = [("containerPort", self.container_port), ("port", self.port)];
        match given.into_iter().find(|(_, port)| port.is_some()) {
            Some((member, _)) => refuse(format!(
                "The values specified for serviceRegistries do not require a value for '{member}'. Remove the value and \
                 retry. Registry: {arn}"
            )),
            None => Ok(()),
        }
    }

    fn fits_definition(&self, revision: &Revision) -> Result<(), AwsError> {
        let Some(name) = self.container else { return Ok(()) };
        let Some(container) = revision.spec.container(name) else {
            return refuse(format!("The container {name} does not exist in the task definition."));
        };
        let is_mapped = |wanted: u16| container.port_mappings.iter().any(|one| one.container_port == Some(wanted));
        match self.container_port.filter(|port| !is_mapped(*port)) {
            Some(port) => refuse(format!("The container {name} did not have a container port {port} defined.")),
            None => Ok(()),
        }
    }
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
