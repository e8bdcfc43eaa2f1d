//! Cloud Map: namespaces, services and the instances that are found under their names, by the API and by DNS
//! ([`crate::names`]).
//!
//! A namespace that is found by DNS has a zone in Route 53. What takes time at AWS is over at once, as its operation
//! says. Route 53's health checks are refused by name; health from a client (`HealthCheckCustomConfig`) is kept.

mod attributes;
mod discover;
pub(crate) mod find;
mod instances;
mod namespaces;
mod operations;
pub(crate) mod records;
mod services;
mod tags;
pub(crate) mod thing;

#[cfg(test)]
mod tests;

pub use thing::{Discovery, Dns, Instance, Namespace, Revision, Service};

use crate::operation::Kind::{Read, Write};
use crate::operation::Operation;

/// Cloud Map's dispatch table.
pub const OPERATIONS: &[Operation] = &[
    Operation { name: "CreateHttpNamespace", kind: Write(namespaces::create_http) },
    Operation { name: "CreatePrivateDnsNamespace", kind: Write(namespaces::create_private) },
    Operation { name: "CreatePublicDnsNamespace", kind: Write(namespaces::create_public) },
    Operation { name: "CreateService", kind: Write(services::create) },
    Operation { name: "DeleteNamespace", kind: Write(namespaces::delete) },
    Operation { name: "DeleteService", kind: Write(services::delete) },
    Operation { name: "DeleteServiceAttributes", kind: Write(attributes::delete) },
    Operation { name: "DeregisterInstance", kind: Write(instances::deregister) },
    Operation { name: "DiscoverInstances", kind: Read(discover::discover) },
    Operation { name: "DiscoverInstancesRevision", kind: Read(discover::discover_revision) },
    Operation { name: "GetInstance", kind: Read(instances::get) },
    Operation { name: "GetInstancesHealthStatus", kind: Read(instances::health_status) },
    Operation { name: "GetNamespace", kind: Read(namespaces::get) },
    Operation { name: "GetOperation", kind: Read(operations::get) },
    Operation { name: "GetService", kind: Read(services::get) },
    Operation { name: "GetServiceAttributes", kind: Read(attributes::get) },
    Operation { name: "ListInstances", kind: Read(instances::list) },
    Operation { name: "ListNamespaces", kind: Read(namespaces::list) },
    Operation { name: "ListOperations", kind: Read(operations::list) },
    Operation { name: "ListServices", kind: Read(services::list) },
    Operation { name: "ListTagsForResource", kind: Read(tags::list) },
    Operation { name: "RegisterInstance", kind: Write(instances::register) },
    Operation { name: "TagResource", kind: Write(tags::tag) },
    Operation { name: "UntagResource", kind: Write(tags::untag) },
    Operation { name: "UpdateHttpNamespace", kind: Write(namespaces::update_http) },
    Operation { name: "UpdateInstanceCustomHealthStatus", kind: Write(instances::update_health) },
    Operation { name: "UpdatePrivateDnsNamespace", kind: Write(namespaces::update_private) },
    Operation { name: "UpdatePublicDnsNamespace", kind: Write(namespaces::update_public) },
    Operation { name: "UpdateService", kind: Write(services::update) },
    Operation { name: "UpdateServiceAttributes", kind: Write(attributes::update) },
];
