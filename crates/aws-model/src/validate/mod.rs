//! Whether ECS would register a task definition, and in which words it would refuse.
//!
//! Codes and messages are ECS's own where they were seen (the issue or the emulator's measurement is named
//! beside them); elsewhere they follow its forms, `Invalid 'FIELD' setting for container 'NAME'.`

mod container;
mod fargate;
mod graph;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use crate::check::{self, Rule, Violation};
use crate::service::Service;
use crate::task_definition::TaskDefinition;
use crate::units::{cpu_units, memory_mib};
use crate::{AwsError, Document};

pub(crate) use fargate::is_ecr;
pub use fargate::{check as fargate, size as fargate_size};

/// Containers in one task definition (ECS quota, not adjustable).
const MOST_CONTAINERS: usize = 10;
/// Characters of a family or a container's name.
const LONGEST_NAME: usize = 255;

/// Reads a RegisterTaskDefinition request and refuses what ECS refuses.
///
/// # Errors
/// `SerializationException` for a wrong JSON type, `ClientException` for everything else.
pub fn check(request: &Document) -> Result<TaskDefinition, AwsError> {
    let (spec, refused) = judge(request)?;
    refused.into_iter().next().map_or(Ok(spec), Err)
}

/// Returns everything that ECS would refuse about a RegisterTaskDefinition request, one rule after
/// the other: it names only the first, and the next one at the next try.
pub fn refusals(request: &Document) -> Vec<AwsError> {
    judge(request).map_or_else(|unreadable| vec![unreadable], |(_, refused)| refused)
}

/// Applies every rule; the outer error is a request of which nothing more can be said.
fn judge(request: &Document) -> Result<(TaskDefinition, Vec<AwsError>), AwsError> {
    let Some(operation) = Service::Ecs.model().operation("RegisterTaskDefinition") else {
        return Err(AwsError::server("the model has no RegisterTaskDefinition"));
    };
    let violations = check::input(operation, request);
    check::refuse_types(operation, &violations)?;
    ports_fit(request)?;
    let spec = TaskDefinition::read(request).map_err(|e| AwsError::client(format!("Invalid task definition: {e}.")))?;
    let mut rules = vec![family(&spec.family)];
    if spec.container_definitions.is_empty() {
        rules.push(refuse("Container list cannot be empty."));
    } else {
        rules.push(most_containers(&spec));
        rules.extend([names(&spec), modelled(&violations), task_size(&spec), volumes(&spec)]);
        rules.extend(spec.container_definitions.iter().map(|c| container::check(&spec, c)));
        rules.extend([one_is_essential(&spec), ports(&spec), graph::check(&spec)]);
        if spec.requires_compatibilities.iter().any(|c| c == "FARGATE") {
            rules.extend(fargate::rules(&spec));
        }
    }
    let refused = rules.into_iter().filter_map(Result::err).collect();
    Ok((spec, refused))
}

fn most_containers(spec: &TaskDefinition) -> Result<(), AwsError> {
    // amazon-ecs-cli #184.
    if spec.container_definitions.len() > MOST_CONTAINERS { refuse("Too many containers.") } else { Ok(()) }
}

fn one_is_essential(spec: &TaskDefinition) -> Result<(), AwsError> {
    if spec.container_definitions.iter().any(|c| c.essential) {
        return Ok(());
    }
    refuse("At least one container in the task definition must be marked essential.")
}

fn refuse<T>(message: impl Into<String>) -> Result<T, AwsError> {
    Err(AwsError::client(message))
}

fn is_name(text: &str) -> bool {
    text.len() <= LONGEST_NAME && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
}

/// Refuses a family's name that ECS refuses.
///
/// # Errors
/// `ClientException`.
pub fn family(name: &str) -> Result<(), AwsError> {
    if name.is_empty() {
        return refuse("Family should not be null or empty.");
    }
    if name.len() > LONGEST_NAME {
        return refuse("Family should not be longer than 255 characters.");
    }
    if !is_name(name) {
        return refuse("Family contains invalid characters.");
    }
    Ok(())
}

fn names(spec: &TaskDefinition) -> Result<(), AwsError> {
    let mut seen = BTreeSet::new();
    for container in &spec.container_definitions {
        if container.name.is_empty() {
            // hashicorp/terraform #2888.
            return refuse("Container.name should not be null or empty.");
        }
        if !is_name(&container.name) {
            return refuse("Container.name contains invalid characters.");
        }
        if container.image.is_empty() {
            return refuse("Container.image should not be null or empty.");
        }
        // API reference, ContainerDefinition.image; `@` is of digests, which it shows in its examples.
        if !container.image.chars().all(|c| c.is_ascii_alphanumeric() || "-_:./#@".contains(c)) {
            return refuse("Container.image contains invalid characters.");
        }
        if !seen.insert(&container.name) {
            return refuse(format!("Container names must be unique: '{}' is used more than once.", container.name));
        }
    }
    Ok(())
}

/// Enumerations and required members, as the model has them.
fn modelled(violations: &[Violation<'_>]) -> Result<(), AwsError> {
    for violation in violations {
        match violation.rule.innermost() {
            Rule::Missing => {
                return refuse(format!("Invalid '{}' setting: required member missing.", violation.place()));
            }
            Rule::Enum => {
                let words = check::of_enumeration(violation);
                return refuse(format!("Invalid '{}' setting: {words}.", violation.place()));
            }
            _ => {}
        }
    }
    Ok(())
}

fn task_size(spec: &TaskDefinition) -> Result<(), AwsError> {
    let size = |given: &Option<String>, read: fn(&str) -> Option<i64>, field: &str| match given.as_deref() {
        None | Some("") => Ok(None),
        Some(text) => match read(text).filter(|n| *n > 0) {
            Some(number) => Ok(Some(number)),
            None => refuse(format!("Invalid '{field}' setting for task.")),
        },
    };
    let cpu = size(&spec.cpu, cpu_units, "cpu")?;
    let memory = size(&spec.memory, memory_mib, "memory")?;
    let containers = &spec.container_definitions;
    if let Some(cpu) = cpu
        && containers.iter().map(|c| c.cpu).sum::<i64>() > cpu
    {
        // klothoplatform/klotho #892.
        return refuse("The sum of all container 'cpu' values cannot be greater than the value of the task 'cpu'.");
    }
    for container in containers {
        let name = &container.name;
        if let (Some(most), Some(memory)) = (container.memory, container.memory_reservation)
            && most < memory
        {
            return refuse(format!(
                "Invalid setting for container '{name}'. 'memory' must be greater than or equal to 'memoryReservation'."
            ));
        }
        match memory {
            None if container.memory.or(container.memory_reservation).is_none() => {
                // aws-cli #4453.
                return refuse(format!(
                    "Invalid setting for container '{name}'. \
                     At least one of 'memory' or 'memoryReservation' must be specified."
                ));
            }
            Some(task) if container.memory.is_some_and(|m| m > task) => {
                return refuse(format!(
                    "Invalid setting for container '{name}'. \
                     'memory' cannot be greater than the value of the task 'memory'."
                ));
            }
            _ => {}
        }
    }
    // "The total amount of memory reserved for all containers within a task must be lower than the task
    // memory value" (API reference, ContainerDefinition.memory): the reservation if there is one.
    let reserved: i64 = containers.iter().filter_map(|c| c.memory_reservation.or(c.memory)).sum();
    if memory.is_some_and(|task| reserved > task) {
        return refuse(
            "The sum of all container 'memory' values cannot be greater than the value of the task 'memory'.",
        );
    }
    Ok(())
}

fn volumes(spec: &TaskDefinition) -> Result<(), AwsError> {
    let mut seen = BTreeSet::new();
    for volume in &spec.volumes {
        if volume.name.is_empty() {
            return refuse("Volume name should not be null or empty.");
        }
        if !is_name(&volume.name) {
            return refuse("Volume name contains invalid characters.");
        }
        if !seen.insert(&volume.name) {
            return refuse(format!("Volume names must be unique: '{}' is used more than once.", volume.name));
        }
    }
    Ok(())
}

/// A number that is no port would not even be read; ECS names the field (aws-cli #7288).
fn ports_fit(request: &Document) -> Result<(), AwsError> {
    fn list(value: Option<&serde_json::Value>) -> impl Iterator<Item = &serde_json::Value> {
        value.and_then(serde_json::Value::as_array).into_iter().flatten()
    }
    for container in list(request.get("containerDefinitions")) {
        for mapping in list(container.get("portMappings")) {
            for field in ["containerPort", "hostPort"] {
                let number = mapping.get(field).and_then(serde_json::Value::as_i64);
                if number.is_some_and(|n| u16::try_from(n).is_err()) {
                    let name = container.get("name").and_then(|n| n.as_str()).unwrap_or_default();
                    return refuse(format!("Invalid '{field}' setting for container '{name}'."));
                }
            }
        }
    }
    Ok(())
}

fn ports(spec: &TaskDefinition) -> Result<(), AwsError> {
    let shared = matches!(spec.network_mode.as_deref(), Some("awsvpc" | "host"));
    let mut seen = BTreeSet::new();
    for mapping in spec.container_definitions.iter().flat_map(|c| &c.port_mappings) {
        let protocol = mapping.protocol.as_deref().unwrap_or("tcp");
        let host = mapping.host_port.filter(|p| *p > 0).or(mapping.container_port.filter(|_| shared));
        if let Some(port) = host
            && !seen.insert((protocol, port))
        {
            // amazon-ecs-agent #1220.
            let protocol = protocol.to_uppercase();
            return refuse(format!("{protocol} host port '{port}' is mapped multiple times in task."));
        }
    }
    Ok(())
}
