//! The rules for one container.

use std::collections::BTreeSet;

use super::refuse;
use crate::AwsError;
use crate::task_definition::{ContainerDefinition, HealthCheck, TaskDefinition};

/// Refuses one container's settings.
pub(super) fn check(spec: &TaskDefinition, container: &ContainerDefinition) -> Result<(), AwsError> {
    let awsvpc = spec.network_mode.as_deref() == Some("awsvpc");
    ranges(container)?;
    if awsvpc {
        not_with_awsvpc(container)?;
    }
    port_mappings(container, awsvpc)?;
    mounts(spec, container)?;
    variables(spec, container)?;
    logs(container)?;
    // `credentialsParameter` is required (API reference, RepositoryCredentials); nothing is in `""`.
    let credentials = container.repository_credentials.as_ref().map(|c| c.get("credentialsParameter"));
    if credentials.is_some_and(|arn| arn.and_then(|arn| arn.as_str()).unwrap_or_default().is_empty()) {
        return invalid(container, "repositoryCredentials.credentialsParameter");
    }
    if let Some(check) = &container.health_check {
        health_check(container, check)?;
    }
    Ok(())
}

fn invalid<T>(container: &ContainerDefinition, field: &str) -> Result<T, AwsError> {
    refuse(format!("Invalid '{field}' setting for container '{}'.", container.name))
}

fn within(
    container: &ContainerDefinition,
    field: &str,
    value: Option<i64>,
    from: i64,
    to: i64,
) -> Result<(), AwsError> {
    match value {
        Some(number) if !(from..=to).contains(&number) => {
            let name = &container.name;
            refuse(format!("Invalid '{field}' setting for container '{name}'. It must be between {from} and {to}."))
        }
        _ => Ok(()),
    }
}

fn ranges(container: &ContainerDefinition) -> Result<(), AwsError> {
    const MOST: i64 = i32::MAX as i64;
    within(container, "cpu", Some(container.cpu), 0, MOST)?;
    // "The Docker daemon 20.10.0 or later reserves a minimum of 6 MiB" and earlier ones 4 (API reference).
    within(container, "memory", container.memory, 4, MOST)?;
    within(container, "memoryReservation", container.memory_reservation, 4, MOST)?;
    within(container, "startTimeout", container.start_timeout, 1, MOST)?;
    within(container, "stopTimeout", container.stop_timeout, 1, MOST)?;
    if let Some(policy) = &container.restart_policy {
        within(container, "restartPolicy.restartAttemptPeriod", policy.restart_attempt_period, 60, 1800)?;
        if policy.ignored_exit_codes.len() > 50 {
            return invalid(container, "restartPolicy.ignoredExitCodes");
        }
    }
    for ulimit in &container.ulimits {
        // -1 is "unlimited" in both.
        if ulimit.hard_limit >= 0 && (ulimit.soft_limit > ulimit.hard_limit || ulimit.soft_limit < 0) {
            return invalid(container, "ulimits");
        }
    }
    for tmpfs in container.linux_parameters.iter().flat_map(|l| &l.tmpfs) {
        within(container, "linuxParameters.tmpfs.size", Some(tmpfs.size), 1, MOST)?;
        if !tmpfs.container_path.starts_with('/') {
            return invalid(container, "linuxParameters.tmpfs.containerPath");
        }
    }
    Ok(())
}

/// Messages seen: amazon-ecs-cli's notes on compose files, and measurements of RegisterTaskDefinition.
fn not_with_awsvpc(container: &ContainerDefinition) -> Result<(), AwsError> {
    let set = [
        (!container.links.is_empty(), "Links are not supported when networkMode=awsvpc."),
        (
            container.hostname.as_ref().is_some_and(|h| !h.is_empty()),
            "hostname is not supported on container when networkMode=awsvpc.",
        ),
        (!container.extra_hosts.is_empty(), "Extra hosts are not supported on container when networkMode=awsvpc."),
        (!container.dns_servers.is_empty(), "DNS servers are not supported on container when networkMode=awsvpc."),
        (
            !container.dns_search_domains.is_empty(),
            "DNS search domains are not supported on container when networkMode=awsvpc.",
        ),
        (
            container.disable_networking == Some(true),
            "Disable Networking is not supported on container when networkMode=awsvpc.",
        ),
    ];
    set.into_iter().find(|(is_set, _)| *is_set).map_or(Ok(()), |(_, message)| refuse(message))
}

fn port_mappings(container: &ContainerDefinition, awsvpc: bool) -> Result<(), AwsError> {
    for mapping in &container.port_mappings {
        let range = mapping.container_port_range.is_some();
        match mapping.container_port {
            Some(_) if range => return refuse("cannot specify both single port and port range"),
            Some(0) => return invalid(container, "containerPort"),
            None if !range => return invalid(container, "containerPort"),
            _ => {}
        }
        let host = mapping.host_port.filter(|port| *port > 0);
        if awsvpc && host.is_some() && host != mapping.container_port {
            // amazon-ecs-cli #1014.
            return refuse("When networkMode=awsvpc, the host ports and container ports in port mappings must match.");
        }
    }
    Ok(())
}

fn mounts(spec: &TaskDefinition, container: &ContainerDefinition) -> Result<(), AwsError> {
    let mut paths = BTreeSet::new();
    for mount in &container.mount_points {
        if !spec.volumes.iter().any(|v| v.name == mount.source_volume) {
            return refuse(format!("Unknown volume '{}'.", mount.source_volume));
        }
        if !mount.container_path.starts_with('/') {
            return invalid(container, "mountPoints.containerPath");
        }
        if !paths.insert(mount.container_path.trim_end_matches('/')) {
            let (name, path) = (&container.name, &mount.container_path);
            return refuse(format!("Container '{name}' has more than one mount point at '{path}'."));
        }
    }
    for from in &container.volumes_from {
        if from.source_container == container.name || spec.container(&from.source_container).is_none() {
            return refuse(format!("Unknown container '{}' in volumesFrom.", from.source_container));
        }
    }
    Ok(())
}

fn variables(spec: &TaskDefinition, container: &ContainerDefinition) -> Result<(), AwsError> {
    if container.environment.iter().any(|v| v.name.is_empty()) {
        return invalid(container, "environment.name");
    }
    let mut names: BTreeSet<&str> = container.environment.iter().map(|v| v.name.as_str()).collect();
    for secret in &container.secrets {
        if secret.name.is_empty() {
            return invalid(container, "secrets.name");
        }
        if !names.insert(&secret.name) {
            return refuse(format!(
                "The secret name must be unique and not shared with any new or existing environment variables \
                 set on the container, such as '{}'.",
                secret.name
            ));
        }
        if secret.value_from.is_empty() {
            return invalid(container, "secrets.valueFrom");
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || "_.-/,".contains(c);
        if !secret.value_from.starts_with("arn:") && !secret.value_from.chars().all(allowed) {
            return refuse(format!(
                "The Systems Manager parameter name specified for secret {} is invalid. The parameter name can be up \
                 to 2048 characters and include the following letters and symbols: a-zA-Z0-9_.-, /",
                secret.name
            ));
        }
    }
    let hidden = container.log_configuration.iter().any(|l| !l.secret_options.is_empty());
    if (hidden || !container.secrets.is_empty()) && spec.execution_role_arn.as_deref().unwrap_or("").is_empty() {
        return refuse(
            "When you are specifying container secrets, you must also specify a value for 'executionRoleArn'.",
        );
    }
    Ok(())
}

fn logs(container: &ContainerDefinition) -> Result<(), AwsError> {
    let Some(logs) = container.log_configuration.as_ref().filter(|l| l.log_driver == "awslogs") else { return Ok(()) };
    let missing: Vec<_> =
        ["awslogs-region", "awslogs-group"].into_iter().filter(|o| !logs.options.contains_key(*o)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    // klothoplatform/klotho #892.
    refuse(format!("Log driver awslogs requires options: {}", missing.join(", ")))
}

fn health_check(container: &ContainerDefinition, check: &HealthCheck) -> Result<(), AwsError> {
    within(container, "healthCheck.interval", check.interval, 5, 300)?;
    within(container, "healthCheck.timeout", check.timeout, 2, 60)?;
    within(container, "healthCheck.retries", check.retries, 1, 10)?;
    within(container, "healthCheck.startPeriod", check.start_period, 0, 300)?;
    match check.command.first().map(String::as_str) {
        Some("NONE") => Ok(()),
        Some("CMD" | "CMD-SHELL") if check.command.len() < 2 => invalid(container, "healthCheck.command"),
        Some(_) => Ok(()),
        None => invalid(container, "healthCheck.command"),
    }
}
