//! By which names are services found, and what must be made for that? Cloud Map's namespaces and services.
//!
//! What there is already is used as it is, managr's or not. What managr makes says so in its description, so that it
//! can be removed with the stage, and so that no second stage takes the name.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use aws_model::Document;
use serde_json::{Value, json};

use super::decide::bare;
use super::service::text;
use super::{Action, Mark, Observed, Step, token};
use crate::desired::{Desired, DiscoverSpec, ServiceDoc};

/// Kind of a step that makes a namespace.
pub const NAMESPACE: &str = "namespace";

/// Kind of a step that makes a registry: a Cloud Map service, in ECS's own word, since `service` is taken.
pub const REGISTRY: &str = "registry";

/// Seconds that an address may be kept by who has asked for it. ECS's own examples have 10 to 300 (developer guide,
/// "Creating a service that uses service discovery"); a task that has left is asked for that long.
pub const TTL: u32 = 10;

const MEMBER: &str = "serviceRegistries";
const MADE: &str = "made by managr for ";
const STAGE: &str = ", stage ";

/// What there is of the names of a stage's services.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ObservedDiscovery {
    /// VPC of the stage's subnets; none if it was not asked for.
    pub vpc: Option<String>,
    /// Private DNS namespaces of that VPC, as ListNamespaces answers, by name.
    pub namespaces: BTreeMap<String, Document>,
    /// Registries, as ListServices of Cloud Map answers, by whole name.
    pub registries: BTreeMap<String, Document>,
    /// Registries of live services for which the manifest has no word and which managr made for this stage: ARNs.
    pub left: BTreeSet<String>,
}

impl ObservedDiscovery {
    /// Returns the ARN of what a name is registered at.
    pub fn registry_arn(&self, name: &str) -> Option<&str> {
        self.registries.get(name)?.get("Arn")?.as_str()
    }

    /// Returns what another user could change of it.
    pub(super) fn state(&self) -> Value {
        let kept = |documents: &BTreeMap<String, Document>| {
            let one = |(name, found): (&String, &Document)| {
                (name.clone(), json!([found.get("Arn"), found.get("Description"), found.get("DnsConfig")]))
            };
            documents.iter().map(one).collect::<Document>()
        };
        json!([self.vpc, kept(&self.namespaces), kept(&self.registries), self.left])
    }
}

/// Why services cannot be found by the names that a manifest says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DiscoverError {
    /// It is the name of another stage's tasks.
    #[error("`{name}` is the name of {owner} in the same network: who asks for it would reach the tasks of both")]
    Taken {
        /// The name.
        name: String,
        /// Application and stage.
        owner: String,
    },
    /// Its records are of another kind.
    #[error(
        "`{name}` is there already with {records} records, which `discover` cannot use: it registers addresses (A)"
    )]
    Records {
        /// The name.
        name: String,
        /// Kinds of its records.
        records: String,
    },
    /// A namespace belongs to a VPC, and no subnet says which.
    #[error("stage `{stage}` has no subnets, so that nobody can tell the network in which `{name}` is to be found")]
    NoSubnets {
        /// The stage.
        stage: String,
        /// The name.
        name: String,
    },
}

/// Returns the description of what is made for a stage.
pub fn mark(app: &str, stage: &str) -> String {
    format!("{MADE}{app}{STAGE}{stage}")
}

/// Returns the application and the stage that something was made for; none if managr did not make it.
pub fn made_for(found: &Document) -> Option<(&str, &str)> {
    text(found, "Description").strip_prefix(MADE)?.split_once(STAGE)
}

/// Refuses what would go wrong although every single call went well.
///
/// # Errors
/// See [`DiscoverError`].
pub fn check(desired: &Desired, seen: &ObservedDiscovery) -> Result<(), DiscoverError> {
    for spec in wanted(desired) {
        let name = || spec.name.clone();
        let Some(found) = seen.registries.get(&spec.name) else {
            match (seen.namespaces.contains_key(&spec.namespace), &seen.vpc) {
                (false, None) => return Err(DiscoverError::NoSubnets { stage: desired.stage.clone(), name: name() }),
                _ => continue,
            }
        };
        if let Some((app, stage)) = made_for(found)
            && (app, stage) != (desired.app.as_str(), desired.stage.as_str())
        {
            return Err(DiscoverError::Taken { name: name(), owner: format!("{app}, stage {stage}") });
        }
        let kinds = record_kinds(found);
        if !kinds.contains(&"A") {
            let records = if kinds.is_empty() { "no".to_owned() } else { kinds.join(" and ") };
            return Err(DiscoverError::Records { name: name(), records });
        }
    }
    Ok(())
}

/// Returns the kinds of a registry's records.
pub fn record_kinds(registry: &Document) -> Vec<&str> {
    let records = registry.get("DnsConfig").and_then(|config| config.get("DnsRecords")).and_then(Value::as_array);
    records.into_iter().flatten().filter_map(|record| record.get("Type")?.as_str()).collect()
}

/// Returns the names of a stage's services.
pub fn wanted(desired: &Desired) -> impl Iterator<Item = &DiscoverSpec> {
    desired.services.iter().filter_map(|service| service.discover.as_ref())
}

/// Returns where services are registered, by their names in the manifest: ARNs, or tokens of what will be made.
pub fn registries(desired: &Desired, seen: &ObservedDiscovery) -> BTreeMap<String, String> {
    let one = |service: &ServiceDoc| {
        let name = &service.discover.as_ref()?.name;
        let arn = seen.registry_arn(name).map(str::to_owned);
        Some((service.service.clone(), arn.unwrap_or_else(|| token::registry(name))))
    };
    desired.services.iter().filter_map(one).collect()
}

/// Returns the steps that make what is missing.
pub(super) fn steps(desired: &Desired, seen: &ObservedDiscovery) -> Vec<Step> {
    let description = mark(&desired.app, &desired.stage);
    let mut steps: Vec<Step> = Vec::new();
    for spec in wanted(desired).filter(|spec| !seen.registries.contains_key(&spec.name)) {
        let known = seen.namespaces.get(&spec.namespace).map(|found| text(found, "Id").to_owned());
        let namespace = known.unwrap_or_else(|| {
            let is_made = |step: &Step| step.kind == NAMESPACE && step.name == spec.namespace;
            if !steps.iter().any(is_made) {
                let vpc = seen.vpc.as_deref().unwrap_or_default();
                let request = json!({ "Name": spec.namespace, "Vpc": vpc, "Description": description });
                let action = Action::CreateNamespace { request: object(request) };
                let detail = format!("private, in {vpc}");
                steps.push(Step { detail, ..bare(Mark::Create, NAMESPACE, &spec.namespace, action) });
            }
            token::namespace(&spec.namespace)
        });
        let request = json!({
            "Name": spec.service,
            "NamespaceId": namespace,
            "Description": description,
            "DnsConfig": { "RoutingPolicy": "MULTIVALUE", "DnsRecords": [{ "Type": "A", "TTL": TTL }] },
            // Without it ECS has no place to say that a task is not well. 1 is its only value (API reference,
            // HealthCheckCustomConfig), and an empty one is another registry for older clients.
            "HealthCheckCustomConfig": { "FailureThreshold": 1 },
        });
        let action = Action::CreateRegistry { request: object(request) };
        steps.push(bare(Mark::Create, REGISTRY, &spec.name, action));
    }
    steps
}

/// Returns what is wanted, where a service that the manifest has no name for leaves the one that a deploy gave it.
/// A registry that managr did not make is not the manifest's to take away.
pub(super) fn with_leaving<'a>(desired: &'a Desired, observed: &Observed) -> Cow<'a, Desired> {
    let mut wanted = Cow::Borrowed(desired);
    for (at, service) in desired.services.iter().enumerate() {
        if leaves(service, observed) {
            wanted.to_mut().services[at].document.insert(MEMBER.to_owned(), json!([]));
        }
    }
    wanted
}

fn leaves(service: &ServiceDoc, observed: &Observed) -> bool {
    let Some(live) = observed.services.get(&service.name) else { return false };
    let mut arns = registries_of(live).peekable();
    let has = arns.peek().is_some();
    has && !service.document.contains_key(MEMBER) && arns.all(|arn| observed.discovery.left.contains(arn))
}

/// Returns the ARNs of a live service's registries.
pub fn registries_of(service: &Document) -> impl Iterator<Item = &str> {
    let list = service.get(MEMBER).and_then(Value::as_array).into_iter().flatten();
    list.filter_map(|registry| registry.get("registryArn")?.as_str())
}

/// Returns what is said of names that no service has any more: what was made for them stays.
pub(super) fn notes(observed: &Observed) -> impl Iterator<Item = String> {
    observed.discovery.left.iter().map(|arn| {
        let id = arn.rsplit('/').next().unwrap_or(arn);
        format!("registry {id} is left by its service: `aws servicediscovery delete-service --id {id}` removes it")
    })
}

fn object(value: Value) -> Document {
    value.as_object().cloned().unwrap_or_default()
}
