//! Names by which services are found: what there is in Cloud Map, and how it is made and removed.
//!
//! What is wanted is decided by `deploy_core::plan::discovery`. A namespace belongs to a VPC; which one a namespace of
//! Cloud Map belongs to, only its zone in Route 53 says.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use aws::{CLOUD_MAP, CallError, Client, EC2, ROUTE53, endpoint, items};
use aws_model::Document;
use deploy_core::desired::{Desired, DiscoverSpec};
use deploy_core::plan::discovery::{self, ObservedDiscovery, made_for};
use futures_util::future::try_join_all;
use serde_json::{Value, json};

use crate::down::{gone, remove};
use crate::error::StageError;
use crate::event::{Event, Events, ResourceChange};
use crate::observe::{object, text};

/// How long Cloud Map may take to make or remove a namespace: minutes, on a bad day (developer guide, "Creating a
/// private namespace": it makes a hosted zone).
const OPERATION_LIMIT: Duration = Duration::from_secs(300);

/// How long instances of tasks that have stopped may still be registered.
const DEREGISTERED_LIMIT: Duration = Duration::from_secs(60);

const PAUSE: Duration = Duration::from_millis(200);

/// Returns what there is of the names of a stage's services. Asks nothing where neither the manifest nor a service
/// that runs has any.
///
/// # Errors
/// See [`CallError`].
pub(crate) async fn look(
    client: &Client,
    desired: &Desired,
    services: &BTreeMap<String, Document>,
) -> Result<ObservedDiscovery, CallError> {
    let wanted: Vec<&DiscoverSpec> = discovery::wanted(desired).collect();
    let mut seen = match wanted.is_empty() {
        true => ObservedDiscovery::default(),
        false => there(client, desired, &wanted).await?,
    };
    let known: BTreeSet<&str> = wanted.iter().filter_map(|spec| seen.registry_arn(&spec.name)).collect();
    let live: BTreeSet<&str> = services.values().flat_map(discovery::registries_of).collect();
    let asked = live.difference(&known).map(async |arn| is_made_here(client, desired, arn).await);
    let left = try_join_all(asked).await?;
    let left = live.difference(&known).zip(left).filter(|(_, ours)| *ours).map(|(arn, _)| (*arn).to_owned()).collect();
    seen.left = left;
    Ok(seen)
}

async fn there(client: &Client, desired: &Desired, wanted: &[&DiscoverSpec]) -> Result<ObservedDiscovery, CallError> {
    let vpc = vpc(client, &desired.network).await?;
    let names: BTreeSet<&str> = wanted.iter().map(|spec| spec.namespace.as_str()).collect();
    let found = names.iter().map(|name| namespace(client, name, vpc.as_deref()));
    let found = names.iter().zip(try_join_all(found).await?);
    let namespaces: BTreeMap<String, Document> =
        found.filter_map(|(name, found)| Some(((*name).to_owned(), found?))).collect();
    let services = namespaces.values().map(|namespace| services_in(client, text(namespace, "Id")));
    let services: BTreeMap<&String, Vec<Document>> = namespaces.keys().zip(try_join_all(services).await?).collect();
    let registry = |spec: &&DiscoverSpec| {
        let all = services.get(&spec.namespace)?;
        // Cloud Map takes no two whose names differ by capitals alone (API reference, CreateService).
        let found = all.iter().find(|service| text(service, "Name").eq_ignore_ascii_case(&spec.service))?;
        Some((spec.name.clone(), found.clone()))
    };
    let registries = wanted.iter().filter_map(registry).collect();
    Ok(ObservedDiscovery { vpc, namespaces, registries, left: BTreeSet::new() })
}

/// Returns the VPC of the stage's subnets; none if it names none.
async fn vpc(client: &Client, network: &Value) -> Result<Option<String>, CallError> {
    let subnets = network.pointer("/awsvpcConfiguration/subnets").and_then(Value::as_array);
    let Some(subnet) = subnets.and_then(|list| list.first()?.as_str()) else { return Ok(None) };
    let input = object(json!({ "SubnetId": [subnet] }));
    match client.call(&EC2, "DescribeSubnets", input).await {
        Ok(answer) => Ok(vpc_of(&answer, "subnetSet")),
        // On this machine tasks run in one network, whatever subnets they name (docs/running.md).
        Err(error) if error.is("InvalidSubnetID.NotFound") && endpoint::is_loopback(&client.endpoint(&EC2)) => {
            default_vpc(client).await
        }
        Err(error) => Err(error),
    }
}

async fn default_vpc(client: &Client) -> Result<Option<String>, CallError> {
    let filter = json!({ "Filter": [{ "Name": "is-default", "Value": ["true"] }] });
    Ok(vpc_of(&client.call(&EC2, "DescribeVpcs", object(filter)).await?, "vpcSet"))
}

fn vpc_of(answer: &Document, list: &str) -> Option<String> {
    let first = items(answer, list).first().and_then(Value::as_object);
    first.map(|found| text(found, "vpcId").to_owned()).filter(|id| !id.is_empty())
}

/// Returns the private namespace of a name that is seen from a VPC.
async fn namespace(client: &Client, name: &str, vpc: Option<&str>) -> Result<Option<Document>, CallError> {
    let filters = json!([
        { "Name": "TYPE", "Values": ["DNS_PRIVATE"], "Condition": "EQ" },
        { "Name": "NAME", "Values": [name], "Condition": "EQ" },
    ]);
    // Cloud Map filters after it has cut its pages (API reference, ListNamespaces): one may be empty, and more follow.
    let input = object(json!({ "Filters": filters }));
    for found in client.pages(&CLOUD_MAP, "ListNamespaces", input, "Namespaces").await? {
        let zone = found.get("Properties").and_then(|all| all.get("DnsProperties")?.get("HostedZoneId")?.as_str());
        let Some(zone) = zone else { continue };
        let answer = client.call(&ROUTE53, "GetHostedZone", object(json!({ "Id": zone }))).await?;
        let mut vpcs = items(&answer, "VPCs").iter().filter_map(Value::as_object);
        if vpcs.any(|of_zone| Some(text(of_zone, "VPCId")) == vpc) {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

async fn services_in(client: &Client, namespace: &str) -> Result<Vec<Document>, CallError> {
    let filters = json!([{ "Name": "NAMESPACE_ID", "Values": [namespace], "Condition": "EQ" }]);
    client.pages(&CLOUD_MAP, "ListServices", object(json!({ "Filters": filters })), "Services").await
}

/// Returns whether a registry was made by a deploy of this stage.
async fn is_made_here(client: &Client, desired: &Desired, arn: &str) -> Result<bool, CallError> {
    match registry(client, arn).await {
        Ok(found) => Ok(found.is_some_and(|found| made_for(&found) == Some((&desired.app, &desired.stage)))),
        // Who may not look leaves it as it is.
        Err(error) if error.is_unserved() || error.is_denied() => Ok(false),
        Err(error) => Err(error),
    }
}

/// Returns a registry by its ARN, if it is there.
async fn registry(client: &Client, arn: &str) -> Result<Option<Document>, CallError> {
    let id = arn.rsplit('/').next().unwrap_or(arn);
    match client.call(&CLOUD_MAP, "GetService", object(json!({ "Id": id }))).await {
        Ok(answer) => Ok(answer.get("Service").and_then(Value::as_object).cloned()),
        Err(error) if error.is("ServiceNotFound") => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns the name of a registry with addresses in a private namespace; none if it is another or is not there.
///
/// # Errors
/// See [`CallError`].
pub(crate) async fn name_of(client: &Client, arn: &str) -> Result<Option<String>, CallError> {
    let found = registry(client, arn).await?.filter(|found| discovery::record_kinds(found).contains(&"A"));
    let Some(service) = found else { return Ok(None) };
    let input = object(json!({ "Id": text(&service, "NamespaceId") }));
    let answer = client.call(&CLOUD_MAP, "GetNamespace", input).await?;
    let namespace = answer.get("Namespace").and_then(Value::as_object).cloned().unwrap_or_default();
    let is_private = text(&namespace, "Type") == "DNS_PRIVATE";
    Ok(is_private.then(|| format!("{}.{}", text(&service, "Name"), text(&namespace, "Name"))))
}

/// Makes, for a rehearsal, a registry with addresses and its namespace in the default network; returns its ARN.
///
/// # Errors
/// See [`StageError`].
pub(crate) async fn stand_in(
    client: &Client,
    name: &str,
    known: &mut BTreeMap<String, String>,
) -> Result<String, StageError> {
    let spec = DiscoverSpec::read(name).ok_or(StageError::Incomplete { operation: "a name", member: "a dot" })?;
    if !known.contains_key(&spec.namespace) {
        let vpc = default_vpc(client).await?.unwrap_or_default();
        let id = create_namespace(client, object(json!({ "Name": spec.namespace, "Vpc": vpc }))).await?;
        known.insert(spec.namespace.clone(), id);
    }
    let records = json!({ "DnsRecords": [{ "Type": "A", "TTL": discovery::TTL }] });
    let request = json!({ "Name": spec.service, "NamespaceId": known[&spec.namespace], "DnsConfig": records });
    create_registry(client, object(request)).await
}

/// Makes a namespace and returns its id, once it is there.
///
/// # Errors
/// See [`StageError`].
pub(crate) async fn create_namespace(client: &Client, request: Document) -> Result<String, StageError> {
    const OPERATION: &str = "CreatePrivateDnsNamespace";
    let answer = client.call(&CLOUD_MAP, OPERATION, request.clone()).await?;
    let done = finished(client, OPERATION, &answer).await?;
    match done.get("Targets").and_then(|targets| targets.get("NAMESPACE")?.as_str()) {
        Some(id) => Ok(id.to_owned()),
        None => Err(StageError::Incomplete { operation: "GetOperation", member: "the namespace" }),
    }
}

/// Makes a registry and returns its ARN.
///
/// # Errors
/// See [`StageError`].
pub(crate) async fn create_registry(client: &Client, request: Document) -> Result<String, StageError> {
    let answer = client.call(&CLOUD_MAP, "CreateService", request).await?;
    let arn = answer.get("Service").and_then(|service| service.get("Arn")?.as_str()).filter(|arn| !arn.is_empty());
    let missing = StageError::Incomplete { operation: "CreateService of Cloud Map", member: "its ARN" };
    arn.map(str::to_owned).ok_or(missing)
}

/// Waits until an operation of Cloud Map is over, and returns what it says.
async fn finished(client: &Client, what: &'static str, answer: &Document) -> Result<Document, StageError> {
    let id = text(answer, "OperationId");
    let since = Instant::now();
    loop {
        let answer = client.call(&CLOUD_MAP, "GetOperation", object(json!({ "OperationId": id }))).await?;
        let operation = answer.get("Operation").and_then(Value::as_object).cloned().unwrap_or_default();
        match text(&operation, "Status") {
            "SUCCESS" => return Ok(operation),
            "FAIL" => {
                let words = [text(&operation, "ErrorCode"), text(&operation, "ErrorMessage")];
                return Err(StageError::Names { operation: what, reason: words.join(": ") });
            }
            _ if since.elapsed() > OPERATION_LIMIT => {
                let reason = format!("not over after {} s", OPERATION_LIMIT.as_secs());
                return Err(StageError::Names { operation: what, reason });
            }
            _ => tokio::time::sleep(PAUSE).await,
        }
    }
}

/// Removes the registries that deploys of a stage made, and the namespaces that managr made and in which nothing is left.
/// Its services are gone by then.
///
/// # Errors
/// See [`StageError`].
pub(crate) async fn remove_names(client: &Client, desired: &Desired, events: &Events) -> Result<(), StageError> {
    let wanted: Vec<&DiscoverSpec> = discovery::wanted(desired).collect();
    if wanted.is_empty() {
        return Ok(());
    }
    let seen = match there(client, desired, &wanted).await {
        // Where the endpoint serves no names, none were made.
        Err(error) if error.is_unserved() => return Ok(()),
        seen => seen?,
    };
    for (name, found) in &seen.registries {
        if made_for(found) == Some((&desired.app, &desired.stage)) {
            remove_registry(client, name, text(found, "Id"), events).await?;
        }
    }
    for (name, found) in &seen.namespaces {
        // Whichever stage it was made for: it is the last to go.
        if made_for(found).is_some_and(|(app, _)| app == desired.app) {
            remove_namespace(client, name, text(found, "Id"), events).await?;
        }
    }
    Ok(())
}

async fn remove_registry(client: &Client, name: &str, id: &str, events: &Events) -> Result<(), StageError> {
    let since = Instant::now();
    loop {
        match client.call(&CLOUD_MAP, "DeleteService", object(json!({ "Id": id }))).await {
            // ECS deregisters tasks by itself, and after they have stopped.
            Err(error) if error.is("ResourceInUse") && since.elapsed() < DEREGISTERED_LIMIT => {
                tokio::time::sleep(PAUSE).await;
            }
            Err(error) if error.is("ResourceInUse") => {
                let message = format!("{name} stays: something else is registered there");
                events.emit(Event::Warning { message });
                return Ok(());
            }
            answer => {
                if remove(answer, &["ServiceNotFound"])? {
                    events.resource(ResourceChange::Deleted, discovery::REGISTRY, name);
                }
                return Ok(());
            }
        }
    }
}

async fn remove_namespace(client: &Client, name: &str, id: &str, events: &Events) -> Result<(), StageError> {
    let answer = match client.call(&CLOUD_MAP, "DeleteNamespace", object(json!({ "Id": id }))).await {
        // Other services are found in it.
        Err(error) if gone(&error, &["NamespaceNotFound", "ResourceInUse"]) => return Ok(()),
        answer => answer?,
    };
    match finished(client, "DeleteNamespace", &answer).await {
        Ok(_) => events.resource(ResourceChange::Deleted, discovery::NAMESPACE, name),
        // Its zone may have records that another user put there.
        Err(StageError::Names { reason, .. }) => {
            events.emit(Event::Warning { message: format!("namespace {name} stays: {reason}") });
        }
        Err(error) => return Err(error),
    }
    Ok(())
}
