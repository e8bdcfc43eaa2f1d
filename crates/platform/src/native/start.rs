//! Starting one container, and the secrets that it is given.

use std::sync::Arc;

use aws_model::task_definition::{ContainerDefinition, TaskDefinition};
use images::Digest;
use platform_core::world::Task;

use aws_model::chain;

use super::compose::{Parts, container_spec};
use super::{NativeParts, metadata, millis};

impl NativeParts {
    /// Starts a container, or learns that it was started; returns when. The error is in ECS's words.
    pub(super) async fn start(&self, task: &Arc<Task>, spec: &TaskDefinition, name: &str) -> Result<i64, String> {
        let failed = |why: String| format!("CannotStartContainerError: Error response from the runtime: {why}");
        let container = platform_core::ecs::effective_container(spec, task, name)
            .ok_or_else(|| failed(format!("container {name} is not in the task definition")))?;
        let state = task.container(name).ok_or_else(|| failed(format!("container {name} is not in the task")))?;
        if state.restarts > 0 {
            tracing::info!(task = task.id, container = name, restarts = state.restarts, "restarting a container");
            let again = self.runtime.ensure_restarted(&task.id, name, state.restarts).await;
            return again.map(|started| millis(started.started_at_ms)).map_err(|e| failed(chain(&e)));
        }
        let digest: Digest = state
            .image_digest
            .as_deref()
            .and_then(|d| d.parse().ok())
            .ok_or_else(|| failed("its image was not pulled".to_owned()))?;
        let room = super::image::room_of(task, spec);
        let unpacked = self.images.ensure_unpacked_within(&digest, room).await.map_err(|e| failed(chain(&e)))?;
        let region = region_of(task);
        let secrets = self.secret_values(&region, &container)?;
        let mut platform = vec![
            metadata::variable(&state.runtime_id),
            metadata::protection::variable(&state.runtime_id),
            ("AWS_EXECUTION_ENV".to_owned(), "AWS_ECS_FARGATE".to_owned()),
            ("AWS_REGION".to_owned(), region.clone()),
            ("AWS_DEFAULT_REGION".to_owned(), region),
        ];
        if crate::gate::is_gate(&container) {
            platform.push(metadata::credentials::variable(&state.runtime_id));
            platform.push(metadata::calls::variable(&state.runtime_id));
        }
        let parts = Parts {
            spec,
            container: &container,
            image: &unpacked.config,
            lower_dirs: unpacked.lower_dirs,
            secrets,
            platform,
        };
        let wanted = container_spec(parts).map_err(|why| format!("CannotCreateContainerError: {why}"))?;
        let started = self.runtime.ensure_started(&task.id, wanted).await.map_err(|e| failed(chain(&e)))?;
        if let Some(kept) = self.kept.lock().get_mut(&task.id) {
            kept.leases.insert(name.to_owned(), unpacked.lease);
        }
        Ok(millis(started.started_at_ms))
    }

    /// Returns the values of a container's secrets; the error names the secret, never a value.
    pub(super) fn secret_values(
        &self,
        region: &str,
        container: &ContainerDefinition,
    ) -> Result<Vec<(String, String)>, String> {
        let mut values = Vec::new();
        for secret in &container.secrets {
            let from = &secret.value_from;
            let value = if parameters::names_parameter(from) {
                self.parameters.value_from(region, from).map_err(|e| chain(&e))
            } else {
                self.secrets.value_from(region, from).map_err(|e| chain(&e))
            };
            let value = value.map_err(|why| {
                let (variable, container) = (&secret.name, &container.name);
                format!(
                    "ResourceInitializationError: unable to pull secrets or registry auth: {why} (variable {variable} \
                     of container {container})"
                )
            })?;
            values.push((secret.name.clone(), value.expose().to_owned()));
        }
        Ok(values)
    }
}

/// Returns the region that a task was run in.
pub(super) fn region_of(task: &Task) -> String {
    task.arn.split(':').nth(3).unwrap_or_default().to_owned()
}
