//! Fields that ECS has and this platform cannot do: refused where something would run, never ignored.
//!
//! Registering such a task definition is fine (the document is ECS's); running it is not. A field that
//! is not in the model either is kept, and told of once ([`unknown_members`]).

use ecs_model::shape;
use ecs_model::task_definition::{ContainerDefinition, TaskDefinition, Volume};
use ecs_model::{AwsError, Document};
use serde_json::Value;

use super::input::{items, text};
use super::privileges;
use crate::world::Revision;

/// Options of awslogs that are done; `mode` and `max-buffer-size` change nothing that can be seen here.
const AWSLOGS: [&str; 6] =
    ["awslogs-group", "awslogs-region", "awslogs-stream-prefix", "awslogs-create-group", "mode", "max-buffer-size"];

/// Returns the refusal of the first field of a task definition or of a RunTask, CreateService or
/// UpdateService request that this platform cannot do, on a machine of this architecture.
pub fn unsupported(spec: &TaskDefinition, request: &Document, architecture: Option<&str>) -> Option<AwsError> {
    let field = task_fields(spec, architecture)
        .or_else(|| spec.volumes.iter().find_map(volume_fields))
        .or_else(|| spec.container_definitions.iter().find_map(container_fields))
        .or_else(|| request_fields(request))?;
    Some(AwsError::invalid_parameter(format!("{field} is not supported by this platform.")))
}

/// Returns the members of a revision and of a request that nobody knows, for the one warning that names them.
pub(super) fn unknown_members(revision: &Revision, operation: &str, request: &Document) -> Vec<String> {
    let registered = shape::unknown("RegisterTaskDefinition", &revision.document);
    registered.into_iter().chain(shape::unknown(operation, request)).collect()
}

fn first(checks: impl IntoIterator<Item = (bool, &'static str)>) -> Option<&'static str> {
    checks.into_iter().find(|(set, _)| *set).map(|(_, field)| field)
}

fn task_fields(spec: &TaskDefinition, architecture: Option<&str>) -> Option<String> {
    let mode = spec.network_mode.as_deref().unwrap_or("bridge");
    if mode != "awsvpc" {
        return Some(format!("networkMode {mode} of task definition '{}' (use awsvpc)", spec.family));
    }
    if let Some(platform) = &spec.runtime_platform {
        // Not said is X86_64 (API reference, RuntimePlatform), and then the image decides.
        if let (Some(wanted), Some(host)) = (platform.cpu_architecture.as_deref(), architecture)
            && wanted != host
        {
            return Some(format!("runtimePlatform.cpuArchitecture {wanted} (this machine is {host})"));
        }
        if let Some(other) = platform.operating_system_family.as_deref().filter(|os| *os != "LINUX") {
            return Some(format!("runtimePlatform.operatingSystemFamily {other}"));
        }
    }
    first([
        (spec.proxy_configuration.is_some(), "proxyConfiguration"),
        (spec.pid_mode.is_some(), "pidMode"),
        (spec.ipc_mode.is_some(), "ipcMode"),
        (!spec.placement_constraints.is_empty(), "placementConstraints"),
        (!spec.inference_accelerators.is_empty(), "inferenceAccelerators"),
        (spec.enable_fault_injection == Some(true), "enableFaultInjection"),
        (spec.trusted_execution_configuration.is_some(), "trustedExecutionConfiguration"),
    ])
    .map(|field| format!("{field} of task definition '{}'", spec.family))
}

fn volume_fields(volume: &Volume) -> Option<String> {
    let path = volume.host.as_ref().and_then(|h| text(h, "sourcePath"));
    first([
        (path.is_some(), "host.sourcePath"),
        (volume.efs_volume_configuration.is_some(), "efsVolumeConfiguration"),
        (volume.docker_volume_configuration.is_some(), "dockerVolumeConfiguration"),
        (volume.fsx_windows_file_server_volume_configuration.is_some(), "fsxWindowsFileServerVolumeConfiguration"),
        (volume.s3files_volume_configuration.is_some(), "s3filesVolumeConfiguration"),
        (volume.configured_at_launch == Some(true), "configuredAtLaunch"),
    ])
    .map(|field| format!("{field} of volume '{}'", volume.name))
}

fn container_fields(container: &ContainerDefinition) -> Option<String> {
    let linux = container.linux_parameters.clone().unwrap_or_default();
    let field = first([
        (!container.environment_files.is_empty(), "environmentFiles"),
        (!container.resource_requirements.is_empty(), "resourceRequirements"),
        (container.firelens_configuration.is_some(), "firelensConfiguration"),
        (container.repository_credentials.is_some(), "repositoryCredentials"),
        (container.privileged, "privileged"),
        (!container.credential_specs.is_empty(), "credentialSpecs"),
        (!container.docker_security_options.is_empty(), "dockerSecurityOptions"),
        (container.disable_networking == Some(true), "disableNetworking"),
        (container.interactive, "interactive"),
        (container.pseudo_terminal, "pseudoTerminal"),
        (container.port_mappings.iter().any(|p| p.container_port_range.is_some()), "portMappings.containerPortRange"),
        (!linux.devices.is_empty(), "linuxParameters.devices"),
        (linux.shared_memory_size.is_some(), "linuxParameters.sharedMemorySize"),
        (linux.max_swap.is_some(), "linuxParameters.maxSwap"),
        (linux.swappiness.is_some(), "linuxParameters.swappiness"),
    ])
    .map(str::to_owned)
    .or_else(|| privileges::excess(container))
    .or_else(|| log_fields(container))?;
    Some(format!("{field} of container '{}'", container.name))
}

fn log_fields(container: &ContainerDefinition) -> Option<String> {
    let logs = container.log_configuration.as_ref()?;
    if logs.log_driver != "awslogs" {
        return Some(format!("logConfiguration.logDriver {}", logs.log_driver));
    }
    if !logs.secret_options.is_empty() {
        return Some("logConfiguration.secretOptions".to_owned());
    }
    let other = logs.options.keys().find(|option| !AWSLOGS.contains(&option.as_str()))?;
    Some(format!("logConfiguration.options.{other}"))
}

fn request_fields(request: &Document) -> Option<String> {
    let inner = |object: &str, member: &str| request.get(object).and_then(|o| o.get(member)).cloned();
    let is_other = |value: Option<Value>, only: &str| {
        value.as_ref().and_then(Value::as_str).filter(|v| *v != only).map(str::to_owned)
    };
    if let Some(kind) = is_other(inner("deploymentController", "type"), "ECS") {
        return Some(format!("deploymentController.type {kind}"));
    }
    if let Some(kind) = is_other(inner("deploymentConfiguration", "strategy"), "ROLLING") {
        return Some(format!("deploymentConfiguration.strategy {kind}"));
    }
    if let Some(kind) = is_other(request.get("schedulingStrategy").cloned(), "REPLICA") {
        return Some(format!("schedulingStrategy {kind}"));
    }
    let not_empty =
        |value: Option<Value>| value.as_ref().and_then(Value::as_array).is_some_and(|list| !list.is_empty());
    let enabled =
        |object: Option<Value>, flag: &str| object.is_some_and(|o| o.get(flag).and_then(Value::as_bool) == Some(true));
    let own = |name: &str| request.get(name).cloned();
    let balancers = || items(request, "loadBalancers");
    let overrides =
        || request.get("overrides").and_then(|o| o.get("containerOverrides")?.as_array()).into_iter().flatten();
    first([
        (not_empty(inner("deploymentConfiguration", "lifecycleHooks")), "deploymentConfiguration.lifecycleHooks"),
        (enabled(inner("deploymentConfiguration", "alarms"), "enable"), "deploymentConfiguration.alarms"),
        (
            inner("deploymentConfiguration", "bakeTimeInMinutes").and_then(|v| v.as_i64()).unwrap_or(0) > 0,
            "deploymentConfiguration.bakeTimeInMinutes",
        ),
        (not_empty(own("serviceRegistries")), "serviceRegistries"),
        (enabled(own("serviceConnectConfiguration"), "enabled"), "serviceConnectConfiguration"),
        (not_empty(own("volumeConfigurations")), "volumeConfigurations"),
        (not_empty(own("vpcLatticeConfigurations")), "vpcLatticeConfigurations"),
        (not_empty(own("gatewayConnectors")), "gatewayConnectors"),
        (request.contains_key("monitoring"), "monitoring"),
        (not_empty(own("placementConstraints")), "placementConstraints"),
        (not_empty(own("placementStrategy")), "placementStrategy"),
        (
            balancers().any(|b| b.get("loadBalancerName").is_some()),
            "loadBalancers.loadBalancerName (use targetGroupArn)",
        ),
        (balancers().any(|b| b.get("advancedConfiguration").is_some()), "loadBalancers.advancedConfiguration"),
        (
            overrides().any(|o| not_empty(o.get("environmentFiles").cloned())),
            "overrides.containerOverrides.environmentFiles",
        ),
        (
            overrides().any(|o| not_empty(o.get("resourceRequirements").cloned())),
            "overrides.containerOverrides.resourceRequirements",
        ),
    ])
    .map(str::to_owned)
}
