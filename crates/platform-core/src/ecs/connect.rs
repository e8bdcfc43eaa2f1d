//! Service Connect: by which names and at which ports do the tasks of services in one namespace find each other?
//!
//! ECS puts a proxy into each task, which listens at the ports of all aliases of the namespace (developer guide, "Service
//! Connect"). Here are names alone: an alias leads to the addresses of the tasks that run, so that it has the container's
//! own port. What needs a proxy is refused by name. Rules from the API reference (ServiceConnectConfiguration,
//! ServiceConnectService, ServiceConnectClientAlias); ECS publishes no words for them.

use std::net::Ipv4Addr;

use aws_model::{AwsError, Document, served};
use serde_json::Value;

use super::input::{flag, items, number, text};
use crate::route53::name::canonical;
use crate::servicediscovery::Namespace;
use crate::task::task_health;
use crate::world::{HealthState, Revision, Service, ServiceStatus, Task, TaskStatus};
use crate::{Cx, World};

const MEMBER: &str = "serviceConnectConfiguration";

/// Seconds that an alias's address may be kept. A proxy learns of a task that leaves at once; a name must be asked again.
pub(crate) const TTL: u32 = 5;

/// A name and a port at which a service's tasks are found.
struct Endpoint {
    /// Canonical.
    name: String,
    port: i64,
}

/// Refuses what clients could not be given.
pub(super) fn check(world: &World, cx: &Cx<'_>, service: &Service, revision: &Revision) -> Result<(), AwsError> {
    let Some(config) = enabled(&service.document).filter(|_| cx.architecture != Some(served::NOWHERE)) else {
        return Ok(());
    };
    let Some(namespace) = namespace(world, cx.region, service) else {
        return Err(AwsError::new("NamespaceNotFoundException", "The specified namespace wasn't found."));
    };
    let refuse = |words: String| Err(AwsError::invalid_parameter(words));
    let mut own: Vec<Endpoint> = Vec::new();
    for offered in items(config, "services").filter_map(Value::as_object) {
        let port_name = text(offered, "portName").unwrap_or_default();
        let mut ports = revision.spec.container_definitions.iter().flat_map(|container| &container.port_mappings);
        let Some(mapping) = ports.find(|mapping| mapping.name.as_deref() == Some(port_name)) else {
            return refuse(format!(
                "The portName {port_name} of {MEMBER} is not the name of a port mapping in the task definition."
            ));
        };
        if items(offered, "clientAliases").count() > 1 {
            return refuse(format!("clientAliases of {port_name} can have at most 1 items."));
        }
        let port = mapping.container_port.map(i64::from).unwrap_or_default();
        let override_ = number(offered, "ingressPortOverride").filter(|other| *other != port);
        let endpoint = endpoint(offered, &namespace, port);
        if let Some(other) = override_.or(Some(endpoint.port)).filter(|other| *other != port) {
            let which = if override_.is_some() { "ingressPortOverride" } else { "clientAliases.port" };
            return refuse(format!(
                "{MEMBER}.services.{which} {other} of a container that listens on {port} is not supported by this \
                 platform: there is no proxy, so that an alias has the container's own port."
            ));
        }
        own.push(endpoint);
    }
    let others = members(world, cx.region, &namespace).filter(|other| other.arn != service.arn);
    let taken: Vec<Endpoint> = others.flat_map(|other| endpoints(other, &namespace)).collect();
    for (at, endpoint) in own.iter().enumerate() {
        let is_it = |other: &Endpoint| other.name == endpoint.name && other.port == endpoint.port;
        if own[..at].iter().chain(&taken).any(is_it) {
            let name = endpoint.name.trim_end_matches('.');
            return refuse(format!(
                "The client alias {name}:{} is already used in the namespace {}.",
                endpoint.port, namespace.name
            ));
        }
    }
    Ok(())
}

/// Returns whether other services find this service's tasks by an alias.
pub(crate) fn is_offered(service: &Service) -> bool {
    enabled(&service.document).is_some_and(|config| items(config, "services").next().is_some())
}

/// Returns the addresses that a name has for a task, if it is an alias in the namespace of the task's service: those of
/// tasks that run and are well, or of all that run where none is.
pub(crate) fn addresses(world: &World, task: &Task, name: &str) -> Option<Vec<Ipv4Addr>> {
    let own = world.services.get(task.service_arn.as_ref()?)?;
    enabled(&own.document)?;
    let region = own.arn.split(':').nth(3)?;
    let namespace = namespace(world, region, own)?;
    let is_it = |service: &&Service| endpoints(service, &namespace).iter().any(|one| one.name == name);
    let mut found: Option<Vec<(bool, Ipv4Addr)>> = None;
    for service in members(world, region, &namespace).filter(is_it) {
        let running = world.service_tasks(&service.arn).filter(|task| task.last_status == TaskStatus::Running);
        let one = |task: &std::sync::Arc<Task>| {
            let spec = &world.revisions.get(&task.task_definition_arn)?.spec;
            Some((task_health(task, spec) != HealthState::Unhealthy, task.network.as_ref()?.address))
        };
        found.get_or_insert_default().extend(running.filter_map(one));
    }
    let found = found?;
    let any_well = found.iter().any(|(is_well, _)| *is_well);
    Some(found.into_iter().filter(|(is_well, _)| *is_well || !any_well).map(|(_, address)| address).collect())
}

fn enabled(document: &Document) -> Option<&Document> {
    document.get(MEMBER)?.as_object().filter(|config| flag(config, "enabled"))
}

/// Returns the namespace that a service says, by name or ARN, or its cluster's default.
fn namespace(world: &World, region: &str, service: &Service) -> Option<Namespace> {
    let own = enabled(&service.document).and_then(|config| text(config, "namespace"));
    let of_cluster = || {
        let cluster = world.clusters.get(&service.cluster_arn)?;
        text(cluster.document.get("serviceConnectDefaults")?.as_object()?, "namespace")
    };
    let wanted = own.or_else(of_cluster)?;
    world.records.all::<Namespace>(region).find(|found| found.arn == wanted || found.name == wanted)
}

/// Returns the services of a namespace.
fn members<'w>(world: &'w World, region: &'w str, namespace: &'w Namespace) -> impl Iterator<Item = &'w Service> {
    let services =
        world.services.values().map(AsRef::as_ref).filter(|one: &&Service| one.status != ServiceStatus::Inactive);
    services.filter(move |service| {
        service.arn.split(':').nth(3) == Some(region)
            && enabled(&service.document).is_some()
            && self::namespace(world, region, service).is_some_and(|found| found.id == namespace.id)
    })
}

/// Returns the names that a service is found by. The port of one without an alias is not looked up: its name is its own.
fn endpoints(service: &Service, namespace: &Namespace) -> Vec<Endpoint> {
    let offered = enabled(&service.document).into_iter().flat_map(|config| items(config, "services"));
    offered.filter_map(Value::as_object).map(|one| endpoint(one, namespace, 0)).collect()
}

/// "If this parameter isn't specified, the default value of discoveryName.namespace is used. If the discoveryName isn't
/// specified, the port mapping name from the task definition is used in portName.namespace" (ServiceConnectClientAlias).
fn endpoint(offered: &Document, namespace: &Namespace, port: i64) -> Endpoint {
    let alias = items(offered, "clientAliases").find_map(Value::as_object);
    let discovery = text(offered, "discoveryName").or_else(|| text(offered, "portName")).unwrap_or_default();
    let name = alias.and_then(|alias| text(alias, "dnsName")).map(str::to_owned);
    let name = name.unwrap_or_else(|| format!("{discovery}.{}", namespace.name));
    let port = alias.and_then(|alias| number(alias, "port")).unwrap_or(port);
    Endpoint { name: canonical(&name), port }
}
