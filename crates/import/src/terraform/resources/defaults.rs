//! What is an attribute where nobody wrote it?

use serde_json::Value as Json;

/// Returns what the provider, or AWS where the provider says nothing, takes for an attribute.
pub(super) fn default(kind: &str, path: &str) -> Option<Json> {
    let kind = kind.replacen("aws_alb", "aws_lb", 1);
    let value = match (kind.as_str(), path) {
        ("aws_lb_target_group", "health_check.interval") => "30",
        ("aws_lb_target_group", "health_check.timeout") => "5",
        ("aws_lb_target_group", "health_check.healthy_threshold" | "health_check.unhealthy_threshold") => "3",
        ("aws_lb_target_group", "health_check.matcher") => "\"200\"",
        ("aws_lb_target_group", "health_check.path") => "\"/\"",
        ("aws_lb_target_group", "health_check.protocol") => "\"HTTP\"",
        ("aws_lb_target_group", "health_check.port") => "\"traffic-port\"",
        ("aws_lb_target_group", "deregistration_delay") => "300",
        ("aws_lb_listener", "protocol") => "\"HTTP\"",
        _ => return None,
    };
    serde_json::from_str(value).ok()
}
