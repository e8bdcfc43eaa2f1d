//! Writes entities as ELB answers them.

use std::collections::{BTreeMap, BTreeSet};

use aws_model::{Document, seconds};
use serde_json::{Value, json};

use super::input::{list, text, texts};
use super::{guards, policies, usage};
use crate::World;
use crate::ec2;
use crate::world::{Listener, LoadBalancer, Rule, TargetGroup};

/// `active`, or `active_impaired` with the reason of a listener that cannot listen.
fn state(world: &World, lb: &LoadBalancer) -> Value {
    let own = world.listeners.values().filter(|l| l.load_balancer_arn == lb.arn);
    match own.filter_map(|l| l.fault.as_deref()).next() {
        Some(fault) => json!({"Code": "active_impaired", "Reason": fault}),
        None => json!({"Code": "active"}),
    }
}

/// The hosted zone of load balancers that AWS has in us-east-1: what an alias to one names.
pub(crate) const ZONE: &str = "Z35SXDOTRQ7X7K";

pub(super) fn load_balancer(world: &World, lb: &LoadBalancer) -> Value {
    let (region, account) = place(&lb.arn);
    let subnet = subnets(&lb.document).into_iter().next().unwrap_or_default();
    let zones: Vec<Value> = subnets(&lb.document)
        .into_iter()
        .zip("abcdef".chars().cycle())
        .map(|(subnet, letter)| {
            json!({"ZoneName": format!("{region}{letter}"), "SubnetId": subnet, "LoadBalancerAddresses": []})
        })
        .collect();
    let mut reply = json!({
        "LoadBalancerArn": lb.arn,
        "DNSName": lb.dns_name,
        "CanonicalHostedZoneId": ZONE,
        "CreatedTime": seconds(lb.created_at),
        "LoadBalancerName": lb.name,
        "Scheme": text(&lb.document, "Scheme").unwrap_or_else(|| "internet-facing".into()),
        "VpcId": ec2::vpc_of(world, region, account, &subnet),
        "State": state(world, lb),
        "Type": "application",
        "AvailabilityZones": zones,
        "SecurityGroups": texts(&lb.document, "SecurityGroups"),
        "IpAddressType": text(&lb.document, "IpAddressType").unwrap_or_else(|| "ipv4".into()),
    });
    for kept in ["CustomerOwnedIpv4Pool", "EnablePrefixForIpv6SourceNat", "IpamPools"] {
        if let Some(value) = lb.document.get(kept) {
            reply[kept] = value.clone();
        }
    }
    reply
}

/// Returns region and account of an ARN.
fn place(arn: &str) -> (&str, &str) {
    let mut parts = arn.split(':').skip(3);
    (parts.next().unwrap_or_default(), parts.next().unwrap_or_default())
}

/// Returns the subnets of a request, given either way.
pub(super) fn subnets(document: &Document) -> Vec<String> {
    let direct = texts(document, "Subnets");
    if !direct.is_empty() {
        return direct;
    }
    list(document, "SubnetMappings").iter().filter_map(|m| m.get("SubnetId")?.as_str().map(str::to_owned)).collect()
}

pub(super) fn target_group(world: &World, group: &TargetGroup) -> Value {
    let check = &group.health_check;
    let (region, account) = place(&group.arn);
    json!({
        "TargetGroupArn": group.arn,
        "TargetGroupName": group.name,
        "Protocol": group.protocol,
        "Port": group.port,
        // Older rows may have none.
        "VpcId": text(&group.document, "VpcId").unwrap_or_else(|| ec2::vpc_of(world, region, account, "")),
        "HealthCheckProtocol": "HTTP",
        "HealthCheckPort": check.port.map_or_else(|| "traffic-port".to_owned(), |p| p.to_string()),
        "HealthCheckEnabled": check.enabled,
        "HealthCheckIntervalSeconds": check.interval,
        "HealthCheckTimeoutSeconds": check.timeout,
        "HealthyThresholdCount": check.healthy_threshold,
        "UnhealthyThresholdCount": check.unhealthy_threshold,
        "HealthCheckPath": check.path,
        "Matcher": {"HttpCode": check.matcher},
        "LoadBalancerArns": usage::load_balancers_of(world, &group.arn),
        "TargetType": group.target_type,
        "ProtocolVersion": "HTTP1",
        "IpAddressType": text(&group.document, "IpAddressType").unwrap_or_else(|| "ipv4".into()),
    })
}

pub(super) fn listener(listener: &Listener) -> Value {
    let mut reply = json!({
        "ListenerArn": listener.arn,
        "LoadBalancerArn": listener.load_balancer_arn,
        "Port": listener.port,
        "Protocol": listener.protocol,
        "DefaultActions": actions(list(&listener.document, "DefaultActions")),
    });
    if listener.protocol == "HTTPS" {
        // The default one alone: the others are DescribeListenerCertificates' to tell.
        reply["Certificates"] = list(&listener.document, "Certificates").into();
        reply["SslPolicy"] = text(&listener.document, "SslPolicy").unwrap_or_else(|| policies::DEFAULT.into()).into();
        for kept in ["AlpnPolicy", "MutualAuthentication"] {
            if let Some(value) = listener.document.get(kept) {
                reply[kept] = value.clone();
            }
        }
    }
    reply
}

pub(super) fn rule(rule: &Rule) -> Value {
    let conditions: Vec<Value> = list(&rule.document, "Conditions").iter().map(condition).collect();
    let mut reply = json!({
        "RuleArn": rule.arn,
        "Priority": rule.priority.map_or_else(|| "default".to_owned(), |p| p.to_string()),
        "Conditions": conditions,
        "Actions": actions(list(&rule.document, "Actions")),
        "IsDefault": rule.priority.is_none(),
    });
    if let Some(transforms) = rule.document.get("Transforms") {
        reply["Transforms"] = transforms.clone();
    }
    reply
}

/// Answers actions with the members that ELB fills in; all others as they came.
fn actions(given: &[Value]) -> Vec<Value> {
    let answer = |action: &Value| {
        let mut action = guards::typed(action);
        match action["Type"].as_str() {
            Some("forward") => {
                let mut groups = action["ForwardConfig"]["TargetGroups"].as_array().cloned().unwrap_or_default();
                if groups.is_empty() {
                    groups.push(json!({"TargetGroupArn": action["TargetGroupArn"]}));
                }
                for group in &mut groups {
                    if group["Weight"].is_null() {
                        group["Weight"] = json!(1);
                    }
                }
                if let [only] = &groups[..] {
                    action["TargetGroupArn"] = only["TargetGroupArn"].clone();
                }
                action["ForwardConfig"]["TargetGroups"] = groups.into();
                if action["ForwardConfig"]["TargetGroupStickinessConfig"].is_null() {
                    action["ForwardConfig"]["TargetGroupStickinessConfig"] = json!({"Enabled": false});
                }
            }
            Some("redirect") => {
                for (member, default) in [
                    ("Protocol", "#{protocol}"),
                    ("Port", "#{port}"),
                    ("Host", "#{host}"),
                    ("Path", "/#{path}"),
                    ("Query", "#{query}"),
                ] {
                    if action["RedirectConfig"][member].is_null() {
                        action["RedirectConfig"][member] = default.into();
                    }
                }
            }
            _ => {}
        }
        // Indexing to look leaves nulls where there was nothing.
        if let Some(members) = action.as_object_mut() {
            members.retain(|_, v| !v.is_null());
        }
        action
    };
    given.iter().map(answer).collect()
}

/// Answers a condition in both forms, as ELB does for the two old fields.
fn condition(given: &Value) -> Value {
    let mut condition = given.clone();
    let config = match condition["Field"].as_str() {
        Some("path-pattern") => "PathPatternConfig",
        Some("host-header") => "HostHeaderConfig",
        _ => return condition,
    };
    let values = given.get("Values").or_else(|| given.get(config)?.get("Values")).cloned().unwrap_or_default();
    condition["Values"] = values.clone();
    condition[config]["Values"] = values;
    condition
}

/// Answers attributes as a list of pairs.
pub(super) fn pairs(map: &BTreeMap<String, String>) -> Vec<Value> {
    map.iter().map(|(key, value)| json!({"Key": key, "Value": value})).collect()
}

/// Returns names that were asked for and not found, as ELB quotes them.
pub(super) fn quoted(missing: &BTreeSet<&String>) -> String {
    missing.iter().map(|m| m.as_str()).collect::<Vec<_>>().join(", ")
}
