//! Finding instances by the API: by the names of namespace and service, attributes and health.

use std::collections::BTreeMap;

use aws_model::AwsError;
use serde::Deserialize;
use serde_json::{Value, json};

use super::instances::health;
use super::thing::{Discovery, Instance, Namespace, Service, instances, revision, services};
use crate::operation::read;
use crate::{Cx, Input, World};

/// How many are answered if the caller does not say (API reference, DiscoverInstances).
const USUAL: usize = 100;

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Discover {
    namespace_name: String,
    service_name: String,
    max_results: Option<usize>,
    #[serde(default)]
    query_parameters: BTreeMap<String, String>,
    #[serde(default)]
    optional_parameters: BTreeMap<String, String>,
    health_status: Option<String>,
}

/// Names of DNS are the same in capitals. Several namespaces may have one name, in several VPCs: the first one with the
/// service is meant.
fn found(world: &World, cx: &Cx<'_>, asked: &Discover) -> Result<(Namespace, Service), AwsError> {
    let is_it = |namespace: &Namespace| match namespace.discovery {
        Discovery::Http => namespace.name == asked.namespace_name,
        Discovery::Private | Discovery::Public => namespace.name.eq_ignore_ascii_case(&asked.namespace_name),
    };
    let namespaces: Vec<Namespace> = world.records.all::<Namespace>(cx.region).filter(is_it).collect();
    if namespaces.is_empty() {
        let words = format!("No namespace found with name: {}", asked.namespace_name);
        return Err(AwsError::new("NamespaceNotFound", words).with_status(404));
    }
    let service = |namespace: Namespace| {
        let mut services = services(world, cx.region, &namespace.id).into_iter();
        services.find(|one| one.name.eq_ignore_ascii_case(&asked.service_name)).map(|service| (namespace, service))
    };
    namespaces.into_iter().find_map(service).ok_or_else(|| {
        AwsError::new("ServiceNotFound", format!("No service found with name: {}", asked.service_name)).with_status(404)
    })
}

pub(super) fn discover(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let asked: Discover = read(input.clone())?;
    let (namespace, service) = found(world, cx, &asked)?;
    let has = |one: &Instance, wanted: &BTreeMap<String, String>| {
        wanted.iter().all(|(name, value)| one.attributes.get(name) == Some(value))
    };
    let mut all: Vec<Instance> = instances(world, &service).filter(|one| has(one, &asked.query_parameters)).collect();
    if all.iter().any(|one| has(one, &asked.optional_parameters)) {
        all.retain(|one| has(one, &asked.optional_parameters));
    }
    // Where no health is reported, nothing is unhealthy.
    let is_well = |one: &Instance| one.is_healthy != Some(false);
    match asked.health_status.as_deref().unwrap_or("HEALTHY") {
        "HEALTHY" => all.retain(is_well),
        "UNHEALTHY" => all.retain(|one| !is_well(one)),
        "HEALTHY_OR_ELSE_ALL" if all.iter().any(is_well) => all.retain(is_well),
        _ => {}
    }
    all.truncate(asked.max_results.unwrap_or(USUAL));
    let summary = |one: Instance| {
        json!({
            "InstanceId": one.id, "NamespaceName": namespace.name, "ServiceName": service.name,
            "HealthStatus": health(&one), "Attributes": one.attributes,
        })
    };
    let told: Value = all.into_iter().map(summary).collect();
    Ok(json!({"Instances": told, "InstancesRevision": revision(world, &service)}))
}

pub(super) fn discover_revision(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let (_, service) = found(world, cx, &read(input.clone())?)?;
    Ok(json!({"InstancesRevision": revision(world, &service)}))
}
