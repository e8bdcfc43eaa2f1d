//! What namespaces, services and instances of Cloud Map are.

use std::collections::BTreeMap;

use aws_model::Millis;
use serde::{Deserialize, Serialize};

use crate::world::Record;
use crate::{Change, World};

/// How a namespace's services are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Discovery {
    /// By DiscoverInstances alone.
    #[serde(rename = "HTTP")]
    Http,
    /// And by DNS, in a private zone.
    #[serde(rename = "DNS_PRIVATE")]
    Private,
    /// And by DNS, in a public zone.
    #[serde(rename = "DNS_PUBLIC")]
    Public,
}

/// A namespace: where the names of services are unique.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Namespace {
    /// Its region.
    pub region: String,
    /// `ns-...`.
    pub id: String,
    /// ARN.
    pub arn: String,
    /// Name: of a zone, where it is found by DNS.
    pub name: String,
    /// How its services are found.
    pub discovery: Discovery,
    /// Description.
    #[serde(default)]
    pub description: Option<String>,
    /// Its zone in Route 53.
    #[serde(default)]
    pub zone: Option<String>,
    /// Seconds that a resolver keeps that a name is not there.
    #[serde(default)]
    pub soa_ttl: Option<u32>,
    /// What its maker called the request.
    #[serde(default)]
    pub creator_request: Option<String>,
    /// When it was made.
    pub created_at: Millis,
    /// Tags, key and value.
    #[serde(default)]
    pub tags: Vec<(String, String)>,
}

/// A service: a name in a namespace.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Service {
    /// Its region.
    pub region: String,
    /// `srv-...`.
    pub id: String,
    /// ARN.
    pub arn: String,
    /// Name.
    pub name: String,
    /// Its namespace's id.
    pub namespace: String,
    /// Description.
    #[serde(default)]
    pub description: Option<String>,
    /// How it is found by DNS, if it is.
    #[serde(default)]
    pub dns: Option<Dns>,
    /// Where clients report health (`HealthCheckCustomConfig`), the threshold that was asked for: it is kept and has
    /// no effect (API reference, HealthCheckCustomConfig).
    #[serde(default)]
    pub told_health: Option<u32>,
    /// What its maker called the request.
    #[serde(default)]
    pub creator_request: Option<String>,
    /// When it was made.
    pub created_at: Millis,
    /// Tags, key and value.
    #[serde(default)]
    pub tags: Vec<(String, String)>,
    /// What people keep with it.
    #[serde(default)]
    pub attributes: BTreeMap<String, String>,
}

/// How a service is found by DNS.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dns {
    /// One healthy instance at a time (`WEIGHTED`), else up to eight (`MULTIVALUE`).
    pub is_weighted: bool,
    /// Types of records, with their time to live.
    pub records: Vec<(String, u32)>,
}

/// An instance: what a lookup finds.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Instance {
    key: String,
    /// Its region.
    pub region: String,
    /// Its service's id.
    pub service: String,
    /// Its id among its service's.
    pub id: String,
    /// Where it is, and what else was said of it.
    pub attributes: BTreeMap<String, String>,
    /// Whether it is healthy, where clients report that; else unknown.
    #[serde(default)]
    pub is_healthy: Option<bool>,
    /// What its maker called the request.
    #[serde(default)]
    pub creator_request: Option<String>,
}

impl Instance {
    /// Returns an instance of a service.
    pub fn new(service: &Service, id: &str, attributes: BTreeMap<String, String>) -> Self {
        let starts_well = attributes.get("AWS_INIT_HEALTH_STATUS").is_none_or(|status| status != "UNHEALTHY");
        Self {
            key: key(&service.id, id),
            region: service.region.clone(),
            service: service.id.clone(),
            id: id.to_owned(),
            attributes,
            is_healthy: service.told_health.map(|_| starts_well),
            creator_request: None,
        }
    }

    /// Returns the value of an attribute, if it is set.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }
}

/// How often the instances of a service changed. Apart from the service, so that registering an instance changes
/// nothing that people have set.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Revision {
    /// The service's region.
    pub region: String,
    /// The service's id.
    pub service: String,
    /// Grows.
    pub number: i64,
}

/// Returns an instance's name among all of its region.
pub(crate) fn key(service: &str, instance: &str) -> String {
    format!("{service} {instance}")
}

impl Record for Namespace {
    const TABLE: &'static str = "servicediscovery.namespaces";

    fn region(&self) -> &str {
        &self.region
    }

    fn id(&self) -> &str {
        &self.id
    }
}

impl Record for Service {
    const TABLE: &'static str = "servicediscovery.services";

    fn region(&self) -> &str {
        &self.region
    }

    fn id(&self) -> &str {
        &self.id
    }
}

impl Record for Instance {
    const TABLE: &'static str = "servicediscovery.instances";

    fn region(&self) -> &str {
        &self.region
    }

    #[expect(clippy::misnamed_getters, reason = "`id` is its name among its service's, this one among all")]
    fn id(&self) -> &str {
        &self.key
    }
}

impl Record for Revision {
    const TABLE: &'static str = "servicediscovery.revisions";

    fn region(&self) -> &str {
        &self.region
    }

    fn id(&self) -> &str {
        &self.service
    }
}

/// Returns the services of a namespace.
pub(crate) fn services(world: &World, region: &str, namespace: &str) -> Vec<Service> {
    world.records.all::<Service>(region).filter(|service| service.namespace == namespace).collect()
}

/// Returns the instances of a service, by id.
pub(crate) fn instances<'w>(world: &'w World, service: &Service) -> impl Iterator<Item = Instance> + use<'w> {
    world.records.under::<Instance>(&service.region, &key(&service.id, ""))
}

/// Returns the revision of a service's instances; 0 as long as it has had none.
pub(crate) fn revision(world: &World, service: &Service) -> i64 {
    world.records.get::<Revision>(&service.region, &service.id).map_or(0, |revision| revision.number)
}

/// Returns the changes that put an instance, or take it away.
pub(crate) fn register(world: &World, service: &Service, instance: &Instance, now: Millis) -> Vec<Change> {
    vec![Change::put(instance), turn(world, service, now)]
}

/// Returns the changes that take an instance away.
pub(crate) fn deregister(world: &World, service: &Service, id: &str, now: Millis) -> Vec<Change> {
    vec![Change::remove::<Instance>(&service.region, &key(&service.id, id)), turn(world, service, now)]
}

/// The number is the time, so that two decisions about one world do not give the same one twice for long.
fn turn(world: &World, service: &Service, now: Millis) -> Change {
    let number = now.max(revision(world, service) + 1);
    Change::put(&Revision { region: service.region.clone(), service: service.id.clone(), number })
}
