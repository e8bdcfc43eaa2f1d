//! What a task definition must be to run on Fargate.
//!
//! Messages: "Fargate compatible task definitions do not support X" and the others were seen in
//! issues (virtual-kubelet #193, terraform-provider-aws #3051, klotho #892, amazon-ecs-cli #1145).

use super::refuse;
use crate::AwsError;
use crate::task_definition::{ContainerDefinition, TaskDefinition};
use crate::units::{cpu_units, is_fargate_pair, memory_mib};

/// Refuses a task definition that Fargate cannot run.
///
/// # Errors
/// `ClientException`.
pub fn check(spec: &TaskDefinition) -> Result<(), AwsError> {
    rules(spec).into_iter().collect()
}

/// Applies every rule.
pub(super) fn rules(spec: &TaskDefinition) -> Vec<Result<(), AwsError>> {
    let mut rules = vec![network(spec), size(spec), storage(spec), namespaces(spec), volumes(spec)];
    rules.extend(spec.container_definitions.iter().map(|c| container(spec, c)));
    rules
}

fn network(spec: &TaskDefinition) -> Result<(), AwsError> {
    if spec.network_mode.as_deref() == Some("awsvpc") {
        return Ok(());
    }
    refuse("Fargate only supports network mode ‘awsvpc’.")
}

fn storage(spec: &TaskDefinition) -> Result<(), AwsError> {
    match &spec.ephemeral_storage {
        Some(storage) if !(21..=200).contains(&storage.size_in_gi_b) => {
            refuse("Invalid setting for ephemeral storage. Size must be between 21 GiB and 200 GiB.")
        }
        _ => Ok(()),
    }
}

fn namespaces(spec: &TaskDefinition) -> Result<(), AwsError> {
    if spec.ipc_mode.is_some() {
        // cn-terraform/terraform-aws-ecs-fargate #2.
        return refuse("Tasks using the Fargate launch type do not support ipcMode.");
    }
    if spec.pid_mode.as_deref().is_some_and(|mode| mode != "task") {
        return refuse("Tasks using the Fargate launch type only support pidMode 'task'.");
    }
    Ok(())
}

fn volumes(spec: &TaskDefinition) -> Result<(), AwsError> {
    for volume in &spec.volumes {
        let path = volume.host.as_ref().and_then(|h| h.get("sourcePath")).and_then(|p| p.as_str());
        never(path.is_some_and(|p| !p.is_empty()), "sourcePath")?;
        never(volume.docker_volume_configuration.is_some(), "dockerVolumeConfiguration")?;
        never(
            volume.fsx_windows_file_server_volume_configuration.is_some(),
            "fsxWindowsFileServerVolumeConfiguration",
        )?;
    }
    Ok(())
}

fn never(set: bool, what: &str) -> Result<(), AwsError> {
    if set { refuse(format!("Fargate compatible task definitions do not support {what}")) } else { Ok(()) }
}

/// Refuses a pair of `cpu` and `memory` that Fargate has not.
///
/// # Errors
/// `ClientException`.
pub fn size(spec: &TaskDefinition) -> Result<(), AwsError> {
    let given = |text: &Option<String>| text.clone().filter(|t| !t.is_empty());
    let Some(cpu) = given(&spec.cpu) else {
        return refuse("Fargate requires that 'cpu' be defined at the task level.");
    };
    let Some(memory) = given(&spec.memory) else {
        return refuse("Fargate requires that 'memory' be defined at the task level.");
    };
    let (cpu, memory) = (cpu_units(&cpu).unwrap_or(0), memory_mib(&memory).unwrap_or(0));
    let windows = spec.runtime_platform.as_ref().and_then(|p| p.operating_system_family.as_deref());
    let small_windows = windows.is_some_and(|os| os.starts_with("WINDOWS")) && cpu < 1024;
    if !is_fargate_pair(cpu, memory) || small_windows {
        return refuse(format!(
            "No Fargate configuration exists for given values: {cpu} CPU, {memory} memory. \
             See the Amazon ECS documentation for the valid values."
        ));
    }
    Ok(())
}

fn container(spec: &TaskDefinition, container: &ContainerDefinition) -> Result<(), AwsError> {
    never(container.privileged, "privileged")?;
    never(!container.docker_security_options.is_empty(), "dockerSecurityOptions")?;
    let gpu = |r: &crate::Document| r.get("type").and_then(|t| t.as_str()) == Some("GPU");
    never(container.resource_requirements.iter().any(gpu), "resourceRequirements of type GPU")?;
    if let Some(linux) = &container.linux_parameters {
        never(!linux.devices.is_empty(), "devices")?;
        never(linux.shared_memory_size.is_some(), "sharedMemorySize")?;
        never(linux.max_swap.is_some(), "maxSwap")?;
        never(linux.swappiness.is_some(), "swappiness")?;
        if let Some(other) = linux.capabilities.iter().flat_map(|c| &c.add).find(|c| *c != "SYS_PTRACE") {
            return refuse(format!(
                "Fargate compatible task definitions do not support adding the capability {other}: only SYS_PTRACE"
            ));
        }
    }
    timeout(container, "startTimeout", container.start_timeout)?;
    timeout(container, "stopTimeout", container.stop_timeout)?;
    let has_role = spec.execution_role_arn.as_deref().is_some_and(|role| !role.is_empty());
    if let Some(logs) = &container.log_configuration {
        if !matches!(logs.log_driver.as_str(), "awslogs" | "splunk" | "awsfirelens") {
            return refuse(format!(
                "Fargate compatible task definitions do not support the log driver {}: \
                 only awslogs, splunk and awsfirelens",
                logs.log_driver
            ));
        }
        if logs.log_driver == "awslogs" && !has_role {
            return refuse(
                "Fargate requires task definition to have execution role ARN to support log driver awslogs.",
            );
        }
    }
    if is_ecr(&container.image) && !has_role {
        return refuse("Fargate requires task definition to have execution role ARN to support ECR images.");
    }
    Ok(())
}

/// "For tasks using the Fargate launch type, … valid values are 2-120 seconds" (API reference).
fn timeout(container: &ContainerDefinition, field: &str, value: Option<i64>) -> Result<(), AwsError> {
    match value {
        Some(seconds) if !(2..=120).contains(&seconds) => refuse(format!(
            "Invalid '{field}' setting for container '{}'. On Fargate it must be between 2 and 120.",
            container.name
        )),
        _ => Ok(()),
    }
}

/// Whether an image is in a private ECR repository.
pub(crate) fn is_ecr(image: &str) -> bool {
    image.split('/').next().is_some_and(|host| host.contains(".dkr.ecr.") && host.contains(".amazonaws.com"))
}
