//! Containers that wait for what never comes, and sidecars that take the application with them.

use aws_model::task_definition::{ContainerDefinition, TaskDefinition};

use super::{Finding, Severity};

/// Parts of the names of images that only observe others.
const SIDECARS: [&str; 8] = [
    "datadog",
    "fluent-bit",
    "fluentbit",
    "fluentd",
    "otel-collector",
    "opentelemetry-collector",
    "xray-daemon",
    "cloudwatch-agent",
];

pub(super) fn check(task: &TaskDefinition, findings: &mut Vec<Finding>) {
    for container in &task.container_definitions {
        healthy_dependencies(task, container, findings);
        essential_sidecar(task, container, findings);
        idle_health_check(task, container, findings);
    }
}

/// "This condition requires that the dependent container has health checks configured in the task
/// definition" (API reference, ContainerDependency): ECS registers it, and the container never starts.
fn healthy_dependencies(task: &TaskDefinition, container: &ContainerDefinition, findings: &mut Vec<Finding>) {
    for dependency in container.depends_on.iter().filter(|d| d.condition == "HEALTHY") {
        let Some(other) = task.container(&dependency.container_name) else { continue };
        if !has_health_check(other) {
            let reason = format!(
                "waits for container `{}` to be healthy, which has no health check: it would never start",
                other.name
            );
            let hint = format!("give `{}` a health-check, or wait for its `start`", other.name);
            let finding = Finding::new("dependsOn", Severity::Failed, reason).hint(hint);
            findings.push(finding.of(&container.name));
        }
    }
}

/// An image's own HEALTHCHECK does not count: ECS ignores it.
fn has_health_check(container: &ContainerDefinition) -> bool {
    let check = container.health_check.as_ref();
    check.is_some_and(|check| check.command.first().is_some_and(|first| first != "NONE"))
}

/// copilot #3255: a log router that ended took a job with it, unasked.
fn essential_sidecar(task: &TaskDefinition, container: &ContainerDefinition, findings: &mut Vec<Finding>) {
    let image = container.image.to_lowercase();
    let is_sidecar = container.firelens_configuration.is_some() || SIDECARS.iter().any(|part| image.contains(part));
    let another = || task.container_definitions.iter().any(|c| c.essential && c.name != container.name);
    if is_sidecar && container.essential && another() {
        let words = "is essential: when this sidecar ends, ECS stops the whole task, the application too";
        let hint = "set `essential = false` on it if the application may outlive it";
        findings.push(Finding::new("essential", Severity::Warning, words).hint(hint).of(&container.name));
    }
}

/// The health of a task is that of its essential containers (developer guide, container health checks).
fn idle_health_check(task: &TaskDefinition, container: &ContainerDefinition, findings: &mut Vec<Finding>) {
    let waited_for = || {
        let all = task.container_definitions.iter().flat_map(|c| &c.depends_on);
        all.into_iter().any(|d| d.container_name == container.name && d.condition == "HEALTHY")
    };
    if has_health_check(container) && !container.essential && !waited_for() {
        let words = "has a health check that changes nothing: it is not essential, and no container waits for it";
        let hint = "make it essential, or let another container wait for it to be `healthy`";
        findings.push(Finding::new("healthCheck", Severity::Warning, words).hint(hint).of(&container.name));
    }
}
