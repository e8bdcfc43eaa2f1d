//! The records that Cloud Map keeps in its zones: they follow from the instances, and are stored nowhere.
//!
//! API reference, DnsRecord and RegisterInstance: A and AAAA from the instance's addresses, SRV as
//! `1 1 PORT ID.SERVICE.NAMESPACE` with the addresses under that name, CNAME from AWS_INSTANCE_CNAME, an alias from
//! AWS_ALIAS_DNS_NAME.

use serde_json::{Value, json};

use super::thing::{Dns, Instance, Service, instances, services};
use crate::World;
use crate::route53::name::{canonical, is_within};
use crate::route53::{Owner, RecordSet, Zone};

/// A record set that stands for an instance.
pub(crate) struct Derived {
    pub(crate) set: RecordSet,
    /// Whether it is answered while others are.
    pub(crate) is_healthy: bool,
}

/// Returns the sets of a zone whose names are `name` or below it, or all of them.
pub(crate) fn within(world: &World, zone: &Zone, name: &str) -> Vec<Derived> {
    let Some(Owner { region, namespace, .. }) = &zone.owner else { return Vec::new() };
    let mut found = Vec::new();
    for service in services(world, region, namespace) {
        let Some(dns) = &service.dns else { continue };
        let own = canonical(&format!("{}.{}", service.name, zone.name));
        if is_within(&own, name) || is_within(name, &own) {
            found.extend(instances(world, &service).flat_map(|instance| of_instance(zone, &service, dns, &instance)));
        }
    }
    found.retain(|derived| is_within(derived.set.name(), name));
    found
}

fn of_instance(zone: &Zone, service: &Service, dns: &Dns, instance: &Instance) -> Vec<Derived> {
    let own = format!("{}.{}", service.name, zone.name);
    let host = format!("{}.{own}", instance.id);
    let address = |kind: &str| match kind {
        "A" => instance.attribute("AWS_INSTANCE_IPV4"),
        "AAAA" => instance.attribute("AWS_INSTANCE_IPV6"),
        "CNAME" => instance.attribute("AWS_INSTANCE_CNAME"),
        _ => None,
    };
    let set = |name: &str, kind: &str, content: Value| {
        let mut body = json!({"Name": name, "Type": kind, "SetIdentifier": instance.id});
        match dns.is_weighted {
            true => body["Weight"] = json!(1),
            false => body["MultiValueAnswer"] = json!(true),
        }
        let (Value::Object(mut body), Value::Object(content)) = (body, content) else {
            unreachable!("both are written here")
        };
        body.extend(content);
        Derived { set: RecordSet::new(&zone.id, body), is_healthy: instance.is_healthy != Some(false) }
    };
    let plain = |ttl: &u32, value: &str| json!({"TTL": ttl, "ResourceRecords": [{"Value": value}]});
    let mut found = Vec::new();
    for (kind, ttl) in &dns.records {
        if let Some(target) = instance.attribute("AWS_ALIAS_DNS_NAME").filter(|_| kind != "SRV") {
            let target = json!({"HostedZoneId": crate::elb::ZONE, "DNSName": target, "EvaluateTargetHealth": true});
            found.push(set(&own, kind, json!({"AliasTarget": target})));
        } else if kind == "SRV" {
            let port = instance.attribute("AWS_INSTANCE_PORT").unwrap_or_default();
            found.push(set(&own, kind, plain(ttl, &format!("1 1 {port} {}", host.trim_end_matches('.')))));
            let addresses = ["A", "AAAA"].into_iter().filter_map(|kind| Some((kind, address(kind)?)));
            found.extend(addresses.map(|(kind, value)| set(&host, kind, plain(ttl, value))));
        } else if let Some(value) = address(kind) {
            found.push(set(&own, kind, plain(ttl, value)));
        }
    }
    found
}
