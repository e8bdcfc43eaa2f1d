//! Does a target group fit the container that is to be its target?
//!
//! The group's own port is not compared: ECS registers each task with the container's.

use aws_model::Document;
use aws_model::task_definition::TaskDefinition;
use serde_json::Value;

use super::{Finding, Severity};

/// The container that a target group sends requests to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Target {
    /// Its name.
    pub container: String,
    /// Its port.
    pub port: u16,
    /// Protocol by which it maps the port: `tcp` or `udp`.
    pub protocol: String,
    /// Every port that the task maps.
    pub mapped: Vec<u16>,
}

impl Target {
    /// Returns a container's port as the task definition maps it.
    pub fn of(task: &Document, container: &str, port: u16) -> Self {
        let task = TaskDefinition::read(task).unwrap_or_default();
        let mappings = task.container(container).map(|c| c.port_mappings.as_slice()).unwrap_or_default();
        let own = mappings.iter().find(|mapping| mapping.container_port == Some(port));
        let every = task.container_definitions.iter().flat_map(|c| &c.port_mappings);
        Self {
            container: container.to_owned(),
            port,
            protocol: own.and_then(|mapping| mapping.protocol.clone()).unwrap_or_else(|| "tcp".to_owned()),
            mapped: every.filter_map(|mapping| mapping.container_port).collect(),
        }
    }
}

/// Returns what does not fit. `group` is an item of DescribeTargetGroups; `will_be_attached` says
/// that the deploy puts a listener or rule before it.
pub fn check(group: &Document, target: &Target, will_be_attached: bool) -> Vec<Finding> {
    let text = |name: &str| group.get(name).and_then(Value::as_str).unwrap_or_default();
    let mut findings = Vec::new();
    let mut fail = |reason: String, hint: &str| {
        findings.push(Finding::new("loadBalancers", Severity::Failed, reason).hint(hint));
    };
    if !matches!(text("TargetType"), "ip" | "") {
        let reason = format!("its target type is {}; tasks with a network of their own need ip", text("TargetType"));
        fail(reason, "make another target group with target type ip: it cannot be changed");
    }
    let (protocol, container, port) = (text("Protocol"), &target.container, target.port);
    let takes = match protocol {
        "UDP" => &["udp"][..],
        "TCP_UDP" | "" => &["tcp", "udp"],
        _ => &["tcp"],
    };
    if !takes.contains(&target.protocol.as_str()) {
        let reason =
            format!("it speaks {protocol}, and container `{container}` maps port {port} as {}", target.protocol);
        fail(reason, "let both speak the same protocol");
    }
    let attached = group.get("LoadBalancerArns").and_then(Value::as_array).is_some_and(|arns| !arns.is_empty());
    if !attached && !will_be_attached {
        fail(
            "it is not attached to a load balancer: ECS refuses such a service".to_owned(),
            "put a listener or a rule before it that forwards to it",
        );
    }
    if let Ok(health) = text("HealthCheckPort").parse::<u16>()
        && !target.mapped.contains(&health)
    {
        let reason = format!("its health checks ask port {health}, which no container maps");
        let finding = Finding::new("loadBalancers", Severity::Warning, reason);
        findings.push(finding.hint("set the group's health check port to `traffic-port`"));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(group: Value, will_be_attached: bool, expected: &[&str]) {
        let mut document = json!({"TargetType": "ip", "Protocol": "HTTP", "HealthCheckPort": "traffic-port",
                                  "LoadBalancerArns": ["arn:lb"]});
        document.as_object_mut().unwrap().extend(group.as_object().unwrap().clone());
        let task = json!({"containerDefinitions": [
            {"name": "web", "image": "i", "portMappings": [{"containerPort": 80}]}]});
        let target = Target::of(task.as_object().unwrap(), "web", 80);
        let found = super::check(document.as_object().unwrap(), &target, will_be_attached);
        let found: Vec<&str> = found.iter().map(|finding| finding.reason.as_str()).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn type_protocol_and_load_balancer_fit() {
        check(json!({}), false, &[]);
        check(json!({"Port": 8000}), false, &[]);
        check(
            json!({"TargetType": "instance"}),
            false,
            &["its target type is instance; tasks with a network of their own need ip"],
        );
        check(json!({"Protocol": "UDP"}), false, &["it speaks UDP, and container `web` maps port 80 as tcp"]);
        let loose = json!({"LoadBalancerArns": []});
        check(loose.clone(), false, &["it is not attached to a load balancer: ECS refuses such a service"]);
        check(loose, true, &[]);
        check(json!({"HealthCheckPort": "80"}), false, &[]);
        check(json!({"HealthCheckPort": "81"}), false, &["its health checks ask port 81, which no container maps"]);
    }
}
