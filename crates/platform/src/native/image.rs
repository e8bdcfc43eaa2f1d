//! Images: whose they are, and what ECS says when they cannot be had.

use std::collections::HashMap;
use std::sync::Arc;

use aws_model::task_definition::TaskDefinition;
use images::{Credentials, Digest, PullError, Reference, StoreError, UnpackError};
use platform_core::world::Task;
use registry::Lookup;

use aws_model::chain;

use super::NativeParts;

impl NativeParts {
    /// Makes a container's image ready to be mounted; returns its manifest's digest.
    pub(super) async fn pull(
        &self,
        task: &Arc<Task>,
        spec: &TaskDefinition,
        container: &str,
    ) -> Result<String, String> {
        let image = task.container(container).map(|c| c.image.clone()).unwrap_or_default();
        let failed = |why: String| format!("CannotPullContainerError: {why}");
        let reference: Reference =
            image.parse().map_err(|e| failed(format!("invalid reference format: {}", chain(&e))))?;
        let digest = self.digest_of(&reference, &image).await.map_err(failed)?;
        let unpacked = match self.images.ensure_unpacked_within(&digest, room_of(task, spec)).await {
            Ok(unpacked) => unpacked,
            Err(error) => {
                let more = if is_damaged(&error) { self.withdraw(&reference, &digest).await } else { "" };
                return Err(failed(format!("failed to unpack {image}: {}{more}", chain(&error))));
            }
        };
        if let Some(kept) = self.kept.lock().get_mut(&task.id) {
            kept.leases.insert(container.to_owned(), unpacked.lease);
        }
        Ok(digest.to_string())
    }

    /// Takes an image whose content is gone out of our registry, so that the next push brings it again
    /// instead of finding its name there; returns what to say of it.
    async fn withdraw(&self, reference: &Reference, digest: &Digest) -> &'static str {
        let Lookup::Here { repository, .. } = self.registry.look_up(reference) else { return "" };
        let image = registry::ImageId { digest: Some(digest.to_string()), tag: None };
        match self.registry.delete_images(&repository, &[image]).await {
            Ok(_) => "; it was taken out of the registry, push it again with `managr push`",
            Err(error) => {
                tracing::warn!(%digest, error = chain(&error), "a damaged image could not be taken out of the registry");
                ""
            }
        }
    }

    async fn digest_of(&self, reference: &Reference, image: &str) -> Result<Digest, String> {
        match self.registry.look_up(reference) {
            Lookup::Here { digest, .. } => return Ok(digest),
            Lookup::Missing { message, .. } => {
                return Err(format!("failed to resolve ref {image}: {message}; push it with `managr push`"));
            }
            Lookup::Elsewhere(_) => {}
        }
        // A digest that is here is the image, wherever it came from; a tag may have moved.
        if let Some(digest) = reference.digest().filter(|d| self.images.stat(d).is_some()) {
            return Ok(digest);
        }
        match self.images.pull(reference, &Credentials::default(), &|_| {}).await {
            Ok(digest) => Ok(digest),
            Err(error) => match (self.images.pulled(reference), &error) {
                (Some(earlier), PullError::Unreachable { .. }) => {
                    tracing::warn!(
                        image,
                        error = chain(&error),
                        "registry not reached, using the image pulled earlier"
                    );
                    Ok(earlier)
                }
                _ => Err(format!("failed to resolve ref {image}: {}", chain(&error))),
            },
        }
    }

    /// Keeps an adopted container's layers from being swept.
    pub(super) async fn hold(&self, task: &Task, container: &str, digest: &str) {
        let Ok(digest) = digest.parse::<Digest>() else { return };
        match self.images.lease(&digest).await {
            Ok(lease) => {
                if let Some(kept) = self.kept.lock().get_mut(&task.id) {
                    kept.leases.insert(container.to_owned(), lease);
                }
            }
            Err(error) => tracing::warn!(task = task.id, container, error = chain(&error), "layers could not be held"),
        }
    }

    /// Returns the signal that stops a container: the image's, or SIGTERM.
    pub(super) async fn stop_signal(&self, task: &Task, container: &str) -> i32 {
        let digest = task.container(container).and_then(|c| c.image_digest.as_deref()?.parse::<Digest>().ok());
        let Some(digest) = digest else { return SIGTERM };
        let named = self.images.image_config(&digest).await.ok().and_then(|c| c.stop_signal);
        named.and_then(|name| signal_number(&name)).unwrap_or(SIGTERM)
    }
}

/// Returns how many bytes of ephemeral storage a task asks for. On Fargate its images lie in there as
/// well, so who asks for more may have larger ones.
pub(super) fn room_of(task: &Task, spec: &TaskDefinition) -> u64 {
    platform_core::ecs::effective_storage(spec, task).unwrap_or(0) << 30
}

fn is_damaged(error: &UnpackError) -> bool {
    matches!(error, UnpackError::Store(StoreError::Corrupt { .. } | StoreError::Missing { .. }))
}

const SIGTERM: i32 = 15;

/// Returns a signal's number, by name or number, as Docker takes it.
fn signal_number(name: &str) -> Option<i32> {
    if let Ok(number) = name.parse() {
        return Some(number);
    }
    let names: HashMap<&str, i32> =
        [("HUP", 1), ("INT", 2), ("QUIT", 3), ("KILL", 9), ("USR1", 10), ("USR2", 12), ("TERM", 15), ("WINCH", 28)]
            .into();
    names.get(name.trim_start_matches("SIG")).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_by_name_and_number() {
        assert_eq!(signal_number("SIGQUIT"), Some(3));
        assert_eq!(signal_number("15"), Some(15));
        assert_eq!(signal_number("nonsense"), None);
    }
}
