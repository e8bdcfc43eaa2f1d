//! What a container runs with once a task's overrides are laid over its definition.

use aws_model::Document;
use aws_model::task_definition::{ContainerDefinition, KeyValue, TaskDefinition};
use serde_json::Value;

use super::input::{number, text};
use crate::world::Task;

/// Returns a container's definition with the task's overrides applied; none if it has no such container.
///
/// Environment variables are laid over by name, command, cpu and memory replaced (RunTask API
/// reference, ContainerOverride).
pub fn effective_container(spec: &TaskDefinition, task: &Task, name: &str) -> Option<ContainerDefinition> {
    let mut container = spec.container(name)?.clone();
    let Some(over) = of_container(task, name) else { return Some(container) };
    if let Some(command) = over.get("command").and_then(Value::as_array).filter(|c| !c.is_empty()) {
        container.command = Some(command.iter().filter_map(Value::as_str).map(str::to_owned).collect());
    }
    for variable in over.get("environment").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_object)
    {
        let Some(name) = text(variable, "name") else { continue };
        let value = text(variable, "value").unwrap_or_default().to_owned();
        container.secrets.retain(|secret| secret.name != name);
        match container.environment.iter_mut().find(|v| v.name == name) {
            Some(old) => old.value = value,
            None => container.environment.push(KeyValue { name: name.to_owned(), value }),
        }
    }
    container.cpu = number(over, "cpu").unwrap_or(container.cpu);
    container.memory = number(over, "memory").or(container.memory);
    container.memory_reservation = number(over, "memoryReservation").or(container.memory_reservation);
    Some(container)
}

/// Returns the task-level CPU units and MiB, overrides applied.
pub fn effective_size(spec: &TaskDefinition, task: &Task) -> (Option<i64>, Option<i64>) {
    let over =
        |name: &str| task.document.get("overrides").and_then(|o| o.get(name)?.as_str()).filter(|t| !t.is_empty());
    let cpu = over("cpu").or(spec.cpu.as_deref()).and_then(aws_model::units::cpu_units);
    let memory = over("memory").or(spec.memory.as_deref()).and_then(aws_model::units::memory_mib);
    (cpu, memory)
}

/// Returns the GiB of ephemeral storage that a task asks for, overrides applied; none takes what there is by default.
pub fn effective_storage(spec: &TaskDefinition, task: &Task) -> Option<u64> {
    let over = task.document.get("overrides").and_then(|o| o.get("ephemeralStorage")?.get("sizeInGiB")?.as_u64());
    let own = || u64::try_from(spec.ephemeral_storage.as_ref()?.size_in_gi_b).ok();
    over.or_else(own).filter(|gib| *gib > 0)
}

fn of_container<'t>(task: &'t Task, name: &str) -> Option<&'t Document> {
    let list = task.document.get("overrides")?.get("containerOverrides")?.as_array()?;
    list.iter().filter_map(Value::as_object).find(|o| text(o, "name") == Some(name))
}
