//! Attributes: which there are, their defaults, and which values they take.
//!
//! An attribute that the balancer cannot honour takes only its default value.

use std::collections::BTreeMap;

use aws_model::AwsError;
use serde_json::{Value, json};

use super::describe::pairs;
use super::input::{self, invalid, leaf, required, structures};
use crate::world::{Change, Listener, LoadBalancer, TargetGroup};
use crate::{Cx, Input, Outcome, World};

/// Which values an attribute takes.
enum Takes {
    Boolean,
    Text,
    Number(u32, u32),
    /// A number in the range, or `off`.
    NumberOrOff(u32, u32),
    OneOf(&'static [&'static str]),
    /// Known to ELB; this platform can do it in the default way only.
    DefaultOnly,
}
use Takes::{Boolean, DefaultOnly, Number, NumberOrOff, OneOf, Text};

type Row = (&'static str, &'static str, Takes);

/// Access logs and the firewall concern services that are not here; their settings are kept
/// so that a Terraform configuration made for AWS applies.
const LOAD_BALANCER: &[Row] = &[
    ("access_logs.s3.bucket", "", Text),
    ("access_logs.s3.enabled", "false", Boolean),
    ("access_logs.s3.prefix", "", Text),
    ("client_keep_alive.seconds", "3600", Number(60, 604_800)),
    ("connection_logs.s3.bucket", "", Text),
    ("connection_logs.s3.enabled", "false", Boolean),
    ("connection_logs.s3.prefix", "", Text),
    ("deletion_protection.enabled", "false", Boolean),
    ("health_check_logs.s3.bucket", "", Text),
    ("health_check_logs.s3.enabled", "false", Boolean),
    ("health_check_logs.s3.prefix", "", Text),
    ("idle_timeout.timeout_seconds", "60", Number(1, 4000)),
    ("ipv6.deny_all_igw_traffic", "false", Boolean),
    ("load_balancing.cross_zone.enabled", "true", OneOf(&["true"])),
    ("routing.http.desync_mitigation_mode", "defensive", OneOf(&["defensive", "strictest"])),
    ("routing.http.drop_invalid_header_fields.enabled", "false", Boolean),
    ("routing.http.preserve_host_header.enabled", "false", Boolean),
    ("routing.http.x_amzn_tls_version_and_cipher_suite.enabled", "false", Boolean),
    ("routing.http.xff_client_port.enabled", "false", DefaultOnly),
    ("routing.http.xff_header_processing.mode", "append", OneOf(&["append", "preserve", "remove"])),
    ("routing.http2.enabled", "true", Boolean),
    ("waf.fail_open.enabled", "false", Boolean),
    ("zonal_shift.config.enabled", "false", Boolean),
];

const TARGET_GROUP: &[Row] = &[
    ("deregistration_delay.timeout_seconds", "300", Number(0, 3600)),
    ("load_balancing.algorithm.anomaly_mitigation", "off", DefaultOnly),
    ("load_balancing.algorithm.type", "round_robin", OneOf(&["round_robin", "least_outstanding_requests"])),
    (
        "load_balancing.cross_zone.enabled",
        "use_load_balancer_configuration",
        OneOf(&["true", "false", "use_load_balancer_configuration"]),
    ),
    ("slow_start.duration_seconds", "0", DefaultOnly),
    ("stickiness.app_cookie.cookie_name", "", DefaultOnly),
    ("stickiness.app_cookie.duration_seconds", "86400", Number(1, 604_800)),
    ("stickiness.enabled", "false", Boolean),
    ("stickiness.lb_cookie.duration_seconds", "86400", Number(1, 604_800)),
    ("stickiness.type", "lb_cookie", DefaultOnly),
    ("target_group_health.dns_failover.minimum_healthy_targets.count", "1", NumberOrOff(1, 1000)),
    ("target_group_health.dns_failover.minimum_healthy_targets.percentage", "off", NumberOrOff(1, 100)),
    ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.count", "1", DefaultOnly),
    ("target_group_health.unhealthy_state_routing.minimum_healthy_targets.percentage", "off", DefaultOnly),
];

const LISTENER: &[Row] = &[
    ("routing.http.response.access_control_allow_credentials.header_value", "", DefaultOnly),
    ("routing.http.response.access_control_allow_headers.header_value", "", DefaultOnly),
    ("routing.http.response.access_control_allow_methods.header_value", "", DefaultOnly),
    ("routing.http.response.access_control_allow_origin.header_value", "", DefaultOnly),
    ("routing.http.response.access_control_expose_headers.header_value", "", DefaultOnly),
    ("routing.http.response.access_control_max_age.header_value", "", DefaultOnly),
    ("routing.http.response.content_security_policy.header_value", "", DefaultOnly),
    ("routing.http.response.server.enabled", "true", DefaultOnly),
    ("routing.http.response.strict_transport_security.header_value", "", DefaultOnly),
    ("routing.http.response.x_content_type_options.header_value", "", DefaultOnly),
    ("routing.http.response.x_frame_options.header_value", "", DefaultOnly),
];

fn defaults(rows: &[Row]) -> BTreeMap<String, String> {
    rows.iter().map(|(key, value, _)| ((*key).to_owned(), (*value).to_owned())).collect()
}

pub(super) fn of_load_balancer() -> BTreeMap<String, String> {
    defaults(LOAD_BALANCER)
}

pub(super) fn of_target_group() -> BTreeMap<String, String> {
    defaults(TARGET_GROUP)
}

pub(super) fn of_listener() -> BTreeMap<String, String> {
    defaults(LISTENER)
}

/// Puts a request's attributes over those there are; all or none.
fn put(what: &str, rows: &[Row], attributes: &mut BTreeMap<String, String>, input: &Input) -> Result<(), AwsError> {
    let given = structures(input, "Attributes")?;
    if given.is_empty() {
        return Err(invalid("At least one attribute must be specified"));
    }
    for pair in given {
        let key = required(pair, "Key")?;
        let value = pair.get("Value").and_then(leaf).unwrap_or_default();
        // The Terraform provider looks for the words "attribute key '...' is not recognized".
        let (_, default, takes) = rows
            .iter()
            .find(|(known, _, _)| *known == key)
            .ok_or_else(|| invalid(format!("{what} attribute key '{key}' is not recognized")))?;
        let in_range = |low, high| value.parse().is_ok_and(|n: u32| (low..=high).contains(&n));
        let (sound, wanted) = match takes {
            Text => (value.len() <= 1024, "at most 1024 characters".to_owned()),
            Boolean => (value == "true" || value == "false", "'true' or 'false'".to_owned()),
            Number(low, high) => (in_range(*low, *high), format!("between '{low}' and '{high}'")),
            NumberOrOff(low, high) => {
                (value == "off" || in_range(*low, *high), format!("'off' or between '{low}' and '{high}'"))
            }
            OneOf(values) => (values.contains(&value.as_str()), format!("one of '{}'", values.join(","))),
            DefaultOnly if value == *default => (true, String::new()),
            DefaultOnly => return Err(input::unsupported(format!("{what} attribute '{key}' with value '{value}'"))),
        };
        if !sound {
            return Err(invalid(format!("{what} attribute '{key}' value '{value}' must be {wanted}")));
        }
        attributes.insert(key, value);
    }
    Ok(())
}

fn reply(attributes: &BTreeMap<String, String>) -> Value {
    json!({"Attributes": pairs(attributes)})
}

pub(super) fn describe_load_balancer(world: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    Ok(reply(&input::load_balancer(world, &required(input, "LoadBalancerArn")?)?.attributes))
}

pub(super) fn describe_target_group(world: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    Ok(reply(&input::target_group(world, &required(input, "TargetGroupArn")?)?.attributes))
}

pub(super) fn describe_listener(world: &World, _: &Cx<'_>, input: &Input) -> Result<Value, AwsError> {
    Ok(reply(&input::listener(world, &required(input, "ListenerArn")?)?.attributes))
}

pub(super) fn modify_load_balancer(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let mut lb = LoadBalancer::clone(input::load_balancer(world, &required(&input, "LoadBalancerArn")?)?);
    put("Load balancer", LOAD_BALANCER, &mut lb.attributes, &input)?;
    Ok(Outcome { reply: reply(&lb.attributes), changes: vec![Change::LoadBalancer(lb)] })
}

pub(super) fn modify_target_group(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let mut group = TargetGroup::clone(input::target_group(world, &required(&input, "TargetGroupArn")?)?);
    put("Target group", TARGET_GROUP, &mut group.attributes, &input)?;
    Ok(Outcome { reply: reply(&group.attributes), changes: vec![Change::TargetGroup(group)] })
}

pub(super) fn modify_listener(world: &World, _: &mut Cx<'_>, input: Input) -> Result<Outcome, AwsError> {
    let mut listener = Listener::clone(input::listener(world, &required(&input, "ListenerArn")?)?);
    put("Listener", LISTENER, &mut listener.attributes, &input)?;
    Ok(Outcome { reply: reply(&listener.attributes), changes: vec![Change::Listener(listener)] })
}
