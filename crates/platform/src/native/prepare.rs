//! What must be there before a task's first container: address, secrets, log groups, metadata.

use std::sync::Arc;

use aws_model::task_definition::{LogConfiguration, TaskDefinition};
use platform_core::task::Event;
use platform_core::world::Task;
use runtime::TaskSpec;

use aws_model::chain;

use super::{NativeParts, compose};

impl NativeParts {
    /// Makes a task's surroundings ready; the error is in ECS's words.
    pub(super) async fn prepare(&self, task: &Arc<Task>, spec: &TaskDefinition) -> Result<Event, String> {
        let region = super::start::region_of(task);
        for container in &spec.container_definitions {
            self.secret_values(&region, container)?;
            if let Some(log) = &container.log_configuration {
                self.prepare_log(&region, log).await?;
            }
        }
        let (cpu_millis, memory_bytes) = compose::task_limits(spec, task);
        let wanted = TaskSpec {
            id: task.id.clone(),
            hostname: None,
            cpu_millis,
            memory_bytes,
            storage_bytes: Some(compose::task_storage(platform_core::ecs::effective_storage(spec, task))),
            ..TaskSpec::default()
        };
        let network = self
            .runtime
            .ensure_task(&wanted)
            .await
            .map_err(|e| format!("ResourceInitializationError: failed to set up the task: {}", chain(&e)))?;
        let attachment = crate::attachment::network_of(network.address);
        Ok(Event::Prepared(platform_core::world::Network { mac: network.mac, ..attachment }))
    }

    async fn prepare_log(&self, region: &str, log: &LogConfiguration) -> Result<(), String> {
        if log.log_driver != "awslogs" {
            return Ok(()); // refused at the API; nothing else reaches this engine
        }
        // The agent's words for it on Fargate.
        let invalid = |why: String| format!("ResourceInitializationError: failed to validate logger args: {why}");
        super::multiline::pattern(&log.options).map_err(invalid)?;
        let group = log.options.get("awslogs-group").cloned().unwrap_or_default();
        let create = log.options.get("awslogs-create-group").is_some_and(|v| v == "true");
        if create {
            let made = self.logs.ensure_group(region, &group).await;
            return made.map_err(|e| {
                format!("ResourceInitializationError: failed to create log group {group}: {}", chain(&e))
            });
        }
        if self.logs.has_group(region, &group) {
            return Ok(());
        }
        Err(invalid(format!(
            "create stream has been retried 1 times: failed to create Cloudwatch log stream: \
             ResourceNotFoundException: The specified log group does not exist. (log group {group})"
        )))
    }
}
