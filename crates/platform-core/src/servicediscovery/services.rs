//! Services: names in a namespace, and how they are found.

use aws_model::{AwsError, seconds};
use serde::Deserialize;
use serde_json::{Value, json};

use super::find::{List, in_use, invalid, namespace, service};
use super::operations::{Done, letters};
use super::tags::{Tag, checked};
use super::thing::{Discovery, Dns, Namespace, Revision, Service, instances, services};
use crate::operation::read;
use crate::{Change, Cx, Input, Outcome, World};

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Create {
    name: String,
    namespace_id: Option<String>,
    creator_request_id: Option<String>,
    description: Option<String>,
    dns_config: Option<DnsConfig>,
    health_check_config: Option<Value>,
    health_check_custom_config: Option<CustomHealth>,
    #[serde(rename = "Type")]
    kind: Option<String>,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DnsConfig {
    namespace_id: Option<String>,
    routing_policy: Option<String>,
    dns_records: Vec<DnsRecord>,
}

#[derive(Deserialize)]
struct DnsRecord {
    #[serde(rename = "Type")]
    kind: String,
    #[serde(rename = "TTL")]
    ttl: u32,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CustomHealth {
    failure_threshold: Option<u32>,
}

pub(super) fn create(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let create: Create = read(input)?;
    no_health_check(create.health_check_config.as_ref())?;
    let of_dns = create.dns_config.as_ref().and_then(|dns| dns.namespace_id.as_deref());
    let Some(id) = create.namespace_id.as_deref().or(of_dns) else {
        return Err(invalid("NamespaceId must be specified"));
    };
    let namespace = namespace(world, cx, id)?;
    if of_dns.is_some_and(|id| id != namespace.id) {
        return Err(invalid("NamespaceId and DnsConfig.NamespaceId are not the same"));
    }
    let dns = create.dns_config.map(|config| dns(&namespace, create.kind.as_deref(), config)).transpose()?;
    if create.name == "." && dns.is_none() {
        return Err(invalid("The service name '.' is for services that are found by DNS"));
    }
    if let Some(known) =
        services(world, cx.region, &namespace.id).into_iter().find(|one| one.name.eq_ignore_ascii_case(&create.name))
    {
        return match &known.creator_request {
            Some(request) if create.creator_request_id.as_ref() == Some(request) => {
                Ok(Outcome { reply: json!({"Service": describe(world, cx, &known, true)}), changes: Vec::new() })
            }
            _ => Err(AwsError::new("ServiceAlreadyExists", format!("The service {} already exists", known.name))),
        };
    }
    let id = format!("srv-{}", letters(cx, 16));
    let service = Service {
        region: cx.region.to_owned(),
        arn: cx.arn("servicediscovery", &format!("service/{id}")),
        id,
        name: create.name,
        namespace: namespace.id,
        description: create.description,
        dns,
        told_health: create.health_check_custom_config.map(|config| config.failure_threshold.unwrap_or(1)),
        creator_request: create.creator_request_id,
        created_at: cx.now,
        tags: checked(create.tags)?,
        attributes: Default::default(),
    };
    let reply = json!({"Service": describe(world, cx, &service, true)});
    Ok(Outcome { reply, changes: vec![Change::put(&service)] })
}

/// Route 53's checks come from the internet; nothing here does.
fn no_health_check(config: Option<&Value>) -> Result<(), AwsError> {
    match config {
        Some(_) => Err(invalid("HealthCheckConfig is not supported by managr's platform; HealthCheckCustomConfig is")),
        None => Ok(()),
    }
}

/// Reads how a service is found by DNS (API reference, DnsConfig and DnsRecord).
fn dns(namespace: &Namespace, kind: Option<&str>, config: DnsConfig) -> Result<Dns, AwsError> {
    if namespace.discovery == Discovery::Http {
        return Err(invalid(format!("DnsConfig cannot be specified for the HTTP namespace {}", namespace.id)));
    }
    if kind.is_some() {
        return Err(invalid("DnsConfig cannot be specified for a service of type HTTP"));
    }
    let kinds: Vec<&str> = config.dns_records.iter().map(|record| record.kind.as_str()).collect();
    if kinds.is_empty() {
        return Err(invalid("DnsRecords cannot be empty"));
    }
    if (1..kinds.len()).any(|at| kinds[..at].contains(&kinds[at])) {
        return Err(invalid("DnsRecords has a type more than once"));
    }
    let is_weighted = match config.routing_policy.as_deref() {
        Some(policy) => policy == "WEIGHTED",
        None => kinds == ["CNAME"],
    };
    if kinds.contains(&"CNAME") && (kinds.len() > 1 || !is_weighted) {
        return Err(invalid("A CNAME record must be the only one, and its RoutingPolicy WEIGHTED"));
    }
    let records = config.dns_records.into_iter().map(|record| (record.kind, record.ttl)).collect();
    Ok(Dns { is_weighted, records })
}

/// Returns a service as it is described; a listing does not say what its maker called the request.
fn describe(world: &World, cx: &Cx<'_>, service: &Service, is_whole: bool) -> Value {
    let mut told = json!({
        "Id": service.id, "Arn": service.arn, "ResourceOwner": cx.account, "Name": service.name,
        "InstanceCount": instances(world, service).count(),
        "Type": if service.dns.is_some() { "DNS_HTTP" } else { "HTTP" },
        "CreateDate": seconds(service.created_at), "CreatedByAccount": cx.account,
    });
    if let Some(dns) = &service.dns {
        let records: Value = dns.records.iter().map(|(kind, ttl)| json!({"Type": kind, "TTL": ttl})).collect();
        let policy = if dns.is_weighted { "WEIGHTED" } else { "MULTIVALUE" };
        told["DnsConfig"] = json!({"NamespaceId": service.namespace, "RoutingPolicy": policy, "DnsRecords": records});
    }
    if let Some(threshold) = service.told_health {
        told["HealthCheckCustomConfig"] = json!({"FailureThreshold": threshold});
    }
    if let Some(description) = &service.description {
        told["Description"] = json!(description);
    }
    if is_whole {
        told["NamespaceId"] = json!(service.namespace);
        if let Some(request) = &service.creator_request {
            told["CreatorRequestId"] = json!(request);
        }
    }
    told
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Which {
    id: String,
}

pub(super) fn get(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let service = service(world, cx, &read::<Which>(input.clone())?.id)?;
    Ok(json!({"Service": describe(world, cx, &service, true)}))
}

pub(super) fn list(world: &World, cx: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    let List { filters, paging } = read(input.clone())?;
    filters.iter().try_for_each(|filter| filter.may_be(&["EQ", "IN"]))?;
    let is_wanted = |service: &Service| {
        filters.iter().all(|filter| match filter.name.as_str() {
            "NAMESPACE_ID" => filter.takes(&service.namespace),
            _ => filter.takes("SELF"),
        })
    };
    let found = world.records.all::<Service>(cx.region).filter(is_wanted);
    Ok(paging.page("Services", found.map(|service| (service.id.clone(), describe(world, cx, &service, false)))))
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Update {
    id: String,
    service: Changed,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Changed {
    description: Option<String>,
    dns_config: Option<ChangedDns>,
    health_check_config: Option<Value>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ChangedDns {
    dns_records: Vec<DnsRecord>,
}

/// Times to live change; records that are left out go; none comes (API reference, UpdateService).
pub(super) fn update(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let Update { id, service: changed } = read(input)?;
    let mut service = service(world, cx, &id)?;
    no_health_check(changed.health_check_config.as_ref())?;
    if let Some(description) = changed.description {
        service.description = Some(description).filter(|text| !text.is_empty());
    }
    let records: Vec<(String, u32)> =
        changed.dns_config.into_iter().flat_map(|dns| dns.dns_records).map(|one| (one.kind, one.ttl)).collect();
    let known = |kind: &str| service.dns.iter().flat_map(|dns| &dns.records).any(|(own, _)| own == kind);
    if let Some((kind, _)) = records.iter().find(|(kind, _)| !known(kind)) {
        return Err(invalid(format!("The service {} has no {kind} record, and none can be added", service.id)));
    }
    match &mut service.dns {
        Some(dns) if !records.is_empty() => dns.records = records,
        dns => *dns = None,
    }
    let targets = [("SERVICE", service.id.as_str()), ("NAMESPACE", &service.namespace)];
    let done = Done::new(cx, "UPDATE_SERVICE", &targets);
    let changes = [vec![Change::put(&service)], done.kept(world)].concat();
    Ok(Outcome { reply: done.reply(), changes })
}

pub(super) fn delete(world: &World, cx: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let service = service(world, cx, &read::<Which>(input)?.id)?;
    if instances(world, &service).next().is_some() {
        // As seen in terraform-provider-aws #4853.
        return Err(in_use("Service contains registered instances; delete the instances before deleting the service"));
    }
    let changes = vec![
        Change::remove::<Service>(&service.region, &service.id),
        Change::remove::<Revision>(&service.region, &service.id),
    ];
    Ok(Outcome { reply: json!({}), changes })
}
