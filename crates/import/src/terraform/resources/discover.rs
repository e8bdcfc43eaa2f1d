//! `aws_service_discovery_service`: by which name is a service found?

use aws_model::Document;
use serde_json::Value as Json;

use super::super::scope::Instance;
use super::super::value::Value;
use super::Estate;
use super::document::Notes;
use crate::FoundDiscover;
use crate::found::referred;

/// The type of a registry.
pub(super) const REGISTRY: &str = "aws_service_discovery_service";

const NAMESPACE: &str = "aws_service_discovery_private_dns_namespace";
const MEMBER: &str = "serviceRegistries";

/// Returns the name that a service is found by. A registry of the folder that a manifest has no word for is taken out of
/// the document: its ARN is unknown.
pub(super) fn discover(
    estate: &Estate<'_>,
    instance: &Instance<'_>,
    service: &mut Document,
    notes: &mut Notes,
) -> Option<FoundDiscover> {
    let found = FoundDiscover::read(service, |arn| name(estate, registry(estate, arn)?));
    if found.is_none() {
        let is_unknown = |one: &Json| one["registryArn"].as_str().is_some_and(|arn| !arn.starts_with("arn:"));
        let list = service.get(MEMBER).and_then(Json::as_array).into_iter().flatten();
        if list.clone().any(is_unknown) {
            service.shift_remove(MEMBER);
            notes.untold(MEMBER);
            let why = "`discover` has no word for this registry, whose ARN only AWS can tell: write it into `aws-service = \
                       { serviceRegistries = [...] }`";
            let what = format!("service_registries of {} in stage {}", instance.address(), estate.stage);
            notes.push(what, &instance.item.place, why);
        }
    }
    found
}

fn registry<'e, 'a>(estate: &'e Estate<'a>, arn: &str) -> Option<&'e Instance<'a>> {
    let address = referred(arn)?;
    estate.of(&[REGISTRY]).find(|one| one.address() == address)
}

/// Returns the whole name of a registry that has addresses in a private namespace of the folder.
fn name(estate: &Estate<'_>, registry: &Instance<'_>) -> Option<String> {
    let config = registry.blocks("dns_config").into_iter().next()?;
    let namespace = estate.referred(config.get("namespace_id")?, &[NAMESPACE])?;
    let Some(Value::List(records)) = config.get("dns_records") else { return None };
    let has_addresses = records.iter().any(|record| {
        matches!(record, Value::Map(record) if record.get("type").and_then(Value::shown).as_deref() == Some("A"))
    });
    let whole = format!("{}.{}", registry.attribute("name").shown()?, namespace.attribute("name").shown()?);
    has_addresses.then_some(whole)
}
